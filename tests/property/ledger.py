"""What the rules say that a call must come to: the numbers of security.md §7 in plain Python, on a clock of seconds.

It knows nothing of keys, scripts or revisions. Where it and the house disagree, one of them is wrong.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from movable import FLOWS, PEOPLE

from flows.identifiers import recognise

DAY, HOUR = 86400, 3600
TRIES = {"code": 5, "secret_word": 3}
PAUSES = (30, 60, 120, 240)
CODE_LIFE, DIALOGUE_LIFE, REPEAT = 300, 900, 300

Guard = tuple[int, str]
"""A client in a channel: wrong answers and the lock belong to it."""
Pair = tuple[int, str, str]
"""Whose dialogue it is: that, and in a channel that hides who is a client the name that was asked for."""


def canonical(name: str) -> str:
    return recognise(name, None, "TJ")[0].canonical()


def pair_of(person: int, channel: str, name: str) -> Pair:
    return person, channel, "" if channel == "open" else canonical(name)


@dataclass
class Talk:
    """One dialogue. `steps` are the stepIds it has had; `names` those it was begun under."""

    pair: Pair
    names: set[str]
    ends: int
    decoy: bool
    steps: list[str] = field(default_factory=list)
    used: int = 0
    answered: bool = False
    expires: int = 0
    undelivered: bool = False
    unsent: bool = False
    over: str = ""
    ending: str = ""
    passed: list[tuple[str, str, int]] = field(default_factory=list)
    token: str = ""

    @property
    def kind(self) -> str:
        return FLOWS[self.pair[1]][len(self.passed)]


@dataclass
class Ledger:
    pair_wrong: int = 10
    client_wrong: int = 20
    now: int = 0
    talks: list[Talk] = field(default_factory=list)
    newest: dict[Pair, Talk] = field(default_factory=dict)
    wrong: dict[Guard, list[int]] = field(default_factory=lambda: defaultdict(list))
    locks: dict[Guard, int] = field(default_factory=lambda: defaultdict(int))
    sends: dict[Pair, list[int]] = field(default_factory=lambda: defaultdict(list))
    evaluated: int = 0
    tokens: int = 0

    def wrong_of(self, guard: Guard) -> int:
        return sum(at > self.now - DAY for at in self.wrong[guard])

    def wrong_of_client(self, person: int) -> int:
        return sum(self.wrong_of((person, channel)) for channel in FLOWS)

    def locked(self, guard: Guard) -> bool:
        return self.now < self.locks[guard] or self.wrong_of_client(guard[0]) >= self.client_wrong

    def send_wait(self, pair: Pair) -> int:
        sends = [at for at in self.sends[pair] if at > self.now - DAY]
        if not sends:
            return 0
        free = sends[-1] + PAUSES[min(len(sends), len(PAUSES)) - 1]
        if len(sends) >= 5:
            free = max(free, sends[-5] + HOUR)
        if len(sends) >= 10:
            free = max(free, sends[-10] + DAY)
        return max(0, free - self.now)

    def live(self, pair: Pair) -> Talk | None:
        """The dialogue that a begin repeats: nothing was answered in it, and its code still lives."""
        talk = self.newest.get(pair)
        if talk and talk.decoy and talk.pair[0] < PEOPLE and not self.locked(talk.pair[:2]):
            return None  # it was begun while locked, and leads nowhere
        if talk is None or talk.over or talk.answered or self.now >= talk.ends:
            return None
        return None if talk.kind == "code" and self.now >= talk.expires and not self.send_wait(pair) else talk

    # Each of these says what the call must come to: "asked", "moved", "token" (a new one), "same" (as `talk` has it)
    # or the code of a refusal.

    def begin(self, person: int, channel: str, name: str) -> tuple[str, Talk | None]:
        pair = pair_of(person, channel, name)
        locked = self.locked((person, channel))
        if person >= PEOPLE and channel == "open":
            return "1001", None
        if locked and channel == "open":
            return "1005", None
        talk = self.live(pair)
        if talk:
            talk.names.add(canonical(name))
            if locked or talk.kind != "code" or self.send_wait(pair):
                return ("1007" if talk.undelivered else "same"), talk
            return self._send(talk), talk
        talk = Talk(pair, {canonical(name)}, self.now + DIALOGUE_LIFE, decoy=locked or person >= PEOPLE)
        if talk.kind == "code":
            if self.send_wait(pair):
                return "1006", None
            self._send(talk)
            talk.expires = self.now + CODE_LIFE
        self.talks.append(talk)
        self.newest[pair] = talk
        return "asked", talk

    def _send(self, talk: Talk) -> str:
        self.sends[talk.pair].append(self.now)
        talk.undelivered = talk.unsent = False
        return "same"

    def answer(self, talk: Talk, step: str, who: tuple[str, str], text: str | None, *, right: bool) -> str:
        """`who` is the channel and the name that the call gives."""
        foreign = who[0] != talk.pair[1] or canonical(who[1]) not in talk.names
        if self.newest.get(talk.pair) is not talk or (self.now >= talk.ends and talk.over != "done"):
            return "1004"
        if step != talk.steps[-1] or talk.over == "done":
            return "1004" if foreign else self._repeated(talk, step, text)
        if talk.over:
            return talk.ending
        if foreign:
            counts = text is not None and not talk.undelivered and talk.used < TRIES[talk.kind]
            talk.used += counts
            return "1002"
        if self.locked(talk.pair[:2]):
            return "1005"
        return self._asked_again(talk) if text is None else self._typed(talk, step, text, right=right)

    def _repeated(self, talk: Talk, step: str, text: str | None) -> str:
        before, given, at = talk.passed[-1] if talk.passed else ("", "", 0)
        again = text == given or (talk.over == "done" and text is None)
        if step != before or self.now - at > REPEAT or not again:
            return "1004"
        if talk.over == "done":
            return "same"
        return talk.ending or ("1007" if talk.undelivered else "1006" if talk.unsent else "same")

    def _asked_again(self, talk: Talk) -> str:
        if talk.kind != "code":
            return "same"
        if self.now >= talk.expires:
            return self._stop(talk, "1004")
        if self.send_wait(talk.pair):
            return "1007" if talk.undelivered else "1006"
        return self._send(talk)

    def _typed(self, talk: Talk, step: str, text: str, *, right: bool) -> str:
        if not talk.undelivered and talk.used >= TRIES[talk.kind]:
            return "1003"
        talk.answered = True
        if talk.kind == "code" and self.now >= talk.expires:
            return self._stop(talk, "1004")
        if talk.undelivered:
            return "1007"
        self.evaluated += 1
        talk.used += 1
        assert talk.used <= TRIES[talk.kind]
        if not right or talk.decoy:
            return self._wrong(talk)
        return self._passed(talk, step, text)

    def _passed(self, talk: Talk, step: str, text: str) -> str:
        talk.passed.append((step, text, self.now))
        talk.used = 0
        if len(talk.passed) == len(FLOWS[talk.pair[1]]):
            talk.over = "done"
            self.tokens += 1
            return "token"
        if talk.kind == "code":
            talk.expires = self.now + CODE_LIFE
            if self.send_wait(talk.pair):
                talk.unsent = True
                return "moved 1006"
            self._send(talk)
        return "moved"

    def _wrong(self, talk: Talk) -> str:
        guard, person = talk.pair[:2], talk.pair[0]
        self.wrong[guard].append(self.now)
        count = self.wrong_of(guard)
        if count >= self.pair_wrong:
            self.locks[guard] = self.now + min(900 * 2 ** (count - self.pair_wrong), DAY)
        assert count <= self.pair_wrong + 6
        assert self.wrong_of_client(person) <= self.client_wrong
        return self._stop(talk, "1003") if talk.used >= TRIES[talk.kind] else "1002"

    def undelivered(self, talk: Talk) -> None:
        if talk.over or talk.kind != "code":
            return
        if self.now >= talk.expires:
            self._stop(talk, "1004")
        else:
            talk.undelivered = True

    @staticmethod
    def _stop(talk: Talk, code: str) -> str:
        talk.over, talk.ending = "stop", code
        return code
