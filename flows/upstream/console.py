"""The console: shows codes to whoever runs the service. For development only."""

import sys
from typing import TextIO

from flows.upstream.code_gateway import CodeMessage, GatewayOptions


class ConsoleOptions(GatewayOptions):
    """`[upstream.console]`. Anybody who reads the server's stderr reads the codes, so a bank never has this stanza."""


class Console:
    name = "console"

    def __init__(self, options: ConsoleOptions | None = None, stream: TextIO | None = None) -> None:
        self._options = options or ConsoleOptions()
        self._stream = stream

    def serves(self, message: CodeMessage) -> bool:
        return message.phone is not None or message.email is not None

    async def send(self, message: CodeMessage) -> None:
        destination = message.phone or message.email or ""
        print(f"code {message.code} for *{destination[-4:]}", file=self._stream or sys.stderr, flush=True)

    async def ping(self) -> None:
        """A console is always there."""

    async def close(self) -> None:
        """Nothing is held."""
