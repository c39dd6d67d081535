"""From a person who opens the chat page to the support agent's card: `shinos up`, a browser, JPEG files, README."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from browser import FAKE_CAMERA, PHONE, audit, browser, opened
from playwright.async_api import Browser, Page, expect
from readme import ROOT, block
from test_chat_page import CLEAN, KEPT, SETTLED, bubble, say
from test_readme import Up, up

DALER = 3
PHONE_OF_DALER = "+992900000003"
ARMAN = 21
PHONE_OF_ARMAN, IIN = "+77071234567", "900101300126"
WORD = "горный ветер"


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with browser(*FAKE_CAMERA) as started:
        yield started


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Up]:
    with up(tmp_path) as addresses:
        yield addresses


async def paper(running: Up, page: str, folder: Path) -> Path:
    """A real JPEG file."""
    url, file = f"{running.sandbox}/_people/C-00000{DALER}/{page}.jpg?n=41", folder / f"{page}.jpg"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        file.write_bytes(await response.read())
    return file


async def upload(page: Page, file: Path, how: str) -> None:
    await page.get_by_role("button", name="Прикрепить").click()
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("button", name=how, exact=False).first.click()
    await (await chooser.value).set_files(file)


async def look_into_the_camera(chat: Page, folder: Path) -> None:
    """The button opens the Mini App, the widget runs with the camera, and the chat goes on by itself."""
    button = chat.get_by_role("button", name="Показать, что это я")
    await expect(button).to_be_visible(timeout=20_000)
    async with chat.expect_popup() as opening:
        await button.click()
    page = await opening.value
    await page.locator("#start").click()
    await expect(page.locator("#flow-widget video")).to_be_visible(timeout=20_000)
    await page.screenshot(path=folder / "camera.png")
    await asyncio.to_thread(shutil.copy, folder / "camera.png", KEPT / "looking-into-the-camera.png")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Готово, это вы", timeout=20_000)
    await page.close()


async def test_from_start_to_the_card(chromium: Browser, running: Up, tmp_path: Path) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    async with opened(chromium, f"{running.sandbox}/telegram/#{DALER}", PHONE) as page:
        await page.get_by_role("button", name="Начать", exact=True).click()
        await page.get_by_role("button", name="Таджикистан").click(timeout=40_000)
        await expect(page.get_by_role("button", name="Согласен", exact=True)).to_be_visible(timeout=20_000)
        await page.get_by_role("button", name="Согласен", exact=True).click()
        await page.get_by_role("button", name="Поделиться номером").click()
        await page.get_by_role("button", name="Новый: пластиковая карта").click()
        await bubble(page, "лицевую сторону")
        await upload(page, await paper(running, "front", tmp_path), "Файл")
        await expect(page.locator(".bubble").filter(has_text="обратную сторону").last).to_be_visible(timeout=20_000)
        await upload(page, await paper(running, "back", tmp_path), "Фото")
        await expect(page.locator(".bubble").filter(has_text="ваше лицо").last).to_be_visible(timeout=20_000)
        await upload(page, await paper(running, "selfie", tmp_path), "Файл")
        await look_into_the_camera(page, tmp_path)
        await expect(page.locator(".bubble").filter(has_text="кодовое слово").last).to_be_visible(timeout=20_000)
        await say(page, WORD)
        await bubble(page, "ещё раз")
        await say(page, WORD)
        await bubble(page, "банк вас узнал")
        await expect(page.locator(".bubble").filter(has_text=WORD)).to_have_count(0)
        await page.evaluate(SETTLED)
        await page.screenshot(path=tmp_path / "identified.png")
        await asyncio.to_thread(shutil.copy, tmp_path / "identified.png", KEPT / "identified-in-the-browser.png")
        assert await audit(page) == CLEAN
    told = await asyncio.to_thread(pasted, running)
    assert '"*0021"' in told
    assert all(f'"{method}"' in told for method in ("contact", "document", "selfie", "liveness", "code", "secret_word"))


async def log_in(chat: Page) -> None:
    """The button opens a browser, which goes to Aitu Passport and back, and the chat goes on by itself."""
    button = chat.get_by_role("button", name="Войти через Aitu Passport")
    await expect(button).to_be_visible(timeout=20_000)
    async with chat.expect_popup() as opening:
        await button.click()
    page = await opening.value
    await expect(page.get_by_role("heading", level=1)).to_have_text("Вход через Aitu Passport")
    await page.get_by_role("button", name="Продолжить").click()
    await page.locator("#iin").fill(IIN)
    await page.get_by_role("button", name="Продолжить").click()
    if await page.locator("#code").is_visible():
        async with aiohttp.ClientSession() as session:
            await page.locator("#code").fill(await sms(session, page.url, PHONE_OF_ARMAN))
        await page.get_by_role("button", name="Продолжить").click()
    await page.get_by_role("button", name="Разрешить").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Готово, вы вошли", timeout=20_000)
    assert "code" not in page.url
    await page.close()


async def sms(session: aiohttp.ClientSession, page: str, phone: str) -> str:
    """The newest code that the sandbox has sent there."""
    url = f"{'/'.join(page.split('/')[:3])}/sms/outbox"
    async with session.get(url, params={"to": phone, "last": "1"}) as response:
        found = re.search("[0-9]{6}", (await response.json())[0]["text"])
        assert found
        return found[0]


async def test_from_kazakhstan_to_the_card(chromium: Browser, running: Up) -> None:
    async with opened(chromium, f"{running.sandbox}/telegram/#{ARMAN}", PHONE) as page:
        await page.get_by_role("button", name="Начать", exact=True).click()
        await page.get_by_role("button", name="Казахстан").click(timeout=40_000)
        await page.get_by_role("button", name="Согласен", exact=True).click()
        await page.get_by_role("button", name="Поделиться номером").click()
        await log_in(page)
        await bubble(page, "Арман Бекұлы С.")
        await page.get_by_role("button", name="Да, это я").click()
        await expect(page.locator(".bubble").filter(has_text="кодовое слово").last).to_be_visible(timeout=20_000)
        await say(page, WORD)
        await bubble(page, "ещё раз")
        await say(page, WORD)
        await bubble(page, "банк вас узнал")
    told = await asyncio.to_thread(pasted, running, PHONE_OF_ARMAN)
    assert '"УДОСТОВЕРЕНИЕ ЛИЧНОСТИ РК"' in told
    assert f'"{IIN}"' in told
    assert all(f'"{method}"' in told for method in ("contact", "aitu", "person", "code", "secret_word"))


def pasted(running: Up, phone: str = PHONE_OF_DALER) -> str:
    """What the README's lines print, pasted into a shell for that person and their new word."""
    lines = block("ru", "tests/journeys/test_readme.py").replace("+79221234567", phone).replace("ромашка", WORD)
    lines = lines.replace("http://127.0.0.1:8080", running.api).replace("http://127.0.0.1:8081", running.sandbox)
    done = subprocess.run(["bash", "-c", lines], cwd=ROOT, env=os.environ, capture_output=True, text=True, check=True)
    return done.stdout
