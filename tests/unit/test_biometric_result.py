"""biometric.kz's results: what is there yet, what passes, why not; never kinder than their total, nor than our rule."""

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.errors import Unexpected
from flows.papers import FAILINGS, TECHNOLOGIES, Technology, Verdict
from flows.texts import LANGUAGES, sentences
from flows.upstream.biometric_result import verdict_of
from flows.upstream.biometric_words import SAID
from flows.upstream.spoken import word_of

ALIVE = {"result": True, "prediction": "0.9980", "eye_closed": False, "failure_reason": None, "image": "/9j/4AAQ"}
SPOOF = {"result": False, "prediction": "0.1127", "failure_reason": {"type": "SPOOF", "detail": None}}
SAME = {"result": True, "prediction": "0.9712", "prediction_percent": "97.12"}
OTHER = {"result": False, "prediction": "0.3105"}
YES = True
LIVENESS: dict[Technology, float] = {"liveness": 0.0}
BOTH: dict[Technology, float] = {"liveness": 0.7, "face2face": 0.7}


def told(status: object = "FINISHED", total: object = YES, **more: object) -> dict[str, Any]:
    """A result with a passed liveness; None leaves a field out."""
    whole = {"id": "s", "status": status, "flow_session_result": total, "liveness_result": ALIVE, **more}
    return {name: value for name, value in whole.items() if value is not None}


def judged(given: object, require: dict[Technology, float] = LIVENESS) -> str | tuple[str, ...]:
    verdict = verdict_of(given, require)
    return verdict.reasons if verdict.status == "failed" else verdict.status


@pytest.mark.parametrize(
    "given",
    [
        told("PROGRESS"),
        told("PROGRESS", total=False),
        told("PROGRESS", total=None, liveness_result={}),
        told("VALIDATION"),
        told("SOMETHING NEW", total=False),
        told("FINISHED", liveness_result={}),
        told("FINISHED", total=None, liveness_result={}),
        told("FINISHED", total=None, face2face_result={}),
        told("FINISHED", liveness_result=[]),
        told("FINISHED", liveness_result="later"),
        told(None, liveness_result={}),
        told(None, total=None, liveness_result=None),
        {"status": 17, "flow_session_result": True, "liveness_result": ALIVE},
        {"status": ["FINISHED"], "flow_session_result": True, "liveness_result": ALIVE},
        {},
    ],
)
def test_what_is_not_there_yet_is_waited_for(given: object) -> None:
    assert judged(given) == "running"


@pytest.mark.parametrize("total", [True, "true", "True", 1, "1"])
@pytest.mark.parametrize("result", [True, "true", " TRUE ", 1, "1", None])
@pytest.mark.parametrize("status", ["FINISHED", "finished", " Finished "])
def test_yes_in_any_spelling_passes(status: str, total: object, result: object) -> None:
    assert judged(told(status, total, liveness_result=ALIVE | {"result": result})) == "passed"


@pytest.mark.parametrize("total", [False, "false", "False", 0, "0", "no", "passed?", {}, [], 0.5, 2])
def test_what_is_not_yes_in_total_never_passes(total: object) -> None:
    assert judged(told(total=total)) == ("",)


@pytest.mark.parametrize("result", [False, "false", 0, "0", "no", "almost", {"a": 1}, ["true"], 0.5, 2])
def test_what_is_not_yes_in_a_required_block_never_passes(result: object) -> None:
    assert judged(told(liveness_result=ALIVE | {"result": result})) == ("not_alive",)


@pytest.mark.parametrize(
    ("prediction", "read"),
    [
        ("0.9980", 0.998),
        (0.998, 0.998),
        ("0,998", 0.998),
        (" 0.998 ", 0.998),
        (1, 1.0),
        ("1", 1.0),
        ("9.98e-1", 0.998),
        (0, 0.0),
        ("99.80", None),
        (99.8, None),
        ("-0.5", None),
        ("nan", None),
        ("inf", None),
        (float("inf"), None),
        ("0_1", None),
        ("٠.٩", None),
        ("high", None),
        ("", None),
        (True, None),
        (None, None),
        ({}, None),
        (10**400, None),
    ],
)
def test_predictions(prediction: object, read: float | None) -> None:
    given = told(liveness_result=ALIVE | {"prediction": prediction})
    (found,) = verdict_of(given, LIVENESS).technologies
    assert (found.word, found.result, found.prediction) == ("liveness", True, read)
    assert judged(given) == "passed"
    assert judged(given, {"liveness": 0.9}) == ("passed" if (read or 0) >= 0.9 else ("not_alive",))


@pytest.mark.parametrize(
    ("given", "require", "reasons"),
    [
        (told(total=False, liveness_result=SPOOF), LIVENESS, ("not_alive",)),
        (told(liveness_result=SPOOF), LIVENESS, ("not_alive",)),  # their total lies
        (told(total=None, liveness_result=SPOOF), LIVENESS, ("not_alive",)),
        (told(liveness_result=None), LIVENESS, ("incomplete",)),
        (told(total=None, liveness_result=None), LIVENESS, ("incomplete",)),
        (told(face2face_result=SAME), {"edocument": 0.0}, ("incomplete",)),
        (told(face2face_result=OTHER), BOTH, ("mismatch",)),
        (told(face2face_result=SAME | {"prediction": "0.51"}), BOTH, ("mismatch",)),
        (told(face2face_result=SAME | {"prediction": None}), BOTH, ("mismatch",)),
        (told(liveness_result=SPOOF, face2face_result=OTHER), BOTH, ("not_alive", "mismatch")),
        (told(total=None, face2face_result=OTHER), LIVENESS, ("mismatch",)),  # nobody else decides
        (told(total=None, technologies=[{"name": "Face2Face"}]), LIVENESS, ("incomplete",)),
        (told(total=None, technologies=["Liveness", "E-Document"]), LIVENESS, ("incomplete",)),
        (told(total=None, technologies=[{"name": "Liveness Head Position"}]), LIVENESS, "passed"),
        (told(total=None, liveness_result=ALIVE | {"result": None}), LIVENESS, ("not_alive",)),
        (
            told(face2face_result=OTHER),
            LIVENESS,
            "passed",
        ),  # interchangeable: their total covers it, we do not ask for it
        (told(face2face_result={}), LIVENESS, "passed"),
        (told(total=False, flow_session_failure_reasons=["otp"]), LIVENESS, ("otp",)),
        (told(total=False, flow_session_failure_reasons=["E-771", "mcdb", "otp", "otp"]), LIVENESS, ("mcdb", "otp")),
        (told(total=False, flow_session_failure_reasons=[{"type": "session_expired"}]), LIVENESS, ("expired",)),
        (told(total=False, flow_session_failure_reasons="Document is not readable"), LIVENESS, ("document",)),
        (told(total=False, flow_session_failure_reasons=["E-771"]), LIVENESS, ("",)),
        (told(total=False, flow_session_failure_reasons=[]), LIVENESS, ("",)),
        (told(total=False, liveness_result=None, flow_session_failure_reasons=["expired"]), LIVENESS, ("expired",)),
        (told(total=False, liveness_result={}), LIVENESS, ("",)),
        # Of several words the one that fits the technology.
        (
            told(total=False, edocument_result={"result": False}, flow_session_failure_reasons=["otp"]),
            LIVENESS,
            ("otp",),
        ),
        (
            told(total=False, face2face_result=OTHER, flow_session_failure_reasons=["generic_face"]),
            LIVENESS,
            ("mismatch", "face"),
        ),
        (told(total=False, liveness_result=ALIVE | {"result": False, "eye_closed": "true"}), LIVENESS, ("face",)),
        (told("EXPIRED", total=None, liveness_result=None), LIVENESS, ("expired",)),
        (told("EXPIRED"), LIVENESS, ("expired",)),
    ],
)
def test_why_it_failed(given: object, require: dict[Technology, float], reasons: str | tuple[str, ...]) -> None:
    assert judged(given, require) == reasons


def test_the_answer_as_it_is_documented_has_no_status() -> None:
    """Then what we need must be there (the page's sample)."""
    sample = {"id": "s", "technologies": [{"name": "Document Recognition", "description": "…"}]}
    block = {"first_name": "First", "personal_number": "pers_number", "date_of_birth": "01.01.2000", "result": True}
    assert judged(sample, {"document_recognition": 0.0}) == "running"
    verdict = verdict_of(sample | {"document_recognition_result": block}, {"document_recognition": 0.0})
    assert (verdict.status, verdict.first_name, verdict.iin) == ("passed", "First", None)


@pytest.mark.parametrize(
    ("moments", "at"),
    [
        ({"finished_at": "2024-12-19T11:03:08+05:00"}, 1734588188),
        ({"finished_at": "2024-12-19T06:03:08.123456Z"}, 1734588188),
        ({"finished_at": "2024-12-19 06:03:08+00:00"}, 1734588188),
        ({"finished_at": 1734588188}, 1734588188),
        ({"finished_at": 1734588188123}, 1734588188),
        ({"finished_at": "2024-12-19T06:03:08", "validated_at": "2024-12-19T06:03:08Z"}, 1734588188),
        ({"finished_at": "2024-12-19T06:03:08"}, None),
        ({"finished_at": "19.12.2024 06:03"}, None),
        ({"finished_at": "0001-01-01T00:00:00+23:59"}, None),
        ({"finished_at": "9999-12-31T23:59:59-23:59"}, None),
        ({"finished_at": 0}, None),
        ({"finished_at": True}, None),
        ({"finished_at": 10**400}, None),
        ({"finished_at": float("inf")}, None),
        ({}, None),
    ],
)
def test_when_it_was(moments: dict[str, object], at: int | None) -> None:
    assert verdict_of(told(**moments), LIVENESS).at == at


def owner(**fields: object) -> dict[str, object]:
    return {"result": True, "result_json": {"common": {"docOwner": fields}}, "document_image": "/9j/"}


@pytest.mark.parametrize(
    ("iin", "read"),
    [
        ("900101300126", "900101300126"),
        (900101300126, "900101300126"),
        (900101300126.0, "900101300126"),
        (50101500123, "050101500123"),
        (101500123, "000101500123"),
        ("50101500123", "050101500123"),
        (" 900101300126\n", "900101300126"),
        (None, None),
        ("", None),
        (0, None),
        ("000000000000", None),
        (True, None),
        ("9001013001267", None),
        (9001013001267, None),
        ("A0101300126", None),
        ("٩٠٠١٠١٣٠٠١٢٦", None),
        ([], None),
    ],
)
def test_an_iin_has_twelve_digits(iin: object, read: str | None) -> None:
    assert verdict_of(told(edocument_result=owner(iin=iin)), LIVENESS).iin == read
    assert verdict_of(told(document_recognition_result={"personal_number": iin}), LIVENESS).iin == read


def read_of(**blocks: object) -> dict[str, object]:
    fields = {"iin", "last_name", "first_name", "middle_name"}
    return verdict_of(told(**blocks), LIVENESS).model_dump(include=fields, exclude_none=True)


def test_what_is_read() -> None:
    edocument = owner(iin=900101300126, lastName="Раҳимов", firstName=" Фирӯз\u200b ", middleName=None)
    recognised = {"last_name": "Каримов", "first_name": "Алишер", "patronymic": "Ғиёсович", "personal_number": "1"}
    assert read_of(edocument_result=edocument) == {
        "iin": "900101300126",
        "last_name": "Раҳимов",
        "first_name": "Фирӯз",
    }
    assert read_of(document_recognition_result=recognised)["middle_name"] == "Ғиёсович"
    # Never half of one document and half of another.
    assert "middle_name" not in read_of(edocument_result=edocument, document_recognition_result=recognised)
    as_text = {"result": True, "result_json": '{"common": {"docOwner": {"lastName": "Раҳимов"}}}'}
    assert read_of(edocument_result=as_text) == {"last_name": "Раҳимов"}
    broken: list[object] = ["{", "[" * 9999, '"x"', 17, None, [], {"common": None}, {"common": "{}"}]
    for value in broken:
        assert read_of(edocument_result={"result": True, "result_json": value}) == {}


def test_who_has_not_passed_leaves_no_name_behind() -> None:
    document = owner(iin=900101300126)
    assert read_of(edocument_result=document)
    assert read_of(edocument_result=document | {"result": False}) == {}
    assert read_of(edocument_result=document, total=False) == {}
    assert read_of(edocument_result=document, status="PROGRESS") == {}


def test_nothing_personal_and_no_picture_shows() -> None:
    verdict = verdict_of(told(edocument_result=owner(iin=900101300126, lastName="Раҳимов")), LIVENESS)
    assert "9001" not in repr(verdict)
    assert "Раҳимов" not in repr(verdict)
    assert "/9j/" not in verdict.model_dump_json()
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict


@pytest.mark.parametrize("given", [None, [], "passed", True, 1])
def test_no_object_at_all_is_unexpected(given: object) -> None:
    with pytest.raises(Unexpected):
        verdict_of(given, LIVENESS)


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("Spoof attack detected", "not_alive"),
        ("liveness_failed", "not_alive"),
        ("LIVENESS SESSION EXPIRED", "expired"),
        ("Face2Face", "mismatch"),
        ("Face does not match the document", "mismatch"),
        ("no face on the picture", "face"),
        ("Лицо не найдено", "face"),
        ("OTP code has expired", "otp"),
        ("wrong code from 1414", "otp"),
        ("Phone is not in the Base of Mobile Citizens", "mcdb"),
        ("Номера нет в БМГ", "mcdb"),
        ("E-Document", "document"),
        ("Срок действия документа истёк", "document"),
        ("timeout", "expired"),
        ("E-1414a", None),
        ("surface", None),
    ],
)
def test_words_of_a_failure(said: str, word: str | None) -> None:
    assert word_of(said, SAID) == word


def test_every_row_finds_its_own_word() -> None:
    """A row that an earlier one shadows would be a dead one, or lie."""
    assert {said: word_of(said, SAID) for said in SAID} == SAID
    assert set(SAID.values()) == set(FAILINGS) - {"incomplete"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_a_sentence_that_says_what_to_do(language: str) -> None:
    told = {key: text for key, text in sentences(language).items() if key.startswith("liveness.reason.")}
    because = [Verdict(status="failed", reasons=(word,)).because for word in (*FAILINGS, "")]
    assert set(told) == set(because)
    assert [key for key, text in told.items() if len(re.findall(r"[.!?:](?:\s|$)", text)) < 2] == []


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["FINISHED", "true", *SAID])
)
NAMES = st.sampled_from(["result", "prediction", "failure_reason", "iin", "result_json", "common", "docOwner", "name"])
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4))
FIELDS = (
    "status",
    "flow_session_result",
    "flow_session_failure_reasons",
    "technologies",
    "finished_at",
    "validated_at",
)
BLOCKS = tuple(f"{word}_result" for word in TECHNOLOGIES)
RESULTS = st.dictionaries(st.sampled_from((*FIELDS, *BLOCKS)), JSON)
RULES = st.dictionaries(st.sampled_from(TECHNOLOGIES), st.floats(0, 1), min_size=1)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(given=RESULTS, require=RULES)
def test_no_json_breaks_it_and_none_passes_without_what_is_required(
    given: dict[str, Any], require: dict[Technology, float]
) -> None:
    verdict = verdict_of(given, require)
    assert (verdict.status == "failed") == bool(verdict.reasons)
    if verdict.status == "passed":
        done = {one.word: one for one in verdict.technologies if one.result}
        assert all(word in done and (done[word].prediction or 0) >= least for word, least in require.items())
        assert given.get("flow_session_result") in (None, "", True, 1, "true", "1")


@given(
    total=st.sampled_from([True, False, None]),
    results=st.fixed_dictionaries({}, optional={name: st.booleans() for name in BLOCKS}),
)
def test_never_kinder_than_the_server_or_the_rule(total: bool | None, results: dict[str, bool]) -> None:  # noqa: FBT001
    blocks = {name: {"result": result} for name, result in results.items()}
    whole = {"status": "FINISHED", **({} if total is None else {"flow_session_result": total}), **blocks}
    passed = verdict_of(whole, LIVENESS).status == "passed"
    assert passed == (results.get("liveness_result", False) and (total or (total is None and all(results.values()))))
