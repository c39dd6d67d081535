"""Random schedules on a real Redis, over two channels, four people and all their names, with a clock that jumps.

`ledger.py` foretells each answer; what was really compared, locked and minted is read from the audit entries.
"""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pytest
from figures import FULL, Record
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from ledger import DAY, Ledger, Talk
from movable import FLOWS, PEOPLE, WORD, Opened, movable, phone, spellings
from servers import RedisServer

from flows.identifiers import recognise

STEADY = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
SCHEDULES, ATTACKS = (1000, 100) if FULL else (40, 6)
CHANNELS = tuple(FLOWS)
PERSON = st.integers(0, PEOPLE)
TIMES = (7, 7, 31, 67, 127, 251, 307, 911, 3671, 20011, 86413)
LOW = {"PAIR_WRONG": "5", "CLIENT_WRONG": "10"}


class AnySchedule(RuleBasedStateMachine):
    opened: ClassVar[Opened]
    minted: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.run, self.house = self.opened.run, self.opened.movable
        self.run(self.house.restart())
        limits = self.opened.limits
        self.ledger = Ledger(int(limits.get("PAIR_WRONG", 10)), int(limits.get("CLIENT_WRONG", 20)))
        self.tokens: dict[str, tuple[int, str, int]] = {}

    @initialize(first=PERSON)
    def somebody_begins(self, first: int) -> None:
        self._begin(first % PEOPLE, "open", 0)

    @rule(person=PERSON, channel=st.sampled_from(CHANNELS), name=st.integers(0, 3))
    def begin(self, person: int, channel: str, name: int) -> None:
        self._begin(person, channel, name)

    def _begin(self, person: int, channel: str, name: int) -> None:
        spelt = spellings(person)[name % len(spellings(person))]
        foretold, talk = self.ledger.begin(person, channel, spelt)
        what, value = self.run(self.house.begin(channel, spelt))
        if foretold == "asked":
            assert what == "asked"
            assert talk
            talk.steps.append(value)
        elif foretold == "same":
            assert talk
            assert (what, value) == ("asked", talk.steps[-1])
        else:
            assert value == foretold

    @precondition(lambda self: self.ledger.talks)
    @rule(data=st.data(), text=st.sampled_from(["right", "right", "right", "wrong", "word", "nothing"]))
    def answer(self, data: st.DataObject, text: str) -> None:
        talk = data.draw(st.sampled_from(self.ledger.talks[-4:]))
        self._answer(talk, talk.steps[-1], (talk.pair[1], min(talk.names).partition(":")[2]), text)

    @precondition(lambda self: self.ledger.talks)
    @rule(data=st.data(), times=st.integers(2, 5))
    def guess(self, data: st.DataObject, times: int) -> None:
        talk = data.draw(st.sampled_from(self.ledger.talks[-4:]))
        for _ in range(times):
            self._answer(talk, talk.steps[-1], (talk.pair[1], max(talk.names).partition(":")[2]), "wrong")

    @precondition(lambda self: self.ledger.talks)
    @rule(data=st.data(), text=st.sampled_from(["right", "wrong", "nothing", "before"]))
    def replay_any_step_as_anybody(self, data: st.DataObject, text: str) -> None:
        talk = data.draw(st.sampled_from(self.ledger.talks))
        person = data.draw(st.sampled_from([talk.pair[0], talk.pair[0], *range(PEOPLE + 1)]))
        who = (data.draw(st.sampled_from([talk.pair[1], *CHANNELS])), data.draw(st.sampled_from(spellings(person))))
        self._answer(talk, data.draw(st.sampled_from(talk.steps)), who, text)

    @precondition(lambda self: any(talk.passed for talk in self.ledger.talks))
    @rule(data=st.data(), late=st.sampled_from([0, 0, 307]))
    def repeat_what_passed(self, data: st.DataObject, late: int) -> None:
        if late:
            self.time_passes(late)
        talk = data.draw(st.sampled_from([talk for talk in self.ledger.talks if talk.passed]))
        step, _, _ = talk.passed[-1]
        self._answer(talk, step, (talk.pair[1], min(talk.names).partition(":")[2]), "before")

    def _answer(self, talk: Talk, step: str, who: tuple[str, str], what: str) -> None:
        text = self._text(talk, what)
        right = text == self._text(talk, "right")
        foretold = self.ledger.answer(talk, step, who, text, right=right)
        said, value = self.run(self.house.answer(*who, step, text))
        if foretold == "token":
            assert said == "token"
            assert value not in self.tokens
            talk.token = value
            self.tokens[value] = (*talk.pair[:2], self.ledger.now)
        elif foretold == "same":
            assert (said, value) == (("token", talk.token) if talk.over == "done" else ("asked", talk.steps[-1]))
        elif foretold.startswith("moved"):
            refused = foretold.endswith("1006")
            moved_to = said.removeprefix("refused ") if refused else value
            assert (said.split()[0], value if refused else "") == (("refused", "1006") if refused else ("asked", ""))
            assert moved_to not in talk.steps
            talk.steps.append(moved_to)
        else:
            assert said.split()[0] == "refused"
            assert value == foretold

    def _text(self, talk: Talk, what: str) -> str | None:
        if what == "nothing":
            return None
        if what == "before" and talk.passed:
            return talk.passed[-1][1]
        if what == "word":
            return WORD
        if what == "right" and not talk.over and talk.kind == "secret_word":
            return WORD
        code = self.run(self.house.code(talk.steps[-1]))
        return code if what == "right" else f"{(int(code) + 1) % 10**6:06d}"

    @precondition(lambda self: any(not talk.over for talk in self.ledger.talks))
    @rule(data=st.data())
    def no_gateway_takes_it(self, data: st.DataObject) -> None:
        talk = data.draw(st.sampled_from([talk for talk in self.ledger.talks if not talk.over]))
        if self.ledger.now < talk.ends and talk is self.ledger.newest[talk.pair]:
            self.ledger.undelivered(talk)
            self.run(self.house.undelivered(talk.steps[-1]))

    @rule(seconds=st.sampled_from(TIMES))
    def time_passes(self, seconds: int) -> None:
        self.ledger.now += seconds
        self.run(self.house.sleep(seconds))

    @precondition(lambda self: self.tokens)
    @rule(data=st.data(), channel=st.sampled_from(CHANNELS))
    def open_a_card(self, data: st.DataObject, channel: str) -> None:
        token = data.draw(st.sampled_from(sorted(self.tokens)))
        person, minted_in, at = self.tokens[token]
        opened = self.run(self.house.read(token, channel))
        if channel != minted_in or self.ledger.now - at > 3600:
            assert opened is None
        elif self.ledger.now - at <= 300:
            assert opened == self.run(self.house.client(person))
        else:
            assert opened in (None, self.run(self.house.client(person)))

    def teardown(self) -> None:
        evaluated = self.run(self.house.events("otp_evaluated", "word_evaluated"))
        assert len(evaluated) == self.ledger.evaluated
        assert len(self.run(self.house.events("token_issued"))) == self.ledger.tokens == len(self.tokens)
        type(self).minted += len(self.tokens)
        check_windows(evaluated, self.ledger.pair_wrong + 6, self.ledger.client_wrong)


def most_in_a_day(times: Sequence[int]) -> int:
    """The largest number within any 24 h, milliseconds."""
    return max((sum(at - DAY * 1000 < t <= at for t in times) for at in times), default=0)


def check_windows(evaluated: Sequence[dict[str, str]], of_pair: int, of_client: int) -> tuple[int, int]:
    """Goal G3, from the audit entries alone. Returns the most of a client in a channel, and in all."""
    wrong = [row for row in evaluated if "true" not in row["fields"]]
    in_channel, in_all = 0, 0
    for subject in {row["object"] for row in wrong}:
        rows = [row for row in wrong if row["object"] == subject]
        in_all = max(in_all, most_in_a_day([int(row["at"]) for row in rows]))
        for channel in CHANNELS:
            times = [int(row["at"]) for row in rows if row["channel"] == channel]
            in_channel = max(in_channel, most_in_a_day(times))
    assert in_all <= of_client
    assert in_channel <= of_pair
    return in_channel, in_all


@pytest.fixture
def opened(folder: Path, redis_server: RedisServer, request: pytest.FixtureRequest) -> Iterator[Opened]:
    with Opened(folder, redis_server, **getattr(request, "param", {})) as house:
        yield house


def schedules(opened: Opened) -> type[AnySchedule]:
    class Schedule(AnySchedule):
        pass

    Schedule.opened = opened
    return Schedule


@pytest.mark.parametrize("opened", [{}, LOW], indirect=True, ids=["as shipped", "narrow"])
@pytest.mark.proof
def test_any_schedule_comes_to_what_the_rules_say(opened: Opened, figure: Record) -> None:
    """The rules know no token without every proof of its flow, and no more wrong answers than the limits."""
    many = settings(STEADY, max_examples=SCHEDULES, stateful_step_count=40)
    walked = schedules(opened)
    run_state_machine_as_test(walked, settings=many)
    limits = "as shipped" if not opened.limits else "narrowed"
    figure(
        "G4",
        value=f"0 of {walked.minted} tokens without every proof",
        met=True,
        method=f"{SCHEDULES} random schedules of begins, answers, repeats and pauses, limits {limits}",
    )
    figure(
        "G3",
        value="0 wrong answers compared beyond the limits, 0 before a lock that was due",
        met=True,
        method=f"{SCHEDULES} random schedules, moved clock, limits {limits}",
    )


BREACHES = {
    "a step is not bound to its client": ("take", "or not named(h[4])", ""),
    "an older dialogue goes on": ("take", "if newest ~= sid then", "if false then"),
    "tries are not counted": ("take", "tries = tries .. attempt", ""),
    "a send costs nothing": ("move", "redis.call('ZADD', key, now, todo.send)", ""),
    "a token opens everywhere": ("token", "or h[2] ~= channel ", ""),
    "a reply is repeated for ever": ("take", "or now - h[8] > limits.repeat_ms", ""),
}


@pytest.mark.parametrize("opened", [LOW], indirect=True, ids=[""])
@pytest.mark.parametrize("breach", BREACHES)
def test_it_sees_when_a_rule_is_taken_out(opened: Opened, breach: str) -> None:
    opened.movable.take_rule_out(*BREACHES[breach])
    until_found = settings(STEADY, max_examples=80, stateful_step_count=40, phases=[Phase.generate])
    with pytest.raises(AssertionError):
        run_state_machine_as_test(schedules(opened), settings=until_found)


def attack(opened: Opened, dice: random.Random) -> tuple[int, int]:
    """Three days of guessing at one client, by all names in both channels, as eagerly as the answers allow."""
    run, house = opened.run, opened.movable
    run(house.restart())
    end, now = 3 * DAY, 0
    hurry = dice.choice([1, 30, 300])
    while now < end:
        channel, name = dice.choice(CHANNELS), dice.choice(spellings(1))
        what, step = run(house.begin(channel, name))
        for _ in range(dice.randrange(1, 7) if what == "asked" else 0):
            text = dice.choice(["000000", "000001", None, "000002"])
            said, code = run(house.answer(channel, name, step, text))
            if code != "1002" and said != "asked":
                break
        pause = dice.choice([hurry, 61, 911, 3671])
        now += pause
        run(house.sleep(pause))
    return check_windows(run(house.events("otp_evaluated", "word_evaluated")), 16, 20)


@pytest.mark.proof
def test_no_schedule_of_guesses_goes_beyond_the_day(opened: Opened, figure: Record) -> None:
    """Goal G3, and that these schedules come up to it."""
    found = [attack(opened, random.Random(seed)) for seed in range(ATTACKS)]
    in_channel, in_all = (max(each) for each in zip(*found, strict=True))
    figure(
        "G3",
        value=f"at most {in_channel} wrong answers in a channel, {in_all} in all",
        met=in_channel <= 16 and in_all <= 20,
        method=f"{ATTACKS} attacks of three days at one client by all names, moved clock",
    )
    assert in_channel >= 14


def test_without_the_locks_they_go_beyond(opened: Opened) -> None:
    opened.movable.take_rule_out("take", "if left > 0 then return left end")
    with pytest.raises(AssertionError):
        attack(opened, random.Random(0))


async def test_words_name_only_what_was_asked_by(folder: Path, redis_server: RedisServer) -> None:
    """The client began by phone; whoever then begins by its e-mail is told neither of it, nor its digits."""
    async with movable(folder, redis_server) as house:
        await house.restart()
        front = house.front("other")
        by_phone = await house.house.identification.begin(front, recognise(phone(1), None, "TJ"))
        by_mail = await house.house.identification.begin(front, recognise("t1@example.org", None, "TJ"))
        assert by_mail.step_id != by_phone.step_id
        assert by_phone.reply.text
        assert by_phone.reply.text.params == {"to": "*1001"}
        assert by_mail.reply.text
        assert by_mail.reply.text.params == {"to": "t***@example.org"}
