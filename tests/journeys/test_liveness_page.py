"""The liveness page in a real browser: from the first screen to the verdict, and what comes in between."""

import asyncio
import gzip
import importlib.resources
import re
from collections.abc import AsyncIterator
from itertools import product
from urllib.parse import quote

import pytest
from browser import DESKTOP, FAKE_CAMERA, PHONE, Scheme, audit, browser
from liveness_stand import CHAT, HELP, Faces, faces
from liveness_visit import CAMERA, CHECKING, ELSEWHERE, FAILED, OVER, PASSED, Visit, visit
from playwright.async_api import Browser, Page, Route, expect
from servers import RedisServer
from test_chat_page import CLEAN, KEPT

FINISH = "window.dispatchEvent(new CustomEvent('finish', { detail: { flow_session_result: true } }))"
AXE = (importlib.resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
BROKEN_RULES = f"""async () => (await axe.run({{ runOnly: {RULES} }})).violations
  .map((rule) => `${{rule.id}}: ${{rule.nodes[0].html}}`)"""
SMALL = """() => [...document.querySelectorAll("main .button")].filter((one) => one.checkVisibility())
  .filter((one) => one.getBoundingClientRect().height < 44).length"""
TELEGRAM = """window.heard = [];
window.TelegramWebviewProxy = { postEvent: (name, data) => window.heard.push([name, JSON.parse(data)]) };"""
DATA = "user=%7B%22id%22%3A3%7D&auth_date=1&hash=00"
LAUNCH = f"#tgWebAppData={quote(DATA, safe='')}&tgWebAppVersion=8.0&tgWebAppPlatform=ios&tgWebAppThemeParams="
REMEMBERING = """window.heard = "";
new MutationObserver(() => {
  window.heard += document.querySelector("#flow-widget")?.textContent ?? "";
  document.documentElement.dataset.heard = window.heard;
}).observe(document, { subtree: true, childList: true, characterData: true });"""
"""Everything that the widget has said: each of its sentences stands for a moment only."""
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
NIGHT = quote('{"bg_color":"#17212b","text_color":"#ffffff"}')


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with browser(*FAKE_CAMERA) as started:
        yield started


@pytest.fixture(scope="module")
async def standing(tmp_path_factory: pytest.TempPathFactory, redis_of_session: RedisServer) -> AsyncIterator[Faces]:
    async with faces(tmp_path_factory.mktemp("faces"), redis_of_session) as started:
        yield started


async def test_a_person_passes(chromium: Browser, standing: Faces) -> None:
    async with visit(chromium, standing) as person:
        assert person.said == []
        await person.start()
        await person.title(CAMERA)
        await person.title(PASSED, 15)
        assert await person.button("Вернуться в чат").get_attribute("href") == CHAT
        assert person.events() == ["open", "finish"]
        assert len({said["device"] for said in person.said}) == 1
        assert person.page.url == person.link
        said = len(person.said)
        await asyncio.sleep(2.5)
        assert len(person.said) == said


async def test_who_fails_reads_why_and_goes_again(chromium: Browser, standing: Faces) -> None:
    async with visit(chromium, standing, armed=("fail_liveness",)) as person:
        await person.start()
        await person.title(FAILED, 15)
        await expect(person.page.locator("#told")).to_contain_text("живой человек")
        await person.button("Попробовать ещё раз").click()
        await person.title(PASSED, 15)
        assert person.events() == ["open", "finish", "again", "finish"]


async def test_a_reload_goes_on_where_it_was(chromium: Browser, standing: Faces) -> None:
    async with visit(chromium, standing, armed=("never_finishes", "never_finishes")) as person:
        await person.start()
        await person.filmed()
        await person.page.reload()
        await person.filmed()
        assert person.events() == ["open"]


async def test_a_widget_that_cries_finish_proves_nothing(chromium: Browser, standing: Faces) -> None:
    async with visit(chromium, standing, armed=("never_finishes",)) as person:
        await person.start()
        await person.filmed()
        await person.page.evaluate(FINISH)
        await person.title(CHECKING)
        await expect(person.page.locator("#seconds")).to_have_text(re.compile("Прошло [4-9] с"))
        assert set(await person.cameras()) == {"ended"}
        await expect(person.page.locator("#flow-widget")).to_be_empty()


async def test_the_widget_gets_its_place_and_language(chromium: Browser, standing: Faces) -> None:
    said = {"kk": "Тура қараңыз", "tg": "Смотрите прямо", "en": "Look straight"}
    for language, words in said.items():
        desk = visit(chromium, standing, language=language, armed=("never_finishes",), size=DESKTOP, inject=REMEMBERING)
        async with desk as person:
            assert await person.page.locator("html").get_attribute("lang") == language
            await person.start()
            await person.filmed()
            await expect(person.page.locator("html")).to_have_attribute("data-heard", re.compile(words, re.IGNORECASE))
            assert await person.page.locator("#flow-widget").bounding_box() == {
                **(await person.page.locator(".frame").bounding_box() or {}),
                "width": 400,
                "height": 600,
            }


async def test_nothing_is_lost_while_there_is_no_connection(chromium: Browser, standing: Faces) -> None:
    async with visit(chromium, standing, armed=("never_finishes",)) as person:
        await person.start()
        await person.filmed()
        await person.page.context.set_offline(offline=True)
        await person.page.evaluate(FINISH)
        await expect(person.page.locator("#notice")).to_contain_text("Нет связи")
        await person.page.context.set_offline(offline=False)
        await expect(person.page.locator("#notice")).to_be_hidden()
        told = await standing.tell(person.link, event="look", device=person.said[0]["device"])
        assert told["phase"] == "checking"


async def test_an_answer_that_is_lost_is_asked_for_again(chromium: Browser, standing: Faces) -> None:
    """The link was used up by the first try, yet the second one is the same browser's."""
    async with visit(chromium, standing) as person:
        lost: list[str] = []

        async def lose(route: Route) -> None:
            if route.request.method == "POST" and not lost:
                lost.append(await (await route.fetch()).text())
                await route.abort()
            else:
                await route.continue_()

        await person.page.route(person.link, lose)
        await person.start()
        await person.title(PASSED, 15)
        assert len(lost) == 1
        assert person.events() == ["open", "open", "finish"]


async def test_a_server_that_is_unwell_is_waited_for(chromium: Browser, standing: Faces) -> None:
    async with visit(chromium, standing) as person:

        async def unwell(route: Route) -> None:
            await (route.fulfill(status=503) if route.request.method == "POST" else route.continue_())

        await person.page.route(person.link, unwell)
        await person.start()
        await expect(person.page.locator("#notice")).to_contain_text("Сервис отвечает не сразу")
        await person.title("Готовим проверку")
        await person.page.unroute(person.link)
        await person.title(PASSED, 20)


async def test_a_link_that_was_opened_elsewhere_says_what_to_do(chromium: Browser, standing: Faces) -> None:
    async with visit(chromium, standing) as person:
        await standing.tell(person.link, event="open")
        await person.start()
        await person.title(OVER)
        await expect(person.page.locator("#told")).to_contain_text("там есть новая")
        await expect(person.button("Вернуться в чат")).to_be_visible()


async def test_a_no_is_said_as_text_and_the_other_ways_stay(chromium: Browser, standing: Faces) -> None:
    async with visit(chromium, standing, script="missing") as person:
        told = '{"errorCode": "1008", "errorText": "<b>Слишком</b> часто.", "errorMessage": ""}'

        async def refuse(route: Route) -> None:
            asked = "another" in (route.request.post_data or "")
            await (route.fulfill(status=429, body=told) if asked else route.continue_())

        await person.page.route(person.link, refuse)
        await person.start()
        await person.button("другом телефоне").click()
        await expect(person.page.locator("#refusal")).to_have_text("<b>Слишком</b> часто.")
        await person.button("к человеку").click()
        await expect(person.page.locator("#help")).to_have_text(HELP)


async def test_another_device_gets_a_picture_and_an_address(chromium: Browser, standing: Faces) -> None:
    async with visit(chromium, standing, armed=("never_finishes",)) as person:
        await person.start()
        await person.filmed()
        await person.button("Не получается?").click()
        await person.button("другом телефоне").click()
        await expect(person.page.locator("#qr")).to_have_attribute("src", re.compile("^data:image/svg"))
        await person.page.evaluate("document.getElementById('qr').decode()")
        assert await person.page.evaluate("document.getElementById('qr').naturalWidth") > 100
        await person.button("Скопировать адрес").click()
        await expect(person.button("Адрес скопирован")).to_be_visible()
        address = await person.page.evaluate("navigator.clipboard.readText()")
        assert (await standing.tell(address, event="open"))["phase"] == "ready"
        await person.title(ELSEWHERE)
        assert set(await person.cameras()) == {"ended"}
        await expect(person.page.locator("#flow-widget")).to_be_empty()


async def test_the_page_of_biometric_kz(chromium: Browser, standing: Faces) -> None:
    """It opens beside, gets the camera, and the verdict comes to this tab by itself."""
    async with visit(chromium, standing, armed=("never_finishes",)) as person:
        await person.start()
        await person.filmed()
        session = await person.session()
        await person.button("Не получается?").click()
        async with person.page.context.expect_page() as opening:
            await person.button("на сайте biometric.kz").click()
        hosted = await opening.value
        assert f"/flow/{session}" in hosted.url
        assert await person.cameras() == ["ended"]
        await expect(hosted.get_by_text("Вернитесь туда, откуда пришли")).to_be_visible(timeout=10_000)
        await person.page.bring_to_front()
        await person.title("Проверка открыта в другой вкладке", 1)
        await person.title(PASSED, 15)
        assert person.events() == ["open", "hosted"]


async def test_in_a_mini_app(chromium: Browser, standing: Faces) -> None:
    """The launch is not this person's: the link still serves, by a press; and Telegram is asked for what it can do."""
    async with visit(chromium, standing, inject=TELEGRAM, script="missing", fragment=LAUNCH + NIGHT) as person:
        await expect(person.button("Начать")).to_be_visible()
        assert person.page.url == person.link
        assert (person.said[0]["event"], person.said[0]["init_data"]) == ("open", DATA)
        assert await person.page.locator("html").get_attribute("data-scheme") == "dark"
        await person.start()
        await person.button("в браузере телефона").click()
        await person.title("Продолжите в браузере")
        address = await person.page.locator("#address").inner_text()
        await person.button("Вернуться в чат").click()
        heard = await person.page.evaluate("window.heard")
        assert [name for name, _ in heard] == ["web_app_ready", "web_app_expand", "web_app_open_link", "web_app_close"]
        assert heard[2][1] == {"url": address}
        assert (await standing.tell(address, event="open"))["phase"] == "ready"


async def test_with_the_keyboard_alone(chromium: Browser, standing: Faces) -> None:
    async with visit(chromium, standing, script="missing", size=DESKTOP) as person:
        await person.page.keyboard.press("Tab")
        assert await person.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        await person.page.keyboard.press("Enter")
        await expect(person.button("Попробовать ещё раз")).to_be_visible()
        await expect(person.page.get_by_role("heading", level=1)).to_be_focused()
        for name in ("Попробовать", "другом телефоне", "на сайте", "к человеку"):
            await person.page.keyboard.press("Tab")
            await expect(person.button(name)).to_be_focused()
        await person.page.keyboard.press("Space")
        await expect(person.page.locator("#help")).to_be_visible()


async def axe(page: Page) -> list[str]:
    """What axe-core finds wrong: the rule, and the first thing that breaks it."""
    await page.evaluate(AXE)
    found: list[str] = await page.evaluate(BROKEN_RULES)
    return found


async def look(page: Page, name: str) -> None:
    """axe-core, our own audit, a picture to look at."""
    assert (name, await axe(page)) == (name, [])
    assert (name, await audit(page)) == (name, CLEAN)
    assert (name, await page.evaluate(SMALL)) == (name, 0)
    await asyncio.to_thread(KEPT.mkdir, parents=True, exist_ok=True)
    await page.screenshot(path=KEPT / f"{name}.png", full_page=True)


async def seen(person: Visit, name: str) -> None:
    """Every view, one after the other."""
    await expect(person.button("Начать")).to_be_visible()
    await look(person.page, f"{name}-first")
    await person.start()
    await person.filmed()
    await look(person.page, f"{name}-camera")
    await person.button("Не получается?").click()
    await person.button("другом телефоне").click()
    await expect(person.page.locator("#qr")).to_be_visible()
    await look(person.page, f"{name}-link")
    await finish(person, "fail_liveness")
    await look(person.page, f"{name}-checking")
    await person.title(FAILED, 15)
    await look(person.page, f"{name}-failed")
    await person.button("Попробовать ещё раз").click()
    await person.title(PASSED, 15)
    await look(person.page, f"{name}-passed")


async def finish(person: Visit, outcome: str) -> None:
    """The widget comes to its end, which it would not have done; the page hears of it first."""
    session = await person.session()
    await person.page.evaluate(FINISH)
    await person.title(CHECKING)
    await person.faces.arm(session, outcome)
    end = f"{person.faces.standing.sandbox.url}/biometric/flow/{session}/finish"
    async with person.faces.standing.session.post(end) as response:
        assert response.status == 200


async def test_everybody_can_read_and_press(chromium: Browser, standing: Faces) -> None:
    async def one(size: tuple[int, int], scheme: Scheme) -> None:
        async with visit(chromium, standing, size=size, scheme=scheme, armed=("never_finishes",)) as person:
            await seen(person, f"liveness-{size[0]}-{scheme}")

    async with asyncio.TaskGroup() as group:
        for size, scheme in product((PHONE, DESKTOP), SCHEMES):
            group.create_task(one(size, scheme), name=f"{size} {scheme}")


async def test_axe_would_find_something(chromium: Browser, standing: Faces) -> None:
    async with visit(chromium, standing) as person:
        await person.page.evaluate("document.getElementById('start').textContent = ''")
        assert [rule.partition(":")[0] for rule in await axe(person.page)] == ["button-name"]


async def test_without_scripts_it_still_says_where_to_go(chromium: Browser, standing: Faces) -> None:
    context = await chromium.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(await standing.link())
    await expect(page.locator("#late")).to_have_css("visibility", "visible", timeout=6000)
    await expect(page.locator("#late")).to_contain_text("вернитесь в чат")
    await context.close()


async def test_a_link_that_leads_nowhere_is_answered_with_a_page(chromium: Browser, standing: Faces) -> None:
    context = await chromium.new_context(locale="kk-KZ")
    page = await context.new_page()
    answer = await page.goto(f"{standing.standing.url}/liveness/{'x' * 52}")
    assert answer
    assert answer.status == 410
    await expect(page.get_by_role("heading", level=1)).to_have_text("Бұл бет енді керек емес")
    assert await page.get_by_role("link", name="Чатқа оралу").get_attribute("href") == CHAT
    assert await axe(page) == []
    await context.close()


async def test_it_is_small_enough_for_a_cheap_phone(chromium: Browser, standing: Faces) -> None:
    """All that our server sends before the widget, in the longest of the languages."""
    sizes: list[int] = []
    async with visit(chromium, standing, language="tg") as person:
        for name in (
            "page.css",
            "page.js",
            "screen.js",
            "door.js",
            "camera.js",
            "telegram.js",
            "widget.js",
            "keeping.js",
        ):
            async with standing.standing.session.get(f"{standing.standing.url}/liveness/{name}") as answer:
                assert answer.status == 200
                sizes.append(len(gzip.compress(await answer.read())))
        async with standing.standing.session.get(person.link) as answer:
            sizes.append(len(gzip.compress(await answer.read())))
    assert sum(sizes) < 20_000
