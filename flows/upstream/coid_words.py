"""COID's refusals: four messages with five causes (the bank's page on COID; protocols.md 4.6)."""

import re
from typing import Final

from flows.errors import FaceMismatch, FlowError, IinUnknown, StateDown, StateForbidden, Underage
from flows.upstream.spoken import word_of

Refusal = type[FlowError]

_WORDS: Final[dict[str, Refusal]] = {
    "face": FaceMismatch,
    "age": Underage,
    "iin": IinUnknown,
    "forbidden": StateForbidden,
    "down": StateDown,
}
_SAID: Final[dict[str, str]] = {
    "фото_не_совпада": "face",
    "при_достижении_16": "age",
    "иин_не_найден": "iin",
    "запрещен_доступ": "forbidden",
    "запрещён_доступ": "forbidden",
    "доступ_запрещ": "forbidden",
    "доступ_к_данным_запрещ": "forbidden",
    "ошибка_на_сервисе_государственного": "down",
    "сервис_цоид_не": "down",
}
"""What the adapter says → our word, as `word_of` reads it; the message of the last two causes is the same."""

_MESSAGES: Final[dict[str, Refusal]] = {
    "Ваше фото не совпадает с фото из государственной базы данных. Проверьте правильность введенного ИИН или "
    "попробуйте пройти видео-проверку заново": FaceMismatch,
    "Проверку можно пройти при достижении 16 летнего возраста": Underage,
    "ИИН не найден в базе данных государственного органа. Проверку можно пройти при наличии гражданства Республики "
    "Казахстан или Вида на жительство. Проверьте правильность ввода ИИН или обратитесь в службу поддержки": IinUnknown,
    "Ошибка на сервисе государственного органа": StateDown,
    "Ошибка на сервисе государственного органа (сервис не доступен)": StateDown,
    "Ошибка на сервисе государственного органа (Партнеру запрещен доступ к данным)": StateForbidden,
}
"""As they are documented."""


def squeezed(text: str) -> str:
    """Letters and digits alone, in lower case."""
    return re.sub(r"[\W_]", "", text.casefold()).replace("ё", "е")


_SQUEEZED: Final = {squeezed(message): refusal for message, refusal in _MESSAGES.items()}


def documented(message: str) -> Refusal | None:
    """What is meant by a text that is one of the messages, apart from case, spaces and marks."""
    return _SQUEEZED.get(squeezed(message))


def refusal_in(said: object) -> Refusal | None:
    """What is meant by an answer of the adapter, a text or an object, that has one of the messages somewhere."""
    word = word_of(said, _SAID)
    return _WORDS[word] if word else None
