"""Search API processes that die at a chosen moment: forked from one that has imported everything already.

Reads "CONFIG BOUNDARY BREACH" lines; each forks a server that says "ready URL" and, from the first `begin`, counts the
boundaries of effects: before and after each script, each message handed to a gateway, each batch of the audit log. At
number BOUNDARY it kills itself with SIGKILL. BREACH "new-id" takes the stable id of a send away.
"""

import asyncio
import importlib
import os
import secrets
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from flows.pipeline import Pipeline, Script
from flows.records.audit import AuditLog
from flows.service import Identification
from flows.settings import load
from flows.upstream.codes import CodeDelivery
from flows.upstream.osonsms import OsonSMS
from shinos import logs, serving


class Boundaries:
    def __init__(self, last: int) -> None:
        self.counting = False
        self._left = last

    def passed(self) -> None:
        if not self.counting:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def watch(boundaries: Boundaries) -> None:
    call, begin = Pipeline.call, Identification.begin
    quiet = set()

    def called(self: Pipeline, script: Script, key: str, *arguments: Any) -> Any:
        if "-- lease" in script.source:
            quiet.add(script.sha)
        if script.sha in quiet:
            return call(self, script, key, *arguments)
        boundaries.passed()
        future = call(self, script, key, *arguments)
        future.add_done_callback(lambda _: boundaries.passed())
        return future

    async def begun(self: Identification, *given: Any) -> Any:
        boundaries.counting = True
        return await begin(self, *given)

    Pipeline.call = called  # type: ignore[method-assign]
    Identification.begin = begun  # type: ignore[method-assign, assignment]
    OsonSMS.send = around(boundaries, OsonSMS.send)  # type: ignore[method-assign]
    AuditLog.append = around(boundaries, AuditLog.append)  # type: ignore[method-assign]


def around(boundaries: Boundaries, real: Callable[..., Awaitable[None]]) -> Any:
    async def effect(*given: Any) -> None:
        boundaries.passed()
        await real(*given)
        boundaries.passed()

    return effect


def forget_ids() -> None:
    deliver = CodeDelivery.deliver

    async def delivered(self: CodeDelivery, message: Any, *rest: Any, **more: Any) -> Any:
        return await deliver(self, replace(message, send_id=secrets.token_hex(8)), *rest, **more)

    CodeDelivery.deliver = delivered  # type: ignore[method-assign]


async def serve(config: Path) -> None:
    settings = load(config)
    logs.set_up(settings.log)
    listening = serving.listen("127.0.0.1", 0, "server")
    async with AsyncExitStack() as stack:
        await serving.open_api(stack, settings, listening)
        serving.say_ready(listening)
        await asyncio.Event().wait()


def main() -> None:
    importlib.import_module("search_api.app")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        config, last, breach = line.split()
        if os.fork() == 0:
            watch(Boundaries(int(last)))
            if breach == "new-id":
                forget_ids()
            asyncio.run(serve(Path(config)))


if __name__ == "__main__":
    main()
