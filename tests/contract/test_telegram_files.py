"""The bytes behind a file_id, from a Telegram that lies about them (security.md C7)."""

import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from flows.errors import Refused, Unexpected
from flows.upstream.telegram import LARGEST_FILE, Telegram, TelegramOptions

TOKEN = "123456:token-of-these-tests"
MIB = 2**20


@asynccontextmanager
async def lying(path: str, size: int, parts: int = 1) -> AsyncIterator[tuple[Telegram, list[str]]]:
    """`getFile` says so; the file itself is `parts` MiB. And what was asked for."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.raw_path.replace(TOKEN, "TOKEN"))
        if request.path.endswith("/getFile"):
            return web.json_response({"ok": True, "result": {"file_id": "x", "file_path": path, "file_size": size}})
        file = web.StreamResponse()
        await file.prepare(request)
        for _ in range(parts):
            await file.write(bytes(MIB))
        return file

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    async with TestServer(app) as server:
        telegram = Telegram(TelegramOptions(url=f"http://127.0.0.1:{server.port}"), TOKEN)
        try:
            yield telegram, asked
        finally:
            await telegram.close()


async def test_a_file_is_fetched_where_it_is_said_to_be() -> None:
    async with lying("photos/file_1.jpg", MIB) as (telegram, asked):
        assert len(await telegram.file("x")) == MIB
        assert asked == ["/botTOKEN/getFile", "/file/botTOKEN/photos/file_1.jpg"]


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "photos/../../bot/getMe",
        "/etc/passwd",
        "//elsewhere.example/x",
        "http://elsewhere.example/x",
        "photos/%2e%2e/x",
        "photos/x?y=z",
        "photos/x#y",
        "photos\\x",
        "photos/.hidden",
        "",
        "photos//x",
        "фото/x.jpg",
        "photos/x\r\nHost: elsewhere",
    ],
)
async def test_a_path_that_leads_elsewhere_is_not_followed(path: str) -> None:
    async with lying(path, 1000) as (telegram, asked):
        with pytest.raises(Unexpected):
            await telegram.file("x")
        assert asked == ["/botTOKEN/getFile"]


async def test_what_is_said_to_be_too_large_is_not_fetched() -> None:
    async with lying("photos/x.jpg", LARGEST_FILE + 1) as (telegram, asked):
        with pytest.raises(Refused) as refused:
            await telegram.file("x")
        assert refused.value.reason == "too_large"
        assert asked == ["/botTOKEN/getFile"]


async def test_a_kilobyte_that_is_fifty_mebibytes_is_cut_off() -> None:
    async with lying("photos/x.jpg", 1000, parts=50) as (telegram, _):
        tracemalloc.start()
        with pytest.raises((Refused, Unexpected)):
            await telegram.file("x")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < LARGEST_FILE + 15 * MIB
