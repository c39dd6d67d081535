"""Citizens of Kazakhstan in the chat, and the browser that they log in with: cookies, no script, no hurry."""

import json
import secrets
import tomllib
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import aiohttp
from alive import link_of
from chat_stand import SHIPPED, ChatStand
from chats import Entry
from guests import Guest

BOTH = '["telegram","telegram_kz"]'
WITH_PAPERS = json.dumps(
    [
        {"kind": "person", "fallback": "telegram"} if step == "person" else step
        for step in tomllib.loads(SHIPPED.read_text(encoding="utf-8"))["flow"]["telegram_kz"]["steps"]
    ]
)
FIXED_IIN = "900101300126"
"""Of the person whom the sandbox's COID adapter always describes, as the vendor's does."""


@dataclass
class Citizen(Guest):
    @property
    def phone(self) -> str:
        return f"+7707{self.user % 10**7:07}"

    async def to_choice(self) -> None:
        await self.act(user={"language_code": self.language, "phone": self.phone}, text="/start")
        await self.told("citizenship.ask")

    async def to_login(self) -> str:
        """To the question with the link, which is returned."""
        await self.to_choice()
        await self.choose("choice.citizen_kz")
        await self.told("consent.ask_aitu")
        await self.choose("choice.agree")
        await self.told("contact.ask")
        await self.choose("chat.share_phone")
        return link_of(await self.told("aitu.ask"))

    async def is_shown(self) -> Entry:
        """The question whether it is they."""
        return await self.hears(self.words("person.confirm", name="Арман Бекұлы С.", year="1990", document="7365"), 40)


@dataclass
class Browser:
    """`cookies` are its own; nothing is followed by itself."""

    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, url: str) -> tuple[int, str, str]:
        """Status, page, and where it sends on."""
        return await self._ask("GET", url)

    async def post(self, url: str, **form: str) -> tuple[int, str, str]:
        return await self._ask("POST", url, form)

    async def leave(self, link: str) -> str:
        """By the page's button: Aitu's address."""
        status, page, address = await self.post(link)
        assert status == 303, page
        return address

    async def log_in(self, address: str, phone: str, iin: str = FIXED_IIN, decision: str = "allow") -> str:
        """At Aitu; where it sends the browser back to."""
        status, page, back = await self.post(address, login_phone=phone, login_iin=iin, decision=decision)
        assert status == 303, page
        return back

    async def whole(self, link: str, phone: str, iin: str = FIXED_IIN, decision: str = "allow") -> tuple[int, str, str]:
        """There and back."""
        return await self.get(await self.log_in(await self.leave(link), phone, iin, decision))

    async def _ask(self, method: str, url: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        jar = aiohttp.DummyCookieJar()
        async with (
            aiohttp.ClientSession(cookie_jar=jar, cookies=None) as session,
            session.request(method, url, data=form, cookies=self.cookies, allow_redirects=False) as response,
        ):
            self.cookies |= {name: morsel.value for name, morsel in response.cookies.items()}
            return response.status, await response.text(), response.headers.get("Location", "")


def citizen(chats: ChatStand, language: str = "ru") -> Citizen:
    return Citizen(chats.session, chats.sandbox.url, next(chats.users), language=language)


def an_iin() -> str:
    """Twelve digits that the sandbox knows nothing of."""
    return f"8{secrets.randbelow(10**11):011}"


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


async def exchanges(chats: ChatStand) -> int:
    """How often a code was given to Aitu."""
    return sum(call["path"].endswith("/token") for call in await chats.calls("aitu"))


async def refused(chats: ChatStand) -> list[str]:
    """Why somebody who came back was turned away."""
    return [entry["why"] for entry in await chats.audit() if entry["event"] == "login_refused"]
