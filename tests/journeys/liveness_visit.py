"""A person at the liveness page in a real browser, whose camera is a fake one, or broken in a chosen way."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from browser import PHONE, Scheme
from liveness_stand import Faces
from playwright.async_api import Browser, Locator, Page, Request, Route, expect

PANEL_SECONDS = 8
"""Within so long after a fault the page must offer a way out."""
LATE = 7.5
"""Seconds until a script comes late; the page waits for 6."""
CAMERA, CHECKING, PASSED, FAILED = "Посмотрите в камеру", "Проверяем", "Готово, это вы", "Пока не получилось"
TROUBLE, ELSEWHERE, OVER = "Пока не получается", "Проверка идёт на другом устройстве", "Эта страница больше не нужна"

_MENDED = "localStorage.setItem('mended', 'yes')"
_SCRIPTS = {
    "empty": "0",
    "throws": "window.FlowWidget = { startSession() { throw new Error('no'); } }",
    "silent": "window.FlowWidget = { startSession() {} }",
    "form": """window.FlowWidget = { startSession: ({ selector }) => document.querySelector(selector)
      .append(Object.assign(document.createElement("input"), { ariaLabel: "1414" })) }""",
}
"""What may come in place of the widget's script; "missing" and "late" are the network's doing."""


def refusing(error: str) -> str:
    return f"navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('', '{error}'); }};"


def showing(draw: str) -> str:
    """A camera whose picture is drawn with `pen`, ten times a second; `n` counts the pictures."""
    return f"""navigator.mediaDevices.getUserMedia = async () => {{
      const canvas = Object.assign(document.createElement("canvas"), {{ width: 320, height: 240 }});
      const pen = canvas.getContext("2d");
      let n = 0;
      const draw = () => {{ {draw}; n += 1; }};
      draw();
      setInterval(draw, 100);
      return canvas.captureStream(10);
    }};"""


@dataclass
class Visit:
    """`armed`: what the sandbox does with this visit's sessions, in that order. `script`: see `_SCRIPTS`.

    `said` is what the page told our server, `sent_for` when it last asked for the widget.
    """

    page: Page
    link: str
    faces: Faces
    armed: list[str]
    script: str
    said: list[dict[str, Any]] = field(default_factory=list)
    sent_for: float = 0

    def events(self) -> list[str]:
        """What was said besides looking."""
        return [said["event"] for said in self.said if said["event"] != "look"]

    async def says(self, event: str) -> None:
        """It is told after what is just being told."""
        for _ in range(100):
            if event in self.events():
                return
            await asyncio.sleep(0.05)
        raise TimeoutError(event)

    def button(self, name: str) -> Locator:
        """A button, or a link that looks like one."""
        return self.page.locator(".button:visible").filter(has_text=name)

    async def start(self) -> None:
        await self.page.locator("#start").click()

    async def title(self, text: str, seconds: float = 8) -> None:
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(text, timeout=seconds * 1000)

    async def filmed(self) -> None:
        """The widget has its camera, and shows it."""
        await expect(self.page.locator("#flow-widget video")).to_be_visible(timeout=10_000)

    async def mend(self) -> None:
        """From the next load on, camera and widget are as they should be."""
        self.script = ""
        await self.page.evaluate(_MENDED)

    async def cameras(self) -> list[str]:
        """How the tracks stand that any getUserMedia of this page has given."""
        found: list[str] = await self.page.evaluate("window.given.map((track) => track.readyState)")
        return found

    def hear(self, request: Request) -> None:
        if request.method == "POST" and request.url == self.link:
            self.said.append(json.loads(request.post_data or "{}"))

    async def session(self) -> str:
        """Of biometric.kz, as this browser is told it."""
        device = await self.page.evaluate("JSON.parse(sessionStorage[sessionStorage.key(0)]).device")
        return str((await self.faces.tell(self.link, event="look", device=device))["session"])

    async def bring(self, route: Route) -> None:
        """The widget's script, in time to be armed before it starts."""
        self.sent_for = time.monotonic()
        if self.armed:
            await self.faces.arm(await self.session(), self.armed.pop(0))
        if self.script == "missing":
            await route.abort()
        elif self.script in _SCRIPTS:
            free = {"Access-Control-Allow-Origin": "*"}
            await route.fulfill(body=_SCRIPTS[self.script], content_type="text/javascript", headers=free)
        else:
            await asyncio.sleep(LATE if self.script == "late" else 0)
            await route.continue_()


_REMEMBERED = """window.given = [];
if (navigator.mediaDevices) {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await real(wanted);
    window.given.push(...stream.getTracks());
    return stream;
  };
}"""


@asynccontextmanager
async def visit(
    chromium: Browser,
    faces: Faces,
    *,
    language: str = "ru",
    armed: tuple[str, ...] = (),
    script: str = "",
    inject: str = "",
    size: tuple[int, int] = PHONE,
    scheme: Scheme = "light",
    fragment: str = "",
) -> AsyncIterator[Visit]:
    """Somebody new opens their link. `inject` runs before the page's scripts, until it is mended.

    No script may fail meanwhile, and none complain; what the network does is not their fault.
    """
    failed: list[str] = []
    context = await chromium.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, locale="ru", has_touch=size == PHONE
    )
    link = await faces.link(language)
    await context.grant_permissions(["camera", "clipboard-read", "clipboard-write"], origin=faces.standing.url)
    page = await context.new_page()
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.on("console", lambda line: failed.append(line.text) if "Failed to load" not in line.text else None)
    visiting = Visit(page, link, faces, list(armed), script)
    page.on("request", visiting.hear)
    await page.add_init_script(f"{_REMEMBERED} if (!localStorage.getItem('mended')) {{ {inject} }}")
    await page.route("**/flow-widget.umd.js", visiting.bring)
    await page.goto(link + fragment)
    yield visiting
    await page.unroute_all(behavior="ignoreErrors")
    await context.close()
    assert failed == [], failed
