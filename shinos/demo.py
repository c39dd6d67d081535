"""`shinos demo`: a person of the sandbox identifies in the chat, and is then found over the Search API; read aloud."""

import asyncio
import random
import re
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp

from flows.plan import suggest
from flows.settings import Settings, SettingsError
from shinos.demo_chat import Chat
from shinos.options import NothingAnswers
from shinos.own_up import Running, own_up

SMS_SECONDS = 10.0
CALL_SECONDS = aiohttp.ClientTimeout(total=15)
LONGEST_PAUSE = 60

Answer = dict[str, Any]


async def demo(settings: Settings, config: Path, url: str, sandbox_url: str, flow: str) -> int:
    """0 only when it ends with a token and its card."""
    async with AsyncExitStack() as stack:
        jar = aiohttp.CookieJar(unsafe=True)  # the login page knows its browser again, here too
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=CALL_SECONDS, cookie_jar=jar))
        running = Running(url or _configured(settings), sandbox_url or settings.sandbox_url)
        problem = await _missing(session, running)
        if problem and (url or sandbox_url):
            raise NothingAnswers(problem)
        if problem:
            sys.stdout.write(f"{problem}; starting one of our own in a temporary folder\n")
            running = await stack.enter_async_context(own_up(config))
        return await Demo(session, running, settings, flow).play()


def _configured(settings: Settings) -> str:
    return f"http://{settings.server.host}:{settings.server.port}"


async def _missing(session: aiohttp.ClientSession, running: Running) -> str:
    """Why no demo can be played there; "" when it can. Somebody else may have the port."""
    for name, url, path in (
        ("Search API", running.search_api, "/health/ready"),
        ("sandbox", running.sandbox, "/_people"),
    ):
        try:
            async with session.get(url + path, timeout=aiohttp.ClientTimeout(total=3)) as response:
                found = await response.json()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return f"no {name} answers at {url}"
        if path == "/health/ready" and not (isinstance(found, dict) and "dependencies" in found):
            return f"what answers at {url} is no Search API of ours"
        if response.status != 200:
            return f"the {name} at {url} is not ready; see `shinos check`"
    return ""


class Demo:
    def __init__(self, session: aiohttp.ClientSession, running: Running, settings: Settings, flow: str) -> None:
        self._session = session
        self._running = running
        channel = next((found for found in settings.channel.values() if settings.secret(found.key_env)), None)
        if channel is None:
            raise NothingAnswers("no channel has a key: set the variable that channel.<name>.key_env names")
        self._bot = settings.bot
        self._citizens = _citizens(settings, flow or settings.bot.flows[0])
        self._key = settings.secret(channel.key_env) or ""

    async def play(self) -> int:
        async with self._session.get(self._running.sandbox + "/_people") as response:
            people: list[Answer] = await response.json()
        has = "iin" if self._citizens == "KZ" else "id_card"
        able = [one for one in people if one["secret_word"] and one["documents"].get(has)]
        person = random.choice(able)  # noqa: S311 - another person each time
        if self._bot.enabled:
            chat = Chat(self._session, self._running.sandbox, person, citizens=self._citizens, say=_say)
            await chat.play()
            person = {**person, "secret_word": chat.word}
            sys.stdout.write("\n")
        sent = len(await self._outbox(person))
        answer = await self._search(client=person["phone"])
        if pause := _pause(answer):
            sys.stdout.write(f"a code was sent to {person['phone']} a moment ago; waiting {pause} s\n")
            await asyncio.sleep(pause)
            answer = await self._search(client=person["phone"])
        _say("chat server", f"who is {person['phone']}?")
        return await self._dialogue(person, answer, sent)

    async def _dialogue(self, person: Answer, answer: Answer, sent: int) -> int:
        while answer.get("answerType") == 1:
            _say("Shinos", answer["answerText"])
            given = await self._given(person, answer, sent)
            _say("client", given)
            answer = await self._search(client=person["phone"], stepId=answer["stepId"], secretWord=given)
        if "token" not in answer:
            _say("Shinos", f"{answer.get('errorText')} ({answer.get('errorCode')})")
            sys.stdout.write("not identified\n")
            return 1
        _say("Shinos", f"token {answer['token'][:6]}…")
        return read_aloud(person, await self._call("auth", token=answer["token"]))

    async def _given(self, person: Answer, answer: Answer, sent: int) -> str:
        """What the person knows or reads on the phone; the validator tells which is wanted."""
        pattern = answer.get("secretWordValidator", "")
        if re.fullmatch(pattern, "31.12.1990") and "[.]" in pattern:
            return ".".join(reversed(person["birth_date"].split("-")))
        if pattern.startswith("^[0-9]"):
            text = await self._sms(person, sent)
            _say("message", text)
            return re.split(r"\D", text, maxsplit=1)[0]
        return str(person["secret_word"])

    async def _sms(self, person: Answer, sent: int) -> str:
        """The next message; a repeated begin sends none, and then the last one still holds."""
        messages: list[Answer] = []
        for _ in range(int(SMS_SECONDS / 0.1)):
            messages = await self._outbox(person)
            if len(messages) > sent:
                break
            await asyncio.sleep(0.1)
        if not messages:
            raise NothingAnswers("no SMS has come to the sandbox: is it the one that this Shinos sends to?")
        return str(messages[-1]["text"])

    async def _outbox(self, person: Answer) -> list[Answer]:
        async with self._session.get(self._running.sandbox + "/sms/outbox", params={"to": person["phone"]}) as response:
            found: list[Answer] = await response.json()
        return found

    async def _search(self, **fields: str) -> Answer:
        return await self._call("search", **fields)

    async def _call(self, what: str, **fields: str) -> Answer:
        url = f"{self._running.search_api}/rest/chat/client/{what}/{self._key}"
        try:
            async with self._session.post(url, data=fields) as response:
                found: Answer = await response.json()
                if "Retry-After" in response.headers:
                    found["retryAfter"] = response.headers["Retry-After"]
        except (aiohttp.ClientError, TimeoutError, ValueError):
            raise NothingAnswers(f"the Search API at {self._running.search_api} has gone in the middle") from None
        return found


def read_aloud(person: Answer, card: Answer) -> int:
    """The card, when it is that person's: by the phone, for somebody erased who enrolled again has no crmid yet."""
    if card.get("phone") != person["phone"]:
        sys.stdout.write(f"no card: {card.get('errorText', 'it is not theirs')}\n")
        return 1
    names = filter(None, (card["lastName"], card["firstName"], card["middleName"]))
    methods = ", ".join(method["name"] for method in card["identification"]["methods"])
    _say("card", f"{' '.join(names)}, {card['phone']}, crmid {card['crmId'] or 'not given yet'}")
    sys.stdout.write(f"identified by {methods}, level {card['identification']['level']}\n")
    return 0


def _citizens(settings: Settings, flow: str) -> str:
    """Whose way that flow is. Raises `SettingsError`."""
    if settings.bot.enabled and flow not in settings.bot.flows:
        known = ", ".join(settings.bot.flows)
        raise SettingsError(f'there is no flow "{flow}" of the bot{suggest(flow, settings.bot.flows)}; known: {known}')
    return settings.flow[flow].citizens if flow in settings.flow else "other"


def _pause(answer: Answer) -> int:
    """Seconds until this client may be sent another code; 0 when it was sent."""
    return min(int(answer.get("retryAfter", LONGEST_PAUSE)), LONGEST_PAUSE) if answer.get("errorCode") == "1006" else 0


def _say(who: str, what: str) -> None:
    sys.stdout.write(f"{who:>11}  {what}\n")
    sys.stdout.flush()
