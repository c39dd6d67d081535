"""Every key that a configuration can have, with its default and range as the README writes them."""

from collections.abc import Iterator
from importlib import import_module
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from flows.plan import KINDS
from flows.settings import Channel, Flow, Settings
from flows.upstream.humo import Document
from flows.wiring import Upstreams

Row = tuple[str, str, str]
"""Key, default, range."""

SIGNS = {Ge: ("ge", "≥"), Gt: ("gt", ">"), Le: ("le", "≤"), Lt: ("lt", "<")}


def rows() -> list[Row]:
    steps = {kind: import_module(f"flows.steps.{kind}").STEP.options_type for kind in KINDS}
    return [
        *_keys(Settings, ""),
        *_keys(Channel, "channel.<name>."),
        *_keys(Flow, "flow.<name>."),
        *_keys(Upstreams, "upstream."),
        *_keys(Document, "upstream.humo.documents.<name>."),
        *(row for kind, options in steps.items() for row in _keys(options, f"{kind}.")),
    ]


def _keys(model: type[BaseModel], prefix: str) -> Iterator[Row]:
    for name, field in model.model_fields.items():
        inner = _model(field.annotation)
        if inner:
            yield from _keys(inner, f"{prefix}{name}.")
        elif prefix or name not in ("channel", "flow", "upstream", "secrets"):
            yield prefix + name, _default(field), _range(field)


def _model(annotation: Any) -> type[BaseModel] | None:
    kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _default(field: FieldInfo) -> str:
    value = None if field.is_required() else field.get_default(call_default_factory=True)
    if value in (None, "", {}, ()):
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | dict):
        return ", ".join(str(item) for item in value)
    return str(value)


def _range(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(word or "–" for word in get_args(field.annotation))
    parts = (
        f"{sign} {getattr(bound, name)}"
        for bound in field.metadata
        for kind, (name, sign) in SIGNS.items()
        if isinstance(bound, kind)
    )
    return ", ".join(parts) or "–"
