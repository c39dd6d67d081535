"""The simulated Aitu Passport's login: who it is, what COID says of the IIN, whether the bank may know it.

Nothing is remembered between two pages but the code of the SMS: each form carries the whole request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web
from multidict import MultiDict

from sandbox.aitu_asked import Asked, asked, once, place_of
from sandbox.aitu_console import Consoles
from sandbox.aitu_logins import Logins
from sandbox.aitu_phones import Phones
from sandbox.aitu_refusals import NAME, SentBackError, ShownError
from sandbox.aitu_screen import lines, screen, trouble
from sandbox.aitu_tokens import issuer_of
from sandbox.coid_refusals import BY_IIN, BY_NAME, CAUSES, Cause
from sandbox.phones import corrected, e164
from sandbox.world import World

DENIED = "The resource owner denied the request"
BUTTONS = {
    "client_id_is_not_valid": ("invalid_request", "client_id_is_not_valid"),
    "invalid_scope": ("invalid_scope", "request_contains_invalid_scopes"),
    "not_allowed_scopes": ("invalid_scope", "not_allowed_scopes"),
    "base64": ("invalid_request", "Illegal base64 character 2d"),
    "userdatavalidatorid": ("invalid_request", "userdatavalidatorid is not registered"),
    "server_error": ("server_error", "The authorization server met an unexpected condition"),
    "temporarily_unavailable": ("temporarily_unavailable", "The authorization server is overloaded"),
}
SCREEN = {f"screen_{cause.name}": f"на странице при любом ИИН: {cause.text}" for cause in CAUSES}
BACK = {
    "back_no_iss": "возврат без iss",
    "back_iss_other": "возврат с чужим iss",
    "back_no_state": "возврат без state",
    "back_state_other": "возврат с чужим state",
    "back_no_code": "возврат без code",
    "back_server_error": "возврат с server_error вместо code",
    "back_never": "возврата нет: страница, которую можно закрыть",
}


@dataclass(frozen=True, slots=True)
class Typed:
    """`phone` is E.164 or ""; `code` None: whoever sent this has no such field; `cause`: what a page has told."""

    phone: str
    iin: str
    code: str | None
    decision: str
    cause: Cause | None

    def fields(self) -> dict[str, str]:
        """For the next form."""
        code = {} if self.code is None else {"login_code": self.code}
        cause = {} if self.cause is None else {"login_refusal": self.cause.name}
        return {"login_phone": self.phone, "login_iin": self.iin, **code, **cause}


class Authorization:
    def __init__(self, world: World, consoles: Consoles, phones: Phones, logins: Logins) -> None:
        self._world = world
        self._consoles = consoles
        self._phones = phones
        self._logins = logins

    async def opened(self, request: web.Request) -> web.Response:
        """GET, with the parameters of 4.3."""
        return self._answered(request, None)

    async def sent(self, request: web.Request) -> web.Response:
        """POST, see `sandbox/aitu.py`."""
        try:
            form = await request.post()
        except (ValueError, LookupError):
            return trouble(request, {}, ShownError("invalid_request", "The form cannot be read"))
        return self._answered(request, MultiDict((name, text) for name, text in form.items() if isinstance(text, str)))

    def _answered(self, request: web.Request, form: MultiDict[str] | None) -> web.Response:
        given: dict[str, str] = {}
        try:
            given = once(request.query) | once(form or MultiDict())
            wish = asked(given, self._consoles.set)
            confirmed = self._phones.confirmed(wish)
            if form is None:
                return login(request, wish, confirmed, phone=e164(wish.phone), iin=wish.iin)
            return self._decided(request, wish, confirmed, typed(wish, confirmed, form))
        except ShownError as shown:
            return trouble(request, given, shown)
        except SentBackError as sent:
            description = {"error_description": sent.description} if sent.description else {}
            return self._back(request, given, {"error": sent.error, **description}, "")

    def _decided(self, request: web.Request, wish: Asked, confirmed: str, told: Typed) -> web.Response:
        """Raises `SentBackError`, `ShownError`."""
        match told.decision:
            case "refuse":
                raise SentBackError("access_denied", DENIED)
            case "back":
                raise SentBackError("access_denied", told.cause.text if told.cause else DENIED)
            case "close":
                return screen(request, "closed", wish.given)
            case "other":
                return login(request, wish, confirmed, phone=told.phone, iin="")
            case "continue" | "allow":
                return self._identified(request, wish, confirmed, told)
        if told.decision not in BUTTONS:
            raise ShownError("invalid_request", f"decision: one of {', '.join(BUTTONS)} is expected")
        raise SentBackError(*BUTTONS[told.decision])

    def _identified(self, request: web.Request, wish: Asked, confirmed: str, told: Typed) -> web.Response:
        problem = self._problem(wish, confirmed, told)
        sends = not problem and not confirmed and told.code is None and told.decision == "continue"
        asks = sends or problem == "bad_code"
        if sends:
            self._phones.send(wish, told.phone)
        if asks or problem:
            return login(request, wish, confirmed, phone=told.phone, iin=told.iin, problem=problem, asks_code=asks)
        if (cause := self._cause(wish, told)) is not None:
            fields = told.fields() | {"login_refusal": cause.name}
            return screen(request, "refused", wish.given, cause=cause, typed=fields, locked=wish.locked)
        if told.decision == "allow":
            code = self._logins.allow(wish, told.phone, told.iin)
            self._phones.used(wish)
            return self._back(request, wish.given, {"code": code}, told.phone)
        return screen(request, "consent", wish.given, typed=told.fields(), lines=lines(wish))

    def _problem(self, wish: Asked, confirmed: str, told: Typed) -> str:
        """Of the words on the page, "" when there is none."""
        if len(told.phone) != len("+77071234567") or not told.phone.startswith("+7"):
            return "bad_phone"
        digits = len(told.iin) == 12 and told.iin.isascii() and told.iin.isdecimal()
        if wish.wants_iin and (not digits or (wish.locked and told.iin != wish.iin)):
            return "bad_iin"
        if not confirmed and told.code is not None and not self._phones.right(wish, told.phone, told.code):
            return "bad_code"
        return ""

    def _cause(self, wish: Asked, told: Typed) -> Cause | None:
        if "idpc_verification" not in wish.scopes:
            return None
        if armed := self._world.arms.first_of(NAME, (told.phone, "*"), SCREEN):
            return BY_NAME[armed.removeprefix("screen_")]
        return BY_IIN.get(told.iin)

    def _back(self, request: web.Request, given: Mapping[str, str], told: dict[str, str], phone: str) -> web.Response:
        uri = place_of(given, self._consoles.set)
        told |= {"state": given.get("state", ""), "iss": issuer_of(request)}
        match self._world.arms.first_of(NAME, (phone, "*"), BACK):
            case "back_never":
                return screen(request, "closed", given)
            case "back_no_iss":
                told["iss"] = ""
            case "back_iss_other":
                told["iss"] = "https://passport.example.org/"
            case "back_no_state":
                told["state"] = ""
            case "back_state_other":
                told["state"] = told["state"][::-1]
            case "back_no_code":
                told["code"] = ""
            case "back_server_error":
                error, description = BUTTONS["server_error"]
                told |= {"code": "", "error": error, "error_description": description}
        query = urlencode({name: value for name, value in told.items() if value})
        location = f"{uri}{'&' if '?' in uri else '?'}{query}"
        return web.Response(status=303, headers={"Location": location, "Cache-Control": "no-store"})


def typed(wish: Asked, confirmed: str, form: Mapping[str, str]) -> Typed:
    iin = "".join(form.get("login_iin", wish.iin).split())
    return Typed(
        phone=confirmed or corrected(form.get("login_phone", wish.phone)),
        iin=iin,
        code=form.get("login_code"),
        decision=form.get("decision", "continue"),
        cause=BY_NAME.get(form.get("login_refusal", "")) or BY_IIN.get(iin),
    )


def login(
    request: web.Request,
    wish: Asked,
    confirmed: str,
    *,
    phone: str,
    iin: str,
    problem: str = "",
    asks_code: bool = False,
) -> web.Response:
    return screen(
        request,
        "login",
        wish.given,
        phone=confirmed or phone,
        iin=wish.iin if wish.locked else iin,
        confirmed=bool(confirmed),
        locked=wish.locked,
        wants_iin=wish.wants_iin,
        asks_code=asks_code,
        problem=problem,
        buttons=BUTTONS,
    )
