"""The sandbox's Aitu Passport pages in a real browser without scripts: through to the bank, or refused."""

import asyncio
import importlib.resources
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from browser import DESKTOP, PHONE, Scheme, audit, browser
from playwright.async_api import Browser, Page, expect

from sandbox.aitu_console import CLIENT_ID
from sandbox.app import make_app

KEPT = Path(__file__).parents[2] / "var" / "screenshots"
CLEAN = {"nameless": [], "small": [], "pale": [], "beyond": 0}
AXE = (importlib.resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
BROKEN_RULES = f"""async () => (await axe.run({{ runOnly: {RULES} }})).violations
  .map((rule) => `${{rule.id}}: ${{rule.nodes[0].html}}`)"""
NUMBER, IIN = "+77071234567", "900101300126"
NOT_FOUND = "ИИН не найден в базе данных государственного органа."
SCREENS: list[tuple[tuple[int, int], Scheme]] = [
    (size, scheme) for size in (PHONE, DESKTOP) for scheme in ("light", "dark")
]


@dataclass
class Aitu:
    """The sandbox, and a bank on another origin that shows what came back to it."""

    url: str
    bank: str
    http: aiohttp.ClientSession

    def address(self, **changes: str) -> str:
        asked = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": f"{self.bank}aitu/callback",
            "scope": "openid phone idpc_verification",
            "state": "a state of 128 bits",
        }
        return f"{self.url}aitu/oauth2/auth?{urlencode(asked | changes)}"

    async def code(self) -> str:
        async with self.http.get(f"{self.url}sms/outbox", params={"to": NUMBER}) as answer:
            return str((await answer.json())[-1]["text"][:6])


async def _back(request: web.Request) -> web.Response:
    lines = "\n".join(f"{name}={value}" for name, value in request.query.items())
    return web.Response(
        text=f"<!doctype html><title>bank</title><link rel=icon href=data:,><pre>{lines}</pre>",
        content_type="text/html",
    )


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with browser() as running:
        yield running


@pytest.fixture
async def aitu() -> AsyncIterator[Aitu]:
    bank = web.Application()
    bank.add_routes([web.get("/aitu/callback", _back)])
    async with TestServer(make_app(speed=0)) as sandbox, TestServer(bank) as server, aiohttp.ClientSession() as http:
        yield Aitu(str(sandbox.make_url("/")), str(server.make_url("/")), http)


@asynccontextmanager
async def visit(
    chromium: Browser, url: str, size: tuple[int, int] = PHONE, scheme: Scheme = "light", *, script: bool = False
) -> AsyncIterator[Page]:
    """Scripts only where axe-core must look; nothing may be complained of, nor loaded."""
    complaints: list[str] = []
    context = await chromium.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, java_script_enabled=script, locale="ru"
    )
    page = await context.new_page()
    page.on("console", lambda line: complaints.append(line.text))
    page.on("requestfailed", lambda one: complaints.append(one.url))
    await page.goto(url)
    yield page
    await context.close()
    assert complaints == []


async def look(page: Page, name: str) -> None:
    """axe-core, our own audit, a picture to look at."""
    assert (name, await page.evaluate(f"() => {{ {AXE} }}")) == (name, None)
    assert (name, await page.evaluate(BROKEN_RULES)) == (name, [])
    assert (name, await audit(page)) == (name, CLEAN)
    await asyncio.to_thread(KEPT.mkdir, parents=True, exist_ok=True)
    await page.screenshot(path=KEPT / f"aitu-{name}.png", full_page=True)


async def test_a_person_logs_in(chromium: Browser, aitu: Aitu) -> None:
    async with visit(chromium, aitu.address(phone=NUMBER[1:])) as page:
        await expect(page.get_by_label("Телефон")).to_have_value(NUMBER)
        await page.get_by_label("ИИН").fill(IIN)
        await page.get_by_role("button", name="Продолжить").click()
        await page.get_by_label("Код из СМС").fill(await aitu.code())
        await page.get_by_role("button", name="Продолжить").click()
        await expect(page.get_by_text("данные из государственной базы (ЦОИД)")).to_be_visible()
        await page.get_by_role("button", name="Разрешить").click()
        await expect(page.locator("pre")).to_contain_text("code=")
        await expect(page.locator("pre")).to_contain_text("state=a state of 128 bits")
        assert page.url.startswith(aitu.bank)


async def test_with_the_keyboard_alone(chromium: Browser, aitu: Aitu) -> None:
    async with visit(chromium, aitu.address()) as page:
        await page.keyboard.press("Tab")
        await page.keyboard.type("8 707 123 45 67")
        await page.keyboard.press("Tab")
        await page.keyboard.type(IIN)
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("Код из СМС")).to_be_focused()
        await page.keyboard.type(await aitu.code())
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Банк просит ваши данные")
        for name in ("Разрешить", "Отказаться"):
            await page.keyboard.press("Tab")
            await expect(page.get_by_role("button", name=name)).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("pre")).to_contain_text("error=access_denied")


async def test_a_refusal_of_coid_and_three_ways_on(chromium: Browser, aitu: Aitu) -> None:
    async def refused(page: Page) -> None:
        await page.get_by_label("Телефон").fill(NUMBER)
        await page.get_by_label("ИИН").fill("000000000003")
        await page.get_by_role("button", name="Продолжить").click()
        await page.get_by_label("Код из СМС").fill(await aitu.code())
        await page.get_by_role("button", name="Продолжить").click()
        await expect(page.get_by_role("alert")).to_contain_text(NOT_FOUND)

    async with visit(chromium, aitu.address()) as page:
        await refused(page)
        await page.get_by_role("button", name="Ввести другой ИИН").click()
        await expect(page.get_by_label("ИИН")).to_have_value("")
        await refused(page)
        await page.get_by_role("button", name="Закрыть").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Страницу можно закрыть")
    async with visit(chromium, aitu.address()) as page:
        await refused(page)
        await page.get_by_role("button", name="Вернуться в банк").click()
        await expect(page.locator("pre")).to_contain_text("error=access_denied")
        await expect(page.locator("pre")).to_contain_text(f"error_description={NOT_FOUND}")


async def test_an_error_button(chromium: Browser, aitu: Aitu) -> None:
    async with visit(chromium, aitu.address()) as page:
        await page.get_by_role("button", name="userdatavalidatorid").click()
        await expect(page.locator("pre")).to_contain_text("userdatavalidatorid is not registered")


async def test_a_link_of_nobody_stays_here(chromium: Browser, aitu: Aitu) -> None:
    context = await chromium.new_context(java_script_enabled=False)
    page = await context.new_page()
    answer = await page.goto(aitu.address(redirect_uri="https://evil.example.com/aitu/callback"))
    assert answer is not None
    assert answer.status == 400
    await expect(page.get_by_role("heading", level=1)).to_have_text("Войти нельзя")
    assert await page.locator("form, a").count() == 0
    await context.close()


@pytest.mark.parametrize(("locale", "allow"), [("ru", "Разрешить"), ("kk", "Рұқсат беру"), ("en", "Allow")])
async def test_everybody_can_read_and_press(chromium: Browser, aitu: Aitu, locale: str, allow: str) -> None:
    for size, scheme in SCREENS if locale == "ru" else SCREENS[:1]:
        name = f"{locale}-{size[0]}-{scheme}"
        async with visit(chromium, aitu.address(locale=locale), size, scheme, script=True) as page:
            await look(page, f"{name}-login")
            await page.locator("#phone").fill(NUMBER)
            await page.locator("#iin").fill("12")
            await page.locator("button.main").click()
            await look(page, f"{name}-iin")
            await page.locator("#iin").fill("000000000001")
            await page.locator("button.main").click()
            await page.locator("#code").fill(await aitu.code())
            await look(page, f"{name}-code")
            await page.locator("button.main").click()
            await look(page, f"{name}-refused")
            await page.locator("button.main").click()
            await page.locator("#iin").fill(IIN)
            await page.locator("button.main").click()
            await page.locator("#code").fill(await aitu.code())
            await page.locator("button.main").click()
            await expect(page.get_by_role("button", name=allow)).to_be_visible()
            await look(page, f"{name}-consent")


async def test_a_page_may_be_wished_light(chromium: Browser, aitu: Aitu) -> None:
    async with visit(chromium, aitu.address(theme="light"), scheme="dark", script=True) as page:
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(244, 245, 249)"
        await look(page, "wished-light")
