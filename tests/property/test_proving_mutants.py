"""Each guard of the core, taken out: the proof sees it, and names the claim that no longer holds."""

import pytest
from mutants import Mutant
from visits import SHIPPED

from flows import machine
from flows.model import AnyStep
from flows.plan import Stanza, make_plan
from flows.proving.claims import CLAIMS, FOREIGN, IDENTIFIED, REACHED, REVIVED
from flows.proving.search import Counterexample, Walk, prove
from flows.proving.telling import tell
from flows.steps.aitu import Aitu, AituState
from flows.steps.client import Client
from flows.steps.code import Code
from flows.steps.consent import Consent
from flows.steps.contact import Contact
from flows.steps.enrol import Enrol
from flows.steps.erase import Erase
from flows.steps.liveness import Liveness
from flows.steps.person import Person
from flows.steps.secret_word import SecretWord
from flows.uploading import Uploading

SEARCH: tuple[Stanza, ...] = ("client", "code", "secret_word")
TWO_CODES: tuple[Stanza, ...] = ("client", "code", {"kind": "code", "name": "second", "tries": 3})
FACE: tuple[Stanza, ...] = ("client", "code", "liveness")
PAPERS: tuple[Stanza, ...] = tuple(
    step for step in SHIPPED.flow["telegram"].steps if step not in ("liveness", "erase", "new_secret_word")
)
LOGIN: tuple[Stanza, ...] = (
    *("welcome", {"kind": "consent", "about": "aitu"}, "contact"),
    *({"kind": "aitu", "tries": 3}, "person", "enrol", "new_secret_word", "erase"),
)

SAYS, LAST, UNDELIVERED, TWICE, PROVEN, WISHED, HIDDEN, LATE, TRIES, WAKES = CLAIMS


def of(step: type[AnyStep], name: str) -> tuple[type[AnyStep], str]:
    return step, name


ADVANCE, ARRIVE, TURN = (machine, "advance"), (machine, "_arrive"), (machine, "_turn")

MUTANTS = (
    # the machine
    Mutant("one try more", ADVANCE, "session.tries <= nth", "session.tries < nth", SEARCH, TRIES),
    Mutant("one try less", ADVANCE, "session.tries <= nth", "session.tries <= nth + 1", SEARCH, TRIES),
    Mutant("an ended dialogue goes on", ADVANCE, " or session.over", "", SEARCH, REVIVED),
    Mutant("another plan's dialogue is taken", ADVANCE, " or session.plan != plan.digest", "", SEARCH, FOREIGN),
    Mutant("a step is left out", ADVANCE, "index + 1", "index + 2", SEARCH, PROVEN),
    Mutant("wrong answers are not charged", TURN, '"wrong" if error', '"void" if error', SEARCH, TRIES),
    Mutant("every refusal is charged", TURN, " and error.counts", "", SEARCH, UNDELIVERED),
    Mutant("a passed step keeps its id", ARRIVE, '"right" if index', "None if index", SEARCH, LAST),
    Mutant("a wait without its time", TURN, "outcome.until if", "None if", PAPERS, WAKES),
    Mutant(
        "another language, another step", ADVANCE, '"language": given', '"phone": "1", "language": given', PAPERS, LATE
    ),
    Mutant(
        "a refusal without a word",
        (machine, "_said"),
        ', "why": Text(key=error.key, params=error.params)',
        "",
        SEARCH,
        SAYS,
    ),
    Mutant(
        "neither yes nor no", of(Consent, "answer"), 'given.id not in ("agree", "decline")', "True", PAPERS, REACHED
    ),
    Mutant("nobody comes back", of(Aitu, "_returned"), '"phase": "checking", ', "", LOGIN, IDENTIFIED),
    Mutant("kept is erased", of(Erase, "answer"), 'given.id == "keep" or facts', "facts", LOGIN, WISHED),
    # code and word
    Mutant(
        "asking again makes the code live longer (security.md: mutant 6)",
        of(Code, "answer"),
        "self._send(state, facts)",
        'self._send(state.model_copy(update={"expires": now + self.options.lifetime}), facts)',
        SEARCH,
        TWICE,
    ),
    Mutant("a code lives for ever", of(Code, "answer"), "now >= state.expires", "False", SEARCH, TWICE),
    Mutant(
        "a code that was not sent is charged", of(Code, "answer"), "state.undelivered", "False", SEARCH, UNDELIVERED
    ),
    Mutant(
        "a code of any step is right",
        of(Code, "_compare"),
        "CheckCode(self.name,",
        'CheckCode("code",',
        TWO_CODES,
        TWICE,
    ),
    Mutant(
        "nobody's code is right", of(Code, "_compare"), "equal and facts.client is not None", "equal", SEARCH, PROVEN
    ),
    Mutant(
        "one right code is enough for all (mutant 11)",
        of(Code, "_compare"),
        "if not right:",
        "if not right and not facts.proofs:",
        TWO_CODES,
        TWICE,
    ),
    Mutant(
        "the word after a code",
        of(SecretWord, "answer"),
        "not right:",
        "not right and not facts.proofs:",
        SEARCH,
        TWICE,
    ),
    Mutant(
        "no word is as good as one",
        of(SecretWord, "enter"),
        'self.options.skip == "when_unset"',
        "True",
        SEARCH,
        PROVEN,
    ),
    Mutant(
        "who is unknown is told at once (mutant 12)",
        of(Client, "enter"),
        "facts.reveal_unknown",
        "True",
        SEARCH,
        HIDDEN,
    ),
    # papers
    Mutant(
        "one page is enough",
        of(Uploading, "_next"),
        "following.at == len(following.pages)",
        "following.at",
        PAPERS,
        PROVEN,
    ),
    Mutant(
        "a failure counts as success", of(Uploading, "_look"), 'task.status == "failure":', "False:", PAPERS, PROVEN
    ),
    Mutant(
        "any upload's end is this one's",
        of(Uploading, "answer"),
        "given.about == state.photo",
        "given.about",
        PAPERS,
        LATE,
    ),
    Mutant("an upload ends twice", of(Uploading, "answer"), 'state.phase == "sending"', "not asking", PAPERS, LATE),
    Mutant(
        "refusals are not counted", of(Uploading, "_failed"), "state.failures + blamed", "state.failures", PAPERS, TRIES
    ),
    Mutant(
        "our own failures are counted",
        of(Uploading, "_failed"),
        "isinstance(failed, PaperRefused | PhotoUnfit)",
        "True",
        PAPERS,
        TRIES,
    ),
    Mutant(
        "a check is never given up",
        of(Uploading, "_look"),
        "now >= state.since + self.options.limit",
        "False",
        PAPERS,
        WAKES,
    ),
    Mutant("no is yes", of(Consent, "answer"), "if agreed else Stop(ConsentRefused())", "", PAPERS, PROVEN),
    Mutant("anybody's phone", of(Contact, "answer"), " if given.own else ()", "", PAPERS, PROVEN),
    Mutant(
        "enrolled as somebody else", of(Enrol, "enter"), '"client": client}', '"client": "another"}', PAPERS, PROVEN
    ),
    # the liveness page
    Mutant("any link opens the page", of(Liveness, "_returned"), "given.number == state.links + 1", "True", FACE, LATE),
    Mutant(
        "any browser ends the check",
        of(Liveness, "_returned"),
        'device == state.device and state.phase == "running"',
        'state.phase == "running"',
        FACE,
        LATE,
    ),
    Mutant("whatever the verdict", of(Liveness, "_look"), 'verdict.status == "failed" or', "", FACE, PROVEN),
    Mutant(
        "a decoy is alive",
        of(Liveness, "_look"),
        "or not (facts.visit or facts.client)",
        "",
        ("client", "liveness", "code"),
        PROVEN,
    ),
    Mutant(
        "an old session comes back", of(Liveness, "_opened"), "given.about != str(state.openings)", "False", FACE, LATE
    ),
    Mutant("the browser's word for it", of(Liveness, "_look"), 'verdict.status == "running"', "False", FACE, PROVEN),
    Mutant(
        "looked at for ever",
        of(Liveness, "_look"),
        "late or now - state.since >= self.options.limit",
        "False",
        FACE,
        WAKES,
    ),
    # Aitu and the state
    Mutant("another browser's login", (AituState, "awaits"), " and device == self.device", "", LOGIN, LATE),
    Mutant("a login serves for ever", (AituState, "awaits"), "now - self.since < LOGIN_SECONDS", "True", LOGIN, LATE),
    Mutant(
        "a code that has come is asked for again", (AituState, "awaits"), 'self.phase == "leaving"', "True", LOGIN, LATE
    ),
    Mutant(
        "an old login comes back", of(Aitu, "_exchanged"), " or given.about != str(state.logins)", "", LOGIN, PROVEN
    ),
    Mutant("anybody's account", of(Aitu, "_exchanged"), "self.options.same_phone", "False", LOGIN, PROVEN),
    Mutant("logins are not counted", of(Aitu, "_failed"), '+ (failed.code < "2")', "", LOGIN, TRIES),
    Mutant("Aitu's failures are counted", of(Aitu, "_failed"), '(failed.code < "2")', "1", LOGIN, TRIES),
    Mutant("who has died identifies", of(Person, "_told"), "not citizen.alive", "False", LOGIN, PROVEN),
    Mutant("it is not me", of(Person, "_chosen"), 'if choice == "mine" else Stop(StateMismatch())', "", LOGIN, PROVEN),
    Mutant(
        "an old answer of the state", of(Person, "answer"), 'given.about in ("", str(state.nth))', "True", LOGIN, LATE
    ),
    Mutant(
        "the state is not asked again",
        of(Person, "answer"),
        'state.phase in ("asking", "resting") and',
        "False and",
        LOGIN,
        WAKES,
    ),
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.bug.replace(" ", "_"))
def test_the_proof_sees_it(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant.put_in(monkeypatch)
    found = prove(make_plan("mutant", mutant.steps))
    assert isinstance(found, Counterexample), "survives"
    assert found.claim == mutant.claim, "\n".join(tell("mutant", found))


@pytest.mark.parametrize("steps", [PAPERS, LOGIN], ids=["papers", "login"])
def test_without_a_mutant_these_flows_hold(steps: tuple[Stanza, ...]) -> None:
    found = prove(make_plan("mutant", steps))
    assert isinstance(found, Walk), "\n".join(tell("mutant", found))


def test_every_claim_has_a_mutant_that_breaks_it() -> None:
    """Else a claim may be one that nothing can break."""
    assert {mutant.claim for mutant in MUTANTS} == {*CLAIMS, REVIVED, FOREIGN, REACHED, IDENTIFIED}
