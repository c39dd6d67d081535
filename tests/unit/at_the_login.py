"""A visit of a citizen of Kazakhstan: how it gets to the login and past it, and what there is to see of it."""

from visits import DEVICE, READING, SHIPPED, Bank, Guest

from flows.effects import AskState, LogIn
from flows.errors import FlowError
from flows.fronts import chat_front
from flows.machine import Turn
from flows.model import Happened, Returned
from flows.papers import Citizen, Login
from flows.plan import make_plan, with_ways
from flows.steps.aitu import AituState
from flows.steps.person import PersonState

PHONE, OTHER_PHONE = "+77071234567", "+77079999999"
IIN, OTHER_IIN = "900101300126", "900101300127"
LOGIN = Login(iin=IIN, request_id="r-1", phone=PHONE)
CITIZEN = Citizen(
    reading=READING.model_copy(update={"first_name": "Арман", "middle_name": "Бекұлы", "tax_number": IIN}),
    document="УДОСТОВЕРЕНИЕ РК",
    citizenship="КАЗАХСТАН",
    confidence=0.8,
)
PLAN = chat_front(SHIPPED).plan
STEPS_KZ = SHIPPED.flow["telegram_kz"].steps
_KAZAKH = [{"kind": "person", "fallback": "telegram"} if step == "person" else step for step in STEPS_KZ]
WITH_PAPERS = with_ways(
    PLAN.name,
    [{"kind": "citizenship", "ways": {"telegram": "TJ", "telegram_kz": "KZ"}}],
    [PLAN.way("telegram"), make_plan("telegram_kz", _KAZAKH)],
)
"""As shipped, and a way with papers for when the state data base is away."""


class Citizens(Guest):
    """`steps` of the Kazakh flow alone; without them the shipped chat with both of its ways."""

    def logged_in(self, login: Login = LOGIN) -> Turn:
        """Aitu has taken the code."""
        return self.give(Happened(self.step, about=str(self.codes[-1].nth), result=login))

    def not_logged_in(self, error: FlowError) -> Turn:
        return self.give(Happened(self.step, about=str(self.codes[-1].nth), failed=error))

    def told(self, citizen: Citizen = CITIZEN) -> Turn:
        """COID has answered."""
        return self.give(Happened(self.step, about=str(self.asked_state[-1].nth), result=citizen))

    def not_told(self, error: FlowError) -> Turn:
        return self.give(Happened(self.step, about=str(self.asked_state[-1].nth), failed=error))

    def goes(self, number: int = 0, device: str = DEVICE) -> Turn:
        """Presses the page's button; by the link that is given out now, or of that number."""
        return self.give(Returned(number or self.link, {"event": "go", "device": device}))

    def comes_back(self, number: int = 0, device: str = DEVICE, **brought: str) -> Turn:
        """From Aitu, with the code of the last login, or of that number."""
        params = {"event": "code", "code": "c-1"} | brought
        return self.give(Returned(number or self.login.logins, params | {"device": device}))

    @property
    def link(self) -> int:
        door = self.session.reply.expects.door
        assert door
        assert (door.page, door.inside) == ("aitu", False)
        return door.number

    @property
    def login(self) -> AituState:
        return AituState.model_validate_json(self.session.state)

    @property
    def person(self) -> PersonState:
        return PersonState.model_validate_json(self.session.state)

    @property
    def codes(self) -> list[LogIn]:
        return [effect for effect in self.posted if isinstance(effect, LogIn)]

    @property
    def asked_state(self) -> list[AskState]:
        return [effect for effect in self.posted if isinstance(effect, AskState)]


def at_login(bank: Bank | None = None, **options: object) -> Citizens:
    """Where the login is asked for, by a stanza with these options."""
    steps = [{"kind": "aitu"} | options if step == "aitu" else step for step in STEPS_KZ]
    guest = Citizens(bank=bank, steps=steps)
    guest.press("agree")
    guest.share(PHONE)
    assert guest.step == "aitu"
    return guest


def at_person() -> Citizens:
    """Where the state data base is asked."""
    guest = Citizens(plan=WITH_PAPERS, way="telegram_kz")
    guest.press("agree")
    guest.share(PHONE)
    guest.goes()
    guest.comes_back()
    guest.logged_in()
    assert guest.step == "person"
    return guest
