"""Runs the benchmark and prints a table; the aims are those of ARCHITECTURE.md."""

import asyncio
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from urllib.request import urlopen

from bench.load import Called, load
from bench.server import WORD
from flows.records.argon import argon2id
from flows.records.importing import import_csv
from flows.settings import load as load_settings
from flows.wiring import open_archive

ROUNDS = 5
CALLS = 1000
CONNECTIONS = 64
KEY = "bench-key-of-128-bits-or-more"
AIMS = {"begin": 0.6, "answer code": 1.0, "answer word": 0.8, "card": 0.8}
CONFIG = """
mode = "development"
[server]
port = 0
[log]
format = "json"
[channel.bench]
flow = "search"
key_env = "SHINOS_BENCH_KEY"
reveal_unknown = true
strict = false
[flow.search]
steps = ["client", {kind = "code", channels = ["console"]}, "secret_word"]
[upstream.console]
[limits]
begins_minute = 100000
begins_burst = 100000
begins_hour = 1000000
sends_budget_day = 1000000
prefix_sends_10min = 10000
prefix_sample = 10000
"""


def phones() -> list[str]:
    return [f"+9929{number:08d}" for number in range((ROUNDS + 1) * CALLS)]


async def import_people(folder: Path) -> None:
    table = folder / "people.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        columns = "crmid,phone,email,last_name,first_name,middle_name,birth_date,tax_number,secret_word"
        writer.writerow(columns.split(","))
        for number, phone in enumerate(phones()):
            writer.writerow([f"B{number}", phone, "", "Раҳимов", "Далер", "", "1990-01-01", "", WORD])
    async with open_archive(load_settings(folder / "config.toml")) as records:
        await import_csv(table, records, country="TJ")


def start(*command: str, log: Path) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(  # noqa: S603 - our own modules
        [sys.executable, "-m", *command], stdout=subprocess.PIPE, stderr=log.open("w"), text=True
    )
    line = process.stdout.readline() if process.stdout else ""
    if not line.startswith("ready "):
        raise SystemExit(f"{command[0]} did not start; see {log}")
    return process, line.split()[1]


def ask(url: str) -> dict[str, object]:
    with urlopen(url) as answer:  # noqa: S310 - our own server on loopback
        found: dict[str, object] = json.load(answer)
        return found


async def identifications(url: str, pid: int, people: list[str], results: dict[str, list[Called]]) -> list[float]:
    """A whole identification of each; the Redis round trips per call of each phase, with its background work."""
    path = f"/rest/chat/client/search/{KEY}"
    trips = [ask(f"{url}/_trips")["trips"]]

    async def phase(name: str, forms: list[dict[str, str]], where: str = path) -> Called:
        called = await load(url, where, forms, pid, CONNECTIONS)
        results[name].append(called)
        trips.append(ask(f"{url}/_trips")["trips"])
        return called

    begun = await phase("begin", [{"client": phone} for phone in people])
    codes: dict[str, object] = {}
    while len(codes) < len(people):
        codes |= ask(f"{url}/_codes")
        await asyncio.sleep(0.05)
    asked = await phase("answer code", _answers(people, begun, [str(codes[phone]) for phone in people]))
    done = await phase("answer word", _answers(people, asked, [WORD] * len(people)))
    await phase("card", [{"token": str(a["token"])} for a in done.answers], f"/rest/chat/client/auth/{KEY}")
    counts = [int(str(count)) for count in trips]
    return [(after - before) / len(people) for before, after in pairwise(counts)]


def _answers(people: list[str], asked: Called, words: list[str]) -> list[dict[str, str]]:
    rows = zip(people, asked.answers, words, strict=True)
    return [{"client": phone, "stepId": str(answer["stepId"]), "secretWord": word} for phone, answer, word in rows]


async def measure(folder: Path, redis_url: str) -> None:
    os.environ.update(SHINOS_REDIS__URL=redis_url, SHINOS_STORAGE__DIR=str(folder / "var"), SHINOS_BENCH_KEY=KEY)
    (folder / "config.toml").write_text(CONFIG)
    await import_people(folder)
    floor, floor_url = start("bench.floor", redis_url, log=folder / "floor.log")
    began = time.perf_counter()
    server, url = start("bench.server", str(folder / "config.toml"), log=folder / "server.log")
    ready = time.perf_counter() - began
    results: dict[str, list[Called]] = defaultdict(list)
    everybody = phones()
    try:
        idle = resident_mb(server.pid)
        for number in range(ROUNDS):
            people = everybody[number * CALLS : (number + 1) * CALLS]
            form = [{"client": phone, "secretWord": "123456"} for phone in people]
            results["floor"].append(await load(floor_url, "/rest/chat/client/search/x", form, floor.pid, CONNECTIONS))
            trips = await identifications(url, server.pid, people, results)
        paced, crowd = everybody[ROUNDS * CALLS :][:300], everybody[ROUNDS * CALLS :][300:]
        path = f"/rest/chat/client/search/{KEY}"
        calm = await load(url, path, [{"client": phone} for phone in paced], server.pid, 16, per_second=50)
        await load(url, path, [{"client": phone} for phone in crowd], server.pid, 256)
        table(results)
        print(f"\nat 50 begins per second: p99 {calm.quantile(0.99) * 1000:.1f} ms (aim 10, argon2 apart)")
        print(f"256 connections at once: {len(crowd)} begins, every answer 200")
        whole = sum(statistics.median(c.cpu / c.calls for c in results[name]) for name in list(AIMS)[:3])
        print(f"whole identification, three calls and the sending: {whole * 1000:.2f} ms of server CPU (aim 1.0)")
        print("Redis round trips per call, shared by the calls of a tick: " + ", ".join(f"{t:.2f}" for t in trips))
        print(
            f"start to ready {ready:.2f} s (aim 3), idle memory {idle:.0f} MB (aim 150), argon2id {argon2_ms():.0f} ms"
        )
    finally:
        floor.kill()
        server.kill()


def table(results: dict[str, list[Called]]) -> None:
    floor = statistics.median(called.rate for called in results["floor"])
    print(f"{'call':12} {'per s':>7} {'ratio':>6} {'aim':>5} {'p50 ms':>7} {'p99 ms':>7} {'CPU µs':>7}")
    for name, rounds in results.items():
        rate = statistics.median(called.rate for called in rounds)
        p50, p99 = (statistics.median(called.quantile(share) for called in rounds) * 1000 for share in (0.5, 0.99))
        cpu = statistics.median(called.cpu / called.calls for called in rounds) * 1e6
        aim = AIMS.get(name)
        print(
            f"{name:12} {rate:7.0f} {rate / floor:6.2f} {'' if aim is None else f'{aim:.1f}':>5}"
            f" {p50:7.1f} {p99:7.1f} {cpu:7.0f}"
        )


def resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def argon2_ms() -> float:
    began = time.perf_counter()
    for _ in range(5):
        argon2id(b"0" * 32)
    return (time.perf_counter() - began) * 200


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        socket = folder / "redis.sock"
        options = ["--port", "0", "--unixsocket", str(socket), "--dir", name, "--appendonly", "yes", "--save", ""]
        redis = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)  # noqa: S603, S607
        try:
            while not socket.exists():
                time.sleep(0.02)
            asyncio.run(measure(folder, f"unix://{socket}"))
        finally:
            redis.terminate()
            redis.wait()


if __name__ == "__main__":
    main()
