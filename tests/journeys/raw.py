"""HTTP by hand: what no well-behaved client would send, and the answer with every header as it came."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
SEARCH = "/rest/chat/client/search"


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer. `headers` has lower-case names; a name that came twice has both values."""

    status: int
    headers: dict[str, list[str]]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def code(self) -> str:
        return str(self.json.get("errorCode", ""))


def request(
    target: str | bytes, body: bytes = b"", kind: str | None = FORM, *headers: str, method: str = "POST"
) -> bytes:
    """A whole request; `kind` is its content type."""
    where = target if isinstance(target, bytes) else target.encode()
    lines = ["Host: shinos", *headers]
    if kind is not None:
        lines.append(f"Content-Type: {kind}")
    if not any(line.lower().startswith(("content-length:", "transfer-encoding:")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    head = "".join(f"{line}\r\n" for line in lines).encode("latin-1")
    return method.encode() + b" " + where + b" HTTP/1.1\r\n" + head + b"\r\n" + body


def chunked(body: bytes, size: int = 1000) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


async def connect(url: str, source: str = "") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """`source` is the address that we come from, any of 127.0.0.0/8."""
    place = urlsplit(url)
    own = (source, 0) if source else None
    return await asyncio.open_connection(place.hostname, place.port, limit=2**20, local_addr=own)


async def hear(reader: asyncio.StreamReader) -> Heard | None:
    """The next answer, which a 100 is not; None when the connection ends without one."""
    try:
        head = b"HTTP/1.1 100 "
        while head.startswith(b"HTTP/1.1 100 "):
            head = await reader.readuntil(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers: dict[str, list[str]] = {}
        for line in filter(None, lines):
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), []).append(value.strip())
        length = int(headers.get("content-length", ["0"])[0])
        return Heard(int(status.split()[1]), headers, await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


async def say(url: str, *pieces: bytes, pause: float = 0.0, seconds: float = 10.0) -> Heard | None:
    """Send these bytes on a connection of their own, with a pause between the pieces."""
    reader, writer = await connect(url)
    try:
        async with asyncio.timeout(seconds):
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(pause)
            return await hear(reader)
    finally:
        writer.close()
