"""Humo's callback: whoever gave out the link is told that the person is identified.

The address comes from Humo's answer, so it is hostile until its host is found in `bot.callback_hosts` (security.md
Q15). Signed as Standard Webhooks does (github.com/standard-webhooks/standard-webhooks, spec, "Signature scheme"): the
same `webhook-id` for every try, so the receiver can tell a repeat.
"""

import base64
import hashlib
import hmac
import ipaddress
import json
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import structlog

from flows import jobs
from flows.effects import Note
from flows.errors import FlowError
from flows.jobs import TellJob
from flows.keys import Keys
from flows.moves import Leased
from flows.store import Store
from flows.upstream.web import Web
from flows.wakes import LeaseLost

PAUSES = (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800)
"""Seconds until the next try; after the last it is a dead letter. 15 hours in all."""
_log = structlog.get_logger("callbacks")


class Telling:
    """`hosts` are those that may be told, as `host` or `host:port`, IPv6 in brackets. An inside address needs an entry
    of its own, also when it is a name that stands for it.
    """

    def __init__(self, store: Store, keys: Keys, *, hosts: Sequence[str], secret: bytes) -> None:
        self._store = store
        self._keys = keys
        self._hosts = frozenset(host.lower() for host in hosts)
        self._secret = secret

    async def carry(self, wake: Leased, job: TellJob) -> None:
        target = allowed(job.url, self._hosts)
        if target is None:
            self._store.note(job.channel, Note("callback_refused", {}))
            _log.warning("callback_refused", session=wake.sid)
            await self._store.finish(wake)
            return
        told = await self._told(target, job)
        _log.info("callback", session=wake.sid, told=told, nth=job.tries + 1)
        if told:
            self._store.note(job.channel, Note("callback_told", {"nth": job.tries + 1}))
            await self._store.finish(wake)
        elif job.tries >= len(PAUSES):
            await self.give_up(wake, job)
        else:
            later = job.model_copy(update={"tries": job.tries + 1})
            if not await self._store.put_back(wake, PAUSES[job.tries], jobs.sealed(later, wake.sid, self._keys)):
                raise LeaseLost

    async def give_up(self, wake: Leased, job: TellJob) -> None:
        self._store.note(job.channel, Note("alarm", {"kind": "callback_dead"}))
        await self._store.finish(wake)

    async def _told(self, target: tuple[str, str], job: TellJob) -> bool:
        body = {"type": "identification.done", "timestamp": job.at, "data": {"key": job.key, "status": "identified"}}
        if job.external_id:
            body["data"] = {"key": job.key, "status": "identified", "external_id": job.external_id}
        payload = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        base, path = target
        async with Web(base, private=self._hosts) as web:
            try:
                answer = await web.call("POST", path, content=payload, headers=signed(job.id, payload, self._secret))
            except FlowError:
                return False
        return answer.status < 300


def signed(message: str, payload: bytes, secret: bytes, at: int | None = None) -> dict[str, str]:
    """The headers of Standard Webhooks: `v1,` and HMAC-SHA256 over id, time and body."""
    moment = str(int(time.time()) if at is None else at)
    mac = hmac.digest(secret, f"{message}.{moment}.".encode() + payload, hashlib.sha256)
    return {
        "Content-Type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def allowed(url: str, hosts: frozenset[str]) -> tuple[str, str] | None:
    """(base, path) of an address that may be called, None of every other. Without a scheme it is https, on a private
    address http: nobody has a certificate there.
    """
    if not url.isascii() or not url.isprintable() or set(url) & set(" \\?#"):
        return None
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return None
    name = f"[{host}]" if ":" in host else host
    entry = name if port is None else f"{name}:{port}"
    scheme = parts.scheme or ("http" if _is_private(host) else "https")
    if entry not in hosts or "@" in parts.netloc or scheme not in ("http", "https"):
        return None
    return f"{scheme}://{entry}", parts.path.lstrip("/")


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False
