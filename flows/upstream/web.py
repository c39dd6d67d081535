"""The one place that knows the HTTP client: httpx requests over the aiohttp transport (performance.md, "Clients").

The transport is used directly, without httpx's own client: that client logs each URL, keeps cookies, follows proxies of
the environment and has a pool that falls to 60 requests/s. What a caller sees is an `Answer` or one of three refusals:

    no connection (refused, no such name, time-out of it)      → Unavailable, not `reached`
    not even tried, for it has failed too often (`breaker.py`)  → the same
    429, 5xx                                                   → Unavailable, `answered` but for 504, with Retry-After
    time-out, cut connection                                   → Unavailable, and nobody knows whether it got through
    redirect, other 1xx/3xx, compressed, too long, not HTTP    → Unexpected
    200–299, 400–499                                           → Answer

A refusal has neither cause nor context, because a cause's text holds the URL, and with it codes and tokens (Q11).
"""

import asyncio
import logging
import random
import re
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from time import monotonic
from typing import IO, TYPE_CHECKING, Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator

from flows.errors import FlowError, Unavailable, Unexpected
from flows.upstream.answer import Answer
from flows.upstream.breaker import Breaker

if TYPE_CHECKING:
    import ssl

    import httpx

CONNECT = 2.0
"""Seconds for a connection, name look-up and place in the pool included (security.md §7, 28)."""
TOTAL = 10.0
"""Seconds for a call with all its tries and pauses."""
LARGEST = 2**20
"""Bytes of an answer."""
_TRIES = 3
_PAUSE = (0.05, 0.2)
_LONGEST_PAUSE = 3600

Fields = Mapping[str, str | int | float | bool]
Said = Callable[[Answer], FlowError | None]
Reader = Callable[["httpx.Response"], Awaitable[Answer | FlowError]]
File = tuple[str | None, bytes | str | IO[bytes], str | None]
"""Name, content, media type; without a name it is a plain field of a multipart form."""


def _checked(url: str) -> str:
    """http or https with a host and no credentials, query or fragment (Q15). Its text never repeats the URL."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http or https address")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("must have no credentials, query or fragment")
    return url.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_checked)]


class Web:
    """One upstream over HTTP: connections are kept and shared, at most 100.

    Making one imports the HTTP client (0.3 s, once), so that neither `import` nor the first call pays for it. The
    session itself opens with the first call, inside the running loop. With `private`, a name that stands for an inside
    address is not connected to, unless that address is among these; see `resolving.py`. With a `breaker`, an upstream
    that is unwell is left alone: calls that find no connection, 5xx or silence are its failures, a call with all its
    tries being one; a call that was cancelled too, for then somebody got tired of waiting.
    """

    def __init__(
        self,
        base: str,
        *,
        headers: Mapping[str, str] | None = None,
        total: float = TOTAL,
        private: frozenset[str] | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        self._base = _checked(base)
        # Compressed answers are refused: a size cap that counts before unpacking bounds nothing.
        self._headers = {"User-Agent": "shinos", "Accept-Encoding": "identity", **(headers or {})}
        self._total = total
        self._breaker = breaker
        self._client = _client()
        self._transport = self._client.transport(private)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._transport.aclose()

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Fields | None = None,
        data: Fields | None = None,
        json: object = None,
        content: bytes | AsyncIterable[bytes] | None = None,
        files: Mapping[str, File] | None = None,
        headers: Mapping[str, str] | None = None,
        retry: bool = False,
        total: float | None = None,
        largest: int = LARGEST,
        said: Said | None = None,
    ) -> Answer:
        """Ask once, or with `retry` up to three times within `total` seconds; raises `Unavailable` or `Unexpected`.

        `retry` is for calls that may arrive twice. aiohttp itself repeats a GET once when a kept connection turns out
        to be closed, so a GET here is always such a call. `files` that are open files are streamed; so is, once,
        `content` that comes in parts, with its Content-Length among `headers`. `said` reads what comes with a 429 or
        5xx: another refusal, which is final, or None for `Unavailable`.
        """

        def request() -> "httpx.Request":
            return self._client.request(
                method,
                f"{self._base}/{path.lstrip('/')}",
                params=params,
                data=data,
                json=json,
                content=content,
                files=files,
                headers={**self._headers, **(headers or {})},
            )

        reading = partial(_read, largest=largest, said=said)
        if self._breaker and not self._breaker.lets():
            raise Unavailable(reached=False)
        well = False
        try:
            tries, seconds = _TRIES if retry else 1, self._total if total is None else total
            result = await self._tries(request, tries, seconds, reading)
            well = not isinstance(result, Unavailable) or result.busy
        finally:
            if self._breaker:
                self._breaker.note(well=well)
        if isinstance(result, FlowError):
            raise result
        return result

    async def _tries(
        self, request: "Callable[[], httpx.Request]", tries: int, total: float, reading: Reader
    ) -> Answer | FlowError:
        """A try that may be followed by another gets half of the time that is left, so a silent peer costs one try."""
        end = monotonic() + total
        doubtful = False
        while True:
            tries -= 1
            left = end - monotonic()
            result = await self._once(request(), left / 2 if tries else left, reading)
            if not isinstance(result, Unavailable):
                return result
            doubtful = doubtful or (result.reached and not result.answered)
            if doubtful:  # one try that may have got through is enough
                result.reached, result.answered = True, False
            if not tries:
                return result
            pause = result.retry_after or random.uniform(*_PAUSE)  # noqa: S311 - jitter is no secret
            if pause >= (end - monotonic()) / 2:
                return result
            await asyncio.sleep(pause)

    async def _once(self, request: "httpx.Request", seconds: float, reading: Reader) -> Answer | FlowError:
        request.extensions["timeout"] = {"connect": CONNECT, "pool": CONNECT}
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(request, reading)
        except self._client.garbled:
            return Unexpected()
        except self._client.broken as error:
            return Unavailable(reached=not isinstance(error.__cause__, self._client.unconnected))

    async def _exchange(self, request: "httpx.Request", reading: Reader) -> Answer | FlowError:
        response = await self._transport.handle_async_request(request)
        try:
            return await reading(response)
        finally:
            await response.aclose()


def _refusal(response: "httpx.Response") -> FlowError | None:
    status = response.status_code
    if status == 429 or status >= 500:
        late = status == 504  # a gateway that lost patience: what is behind it may have done its work
        hint = _seconds(response.headers.get("Retry-After", ""))
        return Unavailable(retry_after=hint, answered=not late, busy=status == 429)
    if not (200 <= status < 300 or status >= 400) or response.headers.get("Content-Encoding", "identity") != "identity":
        return Unexpected()
    return None


async def _read(response: "httpx.Response", *, largest: int, said: Said | None) -> Answer | FlowError:
    refusal = _refusal(response)
    if refusal is None:
        return await _body(response, largest)
    if said is None or not isinstance(refusal, Unavailable):
        return refusal
    answer = await _body(response, largest)
    return (said(answer) if isinstance(answer, Answer) else None) or refusal


async def _body(response: "httpx.Response", largest: int) -> Answer | FlowError:
    body = bytearray()
    async for part in response.aiter_raw():
        body += part
        if len(body) > largest:
            return Unexpected()
    return Answer(response.status_code, bytes(body))


def _seconds(retry_after: str) -> int | None:
    """Whole seconds, at most an hour; a date is read as no hint."""
    return min(int(retry_after), _LONGEST_PAUSE) if re.fullmatch(r"[0-9]{1,6}", retry_after) else None


@dataclass(frozen=True, slots=True)
class _Client:
    """The HTTP libraries, as far as they are needed here."""

    request: "type[httpx.Request]"
    transport: "Callable[[frozenset[str] | None], httpx.AsyncBaseTransport]"
    garbled: tuple[type[Exception], ...]
    broken: tuple[type[Exception], ...]
    unconnected: tuple[type[Exception], ...]
    """Their causes when not a byte of the request was sent."""


@cache
def _client() -> _Client:
    # Imported when the first `Web` is made: `shinos --help` and the floors' tests do without.
    import aiohttp  # noqa: PLC0415
    import httpx  # noqa: PLC0415
    from httpx_aiohttp import AiohttpTransport  # noqa: PLC0415

    from flows.upstream.resolving import CheckedResolver  # noqa: PLC0415

    for name in ("httpx", "httpcore", "aiohttp.client"):
        logging.getLogger(name).disabled = True
    tls: ssl.SSLContext = httpx.create_ssl_context()

    def session(private: frozenset[str] | None) -> aiohttp.ClientSession:
        resolver = None if private is None else CheckedResolver(private)
        connector = aiohttp.TCPConnector(limit=100, keepalive_timeout=5.0, ssl=tls, resolver=resolver)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    return _Client(
        request=httpx.Request,
        transport=lambda private: AiohttpTransport(verify=tls, client=partial(session, private)),
        garbled=(aiohttp.ClientResponseError,),
        broken=(httpx.TransportError, aiohttp.ClientError, OSError),
        unconnected=(aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError),
    )
