"""The settings: `config.toml`, then `SHINOS_<SECTION>__<KEY>` from the environment, into frozen models.

No secret stands in the file: keys that end in `_env` name the environment variable that holds it. A typo never passes:
an unknown section, key or `SHINOS_` variable is refused by name, with the nearest known one.
"""

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from flows.redis_url import place_of

SANDBOX = "{sandbox}"
"""In an address of an upstream: "the sandbox, wherever it runs"."""

SANDBOX_SECRETS = {
    "SHINOS_SUPPORT_KEY": "a57974242d0146c28056",
    "SHINOS_OSONSMS_TOKEN": "sandbox-osonsms-token",
    "SHINOS_SMSC_PASSWORD": "sandbox-smsc-password",
    "SHINOS_TELEGRAM_GATEWAY_TOKEN": "sandbox-gateway-token",
    "SHINOS_TELEGRAM_TOKEN": "7000000001:sandbox-telegram-token-of-shinos-01",
    "SHINOS_WEBHOOK_SECRET": "sandbox-webhook-secret-of-the-telegram-bot",
    "SHINOS_CALLBACK_SECRET": "sandbox-callback-secret-of-standard-webhooks",
    "SHINOS_HUMO_KEY": "05a4ce19-de3c-4d2c-a464-7356dbdbd107",
    "SHINOS_LUNA_KEY": "sandbox-luna-key-that-signs-the-selfies",
    "SHINOS_AITU_SECRET": "sandbox-aitu-secret-of-the-client-shinos",
    "SHINOS_COID_PASSWORD": "coidtestpassword",
    "SHINOS_BIOMETRIC_KEY": "sandbox-biometric-flow-of-shinos-LD-F2F-000000000001",
}
"""Public by design: they open the sandbox and nothing else, and production mode refuses them."""

Language = Literal["ru", "tg", "en", "kk"]


class SettingsError(Exception):
    """One line for the engineer: where, what is wrong, what was expected."""


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Server(Section):
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: str = Field(
        default="",
        pattern=r"^(https?://[^/?#@]+)?$",
        description="as browsers reach it; empty: http, host and port",
    )
    read_seconds: float = Field(default=10, gt=0, le=60, description="a request must be complete by then")
    peer_connections: int = Field(default=512, ge=1, description="open connections of one peer address")


class Sandbox(Section):
    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = Field(default=8081, ge=0, le=65535)
    speed: float = Field(default=1.0, ge=0, description="scales the delays of the virtual upstreams; 0 is at once")
    seed: int = 1


class Storage(Section):
    dir: Path = Path("var")


def _of_redis(url: str) -> str:
    place_of(url)
    return url


class Redis(Section):
    url: Annotated[str, AfterValidator(_of_redis)] = Field(
        default="", description="forms in redis_url.py; empty: the embedded Valkey of `shinos up` in storage.dir"
    )
    connections: int = Field(default=16, ge=1, le=512)
    replicas: int = Field(default=0, ge=0, le=5, description="so many have what is written before it is answered")


class Database(Section):
    url: str = Field(default="", description="empty: SQLite in storage.dir; else sqlite:/// or postgresql://")
    word_threads: int = Field(default=2, ge=1, le=64, description="secret words compared at the same time")
    word_queue: int = Field(default=32, ge=0, le=1000, description="waiting for that; beyond it the answer is 503")


class Retention(Section):
    """Days after which a job erases, once a day; 0: never. See `shinos clients prune --dry-run`."""

    clients_days: int = Field(default=0, ge=0, le=36500, description="a client neither written nor proven anew")
    proofs_days: int = Field(default=0, ge=0, le=36500, description="a proof of who a client is")


class Log(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"


class KeyNames(Section):
    """Which environment variables hold the service's own secrets (32 bytes or more of anything)."""

    key_env: str = "SHINOS_KEY"
    previous_key_env: str = "SHINOS_KEY_PREVIOUS"
    records_key_env: str = "SHINOS_RECORDS_KEY"
    previous_records_key_env: str = "SHINOS_RECORDS_KEY_PREVIOUS"


class Bank(Section):
    name: str = "Шинос Банк"
    country: str = Field(default="TJ", pattern="^[A-Z]{2}$", description="reads phones in local spelling")


class Bot(Section):
    """The Telegram front. Its address and token stand in [upstream.telegram]."""

    enabled: bool = Field(default=True, description="whether `shinos up` runs it too")
    flows: tuple[str, ...] = Field(
        default=("telegram",), min_length=1, description="what people go through; of several they choose by citizenship"
    )
    language: Language = Field(default="ru", description="for whom Telegram names none that we speak")
    name: str = Field(default="", pattern="^([A-Za-z0-9_]{5,32})?$", description="its @name, to lead back to the chat")
    mini_app: bool = Field(default=True, description="pages open inside Telegram too; it takes https only")
    delete_photos: bool = Field(default=True, description="take the person's photos out of the chat in the end")
    help: str = Field(
        default="", max_length=200, description="how to reach a person, said with every refusal that ends"
    )
    callback_hosts: tuple[str, ...] = Field(default=(), description="host or host:port that Humo's callback may name")
    callback_secret_env: str = "SHINOS_CALLBACK_SECRET"
    home_page_schemes: tuple[str, ...] = ("https", "tg", "humoonline")
    webhook_url: str = Field(default="", description="https address that Telegram calls; empty: long polling")
    webhook_host: str = "127.0.0.1"
    webhook_port: int = Field(default=8082, ge=0, le=65535)
    webhook_secret_env: str = "SHINOS_WEBHOOK_SECRET"
    uploads: int = Field(default=24, ge=1, le=64, description="photos on their way at the same time, per process")


class Limits(Section):
    """Numbers of security.md §7; times in seconds. The bounds are the hard range."""

    client_wrong: int = Field(default=20, ge=10, le=40, description="#6 wrong answers of a client in 24 h")
    pair_wrong: int = Field(default=10, ge=5, le=20, description="#6 wrong answers of a client in a channel")
    lock: int = Field(default=900, ge=60, le=86400, description="#7 first lock, doubling")
    client_consecutive: int = Field(default=100, ge=10, le=100, description="#8")
    channel_wrong_10min: int = Field(default=100, ge=1, le=200, description="#9")
    channel_wrong_day: int = Field(default=1000, ge=1, le=1000, description="#9")
    send_pauses: tuple[Annotated[int, Field(ge=1, le=3600)], ...] = Field(
        default=(30, 60, 120, 240), min_length=1, max_length=10, description="#10"
    )
    sends_hour: int = Field(default=5, ge=1, le=20, description="#10")
    sends_day: int = Field(default=10, ge=1, le=50, description="#10")
    phone_sends_day: int = Field(default=15, ge=1, le=50, description="#10")
    begins_minute: int = Field(default=60, ge=1, le=1_000_000, description="#11")
    begins_burst: int = Field(default=120, ge=1, le=1_000_000, description="#11")
    begins_hour: int = Field(default=1000, ge=1, le=10_000_000, description="#11")
    prefix_sends_10min: int = Field(default=20, ge=1, le=100_000, description="#12")
    prefix_sample: int = Field(default=50, ge=1, le=100_000, description="#12")
    prefix_entered: float = Field(default=0.3, ge=0, le=1, description="#12")
    sends_budget_day: int = Field(default=10000, ge=1, le=1_000_000, description="#12")
    dialogue: int = Field(default=900, ge=60, le=1800, description="#15")
    repeat: int = Field(default=300, ge=10, le=300, description="how long a reply is repeated")
    token: int = Field(default=3600, ge=60, le=86400, description="#16 absolute life")
    token_first: int = Field(default=300, ge=10, le=3600, description="#16")
    token_idle: int = Field(default=900, ge=10, le=3600, description="#16")
    token_reads_hour: int = Field(default=20, ge=1, le=1000, description="#30")
    lease: int = Field(default=30, ge=2, le=60, description="#32 how long a dead worker holds a wake")
    papers: int = Field(default=5, ge=3, le=20, description="#24 uploads of one page of a chat")
    papers_window: int = Field(default=21600, ge=600, le=86400, description="#24 in that time")
    inbox: int = Field(default=50, ge=10, le=1000, description="messages of one chat that may wait")
    breaker_failures: int = Field(default=5, ge=1, description="#28")
    breaker: int = Field(default=30, ge=1, le=600, description="#28")


class Channel(Section):
    flow: str
    key_env: str = Field(description="environment variable with the channel's key")
    next_key_env: str | None = Field(default=None, description="a second key, valid too while rotating")
    language: Language = "ru"
    strict: bool = True
    reveal_unknown: bool = False
    keyless: bool = False


def _stanzas(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


class Flow(Section):
    citizens: Literal["TJ", "KZ", "other"] = Field(default="other", description="who is led here by the bot's choice")
    steps: Annotated[tuple[str | dict[str, Any], ...], BeforeValidator(_stanzas)]


class Settings(Section):
    mode: Literal["development", "production"] = "development"
    server: Server = Server()
    sandbox: Sandbox = Sandbox()
    storage: Storage = Storage()
    redis: Redis = Redis()
    database: Database = Database()
    retention: Retention = Retention()
    log: Log = Log()
    keys: KeyNames = KeyNames()
    bank: Bank = Bank()
    bot: Bot = Bot()
    limits: Limits = Limits()
    channel: dict[str, Channel] = {}
    flow: dict[str, Flow] = {}
    upstream: dict[str, dict[str, Any]] = {}
    secrets: dict[str, SecretStr] = Field(default={}, repr=False)

    @model_validator(mode="after")
    def _flows_exist(self) -> Self:
        for name, channel in self.channel.items():
            if channel.flow not in self.flow:
                raise ValueError(f'channel.{name}.flow: there is no flow "{channel.flow}"')
        keys = [key for channel in self.channel.values() for key in (channel.key_env, channel.next_key_env) if key]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice:
            raise ValueError(f"channel: two keys are read from {twice}; a key must lead to one channel")
        if sum(channel.keyless for channel in self.channel.values()) > 1:
            raise ValueError("channel: only one can be keyless; a call without a key must lead to one channel")
        return self

    @property
    def public_url(self) -> str:
        """Where people's browsers find our pages."""
        return self.server.public_url or f"http://{self.server.host}:{self.server.port}"

    @property
    def has_chat(self) -> bool:
        """Is a flow of the bot's configured? The bot's section alone makes none."""
        return any(name in self.flow for name in self.bot.flows)

    @property
    def sandbox_url(self) -> str:
        return f"http://{self.sandbox.host}:{self.sandbox.port}"

    def secret(self, name: str | None) -> str | None:
        """The value of an environment variable that a key `…_env` names."""
        found = self.secrets.get(name) if name else None
        return found.get_secret_value() if found else None

    def upstream_table(self, name: str) -> dict[str, Any] | None:
        """The stanza of one upstream, with the sandbox's address filled in."""
        table = self.upstream.get(name)
        if table is None:
            return None
        return {k: v.replace(SANDBOX, self.sandbox_url) if isinstance(v, str) else v for k, v in table.items()}


def load(path: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """Raises `SettingsError`."""
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from None
    if "secrets" in tree:
        raise SettingsError(
            f"{path}: secrets: unknown section; no secret stands in the file, see keys that end in _env"
        )
    loose = _overlay(tree, environ)
    names = set(_named_variables(tree)) | set(
        _named_variables({"keys": KeyNames().model_dump(), "bot": Bot().model_dump()})
    )
    for variable in loose:
        if variable not in names:
            raise SettingsError(f"environment: {variable} means nothing here{_near(variable, names)}")
    try:
        settings = Settings.model_validate({**tree, "secrets": _secrets(names, environ)})
    except ValidationError as error:
        raise SettingsError(_explain(path, error)) from None
    return _with_sandbox_secrets(settings, names)


def _overlay(tree: dict[str, Any], environ: Mapping[str, str]) -> list[str]:
    """Lay `SHINOS_A__B=v` over tree["a"]["b"]; returns the variables without a section."""
    loose = []
    for variable, value in environ.items():
        if not variable.startswith("SHINOS_"):
            continue
        parts = variable.removeprefix("SHINOS_").lower().split("__")
        if len(parts) == 1 and parts[0] != "mode":
            loose.append(variable)
            continue
        if parts[0] not in Settings.model_fields or parts[0] == "secrets":
            raise SettingsError(
                f"environment: {variable}: no section {parts[0]}{_near(parts[0], Settings.model_fields)}"
            )
        _lay(tree, parts, variable, value)
    return loose


def _lay(table: dict[str, Any], parts: list[str], variable: str, value: str) -> None:
    for part in parts[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise SettingsError(f"environment: {variable}: {part} is no section")
    try:
        table[parts[-1]] = json.loads(value) if value.startswith(("[", "{")) else value
    except (ValueError, RecursionError):
        raise SettingsError(f"environment: {variable}: begins like JSON and is none") from None


def _named_variables(tree: Mapping[str, Any]) -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _named_variables(value)
        elif key.endswith("_env") and isinstance(value, str):
            yield value


def _secrets(names: set[str], environ: Mapping[str, str]) -> dict[str, SecretStr]:
    return {name: SecretStr(environ[name]) for name in names if environ.get(name)}


def _with_sandbox_secrets(settings: Settings, names: set[str]) -> Settings:
    if settings.mode == "production" or not settings.sandbox.enabled:
        return settings
    missing = {name: SecretStr(value) for name, value in SANDBOX_SECRETS.items() if name in names}
    return settings.model_copy(update={"secrets": {**missing, **settings.secrets}})


def _explain(path: Path, error: ValidationError) -> str:
    found = error.errors(include_input=False, include_url=False)
    first = next(
        (one for one in found if one["type"] == "extra_forbidden"), found[0]
    )  # a typo also leaves a key missing
    where = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = f"unknown key{_near(str(first['loc'][-1]), _siblings(first['loc']))}"
    return f"{path} (or the environment): {where + ': ' if where else ''}{message}"


def _siblings(loc: tuple[int | str, ...]) -> list[str]:
    """The keys that would have been right at that place."""
    model: Any = Settings
    for part in loc[:-1]:
        if isinstance(model, type) and issubclass(model, BaseModel) and part in model.model_fields:
            model = model.model_fields[str(part)].annotation
        elif get_args(model):
            model = get_args(model)[-1]
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


def _near(word: str, known: Any) -> str:
    near = get_close_matches(word, list(known), n=1)
    return f'; did you mean "{near[0]}"?' if near else ""
