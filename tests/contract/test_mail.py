"""Codes by e-mail, against aiosmtpd: a real server in this very loop."""

import asyncio
import email
import ipaddress
import ssl
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from flows.errors import FlowError, Refused, Unavailable, Unexpected
from flows.upstream.code_gateway import CodeMessage
from flows.upstream.mail import Mail, MailOptions

TEXT = "123456 — код банка «Ҳумо». Никому не говорите.\n.\n"


@dataclass
class Inbox:
    """What the server took, and what it shall answer to each command."""

    letters: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    rcpt: str = "250 OK"
    data: str = "250 OK"
    delay: float = 0.0
    goodbye: float = 0.0

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self.delay)
        if self.data.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            self.letters.append((envelope.mail_from or "", envelope.rcpt_tos, content))
        return self.data

    async def handle_QUIT(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self.goodbye)
        return "221 Bye"


def checked(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any) -> AuthResult:
    good = isinstance(given, LoginPassword) and (given.login, given.password) == (b"shinos", b"secret")
    return AuthResult(success=good, handled=False)


@asynccontextmanager
async def serving(make: Callable[[], asyncio.Protocol]) -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        server.close()


def gateway(port: int, *, password: str | None = None, **options: Any) -> Mail:
    stanza = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "code@bank.example", "seconds": 1.0}
    return Mail(MailOptions.model_validate({**stanza, **options}), password)


def message(to: str | None = "ali@client.example", language: str = "ru") -> CodeMessage:
    return CodeMessage(
        send_id="0123456789abcdef", phone=None, email=to, code="123456", text=TEXT, language=language, resubmitted=False
    )


async def failure(mail: Mail, to: str = "ali@client.example") -> FlowError:
    with pytest.raises(FlowError) as caught:
        await mail.send(message(to))
    assert to not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None
    return caught.value


async def test_the_letter() -> None:
    inbox = Inbox()
    async with serving(lambda: SMTP(inbox)) as port:
        mail = gateway(port, sender_name="Банк")
        await mail.send(message())
        await mail.send(message(language="en"))
    (sender, recipients, raw), (_, _, second) = inbox.letters
    letter = email.message_from_bytes(raw, policy=default)
    assert isinstance(letter, EmailMessage)
    assert (sender, recipients) == ("code@bank.example", ["ali@client.example"])
    assert letter.get_content().replace("\r\n", "\n") == TEXT
    assert letter.get_content_type() == "text/plain"
    assert letter.get_content_charset() == "utf-8"
    assert letter["From"] == "Банк <code@bank.example>"
    assert letter["To"] == "ali@client.example"
    assert letter["Subject"] == "Код подтверждения"
    assert letter["Message-ID"] == "<0123456789abcdef@bank.example>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Date"]
    assert email.message_from_bytes(second, policy=default)["Subject"] == "Your code"


@pytest.mark.parametrize(
    "to", ["ali@a.example, eve@b.example", "a,b@x.example", "ali@a.example\r\nBcc: e@b", "ali", ""]
)
async def test_a_destination_that_is_no_single_address(to: str) -> None:
    inbox = Inbox()
    async with serving(lambda: SMTP(inbox)) as port:
        with pytest.raises(Refused) as refused:
            await gateway(port).send(message(to))
    assert refused.value.reason == "destination"
    assert inbox.letters == []


@pytest.mark.parametrize(
    ("inbox", "reason"),
    [(Inbox(rcpt="550 No such user"), "destination"), (Inbox(data="554 Spam"), "content")],
)
async def test_no_means_no(inbox: Inbox, reason: str) -> None:
    async with serving(lambda: SMTP(inbox)) as port:
        refused = await failure(gateway(port))
    assert isinstance(refused, Refused)
    assert refused.reason == reason


@pytest.mark.parametrize("inbox", [Inbox(rcpt="450 Greylisted"), Inbox(data="451 Later")])
async def test_later_means_unavailable(inbox: Inbox) -> None:
    async with serving(lambda: SMTP(inbox)) as port:
        assert isinstance(await failure(gateway(port)), Unavailable)


async def test_a_silent_server_is_left_in_time() -> None:
    async with serving(lambda: SMTP(Inbox(delay=1.0))) as port:
        assert isinstance(await failure(gateway(port, seconds=0.3)), Unavailable)
        await asyncio.sleep(1.0)  # the server ends its own turn before the loop goes on


async def test_a_slow_goodbye_spoils_nothing() -> None:
    inbox = Inbox(goodbye=1.2)
    async with serving(lambda: SMTP(inbox)) as port:
        await gateway(port).send(message())
        await asyncio.sleep(1.2)
    assert len(inbox.letters) == 1


async def test_nobody_listens_there(unused_tcp_port: int) -> None:
    assert isinstance(await failure(gateway(unused_tcp_port)), Unavailable)


async def test_login(trusted: ssl.SSLContext) -> None:
    inbox = Inbox()
    async with serving(
        lambda: SMTP(inbox, tls_context=trusted, require_starttls=True, auth_required=True, authenticator=checked)
    ) as port:
        account = {"security": "starttls", "username": "shinos"}
        mail = gateway(port, password="secret", **account)
        await mail.ping()
        await mail.send(message())
        refused = await failure(gateway(port, password="wrong", **account))
    assert isinstance(refused, Refused)
    assert refused.reason == "credentials"
    assert len(inbox.letters) == 1


async def test_starttls_never_falls_back_to_plain_text() -> None:
    inbox = Inbox()
    async with serving(lambda: SMTP(inbox)) as port:
        assert isinstance(await failure(gateway(port, security="starttls")), Unexpected)
    assert inbox.letters == []


async def test_a_certificate_that_nobody_vouches_for(certificate: Path) -> None:
    inbox = Inbox()
    async with serving(lambda: SMTP(inbox, tls_context=server_side(certificate))) as port:
        assert isinstance(await failure(gateway(port, security="starttls")), Unavailable | Unexpected)
    assert inbox.letters == []


def test_serves_whoever_has_an_address() -> None:
    assert gateway(1).serves(message())
    assert not gateway(1).serves(message(None))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for 127.0.0.1, signed by itself, in one file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "mail.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(private + built.public_bytes(pem))
    return path


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return server_side(certificate)


def server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
