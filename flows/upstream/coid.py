"""COID, the state's data base of persons, through the bank's own adapter (protocols.md 4.7).

Method, carrier and the form of a refusal are not documented, so the first two are settings and the last is read
tolerantly. The state's photo is dropped here.
"""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, Self

import structlog
from pydantic import Field, model_validator

from flows.errors import (
    FaceMismatch,
    FlowError,
    IinUnknown,
    Refused,
    StateDown,
    StateForbidden,
    Underage,
    Unexpected,
)
from flows.papers import Citizen
from flows.upstream.answer import Answer
from flows.upstream.breaker import Breaker
from flows.upstream.code_gateway import GatewayOptions, secret
from flows.upstream.coid_citizen import citizen_of
from flows.upstream.coid_page import PersonalData
from flows.upstream.coid_words import refusal_in
from flows.upstream.web import BaseUrl, Web

_log = structlog.get_logger("coid")

LARGEST = 15 * 2**20
"""Bytes: a photo travels in it."""
_PATH = "v1/personal-data"
_NOBODYS = "000000000000"
_KAZAKHSTAN: Final = timedelta(hours=5)
"""Ahead of UTC; a paper's last day ends by its clocks."""


class CoidOptions(GatewayOptions):
    """`[upstream.coid]`. `url` is the bank's own adapter, `login` its ACCESS_LOGIN.

    `password_env` holds ACCESS_PERSONAL_DATA_PASSWORD, which is not the ACCESS_PASSWORD that Aitu has. `strict_iin`:
    data of another IIN than asked for are refused; unset, in production.
    """

    url: BaseUrl
    login: str = Field(min_length=1, max_length=256, pattern="^[^:]*$")
    password_env: str
    method: Literal["POST", "GET"] = "POST"
    carrier: Literal["json", "form", "query"] = "json"
    strict_iin: bool | None = None
    seconds: float = Field(default=10, gt=0, le=60)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.method == "GET" and self.carrier != "query":
            raise ValueError('carrier: with method = "GET" it is "query"')
        return self


class Coid:
    """All calls raise `Unavailable`, `Refused("credentials")`, `StateDown`, `StateForbidden` or `Unexpected`."""

    name = "coid"

    def __init__(
        self, options: CoidOptions, password: str, *, production: bool = False, breaker: Breaker | None = None
    ) -> None:
        self.options = options
        self._strict = production if options.strict_iin is None else options.strict_iin
        account = base64.b64encode(f"{options.login}:{password}".encode()).decode()
        headers = {"Authorization": f"Basic {account}"}
        self._web = Web(options.url, headers=headers, total=options.seconds, breaker=breaker)

    async def person(self, iin: str, request_id: str) -> Citizen:
        """Both are of a verified id_token. Raises `FaceMismatch`, `Underage` or `IinUnknown` besides."""
        told = _checked(await self._ask({"iin": iin, "requestId": request_id})).read(PersonalData)
        citizen = citizen_of(told, iin, (datetime.now(UTC) + _KAZAKHSTAN).date())
        if not citizen.same_iin:
            _log.warning("coid_other_iin", refused=self._strict)
            if self._strict:
                raise Unexpected
        return citizen

    async def ping(self) -> None:
        """Asks for nobody: is it the adapter, and does it know our password? What COID says of nobody is no trouble."""
        try:
            answer = await self._ask({"iin": _NOBODYS, "requestId": _NOBODYS})
        except (FaceMismatch, Underage, IinUnknown):
            return
        if answer.status == 401:
            raise Refused("credentials")
        if _refusal(answer) is None:
            answer.json()

    async def close(self) -> None:
        await self._web.close()

    async def _ask(self, asked: dict[str, str]) -> Answer:
        names: Final = {"json": "json", "form": "data", "query": "params"}
        carried: dict[str, Any] = {names[self.options.carrier]: asked}
        return await self._web.call(self.options.method, _PATH, retry=True, largest=LARGEST, said=_refusal, **carried)


def coid(options: CoidOptions, environ: Mapping[str, str], *, production: bool, breaker: Breaker | None = None) -> Coid:
    """`SecretUnset` names the variable that is missing."""
    return Coid(options, secret(environ, options.password_env), production=production, breaker=breaker)


def _checked(answer: Answer) -> Answer:
    """An answer with a person; errors come with a status of their own or with 200."""
    if answer.status == 401:
        raise Refused("credentials")
    if refusal := _refusal(answer):
        raise refusal
    if answer.status == 403:
        raise StateForbidden
    if answer.status != 200:
        raise Unexpected
    return answer


def _refusal(answer: Answer) -> FlowError | None:
    """By its words, which are COID's own: an object without a person, or a text. 403 parts the two causes of one."""
    try:
        told = answer.json()
    except Unexpected:
        told = answer.body[:4096].decode("utf-8", "replace")
    if isinstance(told, dict) and told.get("person"):
        return None
    found = refusal_in(told)
    if found is StateDown and answer.status == 403:  # the message of both is the same
        found = StateForbidden
    return found() if found else None
