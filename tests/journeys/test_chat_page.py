"""The chat page in a real browser: a person writes, presses, shares and uploads, a toy bot answers, seen live."""

import asyncio
import contextlib
import io
import json
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest
from aiogram.utils.web_app import check_webapp_signature
from aiohttp.test_utils import TestServer
from browser import DESKTOP, PHONE, Scheme, audit, browser, opened
from echo import started
from PIL import Image
from playwright.async_api import Browser, Page, expect

from sandbox.app import make_app
from sandbox.telegram import TOKEN

KEPT = Path(__file__).parents[2] / "var" / "screenshots"
SETTLED = """() => Promise.all([
  ...document.getAnimations().filter((one) => one.effect.getTiming().iterations < 9).map((one) => one.finished),
  ...[...document.images].map((one) => one.decode()),
])"""
CLEAN = {"nameless": [], "small": [], "pale": [], "beyond": 0}


@dataclass
class Sandbox:
    url: str
    session: aiohttp.ClientSession

    @property
    def page(self) -> str:
        return f"{self.url}telegram/"

    async def bot(self, method: str, **given: object) -> None:
        async with self.session.post(f"{self.url}telegram/bot{TOKEN}/{method}", json=given) as answer:
            assert answer.status == 200

    async def act(self, user_id: int, **order: object) -> None:
        async with self.session.post(f"{self.url}telegram/_chat/{user_id}", json=order) as answer:
            assert answer.status == 200


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with browser() as running:
        yield running


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with TestServer(make_app(speed=0)) as server, aiohttp.ClientSession() as session:
        url = str(server.make_url("/"))
        bot = started(f"{url}telegram/bot{TOKEN}")
        yield Sandbox(url, session)
        bot.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await bot


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((900, 600)).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


async def say(page: Page, text: str) -> None:
    await page.get_by_label("Сообщение", exact=True).fill(text)
    await page.keyboard.press("Enter")


async def bubble(page: Page, text: str) -> None:
    await expect(page.locator(".bubble").filter(has_text=text).last).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_a_whole_chat(
    chromium: Browser, sandbox: Sandbox, tmp_path: Path, size: tuple[int, int], scheme: Scheme
) -> None:
    numbers = count(1)

    async def look(page: Page) -> None:
        """Kept for a person's eyes, and looked at by the audit."""
        await page.evaluate(SETTLED)
        path = tmp_path / f"chat-{size[0]}-{scheme}-{next(numbers)}.png"
        await page.screenshot(path=path)
        await asyncio.to_thread(shutil.copy, path, KEPT)
        assert await audit(page) == CLEAN

    KEPT.mkdir(parents=True, exist_ok=True)
    async with opened(chromium, sandbox.page, size, scheme) as page:
        await expect(page.get_by_role("heading", name="Кем писать боту?")).to_be_visible()
        await look(page)
        await page.get_by_role("button", name="Шарипов Далер").click()
        await expect(page.get_by_text("Покажите паспорт.")).to_be_visible()
        await look(page)
        await page.get_by_role("button", name="Начать", exact=True).click()
        await bubble(page, "Узнаем вас за минуту")
        await page.get_by_role("button", name="Паспорт").click()
        await bubble(page, "Выбрано: passport")
        await expect(page.get_by_role("alert")).to_have_text("Принято")
        await expect(page.locator(".bubble")).to_have_count(2)
        await say(page, "номер")
        await look(page)
        await page.get_by_role("button", name="Поделиться номером").click()
        await bubble(page, "Спасибо, Далер!")
        await bubble(page, "992900000003")
        await expect(page.get_by_role("button", name="Поделиться номером")).to_have_count(0)
        await page.get_by_role("button", name="Прикрепить").click()
        await look(page)
        async with page.expect_file_chooser() as chooser:
            await page.get_by_role("button", name="Фото").click()
        await (await chooser.value).set_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture()})
        await bubble(page, "Прочитано: photo")
        await expect(page.locator(".photo")).to_have_count(0)
        await say(page, "подумай")
        await expect(page.locator("#status")).to_have_text("печатает")
        await look(page)


async def test_the_picture_is_there_until_the_bot_deletes_it(chromium: Browser, sandbox: Sandbox) -> None:
    async with opened(chromium, sandbox.page + "#3") as page:
        await expect(page.get_by_role("button", name="Начать", exact=True)).to_be_visible()
        await sandbox.act(3, text="раз")
        await bubble(page, "эхо: раз")
        await page.evaluate("(bytes) => upload('photo', [new File([new Uint8Array(bytes)], 'a.jpg')])", list(picture()))
        await page.wait_for_function("document.querySelector('.photo img, .gone')")
        await expect(page.locator(".photo")).to_have_count(0)


@pytest.mark.parametrize("kind", ["photo", "document"])
async def test_a_sample_paper_goes_out_with_one_click(chromium: Browser, sandbox: Sandbox, kind: str) -> None:
    await sandbox.act(3, text="/start")
    async with opened(chromium, sandbox.page + "#3") as page:
        await bubble(page, "Узнаем вас за минуту")
        await page.get_by_role("button", name="Прикрепить").click()
        await expect(page.get_by_role("button", name="Селфи")).to_be_visible()
        if kind == "document":
            await page.get_by_label("отправлять файлом").check()
        await page.get_by_role("button", name="Лицо", exact=True).click()
        await bubble(page, f"Прочитано: {kind}")


async def test_two_people_at_once(chromium: Browser, sandbox: Sandbox) -> None:
    await sandbox.act(1, text="/start")
    await sandbox.act(2, text="/start")
    async with opened(chromium, sandbox.page + "#1") as page:
        await bubble(page, "Узнаем вас за минуту")
        people = page.get_by_role("complementary", name="Люди").get_by_role("listitem")
        await expect(people).to_have_count(2)
        await sandbox.act(2, text="это Мадина")
        await expect(people.nth(1)).to_contain_text("есть новое")
        await people.nth(1).get_by_role("button").click()
        await bubble(page, "эхо: это Мадина")
        await expect(people.nth(1)).not_to_contain_text("есть новое")
        await page.get_by_role("button", name="Ещё один человек").click()
        await page.get_by_text("Придумать человека").click()
        await page.get_by_label("Имя", exact=True).fill("Сино")
        await page.get_by_label("Телефон", exact=True).fill("+992 93 123 45 67")
        await page.get_by_label("Язык").select_option("tg")
        await page.get_by_role("button", name="Войти").click()
        await expect(page.locator("#me")).to_have_text("Вы: Сино, +992931234567")
        await expect(people).to_have_count(3)


async def test_a_phone_changes_people_in_a_sheet(chromium: Browser, sandbox: Sandbox) -> None:
    await sandbox.act(1, text="раз")
    await sandbox.act(2, text="два")
    async with opened(chromium, sandbox.page + "#1", PHONE) as page:
        await bubble(page, "эхо: раз")
        await page.get_by_role("button", name="Сменить человека").click()
        assert await audit(page) == CLEAN
        await page.get_by_role("button", name="Мадина").click()
        await bubble(page, "эхо: два")
        await expect(page.get_by_role("button", name="Закрыть список")).not_to_be_in_viewport()


async def test_by_keyboard_alone(chromium: Browser, sandbox: Sandbox) -> None:
    async with opened(chromium, sandbox.page) as page:
        await expect(page.get_by_role("heading", name="Кем писать боту?")).to_be_visible()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await page.keyboard.type("Саидов")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Начать", exact=True)).to_be_focused()
        await page.keyboard.press("Enter")
        await bubble(page, "Узнаем вас за минуту")
        await expect(page.get_by_label("Сообщение", exact=True)).to_be_focused()
        for _ in range(6):
            await page.keyboard.press("Shift+Tab")
            if await page.evaluate("document.activeElement.textContent") == "Загран":
                break
        await page.keyboard.press("Shift+Tab")
        await page.keyboard.press("Enter")
        await bubble(page, "Выбрано:")


async def test_commands_edits_blocking_and_alerts(chromium: Browser, sandbox: Sandbox) -> None:
    await sandbox.act(5, text="/start")
    async with opened(chromium, sandbox.page + "#5") as page:
        await bubble(page, "Узнаем вас за минуту")
        await page.get_by_role("button", name="Загран").click()
        await expect(page.get_by_role("dialog")).to_contain_text("Принято")
        await page.get_by_role("button", name="Понятно").click()
        await page.get_by_role("button", name="Команды бота").click()
        await page.get_by_role("button", name="Что здесь можно").click()
        await bubble(page, "эхо: /help")
        await say(page, "опечятка")
        await bubble(page, "эхо: опечятка")
        await page.get_by_role("button", name="Изменить: опечятка").click()
        await say(page, "опечатка")
        await expect(page.locator(".row.user").last).to_contain_text("изменено")
        await page.get_by_role("button", name="Ещё", exact=True).click()
        await page.get_by_role("button", name="Заблокировать бота").click()
        await page.get_by_role("button", name="Разблокировать", exact=True).click()
        await say(page, "снова тут")
        await bubble(page, "эхо: снова тут")
        await page.get_by_role("button", name="Ещё", exact=True).click()
        await page.get_by_role("button", name="Очистить чат").click()
        await expect(page.get_by_role("button", name="Начать", exact=True)).to_be_visible()


async def test_whatever_is_written_stays_text(chromium: Browser, sandbox: Sandbox) -> None:
    hostile = "<img src=x onerror=document.title='!'> javascript:alert(1) https://example.org/?a=<b>"
    await sandbox.act(4, text="раз", user={"first_name": hostile[:60]})
    await sandbox.bot("sendMessage", chat_id=4, text=hostile, reply_markup={"keyboard": [[{"text": hostile[:40]}]]})
    async with opened(chromium, sandbox.page + "#4") as page:
        await bubble(page, hostile)
        assert await page.title() == "Шинос — чат с ботом"
        assert await page.locator(".bubble a").get_attribute("href") == "https://example.org/?a="


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_mini_app_opens_in_a_tab_and_is_told_who_pressed(
    chromium: Browser, sandbox: Sandbox, scheme: Scheme
) -> None:
    await sandbox.act(3, text="раз")
    app = {"text": "Проверка лица", "web_app": {"url": f"{sandbox.url}_health"}}
    await sandbox.bot("sendMessage", chat_id=3, text="Покажите лицо", reply_markup={"inline_keyboard": [[app]]})
    async with opened(chromium, sandbox.page + "#3", scheme=scheme) as page:
        async with page.context.expect_page() as tab:
            await page.get_by_role("button", name="Проверка лица").click()
        address = urlsplit((await tab.value).url)
        assert address.path == "/_health"
        handed = dict(parse_qsl(address.fragment))
        assert check_webapp_signature(TOKEN, handed["tgWebAppData"])
        assert json.loads(handed["tgWebAppThemeParams"])["bg_color"] == {"light": "#ffffff", "dark": "#1b2225"}[scheme]


async def test_its_policy_allows_nothing_from_elsewhere(sandbox: Sandbox) -> None:
    async with sandbox.session.get(sandbox.page) as page:
        policy, text = page.headers["Content-Security-Policy"], await page.text()
    nonce = policy.partition("script-src 'nonce-")[2].partition("'")[0]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert text.count("<script") == text.count(f'<script nonce="{nonce}"')
    assert re.findall(r"(?:src|href|action)=\"(?!/|#|data:,)[^\"]*|@import|url\(\"(?!data:)[^\"]*", text) == []
