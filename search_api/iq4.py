"""The Search client API of IQ4 (iQChannels): the shared page "Search client API", contract §4.

One handler: no `stepId` begins, `stepId` with `secretWord` answers, `stepId` alone asks the question again.
"""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections import Counter

from aiohttp import web

from flows.doors import address
from flows.effects import Note
from flows.errors import FlowError, KeyRefused, Malformed, TooManyRequests
from flows.identifiers import KINDS, Identifier, recognise
from flows.performing import Front
from flows.service import Answer
from flows.texts import render
from flows.wiring import House
from search_api.answers import SAME_IN_STRICT, Question, TokenAnswer, answered, refused
from search_api.observing import OBSERVED
from search_api.parameters import read_parameters, required

WRONG_KEYS, WRONG_KEYS_SECONDS = 300, 600
"""So many wrong keys of one peer in this time and process; beyond that it is told to wait, not that they are wrong."""
HELD_SECONDS, SPREAD_SECONDS = 0.02, 0.004
"""What a strict channel refuses in one way is answered no sooner, and so much later at random (security.md A11)."""


class Doors:
    """Finds the channel of a key. All keys are compared, each in constant time, whatever is given.

    A right key is never turned away for the wrong ones that came from the same address: behind a proxy all have one.
    """

    def __init__(self, house: House) -> None:
        self._store = house.store
        self._wrong: Counter[str] = Counter()
        self._wrong_until = 0.0
        self._digests: list[tuple[bytes, Front]] = []
        self._keyless = next((front for front in house.fronts.values() if front.rules.keyless), None)
        for front in house.fronts.values():
            for variable in (front.rules.key_env, front.rules.next_key_env):
                key = house.settings.secret(variable)
                if key:
                    self._digests.append((_digest(key), front))

    def front(self, request: web.Request) -> Front:
        """Raises `KeyRefused`, `TooManyRequests`."""
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        key = request.match_info.get("key") or (bearer.strip() if scheme.lower() == "bearer" else "")
        if not key and self._keyless:
            return self._keyless
        given, found = _digest(key), None
        for digest, front in self._digests:
            if hmac.compare_digest(digest, given):
                found = front
        if found is None:
            raise self._refusal(request.remote or "")
        return found

    def _refusal(self, peer: str) -> FlowError:
        """The peer is the other end of the connection; what a header says of it is anybody's word."""
        now = time.monotonic()
        if now > self._wrong_until:
            self._wrong.clear()
            self._wrong_until = now + WRONG_KEYS_SECONDS
        self._wrong[peer] += 1
        if self._wrong[peer] <= WRONG_KEYS:
            return KeyRefused()
        self._store.note("", Note("limit_hit", {"layer": "keys"}), Note("alarm", {"kind": "keys"}))
        return TooManyRequests(retry_after=int(self._wrong_until - now) + 1)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


HOUSE = web.AppKey("house", House)
DOORS = web.AppKey("doors", Doors)


async def search(request: web.Request) -> web.Response:
    """POST /rest/chat/client/search/{key}"""
    house = request.app[HOUSE]
    front = request.app[DOORS].front(request)
    rules = front.rules
    request[OBSERVED].channel = front.name
    step_id = None
    try:
        parameters = await read_parameters(request, house.settings.server.read_seconds)
        names = _names(parameters, house.settings.bank.country)
        step_id = parameters.get("stepId")
        if step_id is None:
            answer = await house.identification.begin(front, names)
        else:
            answer = await house.identification.answer(front, names, step_id, parameters.get("secretWord"))
    except FlowError as error:
        request[OBSERVED].code = error.code
        await _hold(request, front, error)
        return refused(error, rules.language, strict=rules.strict, step_id=None if error.final else step_id)
    request[OBSERVED].code = answer.error.code if answer.error else answer.reply.kind
    await _hold(request, front, answer.error)
    return _response(answer, front, house.settings.public_url)


async def _hold(request: web.Request, front: Front, error: FlowError | None) -> None:
    """A guess that was compared took Redis one trip more than a step that is over: nobody shall read that off a clock.

    Who is a client is told by no time without this, for the work is the same.
    """
    if error and front.rules.strict and error.code in SAME_IN_STRICT:
        held = HELD_SECONDS + secrets.SystemRandom().uniform(0, SPREAD_SECONDS)
        await asyncio.sleep(max(0.0, request[OBSERVED].started + held - time.monotonic()))


def _names(parameters: dict[str, str], country: str) -> tuple[Identifier, ...]:
    given = parameters.get("clientIdType", "").strip().lower()
    kind = next((kind for kind in KINDS[:3] if kind == given), None)
    if given and kind is None:
        raise Malformed("clientIdType", "unknown_type")
    names = recognise(required(parameters, "client"), kind, country)
    if not names:
        raise Malformed("client", "not_a_name")
    return names


def _response(answer: Answer, front: Front, public_url: str) -> web.Response:
    rules, door = front.rules, answer.reply.expects.door
    link = address(public_url, door, answer.ticket) if door and answer.ticket else ""
    if answer.error:
        step_id, link = (None, "") if answer.error.final else (answer.step_id, link)
        return refused(answer.error, rules.language, strict=rules.strict, step_id=step_id, link=link)
    if answer.token:
        return answered(TokenAnswer(token=answer.token))
    text = answer.reply.text
    said = render(text, rules.language) if text else ""
    question = Question(
        answerText=f"{said} {link}" if link else said,
        stepId=answer.step_id,
        secretWordValidator=answer.reply.expects.pattern,
    )
    return answered(question)
