"""What production mode refuses to start with: `unsafe(settings)`, one line for each thing, naming its key.

No line repeats a secret.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from flows.redis_url import place_of
from flows.settings import SANDBOX, SANDBOX_SECRETS, Settings

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_WITH_A_PAGE = {"liveness", "aitu"}
_TEST_CONTOUR = ".test.supreme-team.tech"
_SANDBOX_CLIENT = "shinos-sandbox"
_LONG = 22
"""Characters of a secret that others hold too: 128 bits."""
_FLOW_KEY = 47
"""Characters that an API KEY of biometric.kz has at least (its page "Flow Widget")."""
_BOT_TOKEN = re.compile(r"[0-9]{6,}:[A-Za-z0-9_-]{30,}")
_WEBHOOK_SECRET = re.compile(rf"[A-Za-z0-9_-]{{{_LONG},256}}")
"""What Telegram takes as `secret_token` (core.telegram.org/bots/api#setwebhook), and long enough."""


def unsafe(settings: Settings) -> list[str]:
    """Empty when all is well. In development: what production would refuse."""
    found = []
    if settings.sandbox.enabled:
        found.append("sandbox.enabled: the sandbox must be off")
    if settings.log.level == "debug":
        found.append("log.level: debug is for development")
    found += _upstreams(settings)
    found += _redis(settings)
    found += _keys(settings)
    kinds = {_kind(step) for flow in settings.flow.values() for step in flow.steps}
    if kinds & _WITH_A_PAGE and not settings.public_url.startswith("https://"):
        found.append(
            "server.public_url: must be https, or no browser gives its camera and links, and logins, can be read on "
            "their way"
        )
    if settings.has_chat:
        found += _chat(settings)
    return found


def _redis(settings: Settings) -> Iterator[str]:
    place = place_of(settings.redis.url)
    if place.hosts and not place.password:
        yield "redis.url: no password; whoever reaches that port reads and forges dialogues"
    if place.kind != "one" and not settings.redis.replicas:
        yield "redis.replicas: must be 1 or more, or a failover forgets locks and used codes"


def risky(settings: Settings) -> list[str]:
    """What only whoever knows the bank's network can judge: told by `shinos check`, and no reason to refuse."""
    place = place_of(settings.redis.url)
    far = [host for host, _ in place.hosts if host not in _LOOPBACK and not host.startswith("127.")]
    if far and not place.tls:
        said = f"redis.url: no TLS to {', '.join(far)}; whoever listens on that network reads the password"
        return [f"{said}. Use rediss://, unless nobody else is on it, as in compose.yaml"]
    return []


def _kind(step: str | dict[str, Any]) -> str:
    return step if isinstance(step, str) else str(step.get("kind"))


def _upstreams(settings: Settings) -> Iterator[str]:
    for name, table in settings.upstream.items():
        values = (one for value in table.values() for one in (value if isinstance(value, list) else [value]))
        if any(isinstance(value, str) and _is_sandbox(value, settings) for value in values):
            yield f"upstream.{name}: an address of the sandbox"
        if name == "console":
            yield "upstream.console: prints codes, for development only"
        yield from _login(settings, name, table)
        if name == "biometric" and len(settings.secret(table.get("key_env")) or "") < _FLOW_KEY:
            yield "upstream.biometric.key_env: names no variable that holds the API KEY of a flow"


def _login(settings: Settings, name: str, table: dict[str, Any]) -> Iterator[str]:
    """Of Aitu Passport and the COID adapter: their secrets, and nothing of the test contour."""
    variable = {"aitu": "secret_env", "coid": "password_env"}.get(name)
    if variable is None:
        return
    if not settings.secret(table.get(variable)):
        yield f"upstream.{name}.{variable}: {table.get(variable)} is not set"
    if _host(str(table.get("url", ""))).endswith(_TEST_CONTOUR):
        yield f"upstream.{name}.url: the test contour of Aitu Passport, where everybody passes"
    if name == "aitu" and table.get("client_id") == _SANDBOX_CLIENT:
        yield "upstream.aitu.client_id: the sandbox's; the bank's own stands in Aitu's console"
    signs = table.get("iin_key_env")
    if signs and not settings.secret(signs):
        yield f"upstream.aitu.iin_key_env: {signs} is not set"


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # no address at all
        return ""


def _is_sandbox(value: str, settings: Settings) -> bool:
    if SANDBOX in value:
        return True
    try:
        host, port = urlsplit(value).hostname, urlsplit(value).port
    except ValueError:  # no address at all
        return False
    return port == settings.sandbox.port and host in {settings.sandbox.host, *_LOOPBACK}


def _keys(settings: Settings) -> Iterator[str]:
    for name in (settings.keys.key_env, settings.keys.records_key_env):
        if len(settings.secret(name) or "") < 32:
            yield f"{name}: not set, or shorter than 32 characters"
    for name, channel in settings.channel.items():
        if not settings.secret(channel.key_env) and not channel.keyless:
            yield f"channel.{name}.key_env: {channel.key_env} is not set"
        for variable in filter(None, (channel.key_env, channel.next_key_env)):
            if 0 < len(settings.secret(variable) or "") < _LONG:
                yield f"channel.{name}.key_env: {variable} is shorter than {_LONG} characters (128 bits)"
    values = [secret.get_secret_value() for secret in settings.secrets.values()]
    for variable, secret in settings.secrets.items():
        if secret.get_secret_value() in SANDBOX_SECRETS.values():
            yield f"{variable}: a key of the sandbox"
    if len(values) != len(set(values)):
        yield "secrets: two variables hold the same value"


def _chat(settings: Settings) -> Iterator[str]:
    """Of the bot; asked only where its flow is configured."""
    bot, named = settings.bot, settings.upstream.get("telegram", {}).get("token_env", "SHINOS_TELEGRAM_TOKEN")
    if not _BOT_TOKEN.fullmatch(settings.secret(named) or ""):
        yield f"upstream.telegram.token_env: {named} is not set, or is no token of a Telegram bot"
    if not settings.secret(settings.upstream.get("luna", {}).get("key_env")):
        yield "upstream.luna.key_env: names no variable that is set; nothing would sign the selfies"
    if bot.webhook_url:
        if not bot.webhook_url.startswith("https://"):
            yield "bot.webhook_url: Telegram calls https:// addresses only"
        if not _WEBHOOK_SECRET.fullmatch(settings.secret(bot.webhook_secret_env) or ""):
            yield f"bot.webhook_url: set {bot.webhook_secret_env} to {_LONG} to 256 characters of A-Z a-z 0-9 _ -"
    if bot.callback_hosts and len(settings.secret(bot.callback_secret_env) or "") < _LONG:
        yield f"bot.callback_hosts: set {bot.callback_secret_env} to {_LONG} characters or more"
    if any(_is_sandbox(f"//{host}", settings) for host in bot.callback_hosts):
        yield "bot.callback_hosts: an address of the sandbox"
