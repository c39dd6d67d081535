"""What the simulated Aitu Passport calls at the bank, when a test wishes it, and the way out of a login.

The vendor describes neither call; both are as one integrator guesses (protocols.md 4.6).
"""

import base64
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from sandbox.aitu_console import Consoles
from sandbox.aitu_screen import screen
from sandbox.control import order_of, readable, wrong

PATIENCE = aiohttp.ClientTimeout(total=5)  # seconds


class Whom(BaseModel):
    """POST /aitu/_hooks/logout and /aitu/_hooks/validator; `phone` without "+"."""

    model_config = ConfigDict(extra="forbid", strict=True)

    phone: str = Field(pattern="^7[0-9]{10}$")
    sub: str = ""
    iin: str = ""


class Hooks:
    def __init__(self, consoles: Consoles) -> None:
        self._consoles = consoles

    async def logout(self, request: web.Request) -> web.StreamResponse:
        """GET id_token_hint, post_logout_redirect_uri (one of the registered Redirect URIs), state."""
        uri, state = request.query.get("post_logout_redirect_uri", ""), request.query.get("state")
        if not uri:
            return screen(request, "out", dict(request.query))
        if not self._consoles.set.registered(uri):
            refused = {"error": "invalid_request", "description": "post_logout_redirect_uri is not registered"}
            return screen(request, "error", {}, 400, **refused)
        query = f"{'&' if '?' in uri else '?'}{urlencode({'state': state})}" if state else ""
        return web.Response(status=302, headers={"Location": uri + query})

    async def tell_logout(self, request: web.Request) -> web.Response:
        """`{"phone", "sub"}` goes to the console's `logout_uri`."""
        whom = await order_of(request, Whom)
        return await _called("logout_uri", self._consoles.set.logout_uri, {"phone": whom.phone, "sub": whom.sub}, {})

    async def ask_validator(self, request: web.Request) -> web.Response:
        """`{"iin", "phone"}` goes to the console's `validator_uri`, with Basic of its own."""
        whom, console = await order_of(request, Whom), self._consoles.set
        pair = base64.b64encode(f"{console.validator_id}:{console.validator_secret}".encode()).decode()
        body = {"iin": whom.iin, "phone": whom.phone}
        return await _called("validator_uri", console.validator_uri, body, {"Authorization": f"Basic {pair}"})


async def _called(name: str, url: str | None, body: dict[str, Any], headers: dict[str, str]) -> web.Response:
    """What came of it: `{"status", "body"}`, 0 when there was no answer."""
    if url is None:
        raise wrong(f"{name} is not set: POST /aitu/_clients")
    try:
        async with (
            aiohttp.ClientSession(timeout=PATIENCE) as http,
            http.post(url, json=body, headers=headers, allow_redirects=False) as answer,
        ):
            return readable({"status": answer.status, "body": (await answer.text())[:2000]})
    except (aiohttp.ClientError, TimeoutError, UnicodeError):
        return readable({"status": 0, "body": ""})
