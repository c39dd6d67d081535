"""Every refusal: a class with a code, a key of the texts, and a hint which HTTP status fits.

Ranges: 1xxx the person, 2xxx an upstream, 3xxx the caller, 9xxx us. A step's own refusals stand beside the step. A code
is never reused; `tests/house/test_errors.py` pins code and class.

FlowError
├── the person          WrongAnswer 1002 · AttemptsSpent 1003 · StepUnknown 1004 · Locked 1005
│                       TooManyRequests 1006 · TokenRefused 1010 · Cancelled 1013 · ClientMismatch 1014
│                       ChoiceWanted 1024
│                       at the state data base: FaceMismatch 1041 · Underage 1042 · IinUnknown 1043
│                       at Aitu Passport: LoginCancelled 1044
│                       beside steps: ClientNotFound 1001 · CodeUndelivered 1007 · NoSecretWord 1011 · NoBirthDate 1012
├── an upstream         Unavailable 2001 · Refused 2002 · Unexpected 2003
│                       StateDown 2006 · StateForbidden 2007 · LoginMisconfigured 2008
├── the caller          Malformed 3001 · KeyRefused 3002 · NotFound 3003 · TooLarge 3004
└── us                  OurFault 9001 · StoreDown 9002
"""

from typing import ClassVar


class FlowError(Exception):
    """A refusal that a front can show. `params` fill the text; they never hold personal data."""

    code: ClassVar[str]
    key: str
    status: ClassVar[int]
    final: ClassVar[bool] = False
    """The dialogue is over."""
    counts: ClassVar[bool] = False
    """The answer was compared and was wrong: the attempt stays counted."""

    def __init__(self, *, retry_after: int | None = None, **params: str | int) -> None:
        super().__init__(self.code)
        self.retry_after = retry_after
        self.params = params


class WrongAnswer(FlowError):
    """Compared, and not equal; `what` (code, word, birth_date, answer) chooses the sentence."""

    code, key, status, counts = "1002", "error.wrong_answer", 403, True

    def __init__(self, what: str = "answer") -> None:
        super().__init__()
        self.key = f"error.wrong_{what}"


class AttemptsSpent(FlowError):
    code, key, status, final, counts = "1003", "error.attempts_spent", 403, True, True


class StepUnknown(FlowError):
    """Unknown, expired, superseded or already answered."""

    code, key, status, final = "1004", "error.step_unknown", 410, True


class Locked(FlowError):
    code, key, status = "1005", "error.locked", 429


class TooManyRequests(FlowError):
    code, key, status = "1006", "error.too_many", 429


class TokenRefused(FlowError):
    """Expired, revoked, unknown, altered or another channel's: one answer for all (security.md Q10)."""

    code, key, status = "1010", "error.token", 401


class Cancelled(FlowError):
    """The person wished to stop."""

    code, key, status, final = "1013", "error.cancelled", 410, True


class ClientMismatch(FlowError):
    """The papers do not belong to the client who is known under that phone; a person at the bank must look."""

    code, key, status, final = "1014", "error.client_mismatch", 403, True


class ChoiceWanted(FlowError):
    """One of the buttons is wanted, and nothing typed."""

    code, key, status = "1024", "error.choice_wanted", 400


class FaceMismatch(FlowError):
    """COID: the face is not the one of the state's photo. Once more in good light; the photo there may be outdated."""

    code, key, status = "1041", "error.state_face", 403


class Underage(FlowError):
    """COID: younger than 16."""

    code, key, status, final = "1042", "error.state_age", 403, True


class IinUnknown(FlowError):
    """COID: no citizen and no holder of a residence permit has that IIN."""

    code, key, status = "1043", "error.state_iin", 404


class LoginCancelled(FlowError):
    """The person left Aitu Passport without agreeing."""

    code, key, status = "1044", "error.login_cancelled", 403


class Unavailable(FlowError):
    """An upstream does not answer, or says that it cannot now.

    `reached` is False when the request certainly never got there; `answered`: it was, and the answer was 429 or 5xx.
    Only with `reached` and not `answered` is it in doubt whether the call has taken effect. `busy`: it was 429, so the
    upstream is well.
    """

    code, key, status = "2001", "error.upstream", 503

    def __init__(
        self,
        *,
        retry_after: int | None = None,
        reached: bool = True,
        answered: bool = False,
        busy: bool = False,
        **params: str | int,
    ) -> None:
        super().__init__(retry_after=retry_after, **params)
        self.reached = reached
        self.answered = answered
        self.busy = busy


class Refused(FlowError):
    """An upstream understood and said no; `reason` is its own code, of our closed list."""

    code, key, status = "2002", "error.upstream_refused", 503

    def __init__(self, reason: str = "", *, retry_after: int | None = None) -> None:
        super().__init__(retry_after=retry_after)
        self.reason = reason


class Unexpected(FlowError):
    """An upstream answered something that its documentation does not know."""

    code, key, status = "2003", "error.upstream", 503


class StateDown(FlowError):
    """COID itself does not answer; later it will."""

    code, key, status = "2006", "error.state_down", 503


class StateForbidden(FlowError):
    """The bank has no access to COID's data; nothing that the person could do."""

    code, key, status = "2007", "error.state_forbidden", 503


class LoginMisconfigured(FlowError):
    """Aitu Passport refuses the bank itself; `word` says to the engineer what it minds."""

    code, key, status = "2008", "error.login_misconfigured", 503

    def __init__(self, word: str = "") -> None:
        super().__init__()
        self.word = word


class Malformed(FlowError):
    """`parameter` names what is wrong, `problem` is a key below `malformed.` in the texts."""

    code, key, status = "3001", "error.malformed", 400

    def __init__(self, parameter: str, problem: str) -> None:
        super().__init__(parameter=parameter)
        self.problem = problem


class KeyRefused(FlowError):
    code, key, status = "3002", "error.key", 401


class NotFound(FlowError):
    code, key, status = "3003", "error.no_such_path", 404


class MethodRefused(NotFound):
    """The same code as `NotFound` by contract §4, with the other status."""

    key, status = "error.method", 405


class TooLarge(FlowError):
    code, key, status = "3004", "error.too_large", 413


class OurFault(FlowError):
    """`incident` is the number that the log has too."""

    code, key, status = "9001", "error.our_fault", 500


class StoreDown(FlowError):
    """Redis or the database cannot be reached. Nothing was accepted."""

    code, key, status = "9002", "error.store_down", 503


def of_code(code: str) -> FlowError:
    """The refusal that a stored reply names; `StepUnknown` when no class has that code any more."""
    waiting = [FlowError]
    while waiting:
        below = waiting.pop(0).__subclasses__()
        for found in below:
            if found.code == code:
                return found()
        waiting += below
    return StepUnknown()
