"""What the records know of a person: as it comes in, as it rests, as it goes out on the card."""

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from flows.identifiers import Identifier, Kind
from flows.papers import Proof
from flows.records.sealing import Vault

_COLUMN: dict[Kind, str] = {
    "crmid": "crm_id",
    "telegram_id": "telegram_id",
    "phone": "phone",
    "telegram": "telegram",
    "email": "email",
}
"""Who a client is, the surest name first."""


class Person(BaseModel):
    """Everything personal; dates in ISO 8601, `inn` as text with its leading zeros."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        alias_generator=to_camel,
        validate_by_name=True,
        serialize_by_alias=True,
    )

    crm_id: str | None = Field(default=None, repr=False)
    first_name: str | None = Field(default=None, repr=False)
    last_name: str | None = Field(default=None, repr=False)
    middle_name: str | None = Field(default=None, repr=False)
    phone: str | None = Field(default=None, repr=False)
    email: str | None = Field(default=None, repr=False)
    birth_date: str | None = Field(default=None, repr=False)
    inn: str | None = Field(default=None, repr=False)
    telegram: str | None = Field(default=None, repr=False)
    telegram_id: str | None = Field(default=None, repr=False)
    gender: str | None = Field(default=None, repr=False)
    document_type: str | None = Field(default=None, repr=False)
    document_number: str | None = Field(default=None, repr=False)
    document_issued: str | None = Field(default=None, repr=False)
    document_expires: str | None = Field(default=None, repr=False)
    document_authority: str | None = Field(default=None, repr=False)
    address: str | None = Field(default=None, repr=False)
    identified_at: str | None = Field(default=None, repr=False, description="with papers, Unix seconds")


class ClientRow(Person):
    """What is written: identifiers in their one spelling. None says nothing about what is already known."""

    secret_word: str | None = Field(default=None, repr=False)

    def known(self) -> dict[str, str]:
        """What the row says of the person."""
        said = ((name, getattr(self, name)) for name in Person.model_fields)
        return {name: value for name, value in said if value}

    def names(self) -> tuple[Identifier, ...]:
        person = self.known()
        return tuple(
            Identifier(kind=kind, value=person[column]) for kind, column in _COLUMN.items() if column in person
        )


class Card(Person):
    """The client card without its `identification`, which the token's record knows."""

    client_id: str
    proofs: tuple[Proof, ...] = ()


class Shown(Card):
    """The card as an operator sees it."""

    created: int
    updated: int
    secret_word: Literal["none", "hardening", "set"]


def names_of(person: dict[str, str]) -> dict[Kind, str]:
    """The names that a person goes by, each in its one spelling as `Identifier.canonical` writes it."""
    return {kind: f"{kind}:{person[column]}" for kind, column in _COLUMN.items() if column in person}


def seal_person(vault: Vault, person: dict[str, str]) -> bytes:
    return vault.seal(json.dumps(person, ensure_ascii=False, separators=(",", ":")).encode(), "person")


def unseal_person(vault: Vault, sealed: bytes) -> dict[str, str]:
    """Raises `Unsealable`. Plain JSON, for each dialogue reads it: a model costs ten times as much."""
    person: dict[str, str] = json.loads(vault.unseal(sealed, "person"))
    return person
