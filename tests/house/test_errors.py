"""Codes are for ever: each belongs to one class, keeps its meaning, and is never given to another."""

import importlib
import pkgutil
from http import HTTPStatus

import pytest

import flows
import search_api
from flows.errors import FlowError, MethodRefused
from flows.texts import LANGUAGES, sentences

PINNED = {
    "1001": ("ClientNotFound", 404),
    "1002": ("WrongAnswer", 403),
    "1003": ("AttemptsSpent", 403),
    "1004": ("StepUnknown", 410),
    "1005": ("Locked", 429),
    "1006": ("TooManyRequests", 429),
    "1007": ("CodeUndelivered", 503),
    "1010": ("TokenRefused", 401),
    "1011": ("NoSecretWord", 403),
    "1012": ("NoBirthDate", 403),
    "1013": ("Cancelled", 410),
    "1014": ("ClientMismatch", 403),
    "1015": ("PhotoWanted", 400),
    "1016": ("StillChecking", 409),
    "1017": ("PaperRefused", 422),
    "1018": ("PhotoUnfit", 422),
    "1019": ("SamePhoto", 422),
    "1020": ("PapersSpent", 403),
    "1021": ("Interrupted", 503),
    "1022": ("LinkRefused", 403),
    "1023": ("NothingKnown", 404),
    "1024": ("ChoiceWanted", 400),
    "1025": ("ConsentRefused", 403),
    "1026": ("ConsentWanted", 400),
    "1027": ("ContactWanted", 400),
    "1028": ("ContactRefused", 403),
    "1029": ("KindWanted", 400),
    "1030": ("TaxNumberWanted", 400),
    "1031": ("EraseUnclear", 400),
    "1032": ("WordWeak", 400),
    "1033": ("WordsDiffer", 400),
    "1034": ("WordWanted", 400),
    "1035": ("InitDataRefused", 401),
    "1036": ("LivenessWanted", 409),
    "1037": ("LivenessFailed", 422),
    "1038": ("LivenessSpent", 403),
    "1039": ("LinkUsed", 409),
    "1040": ("LinkForeign", 403),
    "1041": ("FaceMismatch", 403),
    "1042": ("Underage", 403),
    "1043": ("IinUnknown", 404),
    "1044": ("LoginCancelled", 403),
    "1045": ("LoginWanted", 409),
    "1046": ("LoginLate", 410),
    "1047": ("LoginPhone", 403),
    "1048": ("LoginIin", 403),
    "1049": ("LoginSpent", 403),
    "1050": ("IinWanted", 400),
    "1051": ("StateMismatch", 403),
    "1052": ("LoginForeign", 403),
    "2001": ("Unavailable", 503),
    "2002": ("Refused", 503),
    "2003": ("Unexpected", 503),
    "2004": ("CheckTimedOut", 503),
    "2005": ("LivenessLate", 503),
    "2006": ("StateDown", 503),
    "2007": ("StateForbidden", 503),
    "2008": ("LoginMisconfigured", 503),
    "3001": ("Malformed", 400),
    "3002": ("KeyRefused", 401),
    "3003": ("NotFound", 404),
    "3004": ("TooLarge", 413),
    "9001": ("OurFault", 500),
    "9002": ("StoreDown", 503),
}
"""Contract §4, and what steps have added since. Add lines; never change one, never give a code to another class."""

RETIRED: frozenset[str] = frozenset()
"""Codes whose class is gone. They stay empty."""

RANGES = {"1": "the person", "2": "an upstream", "3": "the caller", "9": "us"}


def all_errors() -> list[type[FlowError]]:
    for package in (flows, search_api):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if ".migrations." not in module.name:
                importlib.import_module(module.name)
    found: list[type[FlowError]] = []
    waiting = [FlowError]
    while waiting:
        below = waiting.pop().__subclasses__()
        waiting += below
        found += [error for error in below if error.__module__.partition(".")[0] in ("flows", "search_api", "bot")]
    return found


ERRORS = all_errors()


def test_each_code_is_pinned_to_its_class_and_status() -> None:
    found = {error.code: (error.__name__, error.status) for error in ERRORS if error is not MethodRefused}
    assert found == PINNED


def test_no_two_classes_share_a_code() -> None:
    codes = [error.code for error in ERRORS if error is not MethodRefused]
    assert len(codes) == len(set(codes))
    assert not RETIRED & set(codes)


def test_one_code_has_two_statuses_by_contract() -> None:
    assert (MethodRefused.code, MethodRefused.status) == ("3003", 405)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_a_refusal_can_be_told(error: type[FlowError]) -> None:
    assert error.code[0] in RANGES
    assert len(error.code) == 4
    assert error.status >= HTTPStatus.BAD_REQUEST
    for language in LANGUAGES:
        assert error.key in sentences(language)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_upstreams_and_our_store_ask_the_caller_to_come_again(error: type[FlowError]) -> None:
    """Only 429 and 503 carry Retry-After, so what can pass must have one of them."""
    if error.code[0] == "2" or error.code in ("1005", "1006", "1007", "9002"):
        assert error.status in (429, 503)


def test_only_a_compared_answer_costs_an_attempt() -> None:
    assert {error.code for error in ERRORS if error.counts} == {"1002", "1003"}


def test_what_ends_a_dialogue() -> None:
    of_a_search = {"1001", "1003", "1004", "1011", "1012"}
    of_a_chat = {"1013", "1014", "1020", "1022", "1023", "1025", "1038", "1042", "1049", "1051"}
    assert {error.code for error in ERRORS if error.final} == of_a_search | of_a_chat
