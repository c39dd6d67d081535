"""The sandbox's FlowWidget in a real browser with a fake camera: what a page that embeds it can rely on, and cannot."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from browser import FAKE_CAMERA, PHONE, audit, browser, opened
from playwright.async_api import Browser, Page, expect

from sandbox.app import make_app
from sandbox.biometric_flows import FLOWS

KEPT = Path(__file__).parents[2] / "var" / "screenshots"
CLEAN = {"nameless": [], "small": [], "pale": [], "beyond": 0}
FACE, DOCUMENTS, PAPERS = FLOWS[0].key, FLOWS[1].key, FLOWS[2].key
KAZAKHSTANI = "+77071234567"
PAGE = """<!doctype html><html lang="ru"><head><title>bank</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/page.css"></head>
<body><div id="place"><div id="flow-widget"></div></div></body></html>"""
STYLE = "#place { width: 340px; height: 600px } #flow-widget { width: 100%; height: 100%; position: relative }"
STARTED = """([script, options]) => new Promise((ready, failed) => {
  window.told = [];
  window.addEventListener("finish", (event) => window.told.push(event.detail));
  const made = document.createElement("script");
  Object.assign(made, { type: "module", src: script, onerror: () => failed(new Error("no script")) });
  made.onload = () => { try { ready(FlowWidget.startSession(options)); } catch (error) { failed(error); } };
  document.head.append(made);
})"""
FINISHED = "() => window.told.length"
PLAYING = """() => {
  const one = document.querySelector("video[aria-label='Изображение с вашей камеры']");
  return one?.videoWidth > 0 && !one.paused && one.checkVisibility()
    && { height: one.getBoundingClientRect().height, stream: one.srcObject };
}"""
REFUSING = """(name) => {
  navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", name); };
}"""


@dataclass
class Kz:
    """The sandbox, and a bank's page on another origin whose policy lets nothing in but the widget's host."""

    url: str
    bank: str
    http: aiohttp.ClientSession

    async def post(self, path: str, **body: Any) -> Any:
        async with self.http.post(f"{self.url}{path}", json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def session(self, key: str = FACE, **metadata: Any) -> str:
        path = "/biometric/api/v1/flows/session/create/"
        return str((await self.post(path, api_key=key, metadata=metadata))["session_id"])

    async def armed(self, outcome: str, key: str = FACE) -> str:
        """A new session with that outcome."""
        session = await self.session(key)
        await self.post("/_arm", **{"upstream": "biometric", "for": session, "outcome": outcome})
        return session

    async def result(self, session: str, key: str = FACE) -> Any:
        query = {"session_id": session, "flow_api_key": key}
        async with self.http.get(f"{self.url}/biometric/api/v1/flows/session/result/", params=query) as answer:
            return await answer.json()

    async def code(self) -> str:
        async with self.http.get(f"{self.url}/sms/outbox", params={"to": KAZAKHSTANI}) as answer:
            return str((await answer.json())[-1]["text"][:6])

    async def start(self, page: Page, session: str, script: str = "flow-widget.umd.js", **options: Any) -> None:
        whole = {"id": session, "selector": "#flow-widget", "locale": "ru", **options}
        await page.evaluate(STARTED, [f"{self.url}/biometric/widget/{script}", whole])


async def _page(request: web.Request) -> web.Response:
    host = request.query["host"]
    policy = f"default-src 'none'; script-src {host}; connect-src {host}; style-src 'self'; img-src data:"
    return web.Response(text=PAGE, content_type="text/html", headers={"Content-Security-Policy": policy})


async def _style(_: web.Request) -> web.Response:
    return web.Response(text=STYLE, content_type="text/css")


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with browser(*FAKE_CAMERA) as running:
        yield running


@pytest.fixture
async def kz() -> AsyncIterator[Kz]:
    bank = web.Application()
    bank.add_routes([web.get("/", _page), web.get("/page.css", _style)])
    async with (
        TestServer(make_app(speed=0)) as sandbox,
        TestServer(bank) as server,
        aiohttp.ClientSession() as http,
    ):
        url = str(sandbox.make_url("/")).rstrip("/")
        yield Kz(url, f"{server.make_url('/')}?host={url}", http)


async def finished(page: Page) -> Any:
    """The only detail that `finish` told."""
    await page.wait_for_function(FINISHED, timeout=8_000)
    told = await page.evaluate("() => window.told")
    assert len(told) == 1
    return told[0]


async def kept(page: Page, name: str) -> None:
    """For a person's eyes."""
    await asyncio.to_thread(KEPT.mkdir, parents=True, exist_ok=True)
    await page.screenshot(path=KEPT / f"widget-{name}.png")


@pytest.mark.parametrize("script", ["flow-widget.umd.js", "flow-widget.js"])
async def test_a_person_passes(chromium: Browser, kz: Kz, script: str) -> None:
    async with opened(chromium, kz.bank, PHONE) as page:
        session = await kz.session()
        await kz.start(page, session, script)
        playing = await page.wait_for_function(PLAYING)
        assert await playing.evaluate("(seen) => seen.height") == 600
        await kept(page, "camera")
        await finished(page)
        await expect(page.get_by_role("status")).to_have_text("Готово. Результат проверяется")
        ended = "({ stream }) => stream.getTracks().every((track) => track.readyState === 'ended')"
        assert await playing.evaluate(ended)
        assert (await kz.result(session))["flow_session_result"] is True
        assert await audit(page) == CLEAN


async def test_finish_may_lie(chromium: Browser, kz: Kz) -> None:
    for outcome, says, truth in (("fail_liveness", True, False), ("finish_says_failed", False, True)):
        async with opened(chromium, kz.bank) as page:
            session = await kz.armed(outcome)
            await kz.start(page, session)
            assert (await finished(page))["flow_session_result"] is says
            assert (await kz.result(session))["flow_session_result"] is truth


async def test_without_a_camera_it_says_so_and_finishes_nothing(chromium: Browser, kz: Kz) -> None:
    async with opened(chromium, kz.bank, PHONE) as page:
        session = await kz.session()
        await page.evaluate(REFUSING, "NotAllowedError")
        await kz.start(page, session)
        await expect(page.get_by_role("alert")).to_have_text(
            "Нет доступа к камере. Разрешите его в настройках браузера."
        )
        await asyncio.sleep(1)
        assert await page.evaluate(FINISHED) == 0
        assert (await kz.result(session))["status"] == "PROGRESS"
        assert await audit(page) == CLEAN
        await kept(page, "denied")
        await page.evaluate("() => { delete navigator.mediaDevices.getUserMedia; }")
        await page.get_by_role("button", name="Повторить").click()
        await finished(page)


@pytest.mark.parametrize(
    ("name", "text"),
    [("NotFoundError", "Камера не найдена."), ("NotReadableError", "Камера занята другой программой.")],
)
async def test_each_refusal_has_its_words(chromium: Browser, kz: Kz, name: str, text: str) -> None:
    async with opened(chromium, kz.bank) as page:
        await page.evaluate(REFUSING, name)
        await kz.start(page, await kz.session())
        await expect(page.get_by_role("alert")).to_have_text(text)


async def test_a_camera_that_goes_away(chromium: Browser, kz: Kz) -> None:
    async with opened(chromium, kz.bank) as page:
        await kz.start(page, await kz.armed("never_finishes"))
        video = page.get_by_label("Изображение с вашей камеры")
        await expect(video).to_be_visible()
        await video.evaluate("(one) => one.srcObject.getTracks()[0].dispatchEvent(new Event('ended'))")
        await expect(page.get_by_role("alert")).to_have_text("Камера отключилась.")


@pytest.mark.parametrize(("outcome", "state"), [("never_finishes", "camera"), ("no_camera_ui", "loading")])
async def test_some_never_finish(chromium: Browser, kz: Kz, outcome: str, state: str) -> None:
    async with opened(chromium, kz.bank) as page:
        await kz.start(page, await kz.armed(outcome))
        await expect(page.locator(f".flow-widget[data-state={state}]")).to_be_visible()
        await asyncio.sleep(1.5)
        await expect(page.locator(f".flow-widget[data-state={state}]")).to_be_visible()
        assert await page.evaluate(FINISHED) == 0


@pytest.mark.parametrize(("locale", "text"), [("en", "The session is unknown"), ("kz", "Сессия табылмады")])
async def test_a_session_that_is_over(chromium: Browser, kz: Kz, locale: str, text: str) -> None:
    context = await chromium.new_context()
    page = await context.new_page()
    await page.goto(kz.bank)
    await kz.start(page, await kz.armed("expired"), locale=locale)
    await expect(page.get_by_role("alert")).to_contain_text(text)
    assert await page.evaluate(FINISHED) == 0
    await context.close()


async def test_what_it_is_called_with(chromium: Browser, kz: Kz) -> None:
    """An `id`, not the `session_id` of the page's table (trap B1)."""
    lines: list[tuple[str, str]] = []
    context = await chromium.new_context()
    page = await context.new_page()
    page.on("console", lambda line: lines.append((line.type, line.text)))
    await page.goto(kz.bank)
    session = await kz.session()
    for missing in ({"id": ""}, {"selector": ""}, {"selector": "#nowhere"}, {"id": "", "session_id": session}):
        with pytest.raises(Exception, match=r"FlowWidget\.startSession"):
            await kz.start(page, session, **missing)
    ((kind, text),) = lines
    assert kind == "warning"
    assert "session_id" in text
    await kz.start(page, session, locale="kk")
    await page.wait_for_function(FINISHED, timeout=8_000)
    assert "kk" in lines[-1][1]
    await context.close()


async def test_a_second_start_takes_the_place_of_the_first(chromium: Browser, kz: Kz) -> None:
    async with opened(chromium, kz.bank) as page:
        await kz.start(page, await kz.armed("never_finishes"))
        await expect(page.locator("video")).to_be_visible()
        stream = await page.locator("video").evaluate_handle("(one) => one.srcObject")
        session = await kz.session()
        await page.evaluate("(id) => FlowWidget.startSession({ id, selector: '#flow-widget' })", session)
        await finished(page)
        assert await stream.evaluate("(one) => one.getTracks()[0].readyState") == "ended"
        assert (await kz.result(session))["status"] == "FINISHED"


async def test_the_document_comes_after_the_code_of_1414(chromium: Browser, kz: Kz) -> None:
    async with opened(chromium, kz.bank, PHONE) as page:
        session = await kz.session(DOCUMENTS, edocument={"iin": {"value": "900101300126", "changeable": False}})
        await kz.start(page, session)
        await expect(page.get_by_label("ИИН")).to_have_value("900101300126", timeout=8_000)
        await expect(page.get_by_label("ИИН")).not_to_be_editable()
        await page.get_by_label("Телефон").fill("77071234567")
        await kept(page, "document")
        assert await audit(page) == CLEAN
        await page.get_by_role("button", name="Получить код").click()
        await page.get_by_label("Код из СМС от 1414").fill("000000" if await kz.code() != "000000" else "111111")
        await page.get_by_role("button", name="Проверить").click()
        await expect(page.get_by_role("alert")).to_have_text("Код не подошёл. Попробуйте ещё раз.")
        await page.get_by_label("Код из СМС от 1414").fill(await kz.code())
        await page.get_by_role("button", name="Проверить").click()
        await finished(page)
        found = (await kz.result(session, DOCUMENTS))["edocument_result"]
        assert found["result_json"]["common"]["docOwner"]["iin"] == "900101300126"


async def test_three_wrong_codes_fail(chromium: Browser, kz: Kz) -> None:
    fixed = {"iin": ("900101300126", "iin"), "phone": ("77071234567", "phone")}
    given = {name: {"value": value, "changeable": False} for name, (value, _) in fixed.items()}
    async with opened(chromium, kz.bank) as page:
        session = await kz.session(DOCUMENTS, edocument={**given, "skip_input": True})
        await kz.start(page, session)
        for _ in range(3):
            await page.get_by_label("Код из СМС от 1414").fill("000000")
            await page.get_by_role("button", name="Проверить").click()
        await finished(page)
        assert (await kz.result(session, DOCUMENTS))["flow_session_failure_reasons"] == ["otp"]


async def test_a_document_is_held_before_the_camera(chromium: Browser, kz: Kz) -> None:
    async with opened(chromium, kz.bank) as page:
        session = await kz.session(PAPERS)
        await kz.start(page, session)
        await expect(page.get_by_text("Держите документ в рамке")).to_be_visible(timeout=8_000)
        await finished(page)
        assert (await kz.result(session, PAPERS))["document_recognition_result"]["result"] is True


class TestHostedPage:
    @pytest.mark.parametrize(
        ("locale", "title"), [("", "Проверка лица"), ("kz", "Бетті тексеру"), ("xx", "Проверка лица")]
    )
    async def test_runs_the_widget_in_its_language(self, chromium: Browser, kz: Kz, locale: str, title: str) -> None:
        session = await kz.session()
        async with opened(chromium, f"{kz.url}/biometric/flow/{session}?locale={locale}", PHONE) as page:
            await expect(page.get_by_role("heading", name=title)).to_be_visible()
            await expect(page.get_by_role("group", name=title)).to_be_visible()
            await page.wait_for_function("() => document.getElementById('end').textContent", timeout=8_000)
            await kept(page, f"hosted-{locale}")
            assert await audit(page) == CLEAN
            assert (await kz.result(session))["status"] == "FINISHED"

    async def test_tells_whoever_opened_it(self, chromium: Browser, kz: Kz) -> None:
        session = await kz.session()
        async with opened(chromium, kz.bank) as page:
            await page.evaluate(
                "() => { window.heard = new Promise((told) => onmessage = (event) => told(event.data)); }"
            )
            async with page.expect_popup() as popup:
                await page.evaluate("(url) => { open(url); }", f"{kz.url}/biometric/flow/{session}?web_view=true")
            await expect((await popup.value).get_by_role("heading")).to_have_count(0)
            heard = await page.evaluate("() => window.heard")
            assert (heard["event"], heard["session_id"]) == ("finish", session)

    @pytest.mark.parametrize(("ended", "status", "text"), [(True, 409, "уже пройдена"), (False, 404, "не найдена")])
    async def test_what_is_over(self, kz: Kz, ended: object, status: int, text: str) -> None:
        session = await kz.session() if ended else "nobodys"
        if ended:
            await kz.post(f"/biometric/flow/{session}/finish")
        async with kz.http.get(f"{kz.url}/biometric/flow/{session}") as answer:
            assert answer.status == status
            assert text in await answer.text()


@pytest.mark.parametrize(("outcome", "status"), [("script_500", 500), ("script_empty", 200)])
async def test_a_script_that_does_not_come(kz: Kz, outcome: str, status: int) -> None:
    await kz.post("/_arm", **{"upstream": "biometric", "for": "*", "outcome": outcome})
    url = f"{kz.url}/biometric/widget/flow-widget.umd.js"
    async with kz.http.get(url) as broken, kz.http.get(url) as whole:
        assert (broken.status, whole.status) == (status, 200)
        assert "FlowWidget = {" not in await broken.text()
        assert "FlowWidget = {" in await whole.text()
