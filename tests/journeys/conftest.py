"""What the chats of all test files share: one process to fork bots from, and one installation."""

from collections.abc import AsyncIterator, Iterator

import pytest
from chat_stand import ChatStand, chat_stand, own_redis
from cradle import Cradle, the_cradle
from guests import Guest
from logins import BOTH, WITH_PAPERS
from meanwhile import Meanwhile, begun


@pytest.fixture(scope="session")
def cradle() -> Cradle:
    return the_cradle()


@pytest.fixture(scope="session")
async def installation(tmp_path_factory: pytest.TempPathFactory, cradle: Cradle) -> AsyncIterator[ChatStand]:
    folder = tmp_path_factory.mktemp("chats")
    with own_redis(folder) as redis:
        # What one test provokes at Humo is no reason to leave it alone in another.
        async with chat_stand(folder, redis, cradle, bots=2, LIMITS__BREAKER_FAILURES="1000") as standing:
            standing.serve()
            yield standing


@pytest.fixture(scope="session")
async def of_two_ways(tmp_path_factory: pytest.TempPathFactory, cradle: Cradle) -> AsyncIterator[ChatStand]:
    """The shipped chat with both of its flows, papers for when the state data base is away, and the pages."""
    folder = tmp_path_factory.mktemp("two-ways")
    with own_redis(folder) as redis:
        async with chat_stand(
            folder, redis, cradle, liveness=True, BOT__FLOWS=BOTH, FLOW__TELEGRAM_KZ__STEPS=WITH_PAPERS
        ) as standing:
            yield standing


@pytest.fixture(scope="session")
async def meanwhile(installation: ChatStand) -> AsyncIterator[Meanwhile]:
    tasks = begun(installation)
    yield tasks
    await tasks.end()


@pytest.fixture(scope="session")
async def chats(installation: ChatStand, meanwhile: Meanwhile) -> ChatStand:
    """An installation with two bots, for whoever does not stop it or change its settings."""
    return installation


@pytest.fixture(scope="session")
async def known(meanwhile: Meanwhile) -> Iterator[Guest]:
    """People whom the bot has identified, each for one test."""
    return iter(await meanwhile.known)
