"""What a chat is to see of a reply: text and keyboard. Buttons carry the step's id and the choice's, nothing else."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aiogram.types import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
    WebAppInfo,
)

from flows.model import Door, Session
from flows.settings import Bot
from flows.texts import Text, render

Markup = InlineKeyboardMarkup | ReplyKeyboardMarkup | ReplyKeyboardRemove
LONGEST = 4096
"""Characters of a message (core.telegram.org/bots/api#sendmessage)."""
_LINKS = ("http", "https", "tg")
"""What a button can carry; every other scheme becomes text."""


@dataclass(frozen=True, slots=True)
class Shown:
    """`live` is edited in place while it lasts."""

    text: str = field(repr=False)
    markup: Markup | None = None
    live: bool = False


def shown(session: Session, step_id: str, bot: Bot, link: str = "") -> Shown:
    """The session's reply in the person's language. `link` is the address of the door that stands open, if one does."""
    reply, language = session.reply, session.facts.language
    match reply.kind:
        case "done":
            return _farewell(session, bot)
        case "wait":
            text = reply.text or Text(key="upload.sent")
            return Shown(render(text, language), _doorway(reply.expects.door, link, language, bot), live=True)
        case "stop":
            why = render(reply.why or Text(key="error.our_fault"), language)
            return Shown("\n\n".join(filter(None, (why, bot.help, render(Text(key="chat.begin_again"), language)))))
    lines = [render(text, language) for text in (reply.why, reply.text) if text]
    if reply.expects.kind == "nothing":  # refused while we wait: the progress above goes on
        return Shown(lines[0])
    return Shown("\n\n".join(lines)[:LONGEST], _doors_first(session, step_id, link, bot))


def _keyboard(session: Session, step_id: str) -> Markup:
    expects, language = session.reply.expects, session.facts.language
    if expects.kind == "contact":
        button = KeyboardButton(text=render(Text(key="chat.share_phone"), language), request_contact=True)
        return ReplyKeyboardMarkup(keyboard=[[button]], resize_keyboard=True, one_time_keyboard=True)
    if not expects.choices:
        return ReplyKeyboardRemove()
    rows = [
        [InlineKeyboardButton(text=render(option.text, language), callback_data=f"{step_id}.{number}")]
        for number, option in enumerate(expects.choices)
    ]
    return InlineKeyboardMarkup(inline_keyboard=rows)


def _doors_first(session: Session, step_id: str, link: str, bot: Bot) -> Markup:
    door = session.reply.expects.door
    return _doorway(door, link, session.facts.language, bot) or _keyboard(session, step_id)


def _doorway(door: Door | None, link: str, language: str, bot: Bot) -> InlineKeyboardMarkup | None:
    """The page inside Telegram, where it can be, and in the browser; the same link serves either."""
    if door is None or not link:
        return None
    label = Text(key="chat.open_browser" if door.inside else f"chat.open_{door.page}")
    browser = InlineKeyboardButton(text=render(label, language), url=link)
    if not bot.mini_app or not door.inside:
        return InlineKeyboardMarkup(inline_keyboard=[[browser]])
    here = InlineKeyboardButton(text=render(Text(key="chat.open_here"), language), web_app=WebAppInfo(url=link))
    return InlineKeyboardMarkup(inline_keyboard=[[here], [browser]])


def _farewell(session: Session, bot: Bot) -> Shown:
    visit, language = session.facts.there, session.facts.language
    text = render(Text(key=f"done.{visit.purpose}"), language)
    page = home_page(visit.home_page, bot) if visit.purpose == "identify" else ""
    if not page:
        return Shown(text, ReplyKeyboardRemove())
    if urlsplit(page).scheme.lower() not in _LINKS:
        return Shown(f"{text}\n\n{render(Text(key='chat.return_to', params={'page': page}), language)}")
    button = InlineKeyboardButton(text=render(Text(key="chat.return"), language), url=page)
    return Shown(text, InlineKeyboardMarkup(inline_keyboard=[[button]]))


def home_page(given: str | None, bot: Bot) -> str:
    """Humo's address to return to, "" when it is not of an allowed scheme or not plainly an address (E1)."""
    if not given or len(given) > 256 or not given.isascii() or not given.isprintable() or " " in given:
        return ""
    try:
        parts = urlsplit(given)
    except ValueError:
        return ""
    allowed = parts.scheme.lower() in {scheme.lower() for scheme in bot.home_page_schemes}
    plain = parts.netloc and "@" not in parts.netloc and not set(given) & set("\"'<>\\^`{|}")
    return given if allowed and plain else ""
