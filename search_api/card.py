"""The Auth API: from a token to the client card, and the end of a token (contract §5)."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from flows.errors import FlowError, TokenRefused
from flows.identifiers import last_four
from flows.papers import TECHNOLOGIES, Proof
from flows.tokens import Identified
from flows.wiring import House
from search_api.answers import answered, refused
from search_api.iq4 import DOORS, HOUSE
from search_api.observing import OBSERVED
from search_api.parameters import read_parameters, required


class Method(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    at: datetime


class IdentificationShape(BaseModel):
    """`level` after eIDAS: low (knowledge alone), substantial (holds the phone), high (both)."""

    model_config = ConfigDict(extra="forbid")

    level: Literal["low", "substantial", "high"]
    methods: list[Method]
    at: datetime


class Field(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    value: str


class ClientCard(BaseModel):
    """Status 200: what the support agent sees. What the bank does not know is null."""

    model_config = ConfigDict(extra="forbid")

    clientId: str
    crmId: str | None
    firstName: str | None
    lastName: str | None
    middleName: str | None
    phone: str | None
    email: str | None
    birthDate: str | None
    inn: str | None
    telegram: str | None
    identification: IdentificationShape
    fields: list[Field]


class Revoked(BaseModel):
    """Status 200: the token is dead."""

    model_config = ConfigDict(extra="forbid")

    revoked: Literal[True] = True


async def _card(house: House, token: str, channel: str) -> ClientCard:
    identified = await house.tokens.read(token, channel)
    known = await house.records.card(identified.client)
    if known is None:  # erased since
        raise TokenRefused
    shape = known.model_dump(exclude={"proofs", *_FIELDS, *_OURS})
    told = ((name, getattr(known, name)) for name in _FIELDS)
    fields = [Field(name=to_camel(name), value=_seen(name, value)) for name, value in told if value]
    proofs = (*known.proofs, *identified.proofs)
    fields += [Field(name=name, value=value) for name, value in (*_stated(proofs), *_checked(proofs))]
    shown = ClientCard(**shape, identification=_identification(identified, known.proofs), fields=fields)
    names = (name for name, value in shown if value is not None and name != "fields")
    await house.tokens.shown(token, channel, (*names, *(field.name for field in fields)))
    return shown


def _seen(name: str, value: str) -> str:
    """An agent compares the end of a document's number with what the client says, and needs no more of it."""
    return last_four(value) if name == "document_number" else value


async def _revoke(house: House, token: str, channel: str) -> Revoked:
    await house.tokens.revoke(token, channel)
    return Revoked()


def _identification(identified: Identified, papers: tuple[Proof, ...]) -> IdentificationShape:
    """What this dialogue has proven, and what was proven with papers before; the level is this dialogue's."""
    latest = {proof.method: proof for proof in (*sorted(papers, key=lambda proof: proof.at), *identified.proofs)}
    proven = sorted(latest.values(), key=lambda proof: proof.at)
    methods = [Method(name=proof.method, at=_moment(proof.at)) for proof in proven]
    names = {proof.method for proof in identified.proofs}
    level: Literal["low", "substantial", "high"] = "low"
    if "code" in names:
        level = "high" if "secret_word" in names else "substantial"
    return IdentificationShape(level=level, methods=methods, at=_moment(identified.at))


def _checked(proofs: Iterable[Proof]) -> Iterator[tuple[str, str]]:
    """What each technology of the newest check of a living face found: how sure it was, 0 to 1, or that it passed."""
    found = [proof for proof in proofs if proof.details.keys() & set(TECHNOLOGIES)]
    newest = max(found, key=lambda proof: proof.at, default=None)
    for word, value in (newest.details if newest else {}).items():
        if word in TECHNOLOGIES:
            yield to_camel(word), value


def _stated(proofs: Iterable[Proof]) -> Iterator[tuple[str, str]]:
    """Whose citizen the state says that it is."""
    stated = [proof for proof in proofs if "citizenship" in proof.details]
    if stated:
        yield "citizenship", max(stated, key=lambda proof: proof.at).details["citizenship"]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


_FIELDS = (
    "document_type",
    "document_number",
    "document_issued",
    "document_expires",
    "document_authority",
    "gender",
    "address",
)
"""What the papers have told, for the card's `fields`."""
_OURS = ("telegram_id", "identified_at")

Act = Callable[[House, str, str], Awaitable[BaseModel]]


async def _with_token(request: web.Request, act: Act) -> web.Response:
    house = request.app[HOUSE]
    front = request.app[DOORS].front(request)
    request[OBSERVED].channel = front.name
    try:
        parameters = await read_parameters(request, house.settings.server.read_seconds)
        model = await act(house, required(parameters, "token"), front.name)
    except FlowError as error:
        request[OBSERVED].code = error.code
        return refused(error, front.rules.language)
    request[OBSERVED].code = "ok"
    return answered(model, with_nulls=True)


async def card(request: web.Request) -> web.Response:
    """POST /rest/chat/client/auth/{key}"""
    return await _with_token(request, _card)


async def revoke(request: web.Request) -> web.Response:
    """POST /rest/chat/client/revoke/{key}"""
    return await _with_token(request, _revoke)
