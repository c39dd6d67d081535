"""Hostile requests without end, from one seed: right ones of every address, bent in each of the ways that we know."""

import json
import random
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, quote_from_bytes

from raw import FORM, JSON, SEARCH, chunked, request
from stand import WORD, person

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
WRITERS = range(4_000_000, 4_000_050)
"""Whose chats the updates are of; Telegram must know them."""
EVENTS = ("open", "look", "finish", "hosted", "trouble", "again", "another")
Body = tuple[bytes, str | None]
_NAMED = re.compile(rb'"(stepId|token|session)": ?"([^"]+)"')
_PAGE = re.compile(rb"/liveness/[A-Za-z0-9_-]{43,}")


@dataclass(frozen=True, slots=True)
class Shot:
    """`to_bot`: not to the Search API but to the bot's webhook. `alone`: on a connection of its own.

    `key` and `client` are whose dialogue it is about, if it is about one.
    """

    sent: bytes
    kind: str
    to_bot: bool = False
    alone: bool = False
    key: str = ""
    client: str = ""


@dataclass
class Hostile:
    """`secret` opens the webhook at `hook`, `keys` the channels; the clients are `person(0)` and on, with `WORD`.

    What real answers have named is asked for again, the newest of it: steps as key, client and step, tokens with their
    key, paths of pages, sessions at biometric.kz. `logins` are the path of a link, the path back from Aitu and
    the cookie of who left by it.
    """

    dice: random.Random
    hook: str
    secret: str
    keys: list[str]
    clients: int
    logins: list[tuple[str, str, str]]
    steps: deque[tuple[str, str, str]] = field(default_factory=lambda: deque(maxlen=50))
    tokens: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=50))
    pages: deque[str] = field(default_factory=lambda: deque(maxlen=50))
    sessions: deque[str] = field(default_factory=lambda: deque(["0" * 32], maxlen=50))

    def learn(self, shot: Shot, body: bytes) -> None:
        """From an answer with 200."""
        named = {name: value.decode() for name, value in _NAMED.findall(body)}
        if b"stepId" in named and shot.client:
            self.steps.append((shot.key, shot.client, named[b"stepId"]))
        if b"token" in named and shot.key:
            self.tokens.append((shot.key, named[b"token"]))
        if b"session" in named:
            self.sessions.append(named[b"session"])
        self.pages += [path.decode() for path in _PAGE.findall(body)]

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
        """As they should be; or each so, or anything, or away, and now and then one that nobody knows."""
        if self.dice.random() < 0.5:
            return dict(right)
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

    def _posted(self, kind: str, target: str, fields: dict[str, Any], method: str = "POST", *headers: str) -> Shot:
        body, content = self._body(fields)
        extra = [*headers, self.dice.choice(HEADERS)] if self.dice.random() < 0.2 else list(headers)
        if self.dice.random() < 0.1:
            sent = request(target, chunked(body), content, *extra, "Transfer-Encoding: chunked", method=method)
            return Shot(sent, kind, alone=True)
        return Shot(request(target, body, content, *extra, method=method), kind, alone=method != "POST" or bool(extra))

    def _key(self, right: str) -> str:
        return right if self.dice.random() < 0.97 else _quoted(self._text())[:4000]

    def _search(self) -> Shot:
        key, client = self.dice.choice(self.keys), person(self.dice.randrange(self.clients))
        right = {"client": client, "clientIdType": "phone", "channelId": "1"}
        if self.steps and self.dice.random() < 0.7:
            key, client, step = self.dice.choice(self.steps)
            word = WORD if self.dice.random() < 0.7 else f"{self.dice.randrange(10**6):06d}"
            right |= {"client": client, "stepId": step, "secretWord": word}
        query = f"?{_quoted(self._text())[:2000]}={_quoted(self._text())[:2000]}" if self.dice.random() < 0.1 else ""
        shot = self._posted("search", f"{SEARCH}/{self._key(key)}{query}", self._fields(**right))
        return replace(shot, key=key, client=client)

    def _token(self) -> Shot:
        key, token = self.dice.choice(self.tokens or [(self.keys[0], "A" * 43)])
        call = "revoke" if self.dice.random() < 0.1 else "auth"
        return self._posted(call, f"{CLIENT}/{call}/{self._key(key)}", self._fields(token=token))

    def _page(self) -> Shot:
        """Of links that lead somewhere, and of others; or somebody comes back from Aitu."""
        path, back, cookie = self.dice.choice(self.logins)
        if self.pages and self.dice.random() < 0.7:
            path = self.dice.choice(self.pages)
        luck = self.dice.random()
        if luck < 0.2:
            bent = "&".join(f"{name}={_quoted(self._text())[:500]}" for name in ("code", "state", "error", "iss"))
            target = self.dice.choice((f"{back}&code=x", f"/aitu/callback?{bent}", f"{back}&{bent}"))
            return Shot(request(target, b"", None, cookie, method="GET"), "back", alone=True)
        if luck < 0.4:
            path = f"/{self.dice.choice(('liveness', 'aitu'))}/{_quoted(self._text())[:4000]}"
        if luck < 0.6:
            return Shot(request(path, b"", None, method="GET"), "page")
        said = {"event": self.dice.choice(EVENTS), "device": "d" * 22, "what": "camera"}
        return self._posted("page", path, self._fields(**said))

    def _told(self) -> Shot:
        said = {
            "session_id": self.dice.choice(self.sessions),
            "event": "finish",
            "type": "session.finished",
            "data": "{}",
        }
        return self._posted("told", "/biometric/webhook", self._fields(**said))

    def _update(self) -> Shot:
        """To the bot, mostly with the right secret."""
        sender: dict[str, Any] = {
            "id": self.dice.choice(WRITERS),
            "is_bot": False,
            "first_name": self._text(),
        }
        message = {
            "message_id": 1,
            "date": 1,
            "chat": {**sender, "type": "private"},
            "from": sender,
            "text": "/start" if self.dice.random() < 0.3 else self._text(),
        }
        if self.dice.random() < 0.5:
            message[self.dice.choice(("contact", "photo", "document", "chat", "from", "entities"))] = self._value()
        kind = self.dice.choice(("message", "callback_query", "edited_message", "my_chat_member", "inline_query"))
        update = {"update_id": self.dice.randrange(2**40), kind: message if self.dice.random() < 0.7 else self._value()}
        body, content = self._bent(json.dumps(update).encode(), JSON)
        secret = self.secret if self.dice.random() < 0.9 else _quoted(self._text())[:500]
        return Shot(
            request(self.hook, body, content, f"X-Telegram-Bot-Api-Secret-Token: {secret}"), "update", to_bot=True
        )

    def _anything(self) -> Shot:
        """Other methods, other paths, framing that contradicts itself."""
        target = self.dice.choice(
            (f"{SEARCH}/{self.keys[0]}", "/", "/health/live", "/liveness/", "//", "/%00", "/aitu/x/y", "*")
        )
        if self.dice.random() < 0.5:
            return self._posted("else", target, self._fields(client=person(1)), self.dice.choice(METHODS))
        both = self.dice.choice((["Content-Length: 3", "Transfer-Encoding: chunked"], ["Content-Length: -1"],
                                 ["Content-Length: 0", "Content-Length: 5"], ["Transfer-Encoding: gzip"]))  # fmt: skip
        return Shot(request(target, self.dice.randbytes(20), FORM, *both), "else", self.dice.random() < 0.3, alone=True)


def _quoted(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return quote(text, safe="") if text.isascii() else quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe="")
