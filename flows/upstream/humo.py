"""Humo CRM: opens a person's link, has papers read and a selfie compared (protocols.md 2, from the bank's own page).

An upload makes a task there, so it goes out once and is never repeated here; how a task stands may be asked for at any
time. What Humo's results and failures look like is not documented: `humo_words.py` reads them tolerantly.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from flows.errors import Refused, Unexpected
from flows.papers import Link, Reading, Task
from flows.upstream.answer import Answer, M, Told
from flows.upstream.breaker import Breaker
from flows.upstream.code_gateway import GatewayOptions
from flows.upstream.humo_words import WORDS, reading_of, reason_of
from flows.upstream.web import BaseUrl, File, Web

_NOBODYS_KEY = "00000000-0000-0000-0000-000000000000"
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_JSON: Final = {"Content-Type": "application/json"}
_REFUSALS: Final = {400: "request", 401: "token", 403: "token", 413: "too_large", 422: "request"}
_LINK_REFUSALS: Final = {401: "expired", 403: "expired", 404: "unknown", 410: "expired"}

Segment = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")]

Spelling = Annotated[str, Field(pattern=r"[^\W_]", max_length=64)]


class Document(GatewayOptions):
    """A kind of paper: its pages go to `tasks/ocr/<path>/<page>`, the tax number with `tax_number_page`."""

    path: Segment
    pages: tuple[Segment, ...] = Field(default=("front", "back"), min_length=1)
    tax_number_page: Segment | None = None


_DOCUMENTS: Final = {
    "ID_NEW": Document(path="id_new", tax_number_page="back"),
    "ID_OLD": Document(path="id_old", tax_number_page="back"),
}


class HumoOptions(GatewayOptions):
    """`[upstream.humo]`. `documents`, `fields` and `reasons` add to what is known, or replace it under the same name.

    `key_env`: the bank's own presign key, for people who come without a link. `nulls`: how a null `depart_id` travels
    in a form. `additional`: documents that are asked for besides. `fields`: Humo's name of a result's field → ours in
    `Reading`. `reasons`: what Humo says of a failure → our word. `upload_seconds` are for one photo.
    """

    url: BaseUrl
    key_env: str | None = None
    nulls: Literal["omit", "empty"] = "omit"
    documents: dict[str, Document] = Field(default_factory=lambda: dict(_DOCUMENTS))
    additional: tuple[str, ...] = ()
    fields: dict[Spelling, str] = Field(default_factory=dict)
    reasons: dict[Spelling, str] = Field(default_factory=dict)
    seconds: float = Field(default=10, gt=0, le=60)
    upload_seconds: float = Field(default=30, gt=0, le=120)

    @field_validator("documents")
    @classmethod
    def _with_the_known(cls, documents: dict[str, Document]) -> dict[str, Document]:
        return _DOCUMENTS | documents

    @model_validator(mode="after")
    def _check(self) -> Self:
        if unknown := set(self.additional) - self.documents.keys():
            raise ValueError(f"additional: {', '.join(sorted(unknown))} is none of the documents")
        if unknown := set(self.fields.values()) - Reading.model_fields.keys():
            raise ValueError(f"fields: {', '.join(sorted(unknown))} is not read")
        if unknown := set(self.reasons.values()) - set(WORDS):
            raise ValueError(f"reasons: {', '.join(sorted(unknown))} is none of {', '.join(WORDS)}")
        return self


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _or_none(value: str | None) -> str | None:
    return value or None


Opaque = Annotated[str, BeforeValidator(_as_text), Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""An id that is a number in the samples and may be text."""
Short = Annotated[Annotated[str, Field(max_length=2048)] | None, BeforeValidator(_as_text), AfterValidator(_or_none)]


class _Opened(Told):
    key: str = Field(repr=False)
    source: str = Field(min_length=1, max_length=256)
    access_token: str = Field(pattern=r"^[\x21-\x7e]{1,8192}$", repr=False)
    depart_id: Short = None
    external_id: Short = Field(default=None, repr=False)
    callback: Short = Field(default=None, repr=False)
    home_page: Short = Field(default=None, repr=False)


class _Made(Told):
    id: Opaque


class _Standing(Told):
    status: str = Field(max_length=64)
    result: object = Field(default=None, repr=False)


class Humo:
    """`key` is the bank's own presign key, when it has one. All calls raise `Unavailable`, `Refused` or `Unexpected`.

    Reasons of a refusal: unknown, expired (of a link) · token (the link must be opened anew) · request · too_large ·
    unknown_task.
    """

    name = "humo"

    def __init__(self, options: HumoOptions, key: str | None = None, *, breaker: Breaker | None = None) -> None:
        self.options = options
        self.key = key
        self._web = Web(options.url, total=options.seconds, breaker=breaker)

    async def open_link(self, key: str) -> Link:
        """What the key opens. A key that is no UUID is not asked for."""
        if not _UUID.fullmatch(key):
            raise Refused("unknown")
        answer = await self._web.call("GET", f"api/link/presign/{key}", headers=_JSON, retry=True)
        opened = _read(answer, _Opened, _LINK_REFUSALS)
        if opened.key != key:
            raise Unexpected
        return Link(**opened.model_dump())

    async def submit_document(
        self, link: Link, *, document: str, page: str, image: bytes, tax_number: str | None
    ) -> str:
        """The task that reads a page (`image` is JPEG); `tax_number` travels only with the page that it belongs to."""
        kind = self.options.documents.get(document)
        if kind is None or page not in kind.pages:
            raise Refused("request")
        more = {"tax_number": tax_number} if tax_number and page == kind.tax_number_page else {}
        path = f"api/tasks/ocr/{kind.path}/{page}"
        return await self._submit(link, path, self._form(link, document) | more, (f"{page}.jpg", image, "image/jpeg"))

    async def submit_selfie(self, link: Link, *, document: str, token: str) -> str:
        """The task that compares the face; `token` is a LUNA PASS JWT, and travels as text."""
        return await self._submit(link, "api/tasks/selfie", self._form(link, document), (None, token, None))

    async def task(self, link: Link, task_id: str) -> Task:
        """How it stands; a status that nobody knows is one that still runs."""
        path = f"api/tasks/status/{task_id}"
        answer = await self._web.call("GET", path, headers=_JSON | _bearer(link), retry=True)
        standing = _read(answer, _Standing, _REFUSALS | {404: "unknown_task"})
        match standing.status.strip().upper():
            case "SUCCESS":
                return Task("success", reading=reading_of(standing.result, self.options.fields))
            case "FAILURE":
                return Task("failure", reason_of(standing.result, self.options.reasons))
            case _:
                return Task("running")

    async def ping(self) -> None:
        """Opens the bank's own link; without one, asks for a link that nobody has."""
        try:
            await self.open_link(self.key or _NOBODYS_KEY)
        except Refused:
            if self.key:
                raise

    async def close(self) -> None:
        await self._web.close()

    def _form(self, link: Link, document: str) -> dict[str, str]:
        depart_id = link.depart_id if link.depart_id is not None or self.options.nulls == "omit" else ""
        form = {"doc_type": document, "depart_id": depart_id, "source": link.source, "key": link.key}
        return {name: value for name, value in form.items() if value is not None}

    async def _submit(self, link: Link, path: str, form: dict[str, str], image: File) -> str:
        answer = await self._web.call(
            "POST",
            path,
            data=form,
            files={"img": image},
            headers=_bearer(link),
            total=self.options.upload_seconds,
        )
        return _read(answer, _Made, _REFUSALS).id


def _read(answer: Answer, model: type[M], refusals: Mapping[int, str]) -> M:
    if reason := refusals.get(answer.status):
        raise Refused(reason)
    if answer.status >= 300:
        raise Unexpected
    return answer.read(model)


def _bearer(link: Link) -> dict[str, str]:
    return {"Authorization": f"Bearer {link.access_token}"}
