"""Who writes to the bot: users 1 … 20 are the cast's Tajik clients, 21 the Kazakh one; all others are invented."""

from dataclasses import dataclass
from typing import Any

from sandbox.cast import CAST

MEN = ("Сино", "Парвиз", "Рустам", "Азиз", "Шерзод", "Фаррух", "Искандар", "Ҷовид", "Тимур", "Бахтиёр")
WOMEN = ("Манижа", "Фарангис", "Дилноза", "Мавзуна", "Сурайё", "Рухшона", "Шабнам", "Фотима", "Нилуфар", "Зебо")
LAST_NAMES = ("Аминов", "Содиқов", "Курбонов", "Набиев", "Зоиров", "Самадов", "Ҷалилов", "Восиев", "Тошматов")


@dataclass(slots=True)
class User:
    """`phone` is E.164 or ""; the other texts as Telegram has them, "" when unset."""

    user_id: int
    first_name: str
    last_name: str
    username: str
    language_code: str
    phone: str

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


def user_of(user_id: int) -> User:
    """The same person for the same id, always."""
    if 1 <= user_id < len(CAST):
        person = CAST[user_id]
        return User(user_id, person.first_name, person.last_name, person.telegram, "ru", person.phone)
    woman, number = user_id % 2, user_id // 2
    first_name = (WOMEN if woman else MEN)[number % len(MEN)]
    last_name = LAST_NAMES[number % len(LAST_NAMES)] + "а" * woman
    return User(user_id, first_name, last_name, "", "ru", f"+99291{user_id % 10**7:07}")


def as_chat(user: User) -> dict[str, Any]:
    """Bot API's Chat of a private chat."""
    return {"id": user.user_id, "type": "private", **_names(user)}


def as_sender(user: User) -> dict[str, Any]:
    """Bot API's User."""
    return {"id": user.user_id, "is_bot": False, **_names(user), "language_code": user.language_code}


def _names(user: User) -> dict[str, str]:
    names = {"first_name": user.first_name, "last_name": user.last_name, "username": user.username}
    return {field: name for field, name in names.items() if name}
