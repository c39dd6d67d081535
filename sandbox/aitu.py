"""Aitu Passport: OAuth 2.0 and OpenID Connect with its own pages, codes, tokens, keys (protocols.md 4).

The address of a login is `GET /aitu/oauth2/auth?…` with the parameters of `aitu_asked.PARAMETERS`. Its page needs no
script, and so whoever has no browser logs somebody in with one request: `POST /aitu/oauth2/auth`, as a form, with

    the same parameters (or with the query of the same address), and
    login_phone    any spelling of a Kazakh number; by default `phone`
    login_iin      12 digits; by default `iin`
    login_code     the code of the SMS; without this field none is asked for, when the decision is `allow`
    decision       allow · refuse · back (after one of COID's refusals, with its text) · close · other (another IIN) ·
                   continue (the next page) · one of the error buttons, `aitu_auth.BUTTONS`

The answer is 303 to the redirect URI, with `code` or `error`, `error_description`, and `state`, `iss`; or a page with
200, when there is still something to do there; or one with 400, when there is nowhere to send the browser.
"""

from functools import partial

from aiohttp import web

from sandbox.aitu_asked import SCOPES
from sandbox.aitu_auth import BACK, SCREEN, Authorization
from sandbox.aitu_console import CLIENT_ID, CLIENT_SECRET, Consoles
from sandbox.aitu_hooks import Hooks
from sandbox.aitu_id_token import SHAPES, WRONG
from sandbox.aitu_keys import Keys
from sandbox.aitu_logins import Logins
from sandbox.aitu_phones import TRUSTED, Phones
from sandbox.aitu_refusals import NAME, telling
from sandbox.aitu_tokens import JWKS, SPELLING, TOKEN, Tokens, issuer_of
from sandbox.upstream import Upstream
from sandbox.world import World

PAGES = ("/aitu/oauth2/auth", "/aitu/sessions/")


async def configuration(request: web.Request) -> web.Response:
    """OpenID Connect Discovery 1.0."""
    issuer = issuer_of(request)
    return web.json_response(
        {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}oauth2/auth",
            "token_endpoint": f"{issuer}oauth2/token",
            "jwks_uri": f"{issuer}.well-known/jwks.json",
            "introspection_endpoint": f"{issuer}oauth2/introspect",
            "end_session_endpoint": f"{issuer}sessions/logout",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "scopes_supported": sorted(SCOPES),
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
            "ui_locales_supported": ["ru", "kk", "en"],
            "authorization_response_iss_parameter_supported": True,
        }
    )


def noted(path: str) -> str:
    """Only what the bank's server asks for is ours; the pages are the browser's, the console is the sandbox's."""
    return "" if path.startswith((*PAGES, "/aitu/_")) else path


def routes(world: World) -> list[web.RouteDef]:
    consoles, phones, logins, keys = Consoles(), Phones(world), Logins(world), Keys(world)
    pages = Authorization(world, consoles, phones, logins)
    tokens = Tokens(world, logins, keys)
    hooks = Hooks(consoles)
    at = partial("/{}/{}".format, NAME)
    return [
        web.get(at("oauth2/auth"), pages.opened),
        web.post(at("oauth2/auth"), pages.sent),
        web.post(at("oauth2/token"), telling(tokens.token)),
        web.post(at("api/v1/oauth/token"), telling(tokens.token)),
        web.post(at("oauth2/introspect"), telling(tokens.introspect)),
        web.post(at("api/v1/trusted-phone"), telling(phones.trusted)),
        web.get(at("api/v1/liveness-3d/photo"), telling(tokens.photo)),
        web.get(at(".well-known/jwks.json"), tokens.jwks),
        web.get(at(".well-known/openid-configuration"), configuration),
        web.get(at("sessions/logout"), hooks.logout),
        web.post(at("_rotate"), tokens.rotate),
        web.get(at("_clients"), consoles.show),
        web.post(at("_clients"), consoles.change),
        web.delete(at("_clients"), consoles.reset),
        web.post(at("_hooks/logout"), hooks.tell_logout),
        web.post(at("_hooks/validator"), hooks.ask_validator),
    ]


UPSTREAM = Upstream(
    name=NAME,
    title="Aitu Passport",
    prefixes=(NAME,),
    routes=routes,
    outcomes=SCREEN
    | BACK
    | TOKEN
    | JWKS
    | TRUSTED
    | SPELLING
    | {name: f"id_token: {what}" for group in SHAPES for name, what in group.items()}
    | WRONG,
    credentials={"client_id": CLIENT_ID, "client secret": CLIENT_SECRET},
    texts=frozenset({"phone"}),
    secrets=frozenset({"code", "code_verifier", "token", "client_secret"}),
    path=noted,
)
