"""What a session's result at biometric.kz means: passed, failed and why, or not there yet (protocols.md 3.4).

The server's own total and our rule must both say that somebody has passed. What is not there yet is waited for: right
after the widget's end the blocks are `{}` for some seconds, and that is no failure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from flows.errors import Unexpected
from flows.papers import TECHNOLOGIES, Checked, Failing, Technology, Verdict
from flows.upstream.biometric_words import SAID, Told, moment, person_of, share, technology_of, truth
from flows.upstream.spoken import word_of

Rule = Mapping[Technology, float]
"""What must have passed → the least prediction that will do."""

_OWN: Final[dict[Technology, tuple[Failing, ...]]] = {
    "liveness": ("not_alive", "face"),
    "face2face": ("mismatch",),
    "edocument": ("document", "otp", "mcdb", "expired"),
    "document_recognition": ("document", "expired"),
}
"""What a technology can fail of; the first when nobody says more."""
_MOST = 20
"""Technologies, and reasons, that are looked at."""


@dataclass(frozen=True, slots=True)
class _Result:
    """`blocks` as they came, `{}` where something will be; `total` is flow_session_result, None when it is absent."""

    status: str
    total: bool | None
    blocks: Mapping[Technology, Told]
    checked: tuple[Checked, ...]
    said: tuple[Failing, ...]
    at: int | None

    def over(self, rule: Rule) -> bool:
        """An unknown status is one that still runs. The documented answer has none: then all must be there."""
        waiting = any(word in self.blocks and not self.blocks[word] for word in rule)
        match self.status:
            case "EXPIRED":
                return True
            case "FINISHED":
                return self.total is False or not waiting
            case "":
                return not waiting and rule.keys() <= self.blocks.keys()
            case _:
                return False

    def passed(self, rule: Rule) -> bool:
        return self.status != "EXPIRED" and self.total is not False and not self.lacking(rule)

    def lacking(self, rule: Rule) -> set[Technology]:
        """What was not done, not passed, or passed with too little certainty."""
        sure = {one.word: one.prediction or 0.0 for one in self.checked if one.result}
        return {word for word, least in rule.items() if sure.get(word, -1.0) < least}

    def reasons(self, rule: Rule) -> tuple[Failing | Literal[""], ...]:
        """What each technology says, then what is said of the whole."""
        lacking = self.lacking(rule)
        failed = [one for one in self.checked if not one.result or one.word in lacking]
        found = [self._why(one) for one in failed] + list(self.said)
        if self.status == "EXPIRED":
            found.append("expired")
        elif self.total is not False and lacking - {one.word for one in self.checked}:
            found.append("incomplete")
        return tuple(dict.fromkeys(found)) or ("",)

    def _why(self, one: Checked) -> Failing:
        """The block's own word, else the server's of the whole if it can be this technology's, else the likeliest."""
        block = self.blocks[one.word]
        told = [block.get("failure_reason"), {"eye_closed": truth(block.get("eye_closed")) is True}]
        own = None if one.result else word_of(told, SAID)
        return next((word for word in (own, *self.said) if word in _OWN[one.word]), _OWN[one.word][0])

    def person(self) -> dict[str, str]:
        """Of one document alone: two may be two people's."""
        passed = [one.word for one in self.checked if one.result and one.word in ("edocument", "document_recognition")]
        return next((found for word in passed if (found := person_of(word, self.blocks[word]))), {})


def verdict_of(told: object, require: Rule) -> Verdict:
    """Raises `Unexpected` when it is no object at all."""
    if not isinstance(told, dict):
        raise Unexpected
    result = _read(told)
    # Where the server gives no total, everything that was done, or was to be done, decides.
    rule = dict(require) if result.total is not None else _all_of(told, result) | dict(require)
    if not result.over(rule):
        return Verdict(status="running")
    if result.passed(rule):
        return Verdict(status="passed", technologies=result.checked, at=result.at, **result.person())
    return Verdict(status="failed", reasons=result.reasons(rule), technologies=result.checked, at=result.at)


def _read(told: Told) -> _Result:
    total = truth(told.get("flow_session_result"))
    there = {word: told[f"{word}_result"] for word in TECHNOLOGIES if told.get(f"{word}_result") is not None}
    blocks = {word: block if isinstance(block, dict) else {} for word, block in there.items()}
    status = told.get("status") or ""
    said = (word_of(one, SAID) for one in _some(told.get("flow_session_failure_reasons")))
    return _Result(
        status=status.strip().upper() if isinstance(status, str) else "?",
        total=total,
        blocks=blocks,
        checked=tuple(_checked(word, block, total=total) for word, block in blocks.items() if block),
        said=tuple(word for word in said if word),
        at=moment(told.get("finished_at")) or moment(told.get("validated_at")),
    )


def _checked(word: Technology, block: Told, *, total: bool | None) -> Checked:
    """A block without a result of its own goes by the total."""
    result = truth(block.get("result"))
    return Checked(word, total is True if result is None else result, share(block.get("prediction")))


def _all_of(told: Told, result: _Result) -> dict[Technology, float]:
    listed = (technology_of(one) for one in _some(told.get("technologies")))
    return dict.fromkeys([*(word for word in listed if word), *result.blocks], 0.0)


def _some(value: object) -> list[object]:
    return value[:_MOST] if isinstance(value, list) else [value]
