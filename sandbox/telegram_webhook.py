"""Delivers updates to the bot's webhook: in order per chat, chats beside each other, each until it gets a 2xx."""

import asyncio
from collections import deque
from typing import Any

import aiohttp

from sandbox.telegram_updates import Item, Updates
from sandbox.world import World

HEADER = "X-Telegram-Bot-Api-Secret-Token"
PATIENCE = 60.0  # seconds, scaled by speed
LEAST_PATIENCE = 10.0
FIRST_PAUSE, LAST_PAUSE = 1.0, 60.0  # seconds between attempts, doubling; scaled by speed
LEAST_PAUSE, MOST_AT_SPEED_0 = 0.02, 0.5


class Webhook:
    """One setWebhook. What it tells the bot in an answer's body (a method to call) is not looked at."""

    def __init__(self, world: World, updates: Updates, *, url: str, secret: str, connections: int) -> None:
        self.url, self.secret, self.connections = url, secret, connections
        self._world = world
        self._updates = updates
        self._free = asyncio.Semaphore(connections)
        self._lanes: dict[int, deque[Item]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._error: tuple[int, str] | None = None
        self._guard = asyncio.create_task(self._close_with_the_sandbox())

    @property
    def terms(self) -> tuple[str, str, int]:
        return self.url, self.secret, self.connections

    @property
    def info(self) -> dict[str, Any]:
        """Its part of WebhookInfo."""
        told: dict[str, Any] = {"url": self.url, "max_connections": self.connections}
        if self._error is not None:
            told["last_error_date"], told["last_error_message"] = self._error
        return told

    def offer(self, item: Item) -> None:
        lane = self._lanes.setdefault(item.chat_id, deque())
        lane.append(item)
        if len(lane) == 1:
            task = asyncio.create_task(self._run(item.chat_id, lane))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """What was not delivered stays with the updates."""
        self._guard.cancel()
        await self._drop()

    async def _close_with_the_sandbox(self) -> None:
        await self._world.closing.wait()
        await self._drop()

    async def _drop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _run(self, chat_id: int, lane: deque[Item]) -> None:
        while lane:
            for _ in range(max(1, lane[0].due)):
                await self._deliver(lane[0].update)
            self._updates.settle(lane.popleft())
        del self._lanes[chat_id]

    async def _deliver(self, update: dict[str, Any]) -> None:
        attempt = 0
        while True:
            async with self._free:
                if await self._accepted(update):
                    return
            await asyncio.sleep(self._pause(attempt))
            attempt += 1

    async def _accepted(self, update: dict[str, Any]) -> bool:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=max(LEAST_PATIENCE, PATIENCE * self._world.speed))
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self.connections),
                timeout=timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        headers = {HEADER: self.secret} if self.secret else {}
        try:
            async with self._session.post(self.url, json=update, headers=headers, allow_redirects=False) as answer:
                if 200 <= answer.status < 300:
                    return True
                self._failed(f"Wrong response from the webhook: {answer.status} {answer.reason}")
        except TimeoutError:
            self._failed("Read timeout expired")
        except aiohttp.ClientError as error:
            self._failed(
                "Connection refused" if isinstance(error, aiohttp.ClientConnectorError) else "Connection closed"
            )
        return False

    def _failed(self, message: str) -> None:
        self._error = (int(self._world.clock()), message)

    def _pause(self, attempt: int) -> float:
        doubled = min(LAST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempt, 10))
        if self._world.speed > 0:
            return doubled * self._world.speed
        return min(MOST_AT_SPEED_0, LEAST_PAUSE * doubled)
