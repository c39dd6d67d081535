"""Somebody who does not exist, to be worked on when nobody was found: a record of like size, under a like key."""

from flows.records.argon import decoy
from flows.records.people import seal_person
from flows.records.reading import Row
from flows.records.sealing import RecordKeys
from flows.records.tables import HARD_WORD
from flows.records.words import StoredWord

NOBODY = "0" * 32
"""An id that no client has: looking it up costs what any look-up costs."""
NO_DAY = "0000-00-00"

_PERSON = {
    "crm_id": "C-0000000",
    "first_name": "Никто",
    "last_name": "Никтоев",
    "middle_name": "Никтоевич",
    "phone": "+000000000000",
    "email": "nobody@example.invalid",
    "birth_date": NO_DAY,
    "inn": "000000000",
}


def decoy_row(keys: RecordKeys) -> Row:
    """Laid out as the look-ups' rows: id, data key, person, word, state of the word."""
    client_id, wrapped, vault = keys.new_vault()
    word = StoredWord(pending=False, pepper_id=keys.pepper_id, payload=decoy())
    return client_id, wrapped, seal_person(vault, _PERSON), word.seal(vault), HARD_WORD
