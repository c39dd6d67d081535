"""The page before and after Aitu Passport in a real browser: what it says, to everybody, in each language."""

import asyncio
from collections.abc import AsyncIterator
from itertools import product

import pytest
from alive import link_of
from browser import DESKTOP, PHONE, Scheme, browser, opened
from chat_stand import HELP, ChatStand
from logins import Browser as Cookies
from logins import Citizen, citizen
from playwright.async_api import Browser, Page, expect
from test_liveness_page import SCHEMES, axe, look

from flows.texts import LANGUAGES, Text, render


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with browser() as started:
        yield started


@pytest.fixture
def chats(of_two_ways: ChatStand) -> ChatStand:
    return of_two_ways


async def stands(page: Page, phase: str, language: str = "ru") -> None:
    heading = render(Text(key=f"aitu.page.{phase}_title"), language)
    await expect(page.get_by_role("heading", level=1)).to_have_text(heading, timeout=20_000)


async def with_cookies(page: Page, cookies: Cookies, link: str) -> None:
    known = [{"name": name, "value": value, "url": link} for name, value in cookies.cookies.items()]
    await page.context.add_cookies(known)  # type: ignore[arg-type]


async def each_state(page: Page, person: Citizen, link: str, name: str) -> None:
    await stands(page, "start")
    await expect(page.locator("main")).to_contain_text(f"*{person.phone[-4:]}")
    await expect(page.locator("main")).to_contain_text(HELP)
    await look(page, f"login-{name}-start")
    cookies = Cookies()
    leaves = await cookies.leave(link)
    await page.reload()
    await stands(page, "elsewhere")
    await look(page, f"login-{name}-elsewhere")
    await with_cookies(page, cookies, link)
    await page.reload()
    await stands(page, "leaving")
    await look(page, f"login-{name}-leaving")
    await page.goto(await cookies.log_in(leaves, person.phone, decision="refuse"))
    await stands(page, "failed")
    await expect(page.locator("main")).to_contain_text(person.words("error.login_cancelled"))
    await look(page, f"login-{name}-failed")
    again = link_of(await person.told("error.login_cancelled"))
    await page.goto(again)
    await page.goto(await cookies.log_in(await cookies.leave(again), person.phone))
    await person.is_shown()
    await stands(page, "passed")
    await look(page, f"login-{name}-passed")
    await page.goto(f"{link.rpartition('/')[0]}/{'x' * 52}")
    await stands(page, "over")
    await look(page, f"login-{name}-over")


async def test_everybody_can_read_and_press(chromium: Browser, chats: ChatStand) -> None:
    async def one(size: tuple[int, int], scheme: Scheme) -> None:
        person = citizen(chats)
        link = await person.to_login()
        context = await chromium.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, locale="ru", has_touch=size == PHONE
        )
        page = await context.new_page()
        await page.goto(link)
        await each_state(page, person, link, f"{size[0]}-{scheme}")
        await context.close()

    async with asyncio.TaskGroup() as group:
        for size, scheme in product((PHONE, DESKTOP), SCHEMES):
            group.create_task(one(size, scheme))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_in_the_persons_language(chromium: Browser, chats: ChatStand, language: str) -> None:
    person = citizen(chats, language)
    async with opened(chromium, await person.to_login(), PHONE) as page:
        await stands(page, "start", language)
        assert await page.locator("html").get_attribute("lang") == language
        assert await axe(page) == []


async def test_the_check_ends_before_ones_eyes(chromium: Browser, chats: ChatStand) -> None:
    """While the code is exchanged the page waits, and looks again by itself."""
    person, cookies = citizen(chats), Cookies()
    link = await person.to_login()
    back = await cookies.log_in(await cookies.leave(link), person.phone)
    order = {"upstream": "aitu", "kind": "slow", "delay": 2.0, "times": 1}
    async with chats.session.post(f"{chats.sandbox.url}/_faults", json=order) as response:
        assert response.status == 200, await response.text()
    async with opened(chromium, link, PHONE) as page:
        await with_cookies(page, cookies, link)
        await page.goto(back)
        await stands(page, "checking")
        await expect(page.locator("#ring")).to_be_visible()
        assert await axe(page) == []
        await stands(page, "passed")
        await expect(page.locator("#ring")).to_be_hidden()


async def test_without_a_script_it_works_too(chromium: Browser, chats: ChatStand) -> None:
    person = citizen(chats)
    context = await chromium.new_context(java_script_enabled=False, locale="ru")
    page = await context.new_page()
    await page.goto(await person.to_login())
    await page.get_by_role("button", name=person.words("aitu.page.go")).click()
    await expect(page.locator("#phone")).to_have_value(person.phone)
    await context.close()


async def test_a_stranger_is_told_so_on_a_page(chromium: Browser, chats: ChatStand) -> None:
    person, cookies = citizen(chats), Cookies()
    back = await cookies.log_in(await cookies.leave(await person.to_login()), person.phone)
    context = await chromium.new_context(locale="kk-KZ")
    page = await context.new_page()
    answer = await page.goto(back)
    assert answer
    assert answer.status == 403
    await stands(page, "foreign", "kk")
    assert await axe(page) == []
    await context.close()
