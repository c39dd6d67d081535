"""Telegram's Bot API, as far as the house itself needs it: a code into a client's chat, and the bytes of a photo.

Without aiogram, whose import costs seconds and 170 MB: the Search API sends codes too. The token is part of each
address (core.telegram.org/bots/api#making-requests), and `web.py` lets no address out.
"""

import re
from typing import Annotated

from pydantic import Field

from flows.errors import Refused, Unexpected
from flows.init_data import TELEGRAM
from flows.upstream.answer import Told
from flows.upstream.code_gateway import CodeMessage, GatewayOptions
from flows.upstream.web import BaseUrl, Web

LARGEST_FILE = 10 * 2**20
_PATH = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*")


AppKey = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class TelegramOptions(GatewayOptions):
    """`url` is the Bot API's host; a Bot API server of one's own is another.

    `app_keys`: Ed25519 keys, in hex, whose signature of a Mini App's launch is taken; none leaves the bot's own HMAC.
    """

    url: BaseUrl = "https://api.telegram.org"
    token_env: str = "SHINOS_TELEGRAM_TOKEN"
    app_keys: tuple[AppKey, ...] = (TELEGRAM.hex(),)

    @property
    def ed25519(self) -> tuple[bytes, ...]:
        return tuple(bytes.fromhex(key) for key in self.app_keys)


class _File(Told):
    file_path: str = Field(default="", repr=False)
    file_size: int = 0


class _Said(Told):
    ok: bool = False
    result: _File | bool | dict[str, object] | None = Field(default=None, repr=False, union_mode="left_to_right")


class Telegram:
    name = "telegram"

    def __init__(self, options: TelegramOptions, token: str) -> None:
        self.url = options.url
        self.token = token
        self._web = Web(options.url)

    async def close(self) -> None:
        await self._web.close()

    def serves(self, message: CodeMessage) -> bool:
        return message.chat is not None

    async def send(self, message: CodeMessage) -> None:
        """A blocked bot is `Refused("unreachable")`: the next channel then."""
        body: dict[str, object] = {"chat_id": message.chat, "text": message.text, "protect_content": True}
        await self._call("sendMessage", body)

    async def ping(self) -> None:
        await self._call("getMe", {})

    async def file(self, ref: str) -> bytes:
        """The bytes behind a file_id. Raises `Refused`: "too_large", or "gone" when Telegram has it no more."""
        said = await self._call("getFile", {"file_id": ref}, retry=True, gone=True)
        found = said.result if isinstance(said.result, _File) else _File()
        if not _PATH.fullmatch(found.file_path):
            raise Unexpected
        if found.file_size > LARGEST_FILE:
            raise Refused("too_large")
        path = f"file/bot{self.token}/{found.file_path}"
        answer = await self._web.call("GET", path, retry=True, total=30.0, largest=LARGEST_FILE)
        if answer.status != 200:
            raise Refused("gone")
        return answer.body

    async def _call(self, method: str, body: dict[str, object], *, retry: bool = False, gone: bool = False) -> _Said:
        answer = await self._web.call("POST", f"bot{self.token}/{method}", json=body, retry=retry)
        if answer.status == 200:
            return answer.read(_Said)
        if answer.status in (401, 404):
            raise Refused("credentials")
        if gone and "too big" in answer.text():  # over 20 MB it gives nothing
            raise Refused("too_large")
        raise Refused("gone" if gone else "unreachable")
