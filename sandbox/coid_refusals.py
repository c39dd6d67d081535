"""Why the state data base (ЦОИД) does not vouch for somebody: five causes with four messages (protocols.md 4.6)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """`text` as Aitu Passport shows it, to the letter; `status` is what the adapter answers with, which is inferred."""

    name: str
    iin: str
    text: str
    status: int


DOWN = "Ошибка на сервисе государственного органа"
CAUSES = (
    Cause(
        "face",
        "000000000001",
        "Ваше фото не совпадает с фото из государственной базы данных. Проверьте правильность введенного ИИН "
        "или попробуйте пройти видео-проверку заново",
        422,
    ),
    Cause("age", "000000000002", "Проверку можно пройти при достижении 16 летнего возраста", 422),
    Cause(
        "unknown",
        "000000000003",
        "ИИН не найден в базе данных государственного органа. Проверку можно пройти при наличии гражданства "
        "Республики Казахстан или Вида на жительство. Проверьте правильность ввода ИИН или обратитесь в службу "
        "поддержки",
        404,
    ),
    Cause("down", "000000000004", DOWN, 503),
    Cause("forbidden", "000000000005", DOWN, 403),
)
BY_IIN = {cause.iin: cause for cause in CAUSES}
BY_NAME = {cause.name: cause for cause in CAUSES}
