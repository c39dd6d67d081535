"""Hostile requests without end, from one seed: right ones of every address, bent in each of the ways that we know."""

import json
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_from_bytes

from raw import FORM, JSON, SEARCH, chunked, request
from stand import KEY, person

CLIENT = SEARCH.rpartition("/")[0]
METHODS = ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "post", "G\u00cbT", "CONNECT")
TEXTS = (
    "", " ", "\0", "null", "true", "-1", "0", "1e309", "NaN", "9" * 400, "a" * 70_000, "../../etc/passwd", "%00", "%ff",
    "' OR 1=1;--", "${jndi:ldap://x}", "{{7*7}}", "{0.__class__}", "<script>alert(1)</script>", "\r\nX: 1", "💥" * 40,
    "\u202e\u200b\ufeff", "ſ", "İ", "１２３４５６", "٣٣٣٣٣٣", "A" * 22, "A" * 43, "+992", "@", "a@b", "https://evil.example/",
    "123456", "000000\n", "ключ", "\ud800", "\udfff",
)  # fmt: skip
KINDS = (FORM, JSON, "multipart/form-data; boundary=xx", "text/plain", "application/json; charset=utf-16", ";;;=", "*")
HEADERS = (
    "X-Forwarded-For: 149.154.167.220", "Expect: 100-continue", "Content-Encoding: gzip", "Range: bytes=0-0",
    "Authorization: Bearer", "Authorization: Basic ::::", "Cookie: a=b; c", f"Cookie: {'x=' * 3000}", "Origin: null",
    f"X-Long: {'a' * 7000}", "If-None-Match: *", "Accept-Language: \xe9", "Upgrade: websocket", "X: \x80\xff",
)  # fmt: skip
Body = tuple[bytes, str | None]


@dataclass(frozen=True, slots=True)
class Shot:
    """`to_bot`: not to the Search API but to the bot's webhook. `alone`: on a connection of its own."""

    sent: bytes
    to_bot: bool = False
    alone: bool = False


@dataclass
class Hostile:
    """`secret` opens the webhook at `hook`. `steps` are what real answers have named, newest last."""

    dice: random.Random
    hook: str
    secret: str
    steps: deque[str] = field(default_factory=lambda: deque(["A" * 22], maxlen=50))

    def shots(self) -> Iterator[Shot]:
        makers: tuple[Callable[[], Shot], ...] = (self._search, self._search, self._token, self._page, self._told)
        while True:
            yield self.dice.choice((*makers, self._update, self._anything))()

    def _text(self) -> str:
        if self.dice.random() < 0.5:
            return self.dice.choice(TEXTS)
        points = [self.dice.choice((range(128), range(0x2600), range(0xD800, 0xE000), range(0x10000, 0x10FFFF)))
                  for _ in range(self.dice.randrange(1, 30))]  # fmt: skip
        return "".join(chr(self.dice.choice(each)) for each in points)

    def _value(self, depth: int = 3) -> Any:
        if depth and self.dice.random() < 0.3:
            inner = [self._value(depth - 1) for _ in range(self.dice.randrange(4))]
            return inner if self.dice.random() < 0.5 else {self._text(): each for each in inner}
        return self.dice.choice((self._text(), None, True, -1, 2**63, 1.5, float("nan"), 10**300))

    def _fields(self, **right: str) -> dict[str, Any]:
        """Each as it should be, or anything, or away; and now and then one that nobody knows."""
        given = {name: text if self.dice.random() < 0.6 else self._value() for name, text in right.items()}
        kept = {name: value for name, value in given.items() if self.dice.random() < 0.9}
        return kept | ({self._text(): self._value()} if self.dice.random() < 0.2 else {})

    def _body(self, fields: dict[str, Any]) -> Body:
        way = self.dice.randrange(5)
        if way <= 1:
            whole: Body = (json.dumps(fields).encode(), JSON)
        elif way <= 3:
            whole = ("&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in fields.items()).encode(), FORM)
        else:
            parts = (
                f'--xx\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                for name, value in fields.items()
            )
            whole = ("".join(parts).encode("utf-8", "replace") + b"--xx--\r\n", KINDS[2])
        return self._bent(*whole)

    def _bent(self, body: bytes, kind: str | None) -> Body:
        luck = self.dice.random()
        if luck < 0.2 and body:
            changed = bytearray(body)
            for _ in range(self.dice.randrange(1, 6)):
                changed[self.dice.randrange(len(changed))] = self.dice.randrange(256)
            return bytes(changed), kind
        if luck < 0.3:
            return body[: self.dice.randrange(len(body) + 1)], kind
        if luck < 0.4:
            return body, self.dice.choice((*KINDS, None))
        if luck < 0.45:
            return self.dice.choice((self.dice.randbytes(2000), b"[" * 60_000, b'{"a":' * 9000, body * 3)), kind
        return body, kind

    def _posted(self, target: str, fields: dict[str, Any], method: str = "POST") -> Shot:
        body, kind = self._body(fields)
        extra = [self.dice.choice(HEADERS)] if self.dice.random() < 0.2 else []
        if self.dice.random() < 0.1:
            return Shot(
                request(target, chunked(body), kind, *extra, "Transfer-Encoding: chunked", method=method), alone=True
            )
        return Shot(request(target, body, kind, *extra, method=method), alone=method != "POST" or bool(extra))

    def _key(self) -> str:
        return KEY if self.dice.random() < 0.95 else _quoted(self._text())[:4000]

    def _search(self) -> Shot:
        right = {"client": person(self.dice.randrange(20)), "clientIdType": "phone", "channelId": "1"}
        if self.dice.random() < 0.7:
            right |= {"stepId": self.dice.choice(self.steps), "secretWord": f"{self.dice.randrange(10**6):06d}"}
        query = f"?{_quoted(self._text())[:2000]}={_quoted(self._text())[:2000]}" if self.dice.random() < 0.1 else ""
        return self._posted(f"{SEARCH}/{self._key()}{query}", self._fields(**right))

    def _token(self) -> Shot:
        call = self.dice.choice(("auth", "revoke"))
        return self._posted(f"{CLIENT}/{call}/{self._key()}", self._fields(token="A" * 43))

    def _page(self) -> Shot:
        ticket = _quoted(self._text())[:4000] if self.dice.random() < 0.5 else "A" * self.dice.choice((22, 43))
        target = f"/{self.dice.choice(('liveness', 'aitu'))}/{ticket}"
        if self.dice.random() < 0.5:
            back = "&".join(f"{name}={_quoted(self._text())[:500]}" for name in ("code", "state", "error", "iss"))
            return Shot(request(self.dice.choice((target, f"/aitu/callback?{back}")), b"", None, method="GET"))
        return self._posted(target, self._fields(init_data="x", initData="x", event="finish", csrf="x"))

    def _told(self) -> Shot:
        said = {"session_id": "0" * 32, "event": "finish", "type": "session.finished", "data": "{}"}
        return self._posted("/biometric/webhook", self._fields(**said))

    def _update(self) -> Shot:
        """To the bot, mostly with the right secret."""
        sender: dict[str, Any] = {
            "id": 4_000_000 + self.dice.randrange(50),
            "is_bot": False,
            "first_name": self._text(),
        }
        message = {
            "message_id": 1,
            "date": 1,
            "chat": {**sender, "type": "private"},
            "from": sender,
            "text": self._text(),
        }
        if self.dice.random() < 0.5:
            message[self.dice.choice(("contact", "photo", "document", "chat", "from", "entities"))] = self._value()
        kind = self.dice.choice(("message", "callback_query", "edited_message", "my_chat_member", "inline_query"))
        update = {"update_id": self.dice.randrange(2**40), kind: message if self.dice.random() < 0.7 else self._value()}
        body, content = self._bent(json.dumps(update).encode(), JSON)
        secret = self.secret if self.dice.random() < 0.9 else _quoted(self._text())[:500]
        return Shot(request(self.hook, body, content, f"X-Telegram-Bot-Api-Secret-Token: {secret}"), to_bot=True)

    def _anything(self) -> Shot:
        """Other methods, other paths, framing that contradicts itself."""
        target = self.dice.choice(
            (f"{SEARCH}/{KEY}", "/", "/health/live", "/liveness/", "//", "/%00", "/aitu/x/y", "*")
        )
        if self.dice.random() < 0.5:
            return self._posted(target, self._fields(client=person(1)), self.dice.choice(METHODS))
        both = self.dice.choice((["Content-Length: 3", "Transfer-Encoding: chunked"], ["Content-Length: -1"],
                                 ["Content-Length: 0", "Content-Length: 5"], ["Transfer-Encoding: gzip"]))  # fmt: skip
        return Shot(request(target, self.dice.randbytes(20), FORM, *both), self.dice.random() < 0.3, alone=True)


def _quoted(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return quote(text, safe="") if text.isascii() else quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe="")
