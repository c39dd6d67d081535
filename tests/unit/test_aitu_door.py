"""Who comes back from Aitu: in time by the store's clock, whatever this machine's says (security.md Q23, §7 #27)."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from at_the_login import at_login
from visits import SHIPPED

from flows.aitu_door import AituDoor, LoginForeign
from flows.doors import digest_of, new_device
from flows.effects import Note
from flows.fronts import chat_front
from flows.keys import Keys
from flows.moves import Taken
from flows.steps.aitu import LOGIN_SECONDS

KEYS = Keys(b"secret of the unit tests, 32 bytes")
DEVICE = new_device()


class Doors:
    """Of one dialogue, by the store's clock `now`."""

    public_url = "https://shinos.bank.example"

    def __init__(self, taken: Taken) -> None:
        self._taken = taken
        self.brought: list[dict[str, str]] = []
        self.notes: list[Note] = []
        self.store = self

    async def take(self, _how: str, _sid: str, _shard: int) -> Taken:
        return self._taken

    def note(self, _channel: str, note: Note) -> None:
        self.notes.append(note)

    async def come(self, _visited: object, params: dict[str, str]) -> None:
        self.brought.append(params)


@pytest.mark.parametrize(("later", "in_time"), [(0.0, True), (LOGIN_SECONDS - 1, True), (LOGIN_SECONDS, False)])
@pytest.mark.parametrize("moved", [-86_400, 0, 86_400])
async def test_ten_minutes_of_the_stores_clock(later: float, moved: float, *, in_time: bool) -> None:
    guest = at_login()
    guest.goes(device=digest_of(DEVICE))
    sid = KEYS.new_sid()
    state: Any = guest.login.model_copy(update={"since": guest.now + moved})
    session = guest.session.model_copy(update={"sid": sid, "state": state.model_dump_json()})
    doors: Any = Doors(Taken("ok", guest.now + moved + later, sid, session=session))
    aitu: Any = SimpleNamespace(issuer="https://aitu.example")
    front = replace(chat_front(SHIPPED), plan=guest.plan)
    door = AituDoor(doors, [front], KEYS, aitu)
    given = {"state": KEYS.state(sid, 0, 1), "code": "c-1"}
    if in_time:
        await door.back(given, DEVICE)
        assert [(one["event"], one["code"]) for one in doors.brought] == [("code", "c-1")]
    else:
        with pytest.raises(LoginForeign):
            await door.back(given, DEVICE)
        assert ([note.fields for note in doors.notes], doors.brought) == ([{"why": "late"}], [])
