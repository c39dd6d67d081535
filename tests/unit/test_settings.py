"""The settings: what they are made of, which typos they name, and what production mode refuses."""

from collections.abc import Callable
from pathlib import Path

import pytest

from flows.fronts import plans
from flows.safety import unsafe
from flows.settings import SANDBOX_SECRETS, Settings, SettingsError, load

FILE = """
mode = "production"
[sandbox]
enabled = false
[channel.web]
flow = "search"
key_env = "WEB_KEY"
[flow.search]
steps = ["client", "code"]
[upstream.osonsms]
url = "https://api.osonsms.com"
login = "bank"
sender = "Bank"
token_env = "SMS_TOKEN"
"""
ENVIRON = {
    "SHINOS_KEY": "k" * 32,
    "SHINOS_RECORDS_KEY": "r" * 32,
    "WEB_KEY": "w" * 22,
    "SMS_TOKEN": "a token of the gateway",
    "PATH": "/bin",
}

Read = Callable[..., Settings]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def written(text: str = FILE, **environ: str) -> Settings:
        path = tmp_path / "config.toml"
        path.write_text(text, encoding="utf-8")
        return load(path, {name: value for name, value in {**ENVIRON, **environ}.items() if value})

    return written


def test_a_safe_production_configuration_is_refused_nothing(read: Read) -> None:
    assert unsafe(read()) == []


SANDBOX_KEY = SANDBOX_SECRETS["SHINOS_SUPPORT_KEY"]
OSONSMS = 'url = "https://api.osonsms.com"'
UNSAFE = [
    ("the sandbox runs", {"SHINOS_SANDBOX__ENABLED": "true"}, "", "sandbox.enabled"),
    ("an upstream in the sandbox", {}, 'url = "{sandbox}/osonsms"', "upstream.osonsms: an address of the sandbox"),
    ("its address spelled out", {}, 'url = "http://127.0.0.1:8081/osonsms"', "upstream.osonsms: an address"),
    ("its other address", {}, 'url = "http://localhost:8081/osonsms"', "upstream.osonsms: an address"),
    ("the key of the IQ4 page", {"WEB_KEY": SANDBOX_KEY}, "", "WEB_KEY: a key of the sandbox"),
    ("a test password", {"SMS_TOKEN": "sandbox-osonsms-token"}, "", "SMS_TOKEN: a key of the sandbox"),
    ("no key of our own", {"SHINOS_KEY": ""}, "", "SHINOS_KEY: not set"),
    ("a short key of our own", {"SHINOS_KEY": "k" * 31}, "", "SHINOS_KEY: not set, or shorter"),
    ("no key of the records", {"SHINOS_RECORDS_KEY": ""}, "", "SHINOS_RECORDS_KEY: not set"),
    ("a short key of the records", {"SHINOS_RECORDS_KEY": "r" * 31}, "", "SHINOS_RECORDS_KEY: not set, or shorter"),
    ("one secret for two things", {"SHINOS_RECORDS_KEY": "k" * 32}, "", "two variables hold the same value"),
    ("a channel without a key", {"WEB_KEY": ""}, "", "channel.web.key_env: WEB_KEY is not set"),
    ("a short channel key", {"WEB_KEY": "w" * 21}, "", "WEB_KEY is shorter than 22"),
    ("debug", {"SHINOS_LOG__LEVEL": "debug"}, "", "log.level"),
    ("codes on the console", {}, "[upstream.console]", "upstream.console"),
    ("a Redis open to all", {"SHINOS_REDIS__URL": "redis://10.0.0.5:6379/0"}, "", "redis.url: no password"),
]


@pytest.mark.parametrize(("environ", "upstream", "named"), [row[1:] for row in UNSAFE], ids=[row[0] for row in UNSAFE])
def test_production_refuses(read: Read, environ: dict[str, str], upstream: str, named: str) -> None:
    text = FILE + upstream if upstream.startswith("[") else FILE.replace(OSONSMS, upstream or OSONSMS)
    assert [problem for problem in unsafe(read(text, **environ)) if named in problem]


CHAT = """
[flow.telegram]
steps = ["client", "code"]
[bot]
webhook_url = "https://bot.bank.example/telegram"
callback_hosts = ["crm.bank.example"]
[upstream.telegram]
token_env = "BOT_TOKEN"
[upstream.luna]
key_env = "LUNA_KEY"
"""
CHAT_ENVIRON = {
    "BOT_TOKEN": "123456789:" + "t" * 35,
    "LUNA_KEY": "l" * 32,
    "SHINOS_WEBHOOK_SECRET": "webhook-secret-22-long",
    "SHINOS_CALLBACK_SECRET": "c" * 22,
}


def test_a_safe_chat_is_refused_nothing(read: Read) -> None:
    assert unsafe(read(FILE + CHAT, **CHAT_ENVIRON)) == []


SANDBOX_TOKEN = SANDBOX_SECRETS["SHINOS_TELEGRAM_TOKEN"]
UNSAFE_CHAT = [
    ("a webhook in clear", {"SHINOS_BOT__WEBHOOK_URL": "http://bot.bank.example/"}, "bot.webhook_url: Telegram calls"),
    ("a webhook without a secret", {"SHINOS_WEBHOOK_SECRET": ""}, "bot.webhook_url: set SHINOS_WEBHOOK_SECRET to 22"),
    ("one that can be guessed", {"SHINOS_WEBHOOK_SECRET": "w" * 21}, "bot.webhook_url: set SHINOS_WEBHOOK_SECRET"),
    ("one that Telegram refuses", {"SHINOS_WEBHOOK_SECRET": "w" * 22 + "!"}, "bot.webhook_url: set SHINOS_WEBHOOK"),
    ("a callback that nothing signs", {"SHINOS_CALLBACK_SECRET": ""}, "bot.callback_hosts: set SHINOS_CALLBACK_SECRET"),
    ("a short signing key", {"SHINOS_CALLBACK_SECRET": "c" * 21}, "bot.callback_hosts: set SHINOS_CALLBACK_SECRET"),
    ("a callback to the sandbox", {"SHINOS_BOT__CALLBACK_HOSTS": '["127.0.0.1:8081"]'}, "an address of the sandbox"),
    ("no bot token", {"BOT_TOKEN": ""}, "upstream.telegram.token_env: BOT_TOKEN is not set, or is no token"),
    ("something else for a token", {"BOT_TOKEN": "t" * 46}, "upstream.telegram.token_env: BOT_TOKEN is not set, or"),
    ("the bot of the sandbox", {"BOT_TOKEN": SANDBOX_TOKEN}, "BOT_TOKEN: a key of the sandbox"),
    ("a selfie that nothing signs", {"LUNA_KEY": ""}, "upstream.luna.key_env"),
    ("another variable named", {"SHINOS_UPSTREAM__LUNA__KEY_ENV": "OTHER"}, "upstream.luna.key_env"),
]


@pytest.mark.parametrize(("environ", "named"), [row[1:] for row in UNSAFE_CHAT], ids=[row[0] for row in UNSAFE_CHAT])
def test_production_refuses_a_chat(read: Read, environ: dict[str, str], named: str) -> None:
    assert [problem for problem in unsafe(read(FILE + CHAT, **CHAT_ENVIRON | environ)) if named in problem]


def test_a_chat_without_the_stanza_that_signs_is_refused(read: Read) -> None:
    told = unsafe(read(FILE + CHAT.partition("[upstream.luna]")[0], **CHAT_ENVIRON))
    assert [line.partition(":")[0] for line in told] == ["upstream.luna.key_env"]


def test_nobody_without_a_chat_is_asked_about_it(read: Read) -> None:
    without = CHAT.replace("[flow.telegram]", "[flow.other]")
    assert unsafe(read(FILE + without, SHINOS_BOT__WEBHOOK_URL="http://bot.bank.example/")) == []


def test_where_nothing_is_called_in_nothing_is_asked(read: Read) -> None:
    polling = CHAT.replace("webhook_url", "# webhook_url").replace("callback_hosts", "# callback_hosts")
    assert unsafe(read(FILE + polling, BOT_TOKEN=CHAT_ENVIRON["BOT_TOKEN"], LUNA_KEY=CHAT_ENVIRON["LUNA_KEY"])) == []


def test_a_short_second_key_is_refused_too(read: Read) -> None:
    text = FILE.replace('key_env = "WEB_KEY"', 'key_env = "WEB_KEY"\nnext_key_env = "WEB_KEY_2"')
    assert unsafe(read(text, WEB_KEY_2="w" * 21)) == [
        "channel.web.key_env: WEB_KEY_2 is shorter than 22 characters (128 bits)"
    ]


def test_a_refusal_never_repeats_a_secret(read: Read) -> None:
    told = unsafe(read(FILE, SHINOS_KEY="short-canary", WEB_KEY="short-canary", SMS_TOKEN="canary-of-the-gateway"))
    assert told
    assert "canary" not in "".join(told)
    assert "canary" not in repr(read(FILE, WEB_KEY="short-canary"))


def test_development_knows_the_keys_of_the_sandbox_and_production_does_not(read: Read) -> None:
    text = FILE.replace("WEB_KEY", "SHINOS_SUPPORT_KEY").replace('mode = "production"', "")
    assert read(text.replace("enabled = false", "")).secret("SHINOS_SUPPORT_KEY") == SANDBOX_KEY
    assert read(text).secret("SHINOS_SUPPORT_KEY") is None
    assert read(FILE.replace("WEB_KEY", "SHINOS_SUPPORT_KEY")).secret("SHINOS_SUPPORT_KEY") is None


TYPOS = [
    ({"SHINOS_SERVR__PORT": "1"}, 'SHINOS_SERVR__PORT: no section servr; did you mean "server"?'),
    ({"SHINOS_SERVER__PROT": "1"}, 'server.prot: unknown key; did you mean "port"?'),
    ({"SHINOS_CHANNEL__WEB__STRIKT": "1"}, 'channel.web.strikt: unknown key; did you mean "strict"?'),
    ({"SHINOS_RECORD_KEY": "1"}, 'SHINOS_RECORD_KEY means nothing here; did you mean "SHINOS_RECORDS_KEY"?'),
    ({"SHINOS_SECRETS__X": "1"}, "no section secrets"),
    ({"SHINOS_SERVER__PORT": "abc"}, "server.port: Input should be a valid integer"),
    ({"SHINOS_SERVER__PORT": "70000"}, "server.port: Input should be less than or equal to 65535"),
    ({"SHINOS_SERVER__PORT__X": "1"}, "server.port"),
    ({"SHINOS_MODE__X": "1"}, "SHINOS_MODE__X: mode is no section"),
    ({"SHINOS_MODE": "prod"}, "mode: Input should be 'development' or 'production'"),
    ({"SHINOS_FLOW__SEARCH__STEPS": '["client"'}, "SHINOS_FLOW__SEARCH__STEPS: begins like JSON and is none"),
    ({"SHINOS_CHANNEL__WEB__FLOW": "serch"}, 'channel.web.flow: there is no flow "serch"'),
    ({"SHINOS_LIMITS__CLIENT_WRONG": "41"}, "limits.client_wrong: Input should be less than or equal to 40"),
    ({"SHINOS_LIMITS__DIALOGUE": "1801"}, "limits.dialogue: Input should be less than or equal to 1800"),
]


@pytest.mark.parametrize(("environ", "named"), TYPOS)
def test_a_typo_in_the_environment_is_named(read: Read, environ: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(FILE, **environ)
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


MISTAKES = [
    ("[server\n", "Expected ']'"),
    ("[srver]\nport = 1\n", 'srver: unknown key; did you mean "server"?'),
    ("server = 3\n", "server: Input should be a valid dictionary"),
    ('[secrets]\nSHINOS_KEY = "canary"\n', "secrets: unknown section"),
    ('[flow.search]\nsteps = ["client"]\n[channel.web]\nflo = "search"\n', "channel.web.flo: unknown key"),
    ('[channel.web]\nkey_env = "X"\n', "channel.web.flow: Field required"),
]


@pytest.mark.parametrize(("text", "named"), MISTAKES)
def test_a_mistake_in_the_file_is_named_with_the_file(read: Read, tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(text)
    assert named in str(refused.value)
    assert str(tmp_path / "config.toml") in str(refused.value)
    assert "canary" not in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml: No such file or directory"):
        load(tmp_path / "nowhere.toml", {})


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"config\.toml: .*utf-8"):
        load(path, {})


def test_the_environment_comes_after_the_file(read: Read) -> None:
    settings = read(
        FILE, SHINOS_SERVER__PORT="0", SHINOS_FLOW__SEARCH__STEPS='["client", {"kind": "code", "digits": 8}]'
    )
    assert settings.server.port == 0
    assert settings.flow["search"].steps == ("client", {"kind": "code", "digits": 8})


def test_the_address_of_the_sandbox_is_filled_in(read: Read) -> None:
    text = FILE.replace("https://api.osonsms.com", "{sandbox}/osonsms").replace('mode = "production"', "")
    table = read(text, SHINOS_SANDBOX__PORT="9999").upstream_table("osonsms")
    assert table
    assert table["url"] == "http://127.0.0.1:9999/osonsms"


def test_the_shipped_configuration_loads() -> None:
    shipped = load(Path(__file__).parents[2] / "config.toml", {})
    assert shipped.channel["support"].flow == "search"
    assert shipped.secret("SHINOS_SUPPORT_KEY") == SANDBOX_KEY
    assert len(unsafe(shipped)) > 5


def test_a_channel_has_no_steps_of_a_chat(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    stanza = (
        '[channel.support]\nflow = "search"\nkey_env = "SHINOS_SUPPORT_KEY"\n[flow.search]\nsteps = ["client", "code", '
    )
    config.write_text(f'{stanza}"consent"]\n', encoding="utf-8")
    with pytest.raises(SettingsError, match=r"channel\.support\.flow: step consent of search belongs to a chat"):
        plans(load(config, {}))
    config.write_text(f'{stanza}"secret_word"]\n', encoding="utf-8")
    assert set(plans(load(config, {}))) == {"support"}
