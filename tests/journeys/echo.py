"""A toy bot over plain HTTP: it asks, edits, deletes, types and echoes, so that the chat page has somebody to show."""

import asyncio
from dataclasses import dataclass
from typing import Any

import aiohttp

WELCOME = "Здравствуйте! Узнаем вас за минуту. Чем подтвердите личность? /help"
CHOICES = [
    [{"text": "Паспорт", "callback_data": "passport"}, {"text": "Загран", "callback_data": "abroad"}],
    [{"text": "Сайт банка", "url": "https://example.org/"}],
]
SHARE = {"keyboard": [[{"text": "Поделиться номером", "request_contact": True}], [{"text": "Да"}, {"text": "Нет"}]]}
COMMANDS = [
    {"command": "start", "description": "Начать заново"},
    {"command": "help", "description": "Что здесь можно"},
]


@dataclass
class Echo:
    url: str
    session: aiohttp.ClientSession
    offset: int = 0

    async def call(self, method: str, **given: Any) -> Any:
        async with self.session.post(f"{self.url}/{method}", json=given) as answer:
            return (await answer.json()).get("result")

    async def run(self) -> None:
        await self.call("setMyCommands", commands=COMMANDS)
        await self.call("setMyDescription", description="Бот банка узнаёт клиентов по документам.\nПокажите паспорт.")
        while True:
            for update in await self.call("getUpdates", offset=self.offset, timeout=20) or []:
                self.offset = update["update_id"] + 1
                await self.meet(update)

    async def meet(self, update: dict[str, Any]) -> None:
        if "message" in update:
            await self.hear(update["message"])
        elif "callback_query" in update:
            await self.pressed(update["callback_query"])

    async def hear(self, message: dict[str, Any]) -> None:
        chat, text = message["chat"]["id"], message.get("text", "")
        if text == "/start":
            await self.call("sendMessage", chat_id=chat, text=WELCOME, reply_markup={"inline_keyboard": CHOICES})
        elif text == "номер":
            await self.call("sendMessage", chat_id=chat, text="Ваш номер?", reply_markup=SHARE)
        elif "contact" in message:
            thanks = f"Спасибо, {message['contact']['first_name']}!"
            await self.call("sendMessage", chat_id=chat, text=thanks, reply_markup={"remove_keyboard": True})
        elif "photo" in message or "document" in message:
            await self.read(chat, message["message_id"], "photo" if "photo" in message else "document")
        elif text == "подумай":
            await self.call("sendChatAction", chat_id=chat, action="typing")
        else:
            entities = [{"type": "bold", "offset": 0, "length": 3}]
            await self.call("sendMessage", chat_id=chat, text=f"эхо: {text}", entities=entities, protect_content=True)

    async def read(self, chat: int, number: int, kind: str) -> None:
        """As a bot treats a paper: it says that it works, deletes the picture, and then says what it read."""
        waiting = await self.call("sendMessage", chat_id=chat, text="Читаю документ…")
        await self.call("deleteMessage", chat_id=chat, message_id=number)
        told = f"Прочитано: {kind}"
        await self.call("editMessageText", chat_id=chat, message_id=waiting["message_id"], text=told)

    async def pressed(self, query: dict[str, Any]) -> None:
        message = query["message"]
        given = {"chat_id": message["chat"]["id"], "message_id": message["message_id"]}
        await self.call("editMessageText", **given, text=f"Выбрано: {query['data']}")
        alert = query["data"] == "abroad"
        await self.call("answerCallbackQuery", callback_query_id=query["id"], text="Принято", show_alert=alert)


async def running(url: str) -> None:
    """Until it is cancelled; `url` ends with the token."""
    async with aiohttp.ClientSession() as session:
        await Echo(url, session).run()


def started(url: str) -> asyncio.Task[None]:
    return asyncio.create_task(running(url))
