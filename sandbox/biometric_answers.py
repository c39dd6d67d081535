"""What the simulated biometric.kz says of a session: its phases and the blocks of its technologies (protocols.md 3.4).

created → `PROGRESS` without blocks → after `finish` `PROGRESS` with blocks of `{}` → `FINISHED`.
"""

import base64
import hashlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from sandbox.biometric_flows import DOCUMENT, EDOCUMENT, ENDINGS, FACE2FACE, FIRST, LIVENESS, Ending, Technology
from sandbox.biometric_sessions import Session
from sandbox.cast import Person
from sandbox.humo_answers import invented

ALMATY = timezone(timedelta(hours=5))
PICTURE = 24 * 2**10  # bytes of a photo in a block, before base64
BIG_PICTURE = 9 * 2**20  # 12 MiB as base64
ODD = {"odd_types", "iin_number"}


def result_of(session: Session, now: float) -> dict[str, Any]:
    """One look at the result, which counts."""
    if session.finished is None:
        return head(session, "PROGRESS")
    session.looks += 1
    first = max((FIRST.get(name, ()) for name in (session.outcome, session.webhook)), key=len)
    if session.looks <= len(first):
        status, empty = first[session.looks - 1]
        return head(session, status) | (nothing_yet(session) if empty else {})
    if now < session.due:
        return head(session, "PROGRESS") | nothing_yet(session)
    return finished(session)


def readable(session: Session, now: float) -> bool:
    """Whether the next look would see the end, were it not for what the first looks see."""
    return session.finished is not None and now >= session.due


def head(session: Session, status: str) -> dict[str, Any]:
    technologies = [
        {"name": one.name, "description": one.description, "code": one.code} for one in session.flow.technologies
    ]
    return {
        "id": session.id,
        "status": status,
        "technologies": technologies,
        "ip_check_results": [],
        "request_sessions": [],
    }


def nothing_yet(session: Session) -> dict[str, Any]:
    return {one.block: {} for one in session.flow.technologies}


def finished(session: Session) -> dict[str, Any]:
    ending = ENDINGS.get(session.outcome, ENDINGS["pass"])
    told = head(session, "FINISHED") | {"flow_session_failure_reasons": list(ending.reasons)}
    if ending.total is not None:
        told["flow_session_result"] = ending.total
    told |= {"finished_at": when(session.finished or 0.0, odd=False)}
    told |= {"validated_at": when(session.due, odd=session.outcome in ODD)}
    return told | {one.block: block(session, one) for one in done(session, ending)}


def done(session: Session, ending: Ending) -> tuple[Technology, ...]:
    """What was run: in the flow's order up to what failed."""
    technologies = session.flow.technologies
    if ending.nothing_done:
        return ()
    return technologies[: technologies.index(ending.fails) + 1] if ending.fails in technologies else technologies


def when(at: float, *, odd: bool) -> str:
    """ISO with an offset; the odd way without one, in UTC."""
    if odd:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return datetime.fromtimestamp(at, ALMATY).isoformat()


def block(session: Session, technology: Technology) -> dict[str, Any]:
    ending = ENDINGS.get(session.outcome, ENDINGS["pass"])
    passed = ending.fails is not technology
    result: bool | str = str(passed).lower() if session.outcome == "odd_types" else passed
    return {"result": result, **BLOCKS[technology](session, passed=passed)}


def _liveness(session: Session, *, passed: bool) -> dict[str, Any]:
    failure = (
        None if passed else {"type": (ENDINGS[session.outcome].reasons or ("UNKNOWN",))[0].upper(), "detail": None}
    )
    return {
        "prediction": _prediction(session, 0.998 if passed else 0.1127),
        "face_direction": "forward",
        "eye_closed": False,
        "face_center": True,
        "failure_reason": failure,
        "image": picture(session, "liveness"),
    }


def _face2face(session: Session, *, passed: bool) -> dict[str, Any]:
    share = 0.9712 if passed else 0.3105
    percent: Any = round(share * 100, 2)
    if session.outcome != "odd_types":
        percent = f"{percent:.2f}"
    return {"prediction": _prediction(session, share), "prediction_percent": percent}


def _edocument(session: Session, *, passed: bool) -> dict[str, Any]:
    if not passed:
        return {"phone": session.phone.removeprefix("+") or None}
    person, papers = person_of(session), person_of(session).documents
    owner = {"firstName": person.first_name, "lastName": person.last_name, "middleName": person.middle_name or None}
    issuer = {"nameRu": papers["authority"], "nameKk": papers["authority"], "nameEn": "MINISTRY OF INTERNAL AFFAIRS"}
    common = {"docNumber": papers["id_card"][1:], "docOwner": {"iin": _iin(session), **owner}, "docIssuer": issuer}
    return {
        "phone": session.phone.removeprefix("+") or None,
        "gender": "male" if papers["gender"] == "M" else "female",
        "result_json": {"common": common},
        "extra": {
            "date_of_birth": person.birth_date,
            "date_of_issue": papers["issued"],
            "date_of_expire": papers["expires"],
        },
        **{name: picture(session, name) for name in ("document_pdf", "document_image", "face_photo", "qrcode")},
    }


def _document(session: Session, *, passed: bool) -> dict[str, Any]:
    if not passed:
        return {}
    person, papers = person_of(session), person_of(session).documents
    born = person.birth_date if session.outcome == "odd_types" else ".".join(reversed(person.birth_date.split("-")))
    return {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "patronymic": person.middle_name or None,
        "personal_number": _iin(session),
        "date_of_birth": born,
        "document_number": papers["id_card"],
        "authority": papers["authority"],
        "document_image": picture(session, "document"),
    }


BLOCKS = {LIVENESS: _liveness, FACE2FACE: _face2face, EDOCUMENT: _edocument, DOCUMENT: _document}


def person_of(session: Session) -> Person:
    return session.person or invented(session.who or session.id)


def iin_of(person: Person) -> str:
    """Twelve digits; of whoever has none it is made up of the date of birth and the tax number."""
    return person.documents.get("iin") or person.birth_date[2:].replace("-", "") + person.tax_number[-6:].rjust(6, "0")


def _iin(session: Session) -> Any:
    iin = session.iin or iin_of(person_of(session))
    if session.outcome == "iin_null":
        return None
    return int(iin) if session.outcome in ODD else iin


def _prediction(session: Session, share: float) -> str | float:
    """A text with four digits, as the real one has it."""
    if session.outcome == "low_prediction":
        share = 0.51
    return share if session.outcome == "odd_types" else f"{share:.4f}"


def picture(session: Session, what: str) -> str:
    """Base64 of something like a JPEG."""
    size = BIG_PICTURE if session.outcome == "big_photos" and what == "liveness" else PICTURE
    noise = hashlib.shake_256(f"{session.id}:{what}".encode()).digest(PICTURE)
    return base64.b64encode((b"\xff\xd8\xff\xe0" + noise * (size // PICTURE))[:size]).decode()
