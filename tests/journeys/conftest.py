"""What the chats of all test files share: one process to fork bots from, and one installation."""

from collections.abc import AsyncIterator, Iterator

import pytest
from chat_stand import ChatStand, chat_stand
from cradle import Cradle
from servers import RedisServer


@pytest.fixture(scope="session")
def cradle() -> Iterator[Cradle]:
    opened = Cradle()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
async def chats(tmp_path_factory: pytest.TempPathFactory, cradle: Cradle) -> AsyncIterator[ChatStand]:
    """An installation with two bots, for whoever does not stop it or change its settings."""
    folder = tmp_path_factory.mktemp("chats")
    redis = RedisServer(folder)
    redis.start()
    try:
        async with chat_stand(folder, redis, cradle, bots=2) as standing:
            standing.serve()
            yield standing
    finally:
        redis.kill()
