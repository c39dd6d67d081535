"""Several flows in one chat: whose is the right one, asked once, and none for those who need no question."""

import re

import pytest
from at_the_login import PLAN, Citizens
from visits import CONFIG, KNOWN, Bank, Guest

from flows.errors import StepUnknown
from flows.fronts import chat_front
from flows.machine import advance
from flows.model import Again, Chosen, Typed
from flows.plan import make_plan, with_ways
from flows.settings import SettingsError, load


def test_the_citizenship_is_asked_and_leads_to_the_flow() -> None:
    guest = Guest(plan=PLAN)
    assert guest.asks == "citizenship.ask"
    texts = [option.text.key for option in guest.session.reply.expects.choices]
    assert texts == ["choice.citizen_tj", "choice.citizen_kz"]
    guest.press("telegram_kz")
    assert (guest.session.flow, guest.asks) == ("telegram_kz", "consent.ask_aitu")


@pytest.mark.parametrize("given", [Typed("Казахстан"), Chosen("nowhere"), Chosen("")])
def test_only_its_buttons_answer(given: Typed | Chosen) -> None:
    guest = Guest(plan=PLAN)
    guest.give(given)
    assert (guest.error, guest.asks) == ("1024", "citizenship.ask")
    guest.give(Again())
    assert (guest.error, guest.asks) == (None, "citizenship.ask")


def test_a_remembered_choice_is_not_asked_again() -> None:
    guest = Guest(plan=PLAN, way="telegram")
    assert (guest.session.flow, guest.step) == ("telegram", "link")


def test_a_link_of_humos_leads_where_humos_papers_are() -> None:
    guest = Guest(plan=PLAN, key="05a4ce19-de3c-4d2c-a464-7356dbdbd107", way="telegram_kz")
    assert (guest.session.flow, guest.step) == ("telegram", "link")


def test_who_wants_everything_erased_is_not_asked_for_the_citizenship() -> None:
    guest = Guest(plan=PLAN, purpose="erase", bank=Bank(found=KNOWN))
    assert guest.step == "erase"


@pytest.mark.parametrize("way", ["telegram", "telegram_kz"])
def test_who_is_known_is_greeted_in_either(way: str) -> None:
    assert Guest(plan=PLAN, way=way, bank=Bank(found=KNOWN)).asks == "welcome.again"


def test_a_way_that_is_none_is_the_question() -> None:
    assert Guest(plan=PLAN, way="nowhere").asks == "citizenship.ask"


def test_steps_of_the_same_name_are_those_of_the_flow_that_one_is_in() -> None:
    guest = Citizens(plan=PLAN, way="telegram_kz")
    guest.press("agree")
    assert (guest.session.flow, guest.step) == ("telegram_kz", "contact")
    guest.share("+77071234567")
    assert guest.step == "aitu"


def test_another_configuration_of_any_way_ends_the_dialogues() -> None:
    papers, login = PLAN.ways
    shorter = make_plan(login.name, ["welcome", "contact", "aitu", "person", "enrol"])
    asking = [{"kind": "citizenship", "ways": {"telegram": "TJ", "telegram_kz": "KZ"}, "linked": "telegram"}]
    changed = with_ways(PLAN.name, asking, [papers, shorter])
    assert with_ways(PLAN.name, asking, [papers, login]).digest == PLAN.digest != changed.digest
    guest = Guest(plan=PLAN, way="telegram")
    with pytest.raises(StepUnknown):
        guest.bank.drive(advance(changed, guest.session, Again(), guest.now, 0))


UNKNOWN = '["contact", "aitu", {"kind": "person", "fallback": "papers"}, "enrol"]'


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"SHINOS_BOT__FLOWS": '["telegram", "kz"]'}, 'bot.flows: there is no flow "kz"'),
        ({"SHINOS_FLOW__TELEGRAM_KZ__CITIZENS": "TJ"}, "two of them are for the same citizens"),
        ({"SHINOS_UPSTREAM__AITU__TRUSTED_PHONE": "true"}, "key same_phone"),
        ({"SHINOS_FLOW__TELEGRAM_KZ__STEPS": UNKNOWN}, 'bot.flows has no "papers"'),
    ],
)
def test_ways_that_cannot_be_are_refused_at_start(environ: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(said)):
        chat_front(load(CONFIG, environ))


def test_a_bank_of_one_country_asks_nobody() -> None:
    front = chat_front(load(CONFIG, {"SHINOS_BOT__FLOWS": '["telegram_kz"]'}))
    assert (front.plan.name, front.plan.ways) == ("telegram_kz", ())
    assert Guest(plan=front.plan).asks == "consent.ask_aitu"
