"""A strict channel tells nothing by its time or its shape: who is a client, and which of the refusals it was (A9-A11).

Two groups of calls, interleaved on one connection in random order within each pair. The AUC says how well time tells
them apart: 0.5 is not at all. Bounds: security.md A11; a pair of groups that misses them may be measured once more.
"""

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field

import pytest
from figures import FULL, Record
from raw import SEARCH, request
from servers import RedisServer
from stand import STRICT_KEY, WORD, Stand, person, stand, wrong
from stopwatch import Pair, auc, compare

pytestmark = [pytest.mark.alone, pytest.mark.proof]
PAIRS = 500 if FULL else 400
PEOPLE = 2 * PAIRS + 160
LOW, HIGH = 0.45, 0.55
PAUSE = 0.003
Pairs = Callable[[], list[Pair]]


def unknown(number: int) -> str:
    """A phone like a client's that no client has."""
    return person(number).replace("+99290", "+99291")


def asking(phone: str, step: str = "", answer: str = "") -> bytes:
    body = f"client=%2B{phone[1:]}" + (f"&stepId={step}&secretWord={answer}" if step else "")
    return request(f"{SEARCH}/{STRICT_KEY}", body.encode())


def never_given() -> str:
    return secrets.token_urlsafe(16)[:22]


@dataclass
class Hall:
    """Dialogues in all states: `live` at the code, of clients and of nobodies, with four attempts each."""

    standing: Stand
    live: list[tuple[str, str]] = field(default_factory=list)
    decoys: list[tuple[str, str]] = field(default_factory=list)
    spent: tuple[str, str] = ("", "")
    locked: tuple[str, str] = ("", "")
    fresh: Iterator[int] = field(default_factory=lambda: iter(range(160, PEOPLE)))

    async def opened(self, phone: str) -> tuple[str, str]:
        asked = await self.standing.search(phone, key=STRICT_KEY)
        assert asked.status == 200, asked.body
        return phone, asked.step

    async def furnish(self) -> None:
        for number in range(10, 160):
            self.live.append(await self.opened(person(number)))
            self.decoys.append(await self.opened(unknown(number)))
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
        LIMITS__BEGINS_MINUTE="1000000",
        LIMITS__BEGINS_BURST="1000000",
        LIMITS__BEGINS_HOUR="1000000",
        LIMITS__PAIR_WRONG="5",
    ) as standing:
        furnished = Hall(standing)
        await furnished.furnish()
        yield furnished


def same_shape(first: bytes, second: bytes) -> None:
    """Status line, names and order of headers, keys, and every length."""
    heads = [answer.partition(b"\r\n\r\n")[0].split(b"\r\n") for answer in (first, second)]
    one, other = ([line for line in head if not line.lower().startswith(b"date:")] for head in heads)
    assert one == other
    assert len(first) == len(second)


def same_refusal(first: bytes, second: bytes) -> None:
    same_shape(first, second)
    assert first.startswith(b"HTTP/1.1 403")
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
        "unknown": lambda n: asking(hall.live[n % 150][0], never_given(), f"{n:06d}"),
        "spent": lambda n: asking(*hall.spent, f"{n:06d}"),
        "locked": lambda n: asking(*hall.locked, f"{n:06d}"),
    }


async def test_a_wrong_answer_to_a_client_and_to_nobody(hall: Hall, figure: Record) -> None:
    guesses = iter(range(10))

    def pairs() -> list[Pair]:
        rounds = [next(guesses), next(guesses)]
        everybody = zip(hall.live, hall.decoys, strict=True)
        return [
            (asking(*live, f"{guess:06d}"), asking(*decoy, f"{guess:06d}"))
            for live, decoy in everybody
            for guess in rounds
        ]

    await tells_nothing(hall, figure, "a client's wrong code and nobody's, 300 pairs", pairs, same_refusal)


@pytest.mark.parametrize("state", ("spent", "locked") if FULL else ("spent",))
async def test_an_unknown_step_and_one_that_is_over(hall: Hall, figure: Record, state: str) -> None:
    make = refusals(hall)
    what = f"a step that is {state} and one unknown, {PAIRS} pairs"
    await tells_nothing(
        hall, figure, what, lambda: [(make[state](n), make["unknown"](n)) for n in range(PAIRS)], same_refusal
    )


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
