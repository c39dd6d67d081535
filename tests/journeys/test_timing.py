"""A strict channel tells nothing by its time or its shape: who is a client, which of the refusals it was (A9-A11, B2).

Two groups of calls, interleaved on one connection in random order within each pair. The AUC says how well time tells
them apart: 0.5 is not at all. Bounds: security.md A11; a pair of groups that misses them may be measured once more.
"""

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from figures import FULL, Record
from raw import SEARCH, request
from servers import RedisServer
from stand import STRICT_KEY, WORD, Stand, person, stand, unknown, wrong
from stopwatch import Pair, auc, compare

pytestmark = [pytest.mark.alone, pytest.mark.proof]
PAIRS = 500 if FULL else 400
LIVE = PAIRS // 2
"""Clients, and as many nobodies, who answer wrongly twice, and once more twice when it is measured again."""
PEOPLE = 2 * PAIRS + 3 * LIVE + 10
CHANNELS = 20
"""Strict ones that wrong answers are spread over: a channel bears two hundred in ten minutes."""
LOW, HIGH = 0.45, 0.55
PAUSE = 0.003


def key_of(number: int) -> str:
    return f"strict-channel-key-of-timing-{number % CHANNELS:02}"


EXPIRE = """
local found = redis.call('KEYS', '*:{0}:*')
for _, key in ipairs(found) do redis.call('HSET', key, '{1}', '1') end
return #found
"""
"""As if the time of a dialogue, or of a token, were over, and Redis had not dropped it yet."""
MORE = "".join(
    f'[channel.strict{number}]\nflow = "search"\nkey_env = "SHINOS_TIMING_{number}"\n' for number in range(CHANNELS)
)
KEYS: dict[str, Any] = {f"TIMING_{number}": key_of(number) for number in range(CHANNELS)}
Pairs = Callable[[], list[Pair]]


def asking(phone: str, step: str = "", answer: str = "", key: str = STRICT_KEY) -> bytes:
    body = f"client=%2B{phone[1:]}" + (f"&stepId={step}&secretWord={answer}" if step else "")
    return request(f"{SEARCH}/{key}", body.encode())


def never_given() -> str:
    return secrets.token_urlsafe(16)[:22]


@dataclass
class Hall:
    """Dialogues in all states: `live` at the code, of clients and of nobodies, with four attempts each."""

    standing: Stand
    redis: RedisServer
    live: list[tuple[str, str]] = field(default_factory=list)
    decoys: list[tuple[str, str]] = field(default_factory=list)
    spent: tuple[str, str] = ("", "")
    locked: tuple[str, str] = ("", "")
    expired: tuple[str, str] = ("", "")
    tokens: dict[str, str] = field(default_factory=dict)
    fresh: Iterator[int] = field(default_factory=lambda: iter(range(3 * LIVE + 10, PEOPLE)))

    async def opened(self, phone: str, key: str = STRICT_KEY) -> tuple[str, str]:
        asked = await self.standing.search(phone, key=key)
        assert asked.status == 200, asked.body
        return phone, asked.step

    async def identified(self, phone: str) -> str:
        """The token."""
        _, step = await self.opened(phone)
        word = await self.standing.search(phone, step, await self.standing.code(phone), key=STRICT_KEY)
        return (await self.standing.search(phone, word.step, WORD, key=STRICT_KEY)).token

    def expire(self, kind: str, until: str) -> None:
        """The only one that is there yet."""
        script = " ".join(EXPIRE.format(kind, until).split())
        assert self.redis.command(f'EVAL "{script}" 0').startswith(":1")

    async def furnish(self) -> None:
        phone, step = self.expired = await self.opened(person(4))
        code = await self.standing.code(phone)
        self.expire("session", "ends")
        late = await self.standing.search(phone, step, code, key=STRICT_KEY)
        assert late.status == 403  # the right code, too late
        self.tokens["expired"] = await self.identified(person(5))
        self.expire("token", "born")
        self.tokens["revoked"] = await self.identified(person(6))
        revoked = await self.standing.call(f"revoke/{STRICT_KEY}", {"token": self.tokens["revoked"]})
        assert revoked.status == 200
        for number in range(10, LIVE + 10):
            self.live.append(await self.opened(person(number), key_of(number)))
            self.decoys.append(await self.opened(unknown(number), key_of(number)))
        phone, step = self.spent = await self.opened(person(1))
        code = await self.standing.code(phone)
        for number in range(5):
            await self.standing.search(phone, step, wrong(code, number), key=STRICT_KEY)
        phone, step = await self.opened(person(2))
        code = await self.standing.code(phone)
        for number in range(4):
            await self.standing.search(phone, step, wrong(code, number), key=STRICT_KEY)
        word = await self.standing.search(phone, step, code, key=STRICT_KEY)
        await self.standing.search(phone, word.step, "not the word", key=STRICT_KEY)
        self.locked = phone, word.step
        locked = await self.standing.search(phone, word.step, WORD, key=STRICT_KEY)
        assert locked.status == 403  # the right word, in the lock
        limits = [entry for entry in await self.standing.audit() if entry["event"] == "limit_hit"]
        assert len(limits) == 3  # two locks and one refusal; a lock that a right answer lifted is none

    def begins(self) -> list[Pair]:
        numbers = list(itertools.islice(self.fresh, PAIRS))
        return [(asking(person(number)), asking(unknown(number))) for number in numbers]


@pytest.fixture(scope="module")
async def hall(tmp_path_factory: pytest.TempPathFactory, redis_of_session: RedisServer) -> AsyncIterator[Hall]:
    redis_of_session.flush()
    async with stand(
        tmp_path_factory.mktemp("timing"),
        redis_of_session,
        people=PEOPLE,
        more=MORE,
        **KEYS,
        LIMITS__BEGINS_MINUTE="1000000",
        LIMITS__BEGINS_BURST="1000000",
        LIMITS__BEGINS_HOUR="1000000",
        LIMITS__PAIR_WRONG="5",
        LIMITS__CHANNEL_WRONG_10MIN="200",
    ) as standing:
        furnished = Hall(standing, redis_of_session)
        await furnished.furnish()
        yield furnished


def same_shape(first: bytes, second: bytes) -> None:
    """Status line, names and order of headers, keys, and every length."""
    heads = [answer.partition(b"\r\n\r\n")[0].split(b"\r\n") for answer in (first, second)]
    one, other = ([line for line in head if not line.lower().startswith(b"date:")] for head in heads)
    assert one == other
    assert len(first) == len(second)


def same_refusal(first: bytes, second: bytes, status: bytes = b"403") -> None:
    same_shape(first, second)
    assert first.startswith(b"HTTP/1.1 " + status)
    assert first.partition(b"\r\n\r\n")[2] == second.partition(b"\r\n\r\n")[2]


async def measured(hall: Hall, pairs: Pairs, check: Callable[[bytes, bytes], None], late: float = 0.0) -> float:
    return await asyncio.to_thread(compare, hall.standing.url, pairs(), check, pause=PAUSE, late=late)


async def tells_nothing(
    hall: Hall, figure: Record, what: str, pairs: Pairs, check: Callable[[bytes, bytes], None]
) -> None:
    found = [await measured(hall, pairs, check)]
    if not LOW <= found[0] <= HIGH:
        found.append(await measured(hall, pairs, check))
    within = LOW <= found[-1] <= HIGH
    method = "interleaved on one connection, each pair of one shape" + ", measured once more" * (len(found) - 1)
    figure("G5", value=f"{what}: AUC {found[-1]:.3f}", met=within, method=method)
    assert within, found


async def test_a_begin_does_not_tell_who_is_a_client(hall: Hall, figure: Record) -> None:
    await tells_nothing(hall, figure, f"a client begins and nobody, {PAIRS} pairs", hall.begins, same_shape)


async def test_the_texts_of_a_begin_are_equal_but_for_the_mask(hall: Hall) -> None:
    known = await hall.standing.search("T-3", key=STRICT_KEY)
    nobody = await hall.standing.search("T-3333333", key=STRICT_KEY)
    assert known.body["answerText"] == nobody.body["answerText"]
    assert set(known.body) == set(nobody.body)
    assert set(known.headers) == set(nobody.headers)


def refusals(hall: Hall) -> dict[str, Callable[[int], bytes]]:
    """Answers that are refused without being compared, and cost nobody an attempt."""
    return {
        "unknown": lambda n: asking(hall.live[n % LIVE][0], never_given(), f"{n:06d}"),
        "spent": lambda n: asking(*hall.spent, f"{n:06d}"),
        "locked": lambda n: asking(*hall.locked, f"{n:06d}"),
        "expired": lambda n: asking(*hall.expired, f"{n:06d}"),
    }


async def test_a_wrong_answer_to_a_client_and_to_nobody(hall: Hall, figure: Record) -> None:
    guesses = iter(range(10))

    def pairs() -> list[Pair]:
        rounds = [next(guesses), next(guesses)]
        everybody = enumerate(zip(hall.live, hall.decoys, strict=True), 10)
        return [
            (asking(*live, f"{guess:06d}", key_of(number)), asking(*decoy, f"{guess:06d}", key_of(number)))
            for number, (live, decoy) in everybody
            for guess in rounds
        ]

    what = f"a client's wrong code and nobody's, {2 * LIVE} pairs"
    await tells_nothing(hall, figure, what, pairs, same_refusal)


@pytest.mark.skipif(not FULL, reason="make proof measures it: refusals that are held to one time anyway")
@pytest.mark.parametrize("state", ["spent", "locked", "expired"])
async def test_an_unknown_step_and_one_that_is_over(hall: Hall, figure: Record, state: str) -> None:
    make = refusals(hall)
    what = f"a step that is {state} and one unknown, {PAIRS} pairs"
    await tells_nothing(
        hall, figure, what, lambda: [(make[state](n), make["unknown"](n)) for n in range(PAIRS)], same_refusal
    )


@pytest.mark.skipif(not FULL, reason="make proof measures it: as many dialogues again")
@pytest.mark.parametrize(("state", "first"), [("locked", LIVE + 10), ("expired", 2 * LIVE + 10)])
async def test_a_wrong_answer_and_a_step_that_is_over(hall: Hall, figure: Record, state: str, first: int) -> None:
    make, guesses = refusals(hall)[state], iter(range(10))
    numbers = range(first, first + LIVE)
    opened = [await hall.opened(person(number), key_of(number)) for number in numbers]

    def pairs() -> list[Pair]:
        rounds = [next(guesses), next(guesses)]
        return [
            (asking(*live, f"{guess:06d}", key_of(number)), make(number))
            for number, live in zip(numbers, opened, strict=True)
            for guess in rounds
        ]

    await tells_nothing(hall, figure, f"a wrong code and a step that is {state}, {2 * LIVE} pairs", pairs, same_refusal)


@pytest.mark.parametrize("state", ("expired", "revoked") if FULL else ("expired",))
async def test_an_unknown_token_and_one_that_is_over(hall: Hall, figure: Record, state: str) -> None:
    def asking_with(token: str) -> bytes:
        return request(f"/rest/chat/client/auth/{STRICT_KEY}", f"token={token}".encode())

    def pairs() -> list[Pair]:
        return [(asking_with(hall.tokens[state]), asking_with(secrets.token_urlsafe(33))) for _ in range(PAIRS)]

    def check(first: bytes, second: bytes) -> None:
        same_refusal(first, second, b"401")

    await tells_nothing(hall, figure, f"a token that is {state} and one unknown, {PAIRS} pairs", pairs, check)


@pytest.mark.skipif(not FULL, reason="make proof shows it: the control of the others")
async def test_the_measurement_sees_one_millisecond(hall: Hall, figure: Record) -> None:
    """The control: a millisecond more in one of two groups of equal calls."""
    make = refusals(hall)

    def pairs() -> list[Pair]:
        return [(make["unknown"](n), make["unknown"](n)) for n in range(PAIRS)]

    seen = await measured(hall, pairs, same_refusal, late=0.001)
    figure("G5", value=f"control of 1 ms: AUC {seen:.3f}", met=seen > 0.6, method=f"{PAIRS} pairs of equal calls")
    assert seen > 0.6
    await tells_nothing(hall, figure, f"the control's own calls, {PAIRS} pairs", pairs, same_refusal)


def test_the_measure_itself() -> None:
    assert auc([1, 2, 3], [4, 5, 6]) == 1
    assert auc([4, 5, 6], [1, 2, 3]) == 0
    assert auc([1, 4], [2, 3]) == 0.5
