"""What the chats of all test files share: one process to fork bots from, and one installation."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from chat_stand import ChatStand, chat_stand, own_redis
from cradle import Cradle
from guests import Guest

KNOWN = 8


@pytest.fixture(scope="session")
def cradle() -> Iterator[Cradle]:
    opened = Cradle()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
async def chats(tmp_path_factory: pytest.TempPathFactory, cradle: Cradle) -> AsyncIterator[ChatStand]:
    """An installation with two bots, for whoever does not stop it or change its settings."""
    folder = tmp_path_factory.mktemp("chats")
    with own_redis(folder) as redis:
        async with chat_stand(folder, redis, cradle, bots=2) as standing:
            standing.serve()
            yield standing


@pytest.fixture(scope="session")
async def known(chats: ChatStand) -> Iterator[Guest]:
    """People whom the bot has identified, each for one test."""
    guests = [chats.guest() for _ in range(KNOWN)]
    await asyncio.gather(*(guest.identify() for guest in guests))
    return iter(guests)
