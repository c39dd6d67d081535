"""The dialogue of `shinos flows sim`: the real machine, nothing around it."""

from collections.abc import Sequence

import pytest

from flows.machine import Turn
from flows.model import Again, Typed
from flows.plan import Stanza, make_plan
from flows.settings import Settings
from sandbox.cast import CAST, RUSSIA, Person
from shinos.rehearsal import Dialogue, make_dialogue

SEARCH = ("client", "code", "secret_word")
WORDLESS = next(person for person in CAST if not person.secret_word)


async def _begun(steps: Sequence[Stanza] = SEARCH, language: str = "en") -> tuple[Dialogue, Turn]:
    dialogue = make_dialogue(Settings(), make_plan("search", steps), language)
    return dialogue, await dialogue.begin("TJ")


async def _code(dialogue: Dialogue, person: Person) -> str:
    turn = await dialogue.hand_in(Typed(person.phone))
    (message,) = dialogue.messages(turn.post)
    return message.split()[0]


async def test_a_person_of_the_cast_is_identified() -> None:
    dialogue, turn = await _begun()
    assert turn.session.reply.text
    assert turn.session.reply.text.key == "client.ask"
    code = await _code(dialogue, RUSSIA)
    await dialogue.hand_in(Typed(code))
    turn = await dialogue.hand_in(Typed("  Ромашка "))
    assert turn.session.reply.kind == "done"
    assert turn.session.facts.client == RUSSIA.crmid
    assert [proof.method for proof in turn.session.facts.proofs] == ["code", "secret_word"]


@pytest.mark.parametrize("name", [RUSSIA.phone, "8 (922) 123-45-67", RUSSIA.crmid, RUSSIA.email.upper()])
async def test_every_name_finds_the_person(name: str) -> None:
    dialogue, _ = await _begun()
    turn = await dialogue.hand_in(Typed(name))
    assert turn.session.step == "code"


async def test_a_telegram_name_finds_the_person() -> None:
    person = next(person for person in CAST if person.telegram)
    dialogue, _ = await _begun()
    turn = await dialogue.hand_in(Typed(f"@{person.telegram.title()}"))
    assert turn.session.facts.client == person.crmid


async def test_wrong_answers_are_counted_as_in_earnest() -> None:
    dialogue, _ = await _begun()
    code = await _code(dialogue, RUSSIA)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    codes = [(await dialogue.hand_in(Typed(wrong))).error for _ in range(4)]
    assert {error.code for error in codes if error} == {"1002"}
    turn = await dialogue.hand_in(Typed(wrong))
    assert turn.session.over
    assert turn.error
    assert turn.error.code == "1003"


async def test_a_right_fifth_code_passes() -> None:
    dialogue, _ = await _begun()
    code = await _code(dialogue, RUSSIA)
    for _ in range(4):
        await dialogue.hand_in(Typed("nonsense"))
    assert (await dialogue.hand_in(Typed(code))).session.step == "secret_word"


async def test_asking_again_sends_the_same_code_and_costs_nothing() -> None:
    dialogue, _ = await _begun()
    code = await _code(dialogue, RUSSIA)
    turn = await dialogue.hand_in(Again())
    assert dialogue.messages(turn.post)[0].startswith(code)
    assert dialogue.attempts == 0


async def test_somebody_unknown_is_told_so() -> None:
    dialogue, _ = await _begun()
    turn = await dialogue.hand_in(Typed("+992900000999"))
    assert turn.session.over
    assert turn.error
    assert turn.error.code == "1001"


async def test_a_flow_of_another_shape_is_played_as_well() -> None:
    steps = ({"kind": "client"}, {"kind": "secret_word", "skip": "when_unset"}, "birth_date")
    dialogue, _ = await _begun(steps)
    turn = await dialogue.hand_in(Typed(WORDLESS.phone))
    assert turn.session.step == "birth_date"
    turn = await dialogue.hand_in(Typed(".".join(reversed(WORDLESS.birth_date.split("-")))))
    assert turn.session.reply.kind == "done"


@pytest.mark.parametrize("language", ["ru", "tg", "en", "kk"])
async def test_the_message_is_in_the_language_asked_for(language: str) -> None:
    dialogue, _ = await _begun(language=language)
    turn = await dialogue.hand_in(Typed(RUSSIA.phone))
    assert turn.session.facts.language == language
    assert dialogue.messages(turn.post)[0][:6].isdigit()
