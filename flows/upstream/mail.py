"""Codes by e-mail.

SMTP has no key that makes a repeat harmless: the Message-ID is made of the send's id, so mail systems that drop
duplicates have something to go by, and `codes.py` resubmits once at most. The subject never holds the code, because
subjects stand in notifications and in the logs of every server on the way.
"""

from typing import Annotated, Literal

from pydantic import Field

from flows.errors import Refused
from flows.upstream.code_gateway import CodeMessage, GatewayOptions

_SUBJECTS = {"ru": "Код подтверждения", "tg": "Рамзи тасдиқ", "en": "Your code", "kk": "Растау коды"}


class MailOptions(GatewayOptions):
    """`[upstream.mail]`. `security`: "starttls" (587), "tls" (465), or "none" for a relay on the same host.

    `username` empty means no login. `subjects`: by language, for those that shall differ from ours.
    """

    host: str
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password_env: str = "SMTP_PASSWORD"
    sender: Annotated[str, Field(pattern=r"^[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+$")]
    sender_name: Annotated[str, Field(pattern=r"^[^\r\n]*$")] = ""
    subjects: dict[str, Annotated[str, Field(pattern=r"^[^\r\n]+$")]] = Field(default={})
    seconds: float = 2.8

    def subject(self, language: str) -> str:
        subjects = _SUBJECTS | self.subjects
        return subjects.get(language, subjects["ru"])


class Mail:
    """A connection lives as long as one letter."""

    name = "mail"

    def __init__(self, options: MailOptions, password: str | None = None) -> None:
        from flows.upstream import smtp  # noqa: PLC0415 - only those who send mail pay for its import

        self._options = options
        self._password = password
        self._smtp = smtp

    def serves(self, message: CodeMessage) -> bool:
        return message.email is not None

    async def send(self, message: CodeMessage) -> None:
        letter = self._smtp.letter(message, self._options)
        if letter is None:
            raise Refused("destination")
        await self._smtp.hand_over(self._options, self._password, message.email, letter)

    async def ping(self) -> None:
        await self._smtp.hand_over(self._options, self._password, None, b"")

    async def close(self) -> None:
        """Nothing is held."""
