"""No dead camera: whatever goes wrong, the liveness page says so in time, and the way out that it offers works."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from browser import FAKE_CAMERA, browser
from liveness_stand import Faces, faces
from liveness_visit import CAMERA, PANEL_SECONDS, PASSED, TROUBLE, Visit, refusing, showing, visit
from playwright.async_api import Browser, expect
from servers import RedisServer

BLACK = "pen.fillStyle = '#020202'; pen.fillRect(0, 0, 320, 240)"
STILL = "if (!n) { pen.fillStyle = '#8a5'; pen.fillRect(0, 0, 320, 240); }"
UNCOVERED = "pen.fillStyle = window.uncovered ? `hsl(${n * 9} 80% 50%)` : '#000'; pen.fillRect(0, 0, 320, 240)"
BEFORE = "const had = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);"
TAKEN_AWAY = f"""{BEFORE} navigator.mediaDevices.getUserMedia = async (wanted) => {{
  const stream = await had(wanted);
  setTimeout(() => stream.getVideoTracks()[0].dispatchEvent(new Event("ended")), 500);
  return stream;
}};"""
ASKED_TWICE = f"""{BEFORE} navigator.mediaDevices.getUserMedia = async (wanted) => {{
  if (wanted.video.width) setTimeout(() => navigator.mediaDevices.getUserMedia({{ video: true }}), 300);
  if (wanted.video.width) throw new DOMException("", "OverconstrainedError");
  return had(wanted);
}};"""
WAYS = ("Попробовать ещё раз", "другом телефоне", "на сайте", "к человеку")


@dataclass
class Fault:
    """The word that the server hears, a part of what the person reads; how it is broken."""

    what: str
    reads: str
    inject: str = ""
    script: str = ""


FAULTS = {
    "denied": Fault("denied", "Доступ к камере закрыт", refusing("NotAllowedError")),
    "missing": Fault("no_camera", "Камера не нашлась", refusing("NotFoundError")),
    "unfit": Fault("no_camera", "Камера не нашлась", refusing("OverconstrainedError")),
    "busy": Fault("busy", "Камера не отвечает", refusing("NotReadableError")),
    "taken away": Fault("busy", "Камера не отвечает", TAKEN_AWAY),
    "black": Fault("black", "Камера показывает темноту", showing(BLACK)),
    "frozen": Fault("frozen", "Картинка застыла", showing(STILL)),
    "unanswered": Fault(
        "silent", "ждёт вашего ответа", "navigator.mediaDevices.getUserMedia = () => new Promise(() => {})"
    ),
    "no script": Fault("script", "Проверка не загрузилась", script="missing"),
    "empty script": Fault("script", "Проверка не загрузилась", script="empty"),
    "throws": Fault("start", "Проверка не запустилась", script="throws"),
    "silent": Fault("silent", "Камера пока не включилась", script="silent"),
}
NO_CAMERAS = Fault(
    "unsupported",
    "не умеет показывать камеру",
    "Object.defineProperty(navigator, 'mediaDevices', { value: undefined })",
)


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with browser(*FAKE_CAMERA) as started:
        yield started


@pytest.fixture(scope="module")
async def standing(tmp_path_factory: pytest.TempPathFactory, redis_of_session: RedisServer) -> AsyncIterator[Faces]:
    async with faces(tmp_path_factory.mktemp("faces"), redis_of_session) as started:
        yield started


async def told_in_time(person: Visit, fault: Fault, ways: tuple[str, ...] = WAYS) -> float:
    """Starts, and waits for the panel; the seconds that it took since the widget was sent for."""
    await person.start()
    await person.title(TROUBLE, PANEL_SECONDS + 10)
    took = time.monotonic() - person.sent_for
    await expect(person.page.locator("#told")).to_contain_text(fault.reads)
    assert [await person.button(way).count() for way in ways] == [1] * len(ways)
    await person.says("trouble")
    assert [said["what"] for said in person.said if said["event"] == "trouble"] == [fault.what]
    return took


@pytest.mark.alone
async def test_each_fault_is_told_in_time_and_another_try_passes(chromium: Browser, standing: Faces) -> None:
    took: dict[str, float] = {}
    some = asyncio.Semaphore(6)

    async def one(name: str, fault: Fault) -> None:
        armed = ("never_finishes",) if fault.inject else ()
        async with (
            some,
            visit(chromium, standing, inject=fault.inject, script=fault.script, armed=armed) as person,
        ):
            took[name] = await told_in_time(person, fault)
            await person.mend()
            await person.button("Попробовать ещё раз").click()
            await person.title(PASSED, 15)

    async with asyncio.TaskGroup() as group:
        for name, fault in FAULTS.items():
            group.create_task(one(name, fault), name=name)
    assert {name: seconds for name, seconds in took.items() if seconds > PANEL_SECONDS} == {}


async def test_a_browser_without_cameras_hands_over_to_another_phone(chromium: Browser, standing: Faces) -> None:
    async with visit(chromium, standing, inject=NO_CAMERAS.inject) as person:
        await person.start()
        await person.title(TROUBLE)
        await expect(person.page.locator("#told")).to_contain_text(NO_CAMERAS.reads)
        assert await person.button("Попробовать ещё раз").count() == 0
        await person.button("другом телефоне").click()
        await expect(person.page.locator("#address")).to_contain_text("/liveness/")
        address = await person.page.locator("#address").inner_text()
        phone = await chromium.new_page()
        await phone.goto(address)
        await phone.locator("#start").click()
        await person.title("Проверка идёт на другом устройстве")
        await expect(phone.get_by_role("heading", level=1)).to_have_text(PASSED, timeout=15_000)
        await phone.close()


async def test_what_heals_by_itself_needs_no_press(chromium: Browser, standing: Faces) -> None:
    """The finger before the lens is taken away: the panel goes, and the widget was there all the time."""
    async with visit(chromium, standing, inject=showing(UNCOVERED), armed=("never_finishes",)) as person:
        await person.start()
        await person.title(TROUBLE, PANEL_SECONDS + 3)
        await person.filmed()
        await person.page.evaluate("window.uncovered = true")
        await person.title(CAMERA)
        await expect(person.page.locator("#ways")).to_be_hidden()


async def test_a_script_that_comes_late_is_started_when_it_comes(chromium: Browser, standing: Faces) -> None:
    async with visit(chromium, standing, script="late") as person:
        await person.start()
        await person.title(TROUBLE, PANEL_SECONDS + 3)
        await expect(person.page.locator("#told")).to_contain_text("долго загружается")
        await person.title(PASSED, 15)


async def test_nothing_is_said_while_all_is_well(chromium: Browser, standing: Faces) -> None:
    """A picture that moves; a camera that is had when asked for less; a form that is being read."""

    async def one(inject: str, script: str) -> None:
        async with visit(chromium, standing, inject=inject, script=script, armed=("never_finishes",)) as person:
            await person.start()
            await person.title(CAMERA)
            await asyncio.sleep(PANEL_SECONDS)
            assert person.events() == ["open"]
            await person.title(CAMERA)
            await expect(person.page.locator("#ways")).to_be_hidden()

    await asyncio.gather(one("", ""), one(ASKED_TWICE, ""), one("", "form"))


async def test_a_long_visit_is_offered_help_and_left_alone(chromium: Browser, standing: Faces) -> None:
    async with visit(chromium, standing, armed=("never_finishes",)) as person:
        await person.page.clock.install()
        await person.start()
        await person.filmed()
        await person.page.clock.fast_forward("01:31")
        await expect(person.page.locator("#told")).to_contain_text("дольше обычного")
        await expect(person.page.locator("#flow-widget video")).to_be_visible()
        await person.button("Продолжить здесь").click()
        await person.title(CAMERA)
        await expect(person.page.locator("#ways")).to_be_hidden()
        assert "trouble" not in person.events()
