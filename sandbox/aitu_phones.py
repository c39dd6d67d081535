"""Whose phone it is: a code that Aitu Passport sends, or the word of the bank that has checked it (trusted-phone)."""

import secrets
from dataclasses import dataclass

from aiohttp import web

from sandbox.aitu_asked import Asked
from sandbox.aitu_console import authorise
from sandbox.aitu_refusals import NAME, NO_STORE, SentBackError, ToldError
from sandbox.calls import parameters
from sandbox.phones import e164
from sandbox.recent import Recent
from sandbox.world import World

CODE_LIVES, CONFIRMATION_LIVES = 300.0, 3600.0  # seconds
MOST_WRONG = 3
SENDER = "Aitu Passport"
TRUSTED = {"trusted_503": "trusted-phone отвечает 503", "trusted_empty": "trusted-phone отвечает 200 и {}"}


@dataclass(slots=True)
class Sent:
    code: str
    until: float
    wrong: int = 0


@dataclass(slots=True)
class Confirmation:
    """`state` is the request that it was used for, "" before."""

    phone: str
    until: float
    state: str = ""


class Phones:
    def __init__(self, world: World) -> None:
        self._world = world
        self._draw = world.random(f"{NAME}_codes")
        self._sent: Recent[tuple[str, str], Sent] = Recent()
        self._confirmations: Recent[str, Confirmation] = Recent()

    async def trusted(self, request: web.Request) -> web.Response:
        """POST JSON `{"phone": "7XXXXXXXXXX"}`, Basic → `{"secret"}`: for one authorization request, within 60 min."""
        given = parameters(request).get("phone")
        phone = e164(given) if isinstance(given, str) else ""
        authorise(request)
        match self._world.arms.first_of(NAME, (phone, "*"), TRUSTED):
            case "trusted_503":
                raise ToldError(503, "server_error", "Service is temporarily unavailable", camel=True)
            case "trusted_empty":
                return web.json_response({}, headers=NO_STORE)
        if len(phone) != 12 or given != phone[1:] or not phone.startswith("+7"):
            raise ToldError(400, "invalid_request", "phone: 7XXXXXXXXXX is expected", camel=True)
        secret = secrets.token_urlsafe(32)
        self._confirmations[secret] = Confirmation(phone, self._world.clock() + CONFIRMATION_LIVES)
        return web.json_response({"secret": secret}, headers=NO_STORE)

    def confirmed(self, asked: Asked) -> str:
        """The phone that the bank vouches for, "" when it does not. Raises `SentBackError`."""
        if (secret := asked.given.get("otp_confirmation")) is None:
            return ""
        known = self._confirmations.get(secret)
        if known is None or known.until < self._world.clock() or known.state not in ("", asked.state):
            raise SentBackError("invalid_request", "otp_confirmation_is_not_valid")
        if asked.phone and e164(asked.phone) != known.phone:
            raise SentBackError("invalid_request", "otp_confirmation_is_not_valid")
        known.state = asked.state
        return known.phone

    def used(self, asked: Asked) -> None:
        """The request has come to its end."""
        self._confirmations.pop(asked.given.get("otp_confirmation", ""), None)

    def send(self, asked: Asked, phone: str) -> None:
        code = f"{self._draw.randrange(10**6):06}"
        self._sent[asked.state, phone] = Sent(code, self._world.clock() + CODE_LIVES)
        self._world.deliver(SENDER, phone, f"{code} - код для входа в Aitu Passport")

    def right(self, asked: Asked, phone: str, code: str) -> bool:
        """After three wrong ones a new code is on its way."""
        sent = self._sent.get((asked.state, phone))
        if sent is None or sent.until < self._world.clock():
            self.send(asked, phone)
            return False
        if secrets.compare_digest(sent.code.encode(), code.strip().encode()):
            return True
        sent.wrong += 1
        if sent.wrong >= MOST_WRONG:
            self.send(asked, phone)
        return False
