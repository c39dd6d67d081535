"""The Telegram front."""

from bot.deferred import import_aiogram

import_aiogram()
