"""Who has logged in at the simulated Aitu Passport, and what the bank may fetch for it: codes and access tokens."""

import secrets
from dataclasses import dataclass, field
from uuid import NAMESPACE_DNS, uuid4, uuid5

from sandbox.aitu_asked import Asked
from sandbox.cast import CAST, KAZAKHSTAN, Person
from sandbox.recent import Recent
from sandbox.world import World

CODE_LIVES, TOKEN_LIVES = 300.0, 30 * 86400.0  # seconds
BY_PHONE = {person.phone: person for person in CAST}


@dataclass(slots=True)
class Login:
    """`phone` E.164; `iin` and `request_id` are "" when nobody asked for them; `at` in Unix seconds."""

    asked: Asked
    phone: str
    iin: str
    request_id: str
    at: float
    sid: str = field(default_factory=lambda: str(uuid4()))
    used: bool = False
    access_token: str = field(default="", repr=False)

    @property
    def person(self) -> Person:
        return BY_PHONE.get(self.phone, KAZAKHSTAN)

    @property
    def sub(self) -> str:
        return str(uuid5(NAMESPACE_DNS, f"{self.phone}.aitu.sandbox"))


class Logins:
    def __init__(self, world: World) -> None:
        self._world = world
        self._by_code: Recent[str, Login] = Recent()
        self._by_token: Recent[str, tuple[Login, float]] = Recent()

    def allow(self, asked: Asked, phone: str, iin: str) -> str:
        """The code, for one exchange within 5 minutes."""
        number = ""
        if "idpc_verification" in asked.scopes:
            number = self._world.requests.number_for(iin, refresh=asked.refresh)
        code = secrets.token_urlsafe(48)
        self._by_code[code] = Login(asked, phone, iin, number, self._world.clock())
        return code

    def redeem(self, code: str) -> Login | None:
        """Once; a second time takes back what the first one gave (RFC 6749, 4.1.2)."""
        login = self._by_code.get(code)
        if login is None or login.at + CODE_LIVES < self._world.clock():
            return None
        if login.used:
            self._by_token.pop(login.access_token, None)
            return None
        login.used = True
        return login

    def open(self, login: Login) -> str:
        login.access_token = f"sandbox-aitu-access-{secrets.token_urlsafe(48)}"
        self._by_token[login.access_token] = (login, self._world.clock() + TOKEN_LIVES)
        return login.access_token

    def of_token(self, token: str) -> tuple[Login, float] | None:
        """With its end in Unix seconds."""
        found = self._by_token.get(token)
        return found if found is not None and found[1] > self._world.clock() else None
