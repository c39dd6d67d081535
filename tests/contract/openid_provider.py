"""npm `oidc-provider`, certified by the OpenID Foundation, as a child process; and a browser that logs in there.

Node comes with requirements/test.txt, the provider with tests/openid/package-lock.json (`make .venv/openid.done`).
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import aiohttp
import pytest
from yarl import URL

from shinos.embedded import die_with_parent

SCRIPT = Path(__file__).parents[1] / "openid" / "provider.mjs"
FOLDER = Path(sys.prefix) / "openid"
NODE = Path(sys.prefix) / "bin" / "node"
CLIENT, SECRET, BACK = "shinos-of-the-tests", "an invented secret: a+b/c=%20&d", "https://bank.example/aitu/callback"
IIN, PHONE = "900101300126", "77071234567"


@contextmanager
def provider(*, text: bool = False) -> Iterator[str]:
    """Its issuer. `text`: nested claims are texts of JSON."""
    if not (FOLDER / "node_modules" / "oidc-provider").is_dir() or not NODE.exists():
        pytest.skip("oidc-provider is not installed: make .venv/openid.done")
    told = {
        "client_id": CLIENT,
        "client_secret": SECRET,
        "redirect_uri": BACK,
        "phone": PHONE,
        "iin": IIN,
        "text": text,
    }
    command = [str(NODE), str(SCRIPT), str(FOLDER), json.dumps(told)]
    quiet: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, preexec_fn=die_with_parent, **quiet) as process:  # noqa: PLW1509
        assert process.stdout
        try:
            line = process.stdout.readline()
            assert line.startswith("ready "), line
            yield line.split()[1]
        finally:
            process.kill()


@dataclass
class Person:
    """Somebody with a browser that keeps cookies, follows redirects, and stops where the bank begins."""

    browser: aiohttp.ClientSession

    async def back(self, address: str, *, agrees: bool = True) -> dict[str, str]:
        """The parameters of the redirect to the bank, after signing in and agreeing; or after leaving."""
        form: dict[str, str] | None = None
        for _ in range(12):
            method = "GET" if form is None else "POST"
            # As it stands: what has been escaped is not escaped otherwise.
            url = URL(address, encoded=True)
            async with self.browser.request(method, url, data=form, allow_redirects=False) as answer:
                page, place = await answer.text(), answer.headers.get("Location")
            form = None
            if place and place.startswith(BACK):
                return dict(parse_qsl(urlsplit(place).query, strict_parsing=True))
            if place:
                address = urljoin(address, place)
            elif not agrees:
                address = _found(r'href="([^"]*/abort)"', page)
            else:
                address = _found(r'action="([^"]+)"', page)
                form = dict(re.findall(r'name="(prompt)" value="(\w+)"', page)) | {"login": "somebody", "password": "x"}
        raise AssertionError("it does not end")


def _found(pattern: str, page: str) -> str:
    found = re.search(pattern, page)
    assert found, page
    return unescape(found[1])
