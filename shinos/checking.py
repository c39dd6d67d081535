"""`shinos check`: what is well, what production would refuse, what is wrong, and what to do about it.

No secret and no address with credentials is ever printed.
"""

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flows.attendance import callback_secret, open_upstreams
from flows.fronts import chat_front, plans
from flows.safety import risky, unsafe
from flows.settings import Settings, SettingsError, load
from flows.wiring import gateways, open_aitu, open_biometric, open_coid, own_secrets
from shinos import dependencies, serving

State = Literal["ok", "warn", "FAIL"]


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    state: State
    said: str


def run(config: Path) -> int:
    """1 when something is wrong, or unsafe in production mode."""
    try:
        settings = load(config)
        plans(settings)
        if settings.has_chat:
            chat_front(settings)
    except SettingsError as error:
        return _told([Finding("configuration", "FAIL", str(error))])
    return serving.once(settings, lambda given: _check(given, config))


async def _check(settings: Settings, config: Path) -> int:
    found = [Finding("configuration", "ok", f"{config}, mode {settings.mode}")]
    found += _unsafe(settings)
    found += _secrets(settings)
    found += await _dependencies(settings)
    return _told(found)


def _unsafe(settings: Settings) -> Iterator[Finding]:
    problems = unsafe(settings)
    serious = settings.mode == "production"
    for problem in problems:
        said = problem if serious else f"production mode would refuse: {problem}"
        yield Finding("safety", "FAIL" if serious else "warn", said)
    for risk in risky(settings):
        yield Finding("safety", "warn", risk)
    if not problems:
        yield Finding("safety", "ok", "nothing that production mode refuses")


def _secrets(settings: Settings) -> Iterator[Finding]:
    names = settings.keys
    missing = [name for name in (names.key_env, names.records_key_env) if not settings.secret(name)]
    if not missing:
        yield Finding("secrets", "ok", f"{names.key_env} and {names.records_key_env} are set")
    elif settings.mode == "development":
        kept = settings.storage.dir / "development-secrets.json"
        yield Finding("secrets", "warn", f"{', '.join(missing)} not set; development keeps made-up ones in {kept}")
    else:
        yield Finding("secrets", "FAIL", f"set {', '.join(missing)} to 32 characters or more each")
    for name, channel in settings.channel.items():
        if not settings.secret(channel.key_env) and not channel.keyless:
            yield Finding("secrets", "FAIL", f"channel {name}: set {channel.key_env}, or nobody can call it")


async def _dependencies(settings: Settings) -> list[Finding]:
    try:
        keys, _ = own_secrets(settings)
        delivery = gateways(settings)
        callback_secret(settings)
        chat = [one for one in open_upstreams(settings)[:2] if one] if settings.has_chat else []
        others = [one for one in (open_biometric(settings), open_aitu(settings), open_coid(settings)) if one]
    except SettingsError as error:
        return [Finding("upstreams", "FAIL", str(error))]
    except OSError as error:
        return [Finding("storage", "FAIL", f"storage.dir: {settings.storage.dir}: {error.strerror}")]
    looks = [
        dependencies.redis(settings, keys),
        dependencies.database(settings),
        *(dependencies.upstream(settings, gateway) for gateway in delivery.gateways.values()),
        *(dependencies.upstream(settings, asked) for asked in (*chat[1:], *others)),
    ]
    try:
        told = await asyncio.gather(*looks)
    finally:
        await delivery.close()
        for opened in (*chat, *others):
            await opened.close()
    return [Finding(what, state, said) for lines in told for what, state, said in lines]


def _told(found: list[Finding]) -> int:
    width = max(len(finding.what) for finding in found)
    for finding in found:
        sys.stdout.write(f"{finding.what:<{width}}  {finding.state:<4}  {finding.said}\n")
    return int(any(finding.state == "FAIL" for finding in found))
