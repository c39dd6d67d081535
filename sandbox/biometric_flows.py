"""The cabinet of the simulated biometric.kz: its flows with their keys, technologies, and what a session may end in.

Keys and flows are those of the page's table, invented anew and at least 47 characters long.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Technology:
    """`name` as create and result spell it, `code` as the webhook does; `block` is the result's field."""

    name: str
    code: str
    title: str
    description: str
    block: str


LIVENESS = Technology("Liveness", "LDHP", "Liveness Head Position", "Check that a person is alive", "liveness_result")
FACE2FACE = Technology("Face2Face", "F2F", "Face2Face", "Compare two faces", "face2face_result")
EDOCUMENT = Technology("E-Document", "ED", "E-Document", "Get a document from the state's database", "edocument_result")
DOCUMENT = Technology(
    "Document Recognition",
    "DR",
    "Document Recognition",
    "Parse document data from image",
    "document_recognition_result",
)


@dataclass(frozen=True, slots=True)
class Flow:
    name: str
    key: str
    technologies: tuple[Technology, ...]


FLOWS = (
    Flow("Флоу для всех", "sandbox-biometric-flow-of-shinos-LD-F2F-000000000001", (LIVENESS, FACE2FACE)),
    Flow(
        "Флоу для физ. лиц", "sandbox-biometric-flow-of-shinos-LD-ED-F2F-0000000002", (LIVENESS, EDOCUMENT, FACE2FACE)
    ),
    Flow("Флоу для юр. лиц", "sandbox-biometric-flow-of-shinos-LD-DR-F2F-0000000003", (LIVENESS, DOCUMENT, FACE2FACE)),
    Flow("Только Liveness", "sandbox-biometric-flow-of-shinos-LD-00000000000000004", (LIVENESS,)),
    Flow("Только E-Document", "sandbox-biometric-flow-of-shinos-ED-00000000000000005", (EDOCUMENT,)),
)
BY_KEY = {flow.key: flow for flow in FLOWS}
BACKEND_KEY = "sandbox-biometric-backend-of-shinos-00000000000000006"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a session ends. At `fails` the flow breaks off: what comes later is not done and has no block.

    `total` is flow_session_result, None when it is left out; `reasons` are flow_session_failure_reasons.
    """

    what: str
    fails: Technology | None = None
    reasons: tuple[str, ...] = ()
    total: bool | None = True
    nothing_done: bool = False


ENDINGS: dict[str, Ending] = {
    "pass": Ending("всё пройдено"),
    "fail_liveness": Ending("не живой человек: spoof", LIVENESS, ("spoof",), total=False),
    "fail_face": Ending("лица не видно: face", LIVENESS, ("face",), total=False),
    "fail_face2face": Ending("другое лицо: generic_face", FACE2FACE, ("generic_face",), total=False),
    "fail_edocument": Ending("документ не получен: edocument", EDOCUMENT, ("edocument",), total=False),
    "fail_otp": Ending("код от 1414 не подошёл: otp", EDOCUMENT, ("otp",), total=False),
    "fail_mcdb": Ending("телефона нет в Базе мобильных граждан: mcdb", EDOCUMENT, ("mcdb",), total=False),
    "fail_document": Ending("документ не прочитан: document", DOCUMENT, ("document",), total=False),
    "fail_expired": Ending("время вышло: expired, блоков нет", None, ("expired",), total=False, nothing_done=True),
    "fail_unknown": Ending("неизвестная причина, все блоки пройдены", None, ("E-771",), total=False),
    "fail_no_reasons": Ending("не пройдено, причин нет", LIVENESS, (), total=False),
    "no_total": Ending("пройдено, но flow_session_result отсутствует", total=None),
    "no_total_fail": Ending("не пройдено, и flow_session_result отсутствует", LIVENESS, (), total=None),
    "total_lies": Ending("flow_session_result: true, хотя liveness не пройден", LIVENESS),
    "nothing_done": Ending("flow_session_result: true, а блоков нет", nothing_done=True),
}
"""A technology that the flow does not have cannot fail in it: then only the total and the reasons say so."""

# What a passed session's blocks look like besides.
SHAPES = {
    "low_prediction": "пройдено, но prediction только 0.51",
    "odd_types": 'пройдено; числа вместо строк, "true" вместо true, даты ISO',
    "iin_number": "пройдено; ИИН числом, без ведущих нулей",
    "iin_null": "пройдено; ИИН null",
    "big_photos": "пройдено; фото в ответе на 12 МиБ",
}
# What the first looks at a finished session see, whatever the time: status, and whether the blocks are {} or absent.
FIRST: dict[str | None, tuple[tuple[str, bool], ...]] = {
    "late": (("PROGRESS", True),) * 5,
    "progress_then_empty": (("PROGRESS", False), ("PROGRESS", True), ("FINISHED", True)),
    "unknown_status": (("VALIDATION", True),) * 3,
    "webhook_before_readable": (("PROGRESS", True),) * 3,
    "webhook_lies": (("PROGRESS", True),) * 3,
}
PACE = {
    "late": "результат через 25–30 с и не раньше шестого запроса",
    "never_ends": "вечный PROGRESS с {}",
    "progress_then_empty": "PROGRESS без блоков, PROGRESS с {}, FINISHED с {} без итога, затем результат",
    "unknown_status": "status VALIDATION, с четвёртого запроса FINISHED",
}
VERDICTS = {name: ending.what for name, ending in ENDINGS.items()} | SHAPES | PACE
WEBHOOKS = {
    "webhook_duplicated": "technology.end приходит дважды с тем же id",
    "webhook_before_readable": "technology.end сразу после finish, результат — с четвёртого запроса",
    "webhook_lies": "technology.end с success:false, пока результат ещё {}; результат — с четвёртого запроса",
    "webhook_unknown_session": "сначала technology.end о чужой сессии",
    "webhook_out_of_order": "technology.end раньше technology.start",
    "webhook_none": "вебхуков нет",
}
