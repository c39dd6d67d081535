"""Performs what the steps of a chat wish for besides: Humo's tasks, enrolment, the secret word, erasure."""

from typing import Any

from flows.effects import Effect, EnrolClient, EraseClient, PagesOf, SetWord, TaskStatus, WordPrint
from flows.keys import Keys
from flows.performing import Call, Performing, glanced
from flows.records.clients import Records
from flows.records.people import ClientRow
from flows.records.words import normalise
from flows.store import Store
from flows.upstream.biometric import Biometric
from flows.upstream.humo import Humo


class Attending(Performing):
    def __init__(
        self,
        registry: Records,
        keys: Keys,
        store: Store,
        *,
        humo: Humo | None,
        biometric: Biometric | None,
        channels: tuple[str, ...],
    ) -> None:
        super().__init__(registry, keys, (), biometric)
        self._registry = registry
        self._store = store
        self._humo = humo
        self._channels = channels
        self._lasting = keys

    async def _perform(self, effect: Effect[Any], call: Call) -> object:
        result: object = None
        match effect:
            case PagesOf() if self._humo:
                result = _pages(self._humo, effect.document)
            case TaskStatus() if self._humo:
                result = await glanced(self._humo.task(effect.link, effect.task))
            case EnrolClient():
                result = await self._enrol(effect, call)
            case WordPrint():
                result = self._lasting.fingerprint("word", call.sid, normalise(effect.text))
            case SetWord():
                await self._registry.set_word(effect.client, effect.text)
            case EraseClient():
                await self._erase(effect.client, call.front.name)
            case _:
                result = await super()._perform(effect, call)
        return result

    async def _enrol(self, effect: EnrolClient, call: Call) -> str:
        reading = effect.reading
        row = ClientRow(
            crm_id=effect.crmid,
            first_name=reading.first_name,
            last_name=reading.last_name,
            middle_name=reading.middle_name,
            phone=effect.phone,
            birth_date=reading.birth_date,
            inn=reading.tax_number,
            telegram=f"@{effect.username.lower()}" if effect.username else None,
            telegram_id=effect.user,
            gender=reading.gender,
            document_type=effect.document,
            document_number=reading.document_number,
            document_issued=reading.issued,
            document_expires=reading.expires,
            document_authority=reading.authority,
            address=reading.address,
            identified_at=str(int(max(proof.at for proof in effect.proofs))),
        )
        return await self._registry.enrolling.enrol(row, effect.proofs, call.sid, {"document": effect.document})

    async def _erase(self, client: str, channel: str) -> None:
        """The record first: with its key gone, whatever Redis still holds opens nothing."""
        await self._registry.writer.erase(client)
        subject = self._lasting.fingerprint("client", client)
        await self._store.erase(subject, self._channels, audited_as=channel)


def _pages(humo: Humo, document: str) -> tuple[str, ...]:
    options = humo.options
    if document == "additional":
        return tuple(f"{name}/{page}" for name in options.additional for page in options.documents[name].pages)
    known = options.documents.get(document)
    return known.pages if known else ()
