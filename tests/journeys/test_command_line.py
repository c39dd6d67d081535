"""The command line as a shell sees it: real processes, the embedded Redis, what is on stdout and on stderr."""

import json
import os
import resource
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from figures import FULL
from servers import Command, RedisServer

from flows.settings import SANDBOX_SECRETS
from shinos.demo import read_aloud

ROOT = Path(__file__).parents[2]
KEY = "a57974242d0146c28056"
HEADER = "crmid,phone,email,last_name,first_name,middle_name,birth_date,tax_number,secret_word\n"
PEOPLE = (
    HEADER
    + "B-1,+992911000001,one@example.com,Раҳимов,Фирӯз,Саидович,1990-05-14,020025781,анор\n"
    + "B-2,+992911000002,,Назарова,Мадина,,08.03.1994,,\n"
)
PRODUCTION = """
mode = "production"
[sandbox]
enabled = false
[server]
port = 0
[channel.web]
flow = "search"
key_env = "WEB_KEY"
[flow.search]
steps = ["client", "secret_word"]
"""
SECRETS = {"SHINOS_KEY": "canary-k" * 4, "SHINOS_RECORDS_KEY": "canary-r" * 4, "WEB_KEY": "canary-w" * 3}
PROVEN = "consent, contact, document, selfie, liveness, code, secret_word"


def environ_of(folder: Path, **more: str) -> dict[str, str]:
    here = {"SHINOS_STORAGE__DIR": str(folder / "var"), "SHINOS_SERVER__PORT": "0", "SHINOS_SANDBOX__PORT": "0"}
    return {**here, **more}


def run(
    *words: str, environ: Mapping[str, str] | None = None, config: Path = ROOT / "config.toml", given: str = ""
) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SHINOS_")}
    flags = [] if not words or words[0].startswith("-") or words[-1] == "--help" else ["--config", str(config)]
    return subprocess.run(
        [sys.executable, "-m", "shinos", *words, *flags],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
        cwd=ROOT,
        env={**clean, **(environ or {})},
    )


class Up(Command):
    """`shinos up`; `sandbox` is the address that it said."""

    def __init__(self, folder: Path, **more: str) -> None:
        self.environ = environ_of(folder, **more)
        self.sandbox = ""
        super().__init__(folder, "up", environ=self.environ, config=ROOT / "config.toml")
        self.environ["SHINOS_SERVER__PORT"] = self.url.rpartition(":")[2]
        self.environ["SHINOS_SANDBOX__PORT"] = self.sandbox.rpartition(":")[2]

    def _ready(self) -> str:
        for line in self.process.stdout or ():
            if line.startswith("Sandbox"):
                self.sandbox = line.split()[1].rstrip("/")
            if line.startswith("ready "):
                return line.split()[1]
        raise RuntimeError(f"it did not start: {self.log.read_text()}")


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    running = Up(tmp_path_factory.mktemp("up"))
    yield running
    assert running.stop() == 0


def post(url: str, **form: str) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(url, urllib.parse.urlencode(form).encode(), timeout=10) as answer:  # noqa: S310 - loopback
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def search(up: Up, **form: str) -> tuple[int, dict[str, Any]]:
    return post(f"{up.url}/rest/chat/client/search/{KEY}", **form)


def sms(up: Up, phone: str) -> str:
    for _ in range(100):
        with urllib.request.urlopen(f"{up.sandbox}/sms/outbox?to={phone[1:]}", timeout=10) as answer:  # noqa: S310
            messages = json.load(answer)
        if messages:
            return str(messages[-1]["text"]).split()[0]
        time.sleep(0.05)
    raise TimeoutError("no SMS")


def alive(folder: Path) -> list[str]:
    """The processes, ours or started by ours, that have this folder in their environment or work in it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            told = (process / "environ").read_bytes().decode(errors="replace") + str((process / "cwd").readlink())
            if words and str(folder) in words + told:
                found.append(words)
        except OSError:  # it has ended, or is somebody else's
            continue
    return found


def gone(folder: Path, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while alive(folder) and time.monotonic() < end:
        time.sleep(0.05)
    return not alive(folder)


# Help and misuse


def test_help_answers_in_under_a_second() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    helped = run("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert helped.returncode == 0
    assert "check" in helped.stdout
    # CPU seconds: others may be busy on this machine.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1


@pytest.mark.parametrize("words", [(), ("clients",), ("flows",), ("audit",)])
def test_bare_it_prints_its_help_and_nothing_else(words: tuple[str, ...]) -> None:
    bare = run(*words) if not words else run(*words, "--help")
    assert bare.stdout.startswith("Usage: shinos")
    assert bare.stderr == ""
    assert bare.returncode == 0


def test_the_version() -> None:
    assert run("--version").stdout == "shinos 0.1.0\n"


MISUSED = [
    (("nonsense",), "No such command 'nonsense'; see `shinos --help`"),
    (("serv",), "Did you mean 'serve'?"),
    (("clients", "imprt"), "Did you mean 'import'?"),
    (("clients", "import"), "Missing argument 'FILE.csv'; see `shinos clients import --help`"),
    (("clients", "import", "/nowhere.csv"), "'/nowhere.csv' does not exist"),
    (("clients", "show", "не имя"), "Invalid value for ID: expected a phone"),
    (("serve", "--workers", "0"), "'--workers'"),
    (("flows", "draw", "serch"), 'there is no flow "serch", did you mean "search"?'),
    (("up", "--nope"), "No such option: --nope"),
]


@pytest.mark.parametrize(("words", "said"), MISUSED, ids=[" ".join(row[0]) for row in MISUSED])
def test_misuse_is_one_line_and_exit_2(words: tuple[str, ...], said: str, folder: Path) -> None:
    misused = run(*words, environ=environ_of(folder))
    assert said in misused.stderr
    assert misused.stderr.startswith("shinos: ")
    assert misused.stderr.count("\n") == 1
    assert misused.stdout == ""
    assert misused.returncode == 2


def test_a_typo_in_the_settings_is_one_line_and_exit_2(folder: Path) -> None:
    refused = run("up", environ=environ_of(folder, SHINOS_SERVR__PORT="1"))
    assert refused.stderr == 'shinos: environment: SHINOS_SERVR__PORT: no section servr; did you mean "server"?\n'
    assert refused.returncode == 2


def test_a_folder_that_cannot_be_is_told(folder: Path) -> None:
    told = run("audit", "tail", environ=environ_of(folder, SHINOS_STORAGE__DIR="/proc/nowhere"))
    assert told.stderr == "shinos: /proc/nowhere: No such file or directory\n"
    assert told.returncode == 1


# Flows


def test_flows_are_listed_and_drawn() -> None:
    search, chat, kazakh = run("flows", "list").stdout.splitlines()
    assert search == "search\tclient → code → secret_word\tsupport"
    assert chat.startswith("telegram\twelcome → link → ")
    assert kazakh.startswith("telegram_kz\twelcome → consent → contact → aitu → person → ")
    assert {line.rpartition("\t")[2] for line in (chat, kazakh)} == {"the Telegram bot"}
    drawn = run("flows", "draw", "search")
    assert drawn.stdout.startswith("stateDiagram-v2\n")
    assert "secret_word --> [*]: identified" in drawn.stdout


def test_a_flow_is_played_in_a_pipe() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "shinos", "flows", "sim", "search", "--language", "en"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as sim:
        assert sim.stdin
        assert sim.stdout
        sim.stdin.write("+79221234567\n")
        sim.stdin.flush()
        sent = next(line for line in sim.stdout if line.startswith("[sent] "))
        rest, _ = sim.communicate(f"111\n{sent.split()[1]}\nромашка\n")
    assert "That code is not right" in rest
    assert "Enter the secret word" in rest
    assert rest.endswith("identified as 100001, by code, secret_word\n")
    assert sim.returncode == 0


def test_a_flow_that_is_not_ended_is_not_well() -> None:
    assert run("flows", "sim", "search", given="+79221234567\n").returncode == 1
    assert "not identified" in run("flows", "sim", "search", given="+992900000999\n").stdout


# Check


def test_check_without_up_says_to_start_it(folder: Path) -> None:
    checked = run("check", environ=environ_of(folder, SHINOS_SANDBOX__PORT="1"))
    assert checked.returncode == 1
    assert "start `shinos up`, or set redis.url" in checked.stdout
    lines = {line.split("  ")[0]: line for line in checked.stdout.splitlines()}
    assert "FAIL" in lines["redis"]
    assert "  ok" in lines["database"]
    assert "  ok" in lines["audit log"]
    assert "FAIL" in lines["upstream osonsms"]


def test_check_of_a_running_up_is_well_and_warns(up: Up) -> None:
    checked = run("check", environ=up.environ)
    assert checked.returncode == 0, checked.stdout
    assert "FAIL" not in checked.stdout
    assert "production mode would refuse: sandbox.enabled" in checked.stdout
    assert KEY not in checked.stdout + checked.stderr


def test_check_names_a_mistake_in_the_configuration(folder: Path) -> None:
    config = folder / "config.toml"
    config.write_text('[flow.search]\nsteps = ["client", "cod"]\n')
    checked = run("check", config=config)
    assert 'configuration  FAIL  flow.search.steps: there is no step "cod", did you mean "code"?' in checked.stdout
    assert checked.returncode == 1


def test_check_never_prints_credentials(folder: Path) -> None:
    canaries = {
        "SHINOS_REDIS__URL": "redis://user:canary@127.0.0.1:1/0",
        "SHINOS_DATABASE__URL": "postgresql://user:canary@127.0.0.1:1/bank",
        "SHINOS_OSONSMS_TOKEN": "canary",
    }
    checked = run("check", environ=environ_of(folder, SHINOS_SANDBOX__PORT="1", **canaries))
    assert "127.0.0.1:1/bank" in checked.stdout
    assert "127.0.0.1:1/0 does not answer" in checked.stdout
    assert "canary" not in checked.stdout + checked.stderr
    assert checked.returncode == 1


def test_production_refuses_a_redis_that_forgets(redis_server: RedisServer, folder: Path) -> None:
    config = folder / "config.toml"
    config.write_text(PRODUCTION)
    environ = {"SHINOS_REDIS__URL": redis_server.url, "SHINOS_STORAGE__DIR": str(folder / "var"), **SECRETS}
    checked = run("check", environ=environ, config=config)
    assert checked.returncode == 0, checked.stdout
    try:
        redis_server.command("CONFIG SET appendonly no")
        redis_server.command("CONFIG SET maxmemory-policy allkeys-lru")
        refused = run("serve", environ=environ, config=config)
        checked = run("check", environ=environ, config=config)
    finally:
        redis_server.command("CONFIG SET appendonly yes")
        redis_server.command("CONFIG SET maxmemory-policy noeviction")
    for told in (refused.stderr, checked.stdout):
        assert "appendonly is off" in told
        assert "maxmemory-policy is allkeys-lru" in told
    assert (refused.returncode, checked.returncode) == (2, 1)
    assert "canary" not in refused.stderr + checked.stdout + checked.stderr


# Clients


def test_clients_are_imported_shown_and_erased(folder: Path) -> None:
    environ, table = environ_of(folder), folder / "people.csv"
    table.write_text(PEOPLE)
    imported = run("clients", "import", str(table), environ=environ)
    assert imported.stdout == "created 2, changed 0, unchanged 0\n"
    assert imported.stderr.endswith("every secret word is hardened\n")
    assert run("clients", "import", str(table), environ=environ).stdout == "created 0, changed 0, unchanged 2\n"
    assert run("clients", "harden", environ=environ).stdout == "every secret word is hardened\n"

    shown = json.loads(run("clients", "show", "992 911 00-00-01", environ=environ).stdout)
    assert shown["crmId"] == "B-1"
    assert shown["secretWord"] == "set"
    assert json.loads(run("clients", "show", "B-2", environ=environ).stdout)["birthDate"] == "1994-03-08"

    first, second = (run("clients", "erase", "one@example.com", environ=environ) for _ in range(2))
    assert first.stdout == second.stdout == "the records hold nothing of this client\n"
    assert "Redis cannot be reached" in first.stderr
    assert (first.returncode, second.returncode) == (1, 0)
    nobody = run("clients", "show", "B-1", environ=environ)
    assert nobody.returncode == 1
    assert "nobody goes by that name" in nobody.stderr
    (entry,) = [json.loads(line) for line in run("audit", "tail", environ=environ).stdout.splitlines()]
    assert (entry["event"], entry["channel"]) == ("client_erased", "operator")
    assert "one@example.com" not in json.dumps(entry)


def test_a_bad_file_is_named_by_line_and_column_and_nothing_is_imported(folder: Path) -> None:
    table = folder / "people.csv"
    table.write_text(PEOPLE + "B-3,nonsense,,,,,31.02.1990,,\n")
    refused = run("clients", "import", str(table), environ=environ_of(folder))
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert f"{table}: line 4, column phone: expected a phone number" in refused.stderr
    assert f"{table}: line 4, column birth_date: expected a day" in refused.stderr
    assert "nonsense" not in refused.stderr
    assert run("clients", "show", "B-1", environ=environ_of(folder)).returncode == 1


def test_an_erasure_ends_dialogues_and_tokens(up: Up) -> None:
    phone, word = "+992900000003", "гранат"
    _, asked = search(up, client=phone)
    _, asked = search(up, client=phone, stepId=asked["stepId"], secretWord=sms(up, phone))
    _, done = search(up, client=phone, stepId=asked["stepId"], secretWord=word)
    assert post(f"{up.url}/rest/chat/client/auth/{KEY}", token=done["token"])[0] == 200
    other = "+992900000004"
    _, running = search(up, client=other)

    erased = [run("clients", "erase", name, "--yes", environ=up.environ) for name in ("C-000003", other)]
    assert [one.stderr for one in erased] == ["ended: dialogues 1, tokens 1\n", "ended: dialogues 1, tokens 0\n"]
    assert [one.returncode for one in erased] == [0, 0]

    assert post(f"{up.url}/rest/chat/client/auth/{KEY}", token=done["token"])[1]["errorCode"] == "1010"
    status, refused = search(up, client=other, stepId=running["stepId"], secretWord=sms(up, other))
    assert (status, refused["errorCode"]) == (410, "1004")
    assert search(up, client=other)[1]["errorCode"] == "1001"

    time.sleep(0.7)  # the drain
    told = [json.loads(line) for line in run("audit", "tail", "-n", "100", environ=up.environ).stdout.splitlines()]
    gone_ones = [entry["object"] for entry in told if entry["event"] == "client_erased"]
    assert len(gone_ones) == 2
    assert run("audit", "verify", environ=up.environ).returncode == 0
    keys = redis_keys(up)
    assert keys
    assert not [key for key in keys if any(subject in key for subject in gone_ones)]
    assert not [key for key in keys if ":session:" in key or ":token:" in key or ":wakes" in key]


def redis_keys(up: Up) -> list[str]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.path.relpath(Path(up.environ["SHINOS_STORAGE__DIR"]) / "valkey" / "valkey.sock"))
        connection.sendall(b"KEYS *\r\n")
        time.sleep(0.2)
        return connection.recv(1 << 20).decode().split("\r\n")


# Audit


def test_a_tampered_audit_log_is_found_out(folder: Path) -> None:
    environ, table = environ_of(folder), folder / "people.csv"
    table.write_text(PEOPLE)
    run("clients", "import", str(table), environ=environ)
    run("clients", "erase", "B-1", environ=environ)
    assert run("audit", "verify", environ=environ).stdout == "the audit log is whole\n"
    with sqlite3.connect(folder / "var" / "shinos.db") as database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {trigger}")
        database.execute("UPDATE audit SET event = 'nothing' WHERE seq = 1")
    database.close()
    broken = run("audit", "verify", environ=environ)
    assert broken.stdout == "record 1: its contents do not match its hash\n"
    assert broken.returncode == 1


def test_the_audit_log_is_followed_until_it_is_told_to_stop(up: Up) -> None:
    words = ("audit", "tail", "-n", "0", "--follow", "--config", str(ROOT / "config.toml"))
    with subprocess.Popen(
        [sys.executable, "-m", "shinos", *words], stdout=subprocess.PIPE, text=True, env={**os.environ, **up.environ}
    ) as following:
        assert following.stdout
        for number in range(6, 20):  # it may take a while until it is there
            search(up, client=f"+9929{number:08}")
            if select.select([following.stdout], [], [], 2)[0]:
                break
        else:
            following.kill()
        entry = json.loads(following.stdout.readline() or "{}")
        following.send_signal(signal.SIGTERM)
        assert following.wait(5) == 0
    assert entry["channel"] == "support"


# Demo


def test_the_demo_is_played_against_a_running_up(up: Up) -> None:
    for _ in range(2 if FULL else 1):  # the second time with somebody whose cool-down is free
        played = run("demo", environ=up.environ)
        assert played.returncode == 0, played.stdout + played.stderr
        assert f"identified by {PROVEN}, level high" in played.stdout
        assert "our own" not in played.stdout


def test_the_demo_knows_its_person_by_the_phone(capsys: pytest.CaptureFixture[str]) -> None:
    person = {"phone": "+992900000004", "crmid": "C-000004"}
    shown = {"lastName": "Раҳимов", "firstName": None, "middleName": None, "phone": person["phone"], "crmId": None}
    proven = {"identification": {"level": "high", "methods": [{"name": "code"}]}}
    assert read_aloud(person, {**shown, **proven}) == 0  # erased, and enrolled again
    assert "+992900000004, crmid not given yet" in capsys.readouterr().out
    assert read_aloud(person, {**shown, **proven, "phone": "+992900000005"}) == 1
    assert read_aloud(person, {"errorCode": "1010", "errorText": "unknown token"}) == 1
    assert capsys.readouterr().out == "no card: it is not theirs\nno card: unknown token\n"


def test_the_demo_brings_its_own_up_when_somebody_else_has_the_port(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = str(stranger.getsockname()[1])
        played = run("demo", environ=environ_of(folder, SHINOS_SERVER__PORT=port))
    assert played.returncode == 0, played.stdout + played.stderr
    assert "starting one of our own" in played.stdout
    assert f"identified by {PROVEN}" in played.stdout
    assert not (folder / "var").exists()
    assert gone(folder)


def test_a_demo_that_is_sent_to_nothing_says_so(folder: Path) -> None:
    told = run("demo", "--url", "http://127.0.0.1:1", environ=environ_of(folder))
    assert told.stderr == "shinos: no Search API answers at http://127.0.0.1:1\n"
    assert told.returncode == 1


# Starting and stopping


def test_up_and_serve_stop_in_time_and_leave_nobody_behind(folder: Path) -> None:
    with ExitStack() as stack:
        up = Up(folder)
        stack.callback(up.kill)
        environ = {**up.environ, "SHINOS_SERVER__PORT": "0"}
        serving = Command(folder, "serve", "--workers", "2", environ=environ, config=ROOT / "config.toml")
        stack.callback(serving.kill)
        assert len(alive(folder)) >= 6, alive(folder)  # up, its Redis and its bot, the parent and two workers
        for command in (serving, up):
            start = time.monotonic()
            assert command.stop() == 0
            assert time.monotonic() - start < 10
        assert gone(folder), alive(folder)


def test_a_killed_up_leaves_no_redis_behind_and_starts_again(folder: Path) -> None:
    up = Up(folder)
    assert len(alive(folder)) >= 2, alive(folder)  # up, its Redis, and soon its bot
    up.kill()
    assert gone(folder), alive(folder)
    again = Up(folder)
    assert again.stop() == 0


def test_no_secret_stands_in_a_command_line(up: Up) -> None:
    own = json.loads((Path(up.environ["SHINOS_STORAGE__DIR"]) / "development-secrets.json").read_text())
    lines = alive(Path(up.environ["SHINOS_STORAGE__DIR"]).parent)
    assert len(lines) >= 3, lines  # up, its Redis, its bot
    assert [line for line in lines for secret in [*own.values(), *SANDBOX_SECRETS.values()] if secret in line] == []


def test_a_second_up_on_the_same_folder_is_refused(up: Up) -> None:
    environ = {**up.environ, "SHINOS_SERVER__PORT": "0", "SHINOS_SANDBOX__PORT": "0"}
    second = run("up", environ=environ)
    assert "another shinos uses it; set storage.dir to a folder of your own" in second.stderr
    assert second.stderr.count("\n") == 1
    assert second.returncode == 2


def test_a_port_that_is_taken_is_told(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = str(stranger.getsockname()[1])
        told = run("up", environ=environ_of(folder, SHINOS_SERVER__PORT=port))
    assert f"server.port: cannot listen on 127.0.0.1:{port}: Address already in use" in told.stderr
    assert told.returncode == 2
    assert gone(folder)
