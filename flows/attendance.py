"""Where the pieces of the chat meet: `open_attendance(settings)` opens them and closes them in order."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from flows.aitu_door import CALLBACK
from flows.attending import Attending
from flows.conversation import Conversation
from flows.doors import Doors
from flows.fronts import FRONT, chat_front
from flows.images import Images
from flows.keys import Keys
from flows.login import CodeExchange, StateAsking
from flows.moves import Queue
from flows.opening import SessionOpening
from flows.performing import Front
from flows.records.clients import Records
from flows.settings import SANDBOX, Settings, SettingsError
from flows.store import Store
from flows.submitting import Opening, Submitting
from flows.telling import Telling
from flows.turns import Looking
from flows.upstream.breaker import Breaker
from flows.upstream.code_gateway import SecretUnset, secret
from flows.upstream.humo import Humo
from flows.upstream.luna import LunaKey, signing_key
from flows.upstream.telegram import Telegram
from flows.wakes import Carrier, Wakes, at_work
from flows.wiring import chores, environ_of, open_aitu, open_biometric, open_coid, open_ground, upstreams

SHORT_LEASE = 8.0
"""Seconds that a person waits for what a dead process had in hand; longer work keeps its lease (flows/wakes.py)."""


@dataclass(frozen=True, slots=True)
class Attendance:
    """What the bot is given."""

    settings: Settings
    front: Front
    store: Store
    keys: Keys
    conversation: Conversation
    telegram: Telegram
    records: Records
    doors: Doors
    looking: Carrier
    uploads: Mapping[str, Carrier]
    tells: Mapping[str, Carrier]

    def working(self, hearing: Carrier, showing: Carrier) -> AbstractAsyncContextManager[None]:
        """The wakes of this process, with what the bot carries itself."""
        return at_work(
            self._wakes("talks", {"in": hearing, "": self.looking}, 32),
            self._wakes("shows", {"show": showing}, 24),
            self._wakes("uploads", self.uploads, self.settings.bot.uploads),
            self._wakes("tells", self.tells, 4),
            beside=chores(self.settings, self.records, self.keys, self.store),
        )

    def _wakes(self, queue: Queue, carriers: Mapping[str, Carrier], at_once: int) -> Wakes:
        lease: float = self.settings.limits.lease
        if queue != "tells":
            lease = min(lease, SHORT_LEASE)
        posted = self.conversation.posted
        return Wakes(self.store, self.keys, posted, carriers, queue=queue, at_once=at_once, lease=lease)


def open_upstreams(settings: Settings) -> tuple[Telegram, Humo | None, LunaKey | None]:
    """Raises `SettingsError`, naming the stanza or the variable that is missing."""
    found, environ = upstreams(settings), environ_of(settings)
    if found.telegram is None:
        raise SettingsError("upstream.telegram: the bot needs this stanza")
    try:
        telegram = Telegram(found.telegram, secret(environ, found.telegram.token_env))
        humo, breaker = None, Breaker("humo", settings.limits)
        if found.humo:
            humo = Humo(found.humo, environ.get(found.humo.key_env or ""), breaker=breaker)
        luna = signing_key(found.luna, environ) if found.luna else None
    except SecretUnset as error:
        raise SettingsError(f"upstream: {error}") from None
    except ValueError as error:
        raise SettingsError(f"upstream.luna: {error}") from None
    return telegram, humo, luna


def callback_secret(settings: Settings) -> bytes:
    """Raises `SettingsError` when callbacks may go out and nothing signs them."""
    found = settings.secret(settings.bot.callback_secret_env)
    if settings.bot.callback_hosts and not found:
        raise SettingsError(
            f"bot.callback_hosts: set {settings.bot.callback_secret_env}, which signs what they are told"
        )
    return (found or "").encode()


@asynccontextmanager
async def open_attendance(settings: Settings) -> AsyncIterator[Attendance]:
    """Everything of the chat but the bot itself. Raises `SettingsError`, `StoreDown`."""
    front, (telegram, humo, luna), signs = chat_front(settings), open_upstreams(settings), callback_secret(settings)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(telegram.close)
        if humo:
            stack.push_async_callback(humo.close)
        records, keys, store = await stack.enter_async_context(open_ground(settings))
        images = await stack.enter_async_context(Images())
        checking = open_biometric(settings)
        if checking:
            stack.push_async_callback(checking.close)
        channels = tuple(settings.channel)
        attending = Attending(records, keys, store, humo=humo, biometric=checking, channels=channels)
        conversation = Conversation(store, attending, keys, settings.bank.country)
        fronts = {FRONT: front}
        sandbox = settings.sandbox_url.partition("://")[2]
        hosts = [host.replace(SANDBOX, sandbox) for host in settings.bot.callback_hosts]
        telling = Telling(store, keys, hosts=hosts, secret=signs)
        uploads: dict[str, Carrier] = {}
        if humo:
            uploads["link"] = Opening(store, conversation, fronts, humo=humo, keys=keys)
            uploads["upload"] = Submitting(
                store, conversation, fronts, humo=humo, luna=luna, photos=telegram, images=images, keys=keys
            )
        if checking:
            uploads["liveness"] = SessionOpening(
                store, conversation, fronts, biometric=checking, keys=keys, photos=telegram, images=images
            )
        if asked := open_aitu(settings):
            stack.push_async_callback(asked.close)
            back = settings.public_url + CALLBACK
            uploads["login"] = CodeExchange(store, conversation, fronts, aitu=asked, keys=keys, redirect_uri=back)
        if state := open_coid(settings):
            stack.push_async_callback(state.close)
            uploads["state"] = StateAsking(store, conversation, fronts, coid=state)
        yield Attendance(
            settings=settings,
            front=front,
            store=store,
            keys=keys,
            conversation=conversation,
            telegram=telegram,
            records=records,
            doors=Doors(store, keys, settings.public_url, {FRONT: (front, conversation)}),
            looking=Looking(conversation, fronts),
            uploads=uploads,
            tells={"tell": telling},
        )
