"""The one place where the pieces meet: `open_house(settings)` opens everything and closes it in order."""

import asyncio
import contextlib
import json
import os
import secrets
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flows.aitu_door import AituDoor
from flows.conversation import Conversation
from flows.doors import Doors
from flows.drain import AuditDrain
from flows.fronts import FRONT, chat_front, plans
from flows.keys import Keys
from flows.liveness_door import LivenessDoor
from flows.opening import SessionOpening
from flows.performing import Front, Performing
from flows.plan import suggest
from flows.records.clients import Records
from flows.records.opening import BadDatabaseUrl, open_records
from flows.records.sealing import RecordKeys, WrongRecordsKey
from flows.redis_client import configurations, open_redis
from flows.retention import Retention
from flows.safety import unsafe
from flows.sending import Sending
from flows.service import Identification
from flows.settings import Settings, SettingsError
from flows.store import Store
from flows.tokens import Tokens
from flows.turns import Dialogues, Looking
from flows.upstream.aitu import Aitu, AituOptions, aitu
from flows.upstream.biometric import Biometric, BiometricOptions, biometric
from flows.upstream.breaker import Breaker
from flows.upstream.codes import CodeDelivery, CodeGateways, SecretUnset, build
from flows.upstream.coid import Coid, CoidOptions, coid
from flows.upstream.humo import HumoOptions
from flows.upstream.luna import LunaOptions
from flows.upstream.telegram import TelegramOptions
from flows.wakes import Carrier, Wakes, at_work

CONFIG_SECONDS = 2.0


class Upstreams(CodeGateways):
    """Every stanza below `[upstream]`."""

    humo: HumoOptions | None = None
    luna: LunaOptions | None = None
    biometric: BiometricOptions | None = None
    aitu: AituOptions | None = None
    coid: CoidOptions | None = None


@dataclass(frozen=True, slots=True)
class House:
    """What the fronts are given."""

    settings: Settings
    fronts: Mapping[str, Front]
    store: Store
    records: Records
    identification: Identification
    tokens: Tokens
    delivery: CodeDelivery
    liveness: LivenessDoor | None = None
    login: AituDoor | None = None


def gateways(settings: Settings) -> CodeDelivery:
    """The configured ways of delivering a code. Raises `SettingsError`."""
    found = upstreams(settings)
    try:
        return CodeDelivery(build(found, environ_of(settings)))
    except SecretUnset as error:
        raise SettingsError(f"upstream: {error}") from None


def environ_of(settings: Settings) -> dict[str, str]:
    """The secrets by the variables that hold them."""
    return {name: secret.get_secret_value() for name, secret in settings.secrets.items()}


def upstreams(settings: Settings) -> Upstreams:
    """The stanzas below `upstream`, read. Raises `SettingsError`."""
    unknown = [name for name in settings.upstream if name not in Upstreams.model_fields]
    if unknown:
        hint = suggest(unknown[0], tuple(Upstreams.model_fields))
        raise SettingsError(f"upstream.{unknown[0]}: no such upstream{hint}")
    tables = {name: settings.upstream_table(name) for name in settings.upstream}
    try:
        return Upstreams.model_validate(tables)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"upstream.{where}: {first['msg']}") from None


def own_secrets(settings: Settings) -> tuple[Keys, RecordKeys]:
    """The service's two secrets from the environment; in development made once and kept in `storage.dir`."""
    names = settings.keys
    current, records = settings.secret(names.key_env), settings.secret(names.records_key_env)
    if settings.mode == "development" and not (current and records):
        made = _development_secrets(settings.storage.dir / "development-secrets.json")
        current, records = current or made["key"], records or made["records_key"]
    if not current or not records:
        raise SettingsError(f"environment: {names.key_env} and {names.records_key_env} must hold 32 characters or more")
    previous, previous_records = (
        settings.secret(names.previous_key_env),
        settings.secret(names.previous_records_key_env),
    )
    return (
        Keys(current.encode(), previous.encode() if previous else None, lasting=records.encode()),
        RecordKeys(records.encode(), previous_records.encode() if previous_records else None),
    )


def _development_secrets(path: Path) -> dict[str, str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    made = json.dumps({"key": secrets.token_hex(32), "records_key": secrets.token_hex(32)})
    draft = path.with_suffix(f".{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(made, encoding="utf-8")
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)  # of several processes that start at once, one wins and all read the same
    draft.unlink()
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


def redis_url(settings: Settings) -> str:
    """The configured Redis, or the socket of the embedded one."""
    return settings.redis.url or f"unix://{(settings.storage.dir / 'valkey' / 'valkey.sock').resolve()}"


def open_store(settings: Settings, keys: Keys, connections: int | None = None) -> Store:
    """Redis as it is configured; connects to nothing yet."""
    redis = open_redis(redis_url(settings), connections or settings.redis.connections)
    return Store(redis, keys, settings.limits, replicas=settings.redis.replicas)


def database_url(settings: Settings) -> str:
    return settings.database.url or f"sqlite:///{(settings.storage.dir / 'shinos.db').resolve()}"


@asynccontextmanager
async def open_archive(settings: Settings) -> AsyncIterator[Records]:
    """The clients' records alone, for the command line. Raises `SettingsError`, `StoreDown`."""
    settings.storage.dir.mkdir(parents=True, exist_ok=True)
    _, keys = own_secrets(settings)
    try:
        opening = open_records(
            database_url(settings),
            keys,
            storage=settings.storage.dir,
            word_threads=settings.database.word_threads,
            word_queue=settings.database.word_queue,
        )
        async with opening as records:
            yield records
    except (BadDatabaseUrl, WrongRecordsKey) as error:
        raise SettingsError(f"database: {error}") from None


@asynccontextmanager
async def open_ground(settings: Settings) -> AsyncIterator[tuple[Records, Keys, Store]]:
    """What both fronts stand on: settings that are safe, the records, the keys, a Redis that remembers.

    Raises `SettingsError`, `StoreDown`.
    """
    problems = unsafe(settings) if settings.mode == "production" else []
    if problems:
        raise SettingsError("refusing to start in production mode:\n  " + "\n  ".join(problems))
    async with open_archive(settings) as records:
        keys, _ = own_secrets(settings)
        store = open_store(settings, keys)
        try:
            await _check_redis(store, settings)
            yield records, keys, store
        finally:
            await store.close()


@asynccontextmanager
async def open_house(settings: Settings, *, work: bool = True) -> AsyncIterator[House]:
    """Everything, checked and opened; with `work` also the wakes and the audit drain of this process.

    Raises `SettingsError`, `StoreDown`.
    """
    fronts, delivery = plans(settings), gateways(settings)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(delivery.close)
        records, keys, store = await stack.enter_async_context(open_ground(settings))
        checking = open_biometric(settings)
        if checking:
            stack.push_async_callback(checking.close)
        logging_in = open_aitu(settings)
        if logging_in:
            stack.push_async_callback(logging_in.close)
        performing = Performing(records, keys, delivery.gateways, checking)
        identification = Identification(store, performing, keys, settings.bank.country)
        led: dict[str, tuple[Front, Dialogues]] = {name: (front, identification) for name, front in fronts.items()}
        if settings.has_chat:
            led[FRONT] = (chat_front(settings), Conversation(store, performing, keys, settings.bank.country))
        doors = Doors(store, keys, settings.public_url, led)
        led_fronts = [front for front, _ in led.values()]
        house = House(
            settings,
            fronts,
            store,
            records,
            identification,
            Tokens(store, keys),
            delivery,
            _liveness_door(settings, doors, led_fronts, keys, checking) if checking else None,
            AituDoor(doors, led_fronts, keys, logging_in) if logging_in else None,
        )
        if work:
            await stack.enter_async_context(_working(house, keys, checking))
        yield house


def _liveness_door(
    settings: Settings, doors: Doors, fronts: Sequence[Front], keys: Keys, checking: Biometric
) -> LivenessDoor:
    telegram = upstreams(settings).telegram or TelegramOptions()
    token = environ_of(settings).get(telegram.token_env, "")
    return LivenessDoor(doors, fronts, keys, biometric=checking, token=token, app_keys=telegram.ed25519)


def open_biometric(settings: Settings) -> Biometric | None:
    """Raises `SettingsError` when its key is missing."""
    found, breaker = upstreams(settings).biometric, Breaker("biometric", settings.limits)
    try:
        return biometric(found, environ_of(settings), breaker=breaker) if found else None
    except SecretUnset as error:
        raise SettingsError(f"upstream: {error}") from None


def open_aitu(settings: Settings) -> Aitu | None:
    """Raises `SettingsError` when a secret of its is missing."""
    found, breaker = upstreams(settings).aitu, Breaker("aitu", settings.limits)
    production = settings.mode == "production"
    try:
        return aitu(found, environ_of(settings), production=production, breaker=breaker) if found else None
    except SecretUnset as error:
        raise SettingsError(f"upstream: {error}") from None
    except ValueError as error:
        raise SettingsError(f"upstream.aitu: {error}") from None


def open_coid(settings: Settings) -> Coid | None:
    """Raises `SettingsError` when its password is missing."""
    found, breaker = upstreams(settings).coid, Breaker("coid", settings.limits)
    production = settings.mode == "production"
    try:
        return coid(found, environ_of(settings), production=production, breaker=breaker) if found else None
    except SecretUnset as error:
        raise SettingsError(f"upstream: {error}") from None


def _working(house: House, keys: Keys, checking: Biometric | None) -> AbstractAsyncContextManager[None]:
    sending = Sending(
        house.store,
        house.identification,
        delivery=house.delivery,
        fronts=house.fronts,
        keys=keys,
        bank=house.settings.bank.name,
    )
    looking = Looking(house.identification, house.fronts)
    carriers: dict[str, Carrier] = {"send": sending, "": looking}
    if checking:
        carriers["liveness"] = SessionOpening(
            house.store, house.identification, house.fronts, biometric=checking, keys=keys
        )
    wakes = Wakes(house.store, keys, house.identification.posted, carriers, lease=house.settings.limits.lease)
    return at_work(wakes, beside=chores(house.settings, house.records, keys, house.store))


def chores(settings: Settings, records: Records, keys: Keys, store: Store) -> list[Coroutine[Any, Any, None]]:
    """What one process of the installation does for all of them."""
    retention = Retention(store, records, keys, settings.retention, tuple(settings.channel))
    return [AuditDrain(store, records.audit).run(), retention.run()]


async def _check_redis(store: Store, settings: Settings) -> None:
    """A Redis that forgets would forget locks and used codes: production refuses it (security.md M3-M6)."""
    await store.ping()
    problems = await redis_problems(store)
    if problems and settings.mode == "production":
        raise SettingsError("refusing to start in production mode:\n  " + "\n  ".join(problems))


async def redis_problems(store: Store) -> list[str]:
    """What makes this Redis unfit to remember; empty when it is fit."""
    try:
        async with asyncio.timeout(CONFIG_SECONDS):
            found = await configurations(store.redis, "appendonly", "maxmemory-policy")
    except Exception:  # noqa: BLE001 - a managed Redis that hides CONFIG; its operator answers for it
        return []
    problems = {}
    for known in found:
        if known.get("appendonly") != "yes":
            problems["redis: appendonly is off; a restart would forget locks and used codes"] = True
        policy = known.get("maxmemory-policy", "noeviction")
        if policy != "noeviction":
            problems[f"redis: maxmemory-policy is {policy}; set noeviction, or locks vanish under load"] = True
    return list(problems)
