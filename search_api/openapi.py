"""The OpenAPI 3.1 document, made from the models that the handlers answer with, and a page that shows it."""

from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from search_api.answers import Question, Refusal, TokenAnswer
from search_api.card import ClientCard, Revoked
from search_api.returns import Nudge, PageCall, PageShape

DOCS_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"}
_CARRIERS = ("application/x-www-form-urlencoded", "multipart/form-data", "application/json")
_ERRORS = {
    "400": "Malformed request (3001)",
    "401": "Channel key refused (3002), or the token is not valid (1010)",
    "403": "Wrong answer (1002), attempts used up (1003), nothing on record (1011, 1012)",
    "404": "Client not found (1001), only where the channel reveals it; no such path (3003)",
    "405": "No such method (3003)",
    "410": "Step unknown, expired or already answered (1004)",
    "413": "Body over 64 KiB (3004)",
    "429": "Locked (1005), or too many requests or sends (1006); see Retry-After",
    "500": "Our fault (9001)",
    "503": "Code not sent (1007), upstream (2001) or our store (9002) down; see Retry-After",
}


class SearchCall(BaseModel):
    """Who is asked for, and the answer to the question before."""

    model_config = ConfigDict(extra="ignore")

    client: str = Field(min_length=1, max_length=128, description="phone in any usual spelling, e-mail, crmid or @name")
    clientIdType: str | None = Field(default=None, description="email, phone or crmid", max_length=16)
    channelId: str | None = Field(default=None, max_length=64, description="accepted; the key says which channel it is")
    secretWord: str | None = Field(default=None, max_length=64, description="the answer to the step")
    stepId: str | None = Field(default=None, max_length=64, description="as the previous answer gave it")


class TokenCall(BaseModel):
    """The token of an identified client."""

    model_config = ConfigDict(extra="ignore")

    token: str = Field(min_length=1, max_length=256)


class Health(BaseModel):
    """How the service is, and each thing that it depends on."""

    status: str
    dependencies: dict[str, str] = {}


@cache
def document(*, liveness: bool = False, login: bool = False) -> dict[str, Any]:
    """The whole API, as OpenAPI 3.1; with the pages that this installation has."""
    models: tuple[type[BaseModel], ...] = (
        SearchCall, TokenCall, Question, TokenAnswer, Refusal, ClientCard, Revoked, Health, PageCall, PageShape, Nudge,
    )  # fmt: skip
    template = "#/components/schemas/{model}"
    _, schema = models_json_schema([(model, "validation") for model in models], ref_template=template)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Shinos: Search client API and Auth API",
            "version": "1.1",
            "description": "Tells a chat server who its client is, step by step.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {**_calls(), **(_liveness() if liveness else {}), **(_login() if login else {}), **_service()},
        "components": {"schemas": schema["$defs"], "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
    }


def _calls() -> dict[str, Any]:
    one_of = {"oneOf": [_ref("Question"), _ref("TokenAnswer")]}
    rows = (
        ("search", "Ask who the client is", "SearchCall", one_of),
        ("auth", "The client card for a token", "TokenCall", _ref("ClientCard")),
        ("revoke", "End a token", "TokenCall", _ref("Revoked")),
    )
    paths = {}
    for name, summary, call, answer in rows:
        for tail in ("/{key}", "/"):
            operation = _operation(f"{name}{'' if 'key' in tail else '_by_header'}", summary, call, answer)
            if "key" in tail:
                operation["parameters"] = [_KEY]
            else:
                operation["security"] = [{"bearer": []}, {}]
            paths[f"/rest/chat/client/{name}{tail}"] = {"post": operation}
    return paths


_KEY = {"name": "key", "in": "path", "required": True, "schema": {"type": "string"}, "description": "the channel's key"}


def _operation(identity: str, summary: str, call: str, answer: dict[str, Any]) -> dict[str, Any]:
    refusal = {"application/json": {"schema": _ref("Refusal")}}
    responses: dict[str, Any] = {status: {"description": text, "content": refusal} for status, text in _ERRORS.items()}
    for status in ("429", "503"):
        responses[status]["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}}
    responses["200"] = {"description": "OK", "content": {"application/json": {"schema": answer}}}
    body = {"required": True, "content": {carrier: {"schema": _ref(call)} for carrier in _CARRIERS}}
    return {"operationId": identity, "summary": summary, "requestBody": body, "responses": responses}


def _liveness() -> dict[str, Any]:
    refusal = {"application/json": {"schema": _ref("Refusal")}}
    told = {
        "400": "Not what the page says (3001)",
        "401": "Telegram's initData refused (1035)",
        "403": "Another person's link (1040)",
        "409": "The link was used (1039)",
        "410": "The link leads nowhere (1004)",
        "413": "Body over 16 KiB (3004)",
        "503": "Our store is down (9002)",
    }
    answers: dict[str, Any] = {status: {"description": text, "content": refusal} for status, text in told.items()}
    answers["200"] = {"description": "How it stands", "content": {"application/json": {"schema": _ref("PageShape")}}}
    body = {"required": True, "content": {"application/json": {"schema": _ref("PageCall")}}}
    seen = {status: {"description": text, "content": _HTML} for status, text in _PAGES.items()}
    page = {"operationId": "liveness_page", "summary": "The liveness page", "parameters": [_TICKET], "responses": seen}
    says = {"operationId": "liveness_says", "summary": "What the liveness page says", "parameters": [_TICKET]}
    nudge = {"required": True, "content": {"application/json": {"schema": _ref("Nudge")}}}
    nudged = {"200": {"description": "Heard; whether it is so is asked for"}, "413": answers["413"]}
    webhook = {"operationId": "biometric_webhook", "summary": "A nudge of biometric.kz's: look at it"}
    return {
        "/liveness/{ticket}": {"get": page, "post": {**says, "requestBody": body, "responses": answers}},
        "/biometric/webhook": {"post": {**webhook, "requestBody": nudge, "responses": nudged}},
    }


def _login() -> dict[str, Any]:
    gone = {"303": "There it goes on", "403": "Not of this browser's login (1049, 1052)", **_PAGES}
    answers = {status: {"description": text, "content": _HTML} for status, text in gone.items()}
    shown = {status: answer for status, answer in answers.items() if status in _PAGES}
    names = ("state", "code", "error", "error_description", "iss")
    query = [{"name": name, "in": "query", "required": False, "schema": {"type": "string"}} for name in names]
    page = {"operationId": "login_page", "summary": "The way to Aitu Passport, and how it stands", "responses": shown}
    go = {"operationId": "login_go", "summary": "Leave for Aitu Passport", "responses": answers}
    back = {"operationId": "login_back", "summary": "Aitu Passport sends the browser back", "responses": answers}
    return {
        "/aitu/{ticket}": {"get": {**page, "parameters": [_TICKET]}, "post": {**go, "parameters": [_TICKET]}},
        "/aitu/callback": {"get": {**back, "parameters": query}},
    }


_HTML = {"text/html": {"schema": {"type": "string"}}}
_TICKET = {"name": "ticket", "in": "path", "required": True, "schema": {"type": "string"}}
_PAGES = {"200": "The page; looking at it uses nothing up", "410": "The link leads nowhere"}


def _service() -> dict[str, Any]:
    health = {"application/json": {"schema": _ref("Health")}}
    down = {"description": "Something that we depend on is down", "content": health}
    rows: dict[str, tuple[str, dict[str, Any]]] = {
        "/health/live": ("Is the process alive?", health),
        "/health/ready": ("Is everything there that it needs?", health),
        "/metrics": ("Prometheus metrics", {"text/plain": {"schema": {"type": "string"}}}),
        "/openapi.json": ("This document", {"application/json": {"schema": {"type": "object"}}}),
        "/docs": ("This document as a page", {"text/html": {"schema": {"type": "string"}}}),
    }
    paths: dict[str, Any] = {}
    for path, (summary, content) in rows.items():
        responses: dict[str, Any] = {"200": {"description": "OK", "content": content}}
        if path == "/health/ready":
            responses["503"] = down
        paths[path] = {"get": {"operationId": path.strip("/"), "summary": summary, "responses": responses}}
    return paths


def _ref(model: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model}"}


@cache
def docs_page(*, liveness: bool = False, login: bool = False) -> str:
    """The document as one page of HTML: no script, nothing from elsewhere."""
    whole = document(liveness=liveness, login=login)
    sections = "".join(
        _section(path, method, operation, whole)
        for path, methods in whole["paths"].items()
        for method, operation in methods.items()
    )
    template = Template((Path(__file__).parent / "docs.html").read_text(encoding="utf-8"))
    return template.substitute(title=escape(whole["info"]["title"]), sections=sections)


def _section(path: str, method: str, operation: dict[str, Any], whole: dict[str, Any]) -> str:
    rows = [f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(operation['summary'])}</p>"]
    if "requestBody" in operation:
        schema = next(iter(operation["requestBody"]["content"].values()))["schema"]
        model = whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        cells = "".join(_parameter(name, field, model) for name, field in model["properties"].items())
        heads = "<tr><th scope=col>Parameter</th><th scope=col>Required</th><th scope=col>What</th></tr>"
        rows.append(f"<table><caption>Parameters</caption>{heads}{cells}</table>")
    answers = "".join(
        f"<tr><td><code>{status}</code></td><td>{escape(answer['description'])}</td></tr>"
        for status, answer in sorted(operation["responses"].items())
    )
    heads = "<tr><th scope=col>Status</th><th scope=col>When</th></tr>"
    rows.append(f"<table><caption>Answers</caption>{heads}{answers}</table>")
    return f"<section>{''.join(rows)}</section>"


def _parameter(name: str, field: dict[str, Any], model: dict[str, Any]) -> str:
    needed = "yes" if name in model.get("required", ()) else "no"
    return f"<tr><td><code>{name}</code></td><td>{needed}</td><td>{escape(field.get('description', ''))}</td></tr>"
