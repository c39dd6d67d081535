"""The Bot API, taken as it comes: what aiogram cannot read must neither stop the bot nor be sent again and again."""

from typing import Any

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.exceptions import TelegramServerError
from aiogram.methods import Response, TelegramMethod
from aiogram.methods.base import TelegramType
from aiogram.types import InlineKeyboardMarkup, ReplyKeyboardMarkup, ReplyKeyboardRemove


class Outspoken(AiohttpSession):
    """Whatever comes with a 5xx, a proxy's page of HTML for one, is an outage; aiogram would look for JSON in it."""

    def check_response(
        self, bot: Bot, method: TelegramMethod[TelegramType], status_code: int, content: str
    ) -> Response[TelegramType]:
        if status_code >= 500:
            raise TelegramServerError(method=method, message=str(status_code))
        return super().check_response(bot, method, status_code, content)


class GetUpdates(TelegramMethod[list[dict[str, Any]]]):
    """One update that aiogram cannot read must not keep the others from us."""

    __returning__ = list[dict[str, Any]]
    __api_method__ = "getUpdates"

    offset: int | None
    timeout: int
    allowed_updates: tuple[str, ...]


class SendMessage(TelegramMethod[dict[str, Any]]):
    """Of the answer, the Message that was sent, we need its `message_id`."""

    __returning__ = dict[str, Any]
    __api_method__ = "sendMessage"

    chat_id: int
    text: str
    reply_markup: InlineKeyboardMarkup | ReplyKeyboardMarkup | ReplyKeyboardRemove | None = None
    protect_content: bool = True
