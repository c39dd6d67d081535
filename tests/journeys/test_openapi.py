"""The OpenAPI document is whole and true: every answer of the running server has a status and shape that it names."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from figures import FULL, Record
from schemathesis.specs.openapi.definitions import OPENAPI_31
from servers import RedisServer
from stand import KEY, STRICT_KEY, WORD, Said, Stand, person, stand, wrong

EXAMPLE = "+79221234567"
EXAMPLES = 150 if FULL else 15
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,unsupported_method,allow_header_conformance"
)
CALLS = {"search": "search", "card": "auth", "revoke": "revoke"}
Document = dict[str, Any]


@pytest.fixture(scope="module")
async def standing(tmp_path_factory: pytest.TempPathFactory, redis_of_session: RedisServer) -> AsyncIterator[Stand]:
    redis_of_session.flush()
    async with stand(
        tmp_path_factory.mktemp("openapi"),
        redis_of_session,
        LIMITS__BEGINS_MINUTE="1000000",
        LIMITS__BEGINS_BURST="1000000",
        LIMITS__BEGINS_HOUR="1000000",
    ) as running:
        yield running


@pytest.fixture(scope="module")
async def document(standing: Stand) -> Document:
    async with standing.session.get(f"{standing.url}/openapi.json") as response:
        assert response.content_type == "application/json"
        found: Document = await response.json()
        return found


def test_it_is_openapi_3_1(document: Document) -> None:
    assert document["openapi"].startswith("3.1")
    jsonschema_rs.Draft202012Validator(OPENAPI_31).validate(document)
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def test_it_names_every_route_once(document: Document) -> None:
    calls = {f"/rest/chat/client/{name}{tail}" for name in ("search", "auth", "revoke") for tail in ("/{key}", "/")}
    pages = {"/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs"}
    assert set(document["paths"]) == calls | pages
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))


def check_shape(document: Document, name: str, said: Said) -> None:
    """The answer is one that the document has for this call and status."""
    operation = document["paths"][f"/rest/chat/client/{CALLS[name]}/{{key}}"]["post"]
    answer = operation["responses"][str(said.status)]
    schema = answer["content"]["application/json"]["schema"]
    whole = {**schema, "components": document["components"]}
    jsonschema_rs.Draft202012Validator(whole).validate(said.body)
    for header in answer.get("headers", {}):
        assert said.headers[header].isdigit()


async def test_the_answers_of_real_dialogues_have_its_shapes(standing: Stand, document: Document) -> None:
    for key in (KEY, STRICT_KEY):
        phone = person(1 if key == KEY else 2)
        asked = await standing.search(phone, key=key)
        code = await standing.code(phone)
        word = await standing.search(phone, asked.step, code, key=key)
        done = await standing.search(phone, word.step, WORD, key=key)
        assert done.body["answerType"] == 2
        card = await standing.card(done.token, key=key)
        assert card.status == 200
        check_shape(document, "card", card)
        check_shape(document, "card", await standing.card("x", key=key))
        check_shape(document, "revoke", await standing.call(f"revoke/{key}", {"token": done.token}))
        for said in (asked, word, done, await standing.search("+992900000999", key=key)):
            check_shape(document, "search", said)


async def test_its_refusals_have_their_shapes(standing: Stand, document: Document) -> None:
    phone = person(3)
    asked = await standing.search(phone)
    code = await standing.code(phone)
    refusals = [await standing.search(phone, asked.step, wrong(code, number)) for number in range(5)]
    refusals += [
        await standing.search(phone, asked.step, code),
        await standing.search(phone),
        await standing.search("ё"),
        await standing.search(phone, key="x"),
        await standing.search(EXAMPLE),
        await standing.call(f"search/{KEY}", {"x": "a" * 65536}),
    ]
    for refusal in refusals:
        check_shape(document, "search", refusal)
    assert [refusal.code for refusal in refusals[4:]] == ["1003", "1003", "1006", "3001", "3002", "1001", "3004"]


@pytest.mark.proof
async def test_schemathesis_finds_no_answer_that_is_not_in_it(
    standing: Stand, document: Document, tmp_path: Path, figure: Record
) -> None:
    """With keys that work, one that does not, and clients that there are, so that it gets behind the first gate."""
    aimed: Document = json.loads(json.dumps(document))
    for path in aimed["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                parameter["schema"] = {"enum": [KEY, STRICT_KEY, "x"]}
    client = aimed["components"]["schemas"]["SearchCall"]["properties"]["client"]
    client.update(anyOf=[{"enum": [person(number) for number in range(10, 20)]}, {"type": "string"}])
    aim = tmp_path / "openapi.json"
    aim.write_text(json.dumps(aimed), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", str(aim), "--url", standing.url, "--checks", CHECKS),
        *("--max-examples", str(EXAMPLES), "--seed", "20", "--no-color", "--generation-database", "none"),
        *("--phases", "coverage,fuzzing", "--header", f"Authorization: Bearer {KEY}", "--no-shrink"),
        *("--suppress-health-check", "all"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    tried = re.search(r"([0-9]+) generated, ([0-9]+) passed", out.decode())
    assert tried
    clean = process.returncode == 0 and "our_fault" not in standing.api[0].log.read_text()
    value = f"{tried[1]} by schemathesis, {tried[2]} answered as the document says"
    figure("G8", value=value, met=clean, method="from the OpenAPI document, no answer of 5xx allowed")
    assert process.returncode == 0, out.decode()
    assert int(tried[1]) > 300
    assert "our_fault" not in standing.api[0].log.read_text()


async def test_docs_load_nothing_from_elsewhere(standing: Stand, document: Document) -> None:
    async with standing.session.get(f"{standing.url}/docs") as response:
        page = await response.text()
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert response.content_type == "text/html"
    assert not re.search(r"<(script|img|iframe|link|object|embed|base)\b", page, re.IGNORECASE)
    assert not re.search(r"(src|action)\s*=|url\(|@import|//", page, re.IGNORECASE)
    assert set(re.findall(r'href="([^"]*)"', page)) == {"/openapi.json"}
    for path in document["paths"]:
        assert path in page
