"""The one place that knows SMTP (RFC 5321; RFC 3834 for Auto-Submitted): a letter, and handing it over.

Importing this costs 0.2 s, so `mail.py` does so when mail is configured. A refusal has neither cause nor context: the
library's errors hold the address.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime
from typing import TYPE_CHECKING, Final

import aiosmtplib

from flows.errors import FlowError, Refused, Unavailable, Unexpected
from flows.upstream.code_gateway import CodeMessage, Reason

if TYPE_CHECKING:
    from flows.upstream.mail import MailOptions

_GOODBYE = 0.3
_REASONS: Final[dict[type[aiosmtplib.SMTPException], Reason]] = {
    aiosmtplib.SMTPAuthenticationError: "credentials",
    aiosmtplib.SMTPSenderRefused: "sender",
    aiosmtplib.SMTPRecipientRefused: "destination",
    aiosmtplib.SMTPDataError: "content",
}
"""What a 5xx means by the command that got it; "network" for the rest: we were not let in."""


def letter(message: CodeMessage, options: "MailOptions") -> bytes | None:
    """None when the destination is no address, or hides a second one."""
    mail, sender = EmailMessage(policy=SMTP), Address(options.sender_name, addr_spec=options.sender)
    try:
        mail["To"] = Address(addr_spec=message.email or "")
    except (ValueError, IndexError, MessageError):
        return None
    mail["From"] = sender
    mail["Subject"] = options.subject(message.language)
    mail["Date"] = format_datetime(localtime())
    mail["Message-ID"] = f"<{message.send_id}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text, charset="utf-8", cte="base64")
    return mail.as_bytes()


async def hand_over(options: "MailOptions", password: str | None, recipient: str | None, mail: bytes) -> None:
    """Connect, log in and, with a recipient, send. Raises as a `Gateway` does."""
    trouble = await _trouble(options, password, recipient, mail)
    if trouble:
        raise trouble


async def _trouble(
    options: "MailOptions", password: str | None, recipient: str | None, mail: bytes
) -> FlowError | None:
    try:
        async with asyncio.timeout(options.seconds), _connection(options, password) as smtp:
            if recipient is not None:
                await smtp.sendmail(options.sender, [recipient], mail)
    except aiosmtplib.SMTPException as error:
        return _refusal(error)
    except (OSError, ValueError):
        return Unavailable()
    return None


@asynccontextmanager
async def _connection(options: "MailOptions", password: str | None) -> AsyncIterator[aiosmtplib.SMTP]:
    smtp = aiosmtplib.SMTP(
        hostname=options.host,
        port=options.port,
        use_tls=options.security == "tls",
        start_tls=options.security == "starttls",
        username=options.username or None,
        password=password,
        timeout=options.seconds,
    )
    try:
        await smtp.connect()
        yield smtp
        # The letter is accepted by now: a server that is slow to say goodbye must not make it a failure.
        with suppress(aiosmtplib.SMTPException, OSError):
            async with asyncio.timeout(_GOODBYE):
                await smtp.quit()
    finally:
        smtp.close()


def _refusal(error: aiosmtplib.SMTPException) -> FlowError:
    """4xx: later perhaps. 5xx: no. Anything else is no SMTP."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        error = error.recipients[0]
    if not isinstance(error, aiosmtplib.SMTPResponseException):
        return Unavailable() if isinstance(error, OSError) else Unexpected()
    if 400 <= error.code < 500:
        return Unavailable()
    return Refused(_REASONS.get(type(error), "network")) if 500 <= error.code < 600 else Unexpected()
