"""Headless Chromium on a page, and what a page must never do: complain, overflow, hide a name, be too pale or small."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal, TypedDict

from playwright.async_api import Browser, Page, async_playwright, expect

CHROMIUM = "/usr/bin/chromium-headless-shell"
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
"""A green picture that moves, given without asking."""
PHONE, DESKTOP = (360, 740), (1280, 800)
Scheme = Literal["light", "dark"]
expect.set_options(timeout=20_000)  # what is to be seen is waited for longer on a machine that is busy


class Faults(TypedDict):
    """Of what is visible: controls without a name or under 24 px, texts under 4.5:1, pixels beyond the right edge."""

    nameless: list[str]
    small: list[str]
    pale: list[str]
    beyond: int


# Colours go through a canvas, so that oklch() and color-mix() become numbers; pictures as backgrounds are passed over.
AUDIT = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, index) => sum + c * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.backgroundImage !== "none") return null;
      const color = rgba(style.backgroundColor);
      if (color[3] > 200) return color;
    }
    return [255, 255, 255, 255];
  };
  const seen = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true })
    && element.getBoundingClientRect().width > 1 && !element.closest("[inert]");
  const told = (element) => element.outerHTML.slice(0, 120);
  const controls = [...document.querySelectorAll("button, a[href], input, textarea, select, summary")].filter(seen);
  const named = (one) => one.innerText?.trim() || one.ariaLabel || one.labels?.length
    || one.querySelector("img[alt]:not([alt=''])");
  const texts = [...document.querySelectorAll("body *")].filter((one) => seen(one)
    && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  const pale = texts.filter((one) => {
    const back = ground(one);
    if (!back) return false;
    const [low, high] = [light(rgba(getComputedStyle(one).color)), light(back)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05) < 4.5;
  });
  const small = (one) => {
    const { width, height } = one.getBoundingClientRect();
    return !one.closest(".text") && (width < 24 || height < 24);
  };
  return {
    nameless: controls.filter((one) => !named(one)).map(told),
    small: controls.filter(small).map(told),
    pale: pale.map(told),
    beyond: Math.max(0, document.documentElement.scrollWidth - innerWidth),
  };
}"""


async def audit(page: Page) -> Faults:
    """What is wrong with the page as it stands now; see `Faults`."""
    found: Faults = await page.evaluate(AUDIT)
    return found


@asynccontextmanager
async def browser(*flags: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
        yield chromium
        await chromium.close()


@asynccontextmanager
async def opened(
    chromium: Browser, url: str, size: tuple[int, int] = DESKTOP, scheme: Scheme = "light"
) -> AsyncIterator[Page]:
    """A tab that fails at its end when anything stood in its console."""
    complaints: list[str] = []
    context = await chromium.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, locale="ru", has_touch=size == PHONE
    )
    page = await context.new_page()
    page.on("console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(url)
    yield page
    await context.close()
    assert complaints == []
