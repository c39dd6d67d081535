"""Bad input of every kind that contract §4 names gets its code, and every answer of every route the same headers."""

import gzip
import json
import re
import secrets
from collections.abc import AsyncIterator, Callable
from urllib.parse import quote

import pytest
from raw import FORM, JSON, SEARCH, Heard, chunked, request, say
from servers import RedisServer
from stand import KEY, OTHER_KEY, STRICT_KEY, WORD, Stand, person, stand

HERE = f"{SEARCH}/{KEY}"
PHONE = person(1)
STEP = "A" * 21 + "A"
LIMIT = 64 * 1024
ALWAYS = {"cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
INTERNALS = re.compile(rb"Traceback|File \"|/usr/|\.py|aiohttp|[Pp]ython|Error\b.*line \d")
MULTIPART = "multipart/form-data; boundary=xx"


@pytest.fixture(scope="module")
async def standing(tmp_path_factory: pytest.TempPathFactory, redis_of_session: RedisServer) -> AsyncIterator[Stand]:
    redis_of_session.flush()
    async with stand(
        tmp_path_factory.mktemp("bad-input"),
        redis_of_session,
        LIMITS__BEGINS_MINUTE="1000000",
        LIMITS__BEGINS_BURST="1000000",
        LIMITS__BEGINS_HOUR="1000000",
    ) as running:
        yield running


def form(**fields: str) -> bytes:
    return "&".join(f"{name}={quote(value)}" for name, value in fields.items()).encode()


def posted(body: bytes, kind: str | None = FORM, *headers: str) -> bytes:
    return request(HERE, body, kind, *headers)


def sent_json(text: str | bytes, kind: str = JSON) -> bytes:
    return posted(text if isinstance(text, bytes) else text.encode(), kind)


def parts(*parts: bytes, close: bytes = b"--xx--\r\n") -> bytes:
    return b"".join(b"--xx\r\n" + part for part in parts) + close


def part(name: str, value: str | bytes, *headers: str) -> bytes:
    lines = [f'Content-Disposition: form-data; name="{name}"', *headers, "", ""]
    return "\r\n".join(lines).encode() + (value if isinstance(value, bytes) else value.encode()) + b"\r\n"


def nested(depth: int) -> str:
    """A JSON object with objects down to that depth, itself counted."""
    return f'{{"client":"{PHONE}","x":' + '{"x":' * (depth - 1) + "1" + "}" * depth


CLIENT = form(client=PHONE)
MALFORMED = {
    "no body": posted(b""),
    "client missing": posted(form(secretWord="123456")),
    "client empty": posted(b"client="),
    "client of blanks": posted(form(client="   ")),
    "client of zero-width blanks": posted(form(client="\u200b\u200b")),
    "client null": sent_json('{"client":null}'),
    "no name at all": posted(form(client="пятница!")),
    "client null and again": sent_json(f'{{"client":null,"client":"{PHONE}"}}'),
    "client twice in the form": posted(CLIENT + b"&" + CLIENT),
    "client twice in the query": request(f"{HERE}?client=1&client=2", b"", None),
    "client in query and form": request(f"{HERE}?client={quote(PHONE)}", CLIENT),
    "client in query and JSON": request(f"{HERE}?client={quote(PHONE)}", json.dumps({"client": PHONE}).encode(), JSON),
    "client in query and multipart": request(f"{HERE}?client=1", parts(part("client", PHONE)), MULTIPART),
    "client twice in JSON": sent_json(f'{{"client":"{PHONE}","client":"{PHONE}"}}'),
    "client twice in multipart": posted(parts(part("client", PHONE), part("client", PHONE)), MULTIPART),
    "client twice, the name escaped": posted(CLIENT + b"&%63lient=1"),
    "client twice, the JSON name escaped": sent_json(f'{{"client":"{PHONE}","\\u0063lient":"1"}}'),
    "stepId twice, once empty": posted(CLIENT + b"&stepId=&stepId=" + STEP.encode()),
    "clientIdType unknown": posted(form(client=PHONE, clientIdType="passport")),
    "clientIdType telegram": posted(form(client="@somebody", clientIdType="telegram")),
    "clientIdType of another kind": posted(form(client=PHONE, clientIdType="email")),
    "JSON broken": sent_json('{"client":'),
    "JSON cut": sent_json(f'{{"client":"{PHONE}"'),
    "JSON with more behind": sent_json(f'{{"client":"{PHONE}"}} x'),
    "JSON array": sent_json(f'["client","{PHONE}"]'),
    "JSON pairs as an array": sent_json(f'[["client","{PHONE}"]]'),
    "JSON string": sent_json('"client"'),
    "JSON null": sent_json("null"),
    "JSON with NaN": sent_json(f'{{"client":"{PHONE}","x":NaN}}'),
    "JSON with Infinity": sent_json(f'{{"client":"{PHONE}","x":-Infinity}}'),
    "JSON number of 5000 digits": sent_json(f'{{"client":"{PHONE}","x":{"1" * 5000}}}'),
    "JSON 33 deep": sent_json(nested(33)),
    "JSON of 60 000 brackets": sent_json("[" * 60000),
    "JSON of 60 000 brackets inside": sent_json('{"client":' + "[" * 60000),
    "JSON of 12 000 objects": sent_json('{"x":' * 12000),
    "JSON in UTF-16": sent_json(f'{{"client":"{PHONE}"}}'.encode("utf-16")),
    "JSON in UTF-16 without a mark": sent_json(f'{{"client":"{PHONE}"}}'.encode("utf-16-le")),
    "JSON in UTF-32": sent_json(f'{{"client":"{PHONE}"}}'.encode("utf-32")),
    "JSON with a byte order mark": sent_json(b"\xef\xbb\xbf" + f'{{"client":"{PHONE}"}}'.encode()),
    "JSON of broken UTF-8": sent_json(b'{"client":"\xff"}'),
    "JSON said to be UTF-16": sent_json(f'{{"client":"{PHONE}"}}', JSON + "; charset=utf-16"),
    "JSON number as client": sent_json('{"client":992900001001}'),
    "JSON number as code": sent_json(f'{{"client":"{PHONE}","stepId":"{STEP}","secretWord":123456}}'),
    "JSON list as client": sent_json(f'{{"client":["{PHONE}"]}}'),
    "JSON object as client": sent_json('{"client":{"client":"1"}}'),
    "JSON true as client": sent_json('{"client":true}'),
    "lone surrogate": sent_json('{"client":"\\ud800"}'),
    "lone surrogate in a word": sent_json(f'{{"client":"{PHONE}","stepId":"{STEP}","secretWord":"\\udfff"}}'),
    "form in windows-1251": posted(CLIENT, FORM + "; charset=windows-1251"),
    "form in an unknown charset": posted(CLIENT, FORM + "; charset=klingon"),
    "broken UTF-8 behind %": posted(b"client=%ff%fe"),
    "cut UTF-8 behind %": posted(b"client=%d1"),
    "surrogate in UTF-8 behind %": posted(b"client=%ed%a0%80"),
    "overlong UTF-8 behind %": posted(b"client=%c0%ae"),
    "raw bytes in a form": posted(b"client=\xff"),
    "broken UTF-8 in a name": posted(CLIENT + b"&%ff=1"),
    "broken UTF-8 in the query": request(f"{HERE}?client=%ff", b"", None),
    "raw UTF-8 in the query": request(f"{HERE}?client={quote(PHONE)}&x=ё".encode(), b"", None),
    "raw bytes in the query": request(HERE.encode() + b"?client=\xd1\xff", b"", None),
    "NUL": posted(b"client=%00" + PHONE.encode()),
    "escape character": posted(b"client=%1b[31m"),
    "delete character": posted(b"client=a%7f"),
    "C1 control": posted(form(client="a\u0085")),
    "C1 control in a word": posted(form(client=PHONE, stepId=STEP, secretWord="\u009b31m")),
    "newline behind a code": posted(form(client=PHONE, stepId=STEP, secretWord="123456\n")),
    "tab in a stepId": posted(form(client=PHONE, stepId=STEP[:-1] + "\t", secretWord="123456")),
    "newline behind the type": posted(form(client=PHONE, clientIdType="phone\n")),
    "client too long": posted(form(client="a" * 129)),
    "secretWord too long": posted(form(client=PHONE, stepId=STEP, secretWord="a" * 65)),
    "stepId too long": posted(form(client=PHONE, stepId="A" * 65)),
    "channelId too long": posted(form(client=PHONE, channelId="1" * 65)),
    "clientIdType too long": posted(form(client=PHONE, clientIdType=" " * 20 + "phone")),
    "text/plain": posted(CLIENT, "text/plain"),
    "text/plain with JSON": posted(json.dumps({"client": PHONE}).encode(), "text/plain"),
    "XML": posted(b"<client/>", "application/xml"),
    "no content type": posted(CLIENT, None),
    "nonsense content type": posted(CLIENT, ";;;==="),
    "content type of brackets": posted(CLIENT, "(" * 8000),
    "content type of bracketed parameters": posted(CLIENT, FORM + "; charset=" + "(" * 7900),
    "gzip": posted(gzip.compress(CLIENT), FORM, "Content-Encoding: gzip"),
    "gzip bomb": posted(gzip.compress(b"\0" * 50_000_000)[:60000], FORM, "Content-Encoding: gzip"),
    "deflate": posted(CLIENT, FORM, "Content-Encoding: deflate"),
    "gzip behind identity": posted(CLIENT, FORM, "Content-Encoding: identity", "Content-Encoding: gzip"),
    "65 fields": posted(CLIENT + b"&" + b"&".join(b"x%d=1" % n for n in range(70))),
    "multipart without a boundary": posted(parts(part("client", PHONE)), "multipart/form-data"),
    "multipart with an empty boundary": posted(parts(part("client", PHONE)), "multipart/form-data; boundary="),
    "multipart of another boundary": posted(parts(part("client", PHONE)), "multipart/form-data; boundary=yy"),
    "multipart without an end": posted(parts(part("client", PHONE), close=b""), MULTIPART),
    "multipart cut in its headers": posted(b"--xx\r\nContent-Disposition: form-da", MULTIPART),
    "multipart part without a name": posted(parts(b"Content-Disposition: form-data\r\n\r\n1\r\n"), MULTIPART),
    "multipart part without headers": posted(parts(b"\r\n1\r\n"), MULTIPART),
    "multipart attachment": posted(parts(b'Content-Disposition: attachment; name="client"\r\n\r\n1\r\n'), MULTIPART),
    "multipart of nothing": posted(b"--xx--\r\n", MULTIPART),
    "multipart of garbage": posted(secrets.token_bytes(5000), MULTIPART),
    "multipart broken UTF-8": posted(parts(part("client", b"\xff")), MULTIPART),
    "multipart with a file of bytes": posted(
        parts(part("client", PHONE), b'Content-Disposition: form-data; name=f; filename="a"\r\n\r\n\xff\r\n'), MULTIPART
    ),
    "multipart said to be UTF-16": posted(
        parts(part("client", PHONE.encode("utf-16"), "Content-Type: text/plain; charset=utf-16")), MULTIPART
    ),
    "multipart in base64": posted(
        parts(part("client", "KzEyMw==", "Content-Transfer-Encoding: base64")), MULTIPART
    ),
    "multipart inside multipart": posted(
        parts(part("client", b"--yy\r\n\r\n1\r\n--yy--", "Content-Type: multipart/mixed; boundary=yy")), MULTIPART
    ),
    "multipart header of brackets": posted(
        parts(b"Content-Disposition: form-data; name=" + b"(" * 60000 + b"\r\n\r\n1\r\n"), MULTIPART
    ),
    "multipart header of 20 000 parameters": posted(
        parts(b"Content-Disposition: form-data" + b"; a=" * 15000 + b"\r\n\r\n1\r\n"), MULTIPART
    ),
    "multipart of 10 000 parts": posted(parts(*[b"\r\n"] * 8000), MULTIPART),
    "full-width letters with a gap": posted(form(client="ｘ ｙ@")),
}  # fmt: skip


def check_refusal(heard: Heard | None, status: int, code: str) -> None:
    assert heard is not None, "no answer"
    assert (heard.status, heard.code) == (status, code), heard.body
    assert heard.json["errorText"] == heard.json["errorMessage"]
    assert set(heard.json) <= {"errorCode", "errorText", "errorMessage", "stepId"}
    assert heard.headers["content-type"] == ["application/json"]
    check_headers(heard)


def check_headers(heard: Heard) -> None:
    for name, value in ALWAYS.items():
        assert heard.headers.get(name) == [value], name
    assert not [name for name in heard.headers if name.startswith("access-control-")]
    assert not re.search("[0-9]|python|aiohttp", " ".join(heard.headers.get("server", [])).lower())
    assert not INTERNALS.search(heard.body), heard.body
    for secret in (KEY, STRICT_KEY, OTHER_KEY, PHONE, PHONE[1:]):
        assert secret.encode() not in heard.body


@pytest.mark.parametrize("name", MALFORMED)
async def test_malformed(standing: Stand, name: str) -> None:
    check_refusal(await say(standing.url, MALFORMED[name], seconds=2), 400, "3001")


async def test_malformed_names_its_parameter(standing: Stand) -> None:
    for body, word in ((b"client=a&secretWord=%00", "secretWord"), (CLIENT + b"&clientIdType=x", "clientIdType")):
        heard = await say(standing.url, posted(body))
        assert heard
        assert word in heard.json["errorText"]


BIG = b"client=" + b"a" * (LIMIT + 1 - len(b"client="))
TOO_LARGE = {
    "a byte too many": posted(BIG),
    "a byte too many in chunks": posted(chunked(BIG), FORM, "Transfer-Encoding: chunked"),
    "a byte too many in JSON": posted(b'{"client":"' + b"a" * LIMIT, JSON),
    "said to be large": posted(b"client=1", FORM, f"Content-Length: {10**9}"),
    "large with a wrong type": posted(BIG, "text/plain"),
    "large multipart": posted(parts(part("x", b"a" * LIMIT)), MULTIPART),
}


@pytest.mark.parametrize("name", TOO_LARGE)
async def test_too_large(standing: Stand, name: str) -> None:
    check_refusal(await say(standing.url, TOO_LARGE[name]), 413, "3004")


async def test_the_last_byte_that_fits(standing: Stand) -> None:
    body = CLIENT + b"&x="
    heard = await say(standing.url, posted(body + b"a" * (LIMIT - len(body))))
    assert heard
    assert heard.status == 200


def other(target: str | bytes, method: str = "POST") -> bytes:
    return request(target, CLIENT, FORM, method=method)


METHODS = ("GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND")
REFUSED: dict[str, tuple[bytes, int, str]] = {
    **{f"{method} search": (other(HERE, method), 405, "3003") for method in METHODS if method != "HEAD"},
    **{f"POST {path}": (other(path), 405, "3003") for path in ("/health/live", "/metrics", "/docs", "/openapi.json")},
    "no such path": (other("/"), 404, "3003"),
    "no such path, with a key": (other(f"/rest/chat/client/find/{KEY}"), 404, "3003"),
    "a path too long": (other(f"{HERE}/more"), 404, "3003"),
    "path in capitals": (other(f"/REST/chat/client/search/{KEY}"), 404, "3003"),
    "two slashes": (other(f"/{HERE}"), 404, "3003"),
    "dots in the path": (other(f"/x/../rest/chat/client/search/{KEY}"), 404, "3003"),
    "percent NUL for a key": (other(f"{SEARCH}/%00"), 401, "3002"),
    "percent slash for a key": (other(f"{SEARCH}/%2F"), 401, "3002"),
    "broken UTF-8 for a key": (other(f"{SEARCH}/%ff%fe"), 401, "3002"),
    "raw bytes for a key": (other(SEARCH.encode() + b"/\xff\xfe"), 400, "3001"),
    "surrogate for a key": (other(f"{SEARCH}/%ed%a0%80"), 401, "3002"),
    "lone percent for a key": (other(f"{SEARCH}/%zz"), 401, "3002"),
    "dotted key": (other(f"{SEARCH}/.."), 401, "3002"),
    "wrong key": (other(f"{SEARCH}/{'0' * 20}"), 401, "3002"),
    "cut key": (other(f"{SEARCH}/{KEY[:-1]}"), 401, "3002"),
    "longer key": (other(f"{SEARCH}/{KEY}0"), 401, "3002"),
    "key in another case": (other(f"{SEARCH}/{KEY.upper()}"), 401, "3002"),
    "key with a blank": (other(f"{SEARCH}/{KEY}%20"), 401, "3002"),
    "key with a newline": (other(f"{SEARCH}/{KEY}%0a"), 401, "3002"),
    "full-width key": (other(f"{SEARCH}/{quote(chr(0xFF41) + KEY[1:])}"), 401, "3002"),
    "no key": (other(SEARCH), 401, "3002"),
    "no key, with a slash": (other(f"{SEARCH}/"), 401, "3002"),
    "no key for a card": (other("/rest/chat/client/auth/"), 401, "3002"),
    "no key to revoke": (other("/rest/chat/client/revoke/"), 401, "3002"),
    "wrong key before a bad body": (request(f"{SEARCH}/nokey", b"{", JSON), 401, "3002"),
    "key as a parameter": (request(f"{SEARCH}/?key={KEY}", CLIENT), 401, "3002"),
    "wrong bearer": (request(SEARCH, CLIENT, FORM, "Authorization: Bearer x"), 401, "3002"),
    "key as a password": (request(SEARCH, CLIENT, FORM, f"Authorization: Basic {KEY}"), 401, "3002"),
    "bearer of odd bytes": (request(SEARCH, CLIENT, FORM, "Authorization: Bearer \xff\xfe"), 401, "3002"),
    "right bearer, wrong path": (request(f"{SEARCH}/x", CLIENT, FORM, f"Authorization: Bearer {KEY}"), 401, "3002"),
    "no token": (request(f"/rest/chat/client/auth/{KEY}", b""), 400, "3001"),
    "token too long": (request(f"/rest/chat/client/auth/{KEY}", form(token="a" * 257)), 400, "3001"),
    "token of odd letters": (request(f"/rest/chat/client/auth/{KEY}", form(token="ё" * 44)), 401, "1010"),
    "token unknown": (request(f"/rest/chat/client/auth/{KEY}", form(token="a" * 44)), 401, "1010"),
    "token unknown to revoke": (request(f"/rest/chat/client/revoke/{KEY}", form(token="a" * 44)), 401, "1010"),
    "stepId of odd letters": (posted(form(client=PHONE, stepId="ё'{}*\\")), 410, "1004"),
    "Expect of nothing known": (posted(CLIENT, FORM, "Expect: miracles"), 400, "3001"),
    "headers too large": (posted(CLIENT, FORM, "X-Large: " + "a" * 20000), 400, "3001"),
    "200 headers": (posted(CLIENT, FORM, *[f"X-{n}: 1" for n in range(200)]), 400, "3001"),
    "request line too long": (other(f"{SEARCH}/{'a' * 20000}"), 400, "3001"),
    "not HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 20 + b"\r\n\r\n", 400, "3001"),
    "not HTTP, but text": (b"hello, who is there?\r\n\r\n", 400, "3001"),
    "a later HTTP": (b"POST / HTTP/3.0\r\nHost: x\r\n\r\n", 400, "3001"),
    "an unknown method": (other(HERE, "FROBNICATE"), 400, "3001"),
    "no slash in front": (other("rest/chat"), 400, "3001"),
    "an address of nonsense": (other("http://[::1/rest"), 400, "3001"),
    "two lengths": (posted(CLIENT, FORM, "Content-Length: 1", "Content-Length: 2"), 400, "3001"),
    "length and chunks": (posted(CLIENT, FORM, "Content-Length: 5", "Transfer-Encoding: chunked"), 400, "3001"),
    "negative length": (posted(CLIENT, FORM, "Content-Length: -1"), 400, "3001"),
    "length of nonsense": (posted(CLIENT, FORM, "Content-Length: five"), 400, "3001"),
    "chunk of nonsense": (posted(b"zz\r\nclient\r\n", FORM, "Transfer-Encoding: chunked"), 400, "3001"),
    "header with NUL": (posted(CLIENT, FORM, "X-A: a\0b"), 400, "3001"),
    "header folded": (posted(CLIENT, FORM, "X-A: a\r\n b"), 400, "3001"),
    "header without a colon": (posted(CLIENT, FORM, "nonsense"), 400, "3001"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
async def test_refused(standing: Stand, name: str) -> None:
    sent, status, code = REFUSED[name]
    heard = await say(standing.url, sent, seconds=2)
    check_refusal(heard, status, code)
    if status == 405 and heard:
        assert heard.headers["allow"]


async def test_all_keys_that_do_not_fit_are_answered_alike(standing: Stand) -> None:
    bodies = set()
    for name, (sent, _, code) in REFUSED.items():
        if code == "3002":
            heard = await say(standing.url, sent)
            assert heard, name
            bodies.add(heard.body)
    assert len(bodies) == 1


async def test_head_has_no_body(standing: Stand) -> None:
    heard = await say(standing.url, other(HERE, "HEAD").replace(b"Content-Length: 21", b"Content-Length: 0"))
    assert heard is None or heard.status == 405


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs"])
async def test_headers_of_the_service_pages(standing: Stand, path: str) -> None:
    heard = await say(standing.url, request(path, method="GET", kind=None))
    assert heard
    assert heard.status == 200
    for name, value in ALWAYS.items():
        assert heard.headers[name] == [value]
    assert "aiohttp" not in str(heard.headers)


async def test_no_answer_lets_another_origin_read(standing: Stand) -> None:
    for method in ("POST", "OPTIONS"):
        asked = request(HERE, CLIENT, FORM, "Origin: https://evil.example", method=method)
        heard = await say(standing.url, asked)
        assert heard
        check_headers(heard)


TOLERATED: dict[str, bytes] = {
    "unknown parameters": posted(CLIENT + b"&token=x&x=1&x=2&Client=%00"),
    "unknown parameters in JSON": sent_json(nested(32)),
    "type with blanks": posted(form(client="t1@example.org", clientIdType=" email ")),
    "type in capitals": posted(form(client="T-1", clientIdType="crmId")),
    "type PHONE": posted(form(client=PHONE, clientIdType="PHONE")),
    "type empty": posted(form(client=PHONE, clientIdType="")),
    "stepId empty": posted(form(client=PHONE, stepId="", secretWord="")),
    "JSON nulls": sent_json(json.dumps({"client": PHONE, "stepId": None, "clientIdType": None})),
    "full-width digits in a phone": posted(form(client=PHONE.translate({n: n + 0xFEE0 for n in range(0x30, 0x3A)}))),
    "phone with no-break blanks": posted(form(client=f"{PHONE[:4]}\u00a0{PHONE[4:]}\u200b")),
    "plus as a blank": posted(b"client=+" + PHONE[1:].encode()),
    "charset in capitals": posted(CLIENT, FORM + ";charset=UTF-8"),
    "charset in quotes": posted(CLIENT, FORM + '; charset="utf-8"'),
    "chunks": posted(chunked(CLIENT, 3), FORM, "Transfer-Encoding: chunked"),
    "identity": posted(CLIENT, FORM, "Content-Encoding: identity"),
    "expect a go-ahead": posted(CLIENT, FORM, "X: 1"),
    "bearer": request(SEARCH, CLIENT, FORM, f"Authorization: Bearer {KEY}"),
    "bearer in another case": request(f"{SEARCH}/", CLIENT, FORM, f"authorization: bearer  {KEY}"),
    "slash behind the key": request(f"{HERE}/", CLIENT),
    "key escaped": request(f"{SEARCH}/%61{KEY[1:]}", CLIENT),
    "absolute address": request(f"http://shinos{HERE}", CLIENT),
    "query alone": request(f"{HERE}?client={quote(PHONE)}", b"", None),
    "query with an odd type and no body": request(f"{HERE}?client={quote(PHONE)}", b"", "text/plain"),
    "multipart, plain": posted(parts(part("client", PHONE)), MULTIPART),
    "multipart with text in front": posted(b"preamble\r\n" + parts(part("client", PHONE)) + b"epilogue", MULTIPART),
    "multipart with a quoted boundary": posted(
        parts(part("client", PHONE)), 'multipart/form-data; charset=utf-8; boundary="xx"'
    ),
    "multipart with types": posted(
        parts(part("client", PHONE, "Content-Type: text/plain; charset=UTF-8", "Content-Transfer-Encoding: 8bit")),
        MULTIPART,
    ),
    "multipart, name without quotes": posted(
        parts(b"content-disposition:form-data;name=client\r\n\r\n" + PHONE.encode() + b"\r\n"), MULTIPART
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TOLERATED)
async def test_tolerated(standing: Stand, name: str) -> None:
    heard = await say(standing.url, TOLERATED[name])
    assert heard
    assert heard.status == 200, heard.body
    assert heard.json["answerType"] == 1
    check_headers(heard)


async def test_full_width_digits_are_no_code(standing: Stand) -> None:
    """Refused as a wrong answer, and counted as one: nothing but blanks is repaired in a code."""
    phone = person(2)
    asked = await standing.search(phone)
    code = await standing.code(phone)
    wide = code.translate({n: n + 0xFEE0 for n in range(0x30, 0x3A)})
    refused = await standing.search(phone, asked.step, wide)
    assert (refused.status, refused.code) == (403, "1002")
    arabic = code.translate({n: n + 0x630 for n in range(0x30, 0x3A)})
    assert (await standing.search(phone, asked.step, arabic)).code == "1002"
    assert (await standing.search(phone, asked.step, f" {code} ")).status == 200


async def test_malformed_calls_cost_no_attempt(standing: Stand) -> None:
    phone = person(3)
    asked = await standing.search(phone)
    code = await standing.code(phone)
    for odd in ("\n", "\x00", "a" * 65, "\u0085"):
        for _ in range(3):
            assert (await standing.search(phone, asked.step, code + odd)).code == "3001"
    assert (await standing.search(phone, asked.step, code)).status == 200


Carrier = Callable[[dict[str, str]], bytes]


def as_form(fields: dict[str, str]) -> bytes:
    return posted(form(**fields))


def as_json(fields: dict[str, str]) -> bytes:
    return sent_json(json.dumps(fields))


def as_query(fields: dict[str, str]) -> bytes:
    return request(f"{HERE}?{form(**fields).decode()}", b"", None)


def as_multipart(fields: dict[str, str]) -> bytes:
    return posted(parts(*(part(name, value) for name, value in fields.items())), MULTIPART)


def as_a_mixture(fields: dict[str, str]) -> bytes:
    rest = {name: value for name, value in fields.items() if name != "client"}
    return request(f"{HERE}?client={quote(fields['client'])}", json.dumps(rest).encode(), JSON)


@pytest.mark.parametrize("carrier", [as_form, as_json, as_query, as_multipart, as_a_mixture])
async def test_a_whole_dialogue_over_each_carrier(standing: Stand, carrier: Carrier) -> None:
    numbers = {"as_form": 4, "as_json": 5, "as_query": 6, "as_multipart": 7, "as_a_mixture": 8}
    phone = person(numbers[carrier.__name__])

    async def ask(**fields: str) -> Heard:
        heard = await say(standing.url, carrier({"client": phone, **fields}))
        assert heard
        assert heard.status == 200, heard.body
        return heard

    code = await ask()
    word = await ask(stepId=code.json["stepId"], secretWord=await standing.code(phone))
    done = await ask(stepId=word.json["stepId"], secretWord=WORD)
    assert (await standing.card(done.json["token"])).body["phone"] == phone


async def test_keyless_only_where_it_is_configured(standing: Stand) -> None:
    keyless = standing.serve(SHINOS_CHANNEL__OTHER__KEYLESS="true")
    try:
        for target in (SEARCH, f"{SEARCH}/"):
            heard = await say(keyless.url, request(target, form(client=person(9))))
            assert heard
            assert heard.status == 200
            assert "date of birth" in heard.json["answerText"]
        check_refusal(await say(keyless.url, other(f"{SEARCH}/wrong")), 401, "3002")
        wrong_bearer = request(SEARCH, CLIENT, FORM, "Authorization: Bearer wrong")
        check_refusal(await say(keyless.url, wrong_bearer), 401, "3002")
    finally:
        standing.api.remove(keyless)
        keyless.kill()


async def test_a_thousand_wrong_keys(standing: Stand) -> None:
    """Whoever tries keys is slowed down, whatever it says of itself; whoever has one is not."""
    api = standing.serve()
    standing.api.remove(api)
    try:
        tried = 0
        while True:
            heard = await say(
                api.url, request(f"{SEARCH}/{secrets.token_hex(16)}", CLIENT, FORM, f"X-Forwarded-For: {tried}")
            )
            assert heard
            tried += 1
            if heard.status == 429:
                break
            check_refusal(heard, 401, "3002")
        assert 100 < tried <= 1000
        check_refusal(heard, 429, "1006")
        assert 1 <= int(heard.headers["retry-after"][0]) <= 601
        right = await say(api.url, request(HERE, CLIENT))
        assert right
        assert right.status == 200
        entries = await standing.audit()
        assert "keys" in {entry.get("layer") for entry in entries if entry["event"] == "limit_hit"}
        assert "keys" in {entry.get("kind") for entry in entries if entry["event"] == "alarm"}
    finally:
        api.kill()


async def test_nothing_of_all_this_left_a_traceback_or_a_fault(standing: Stand) -> None:
    """Runs last in this file: what the server has logged of it."""
    log = standing.api[0].log.read_text()
    assert "our_fault" not in log
    assert "Traceback" not in log
    for secret in (KEY, PHONE, PHONE[1:]):
        assert secret not in log
