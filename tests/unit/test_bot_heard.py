"""What a person's message is to a dialogue, and whose update it is: hostile input, and nothing in it is relied on."""

from typing import Any

import pytest
from aiogram.types import Message
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.intake import sender
from bot.talk import heard
from flows.model import Other, Photo, Sent, Shared, Typed

ME, OTHER = 41000001, 41000002
CHAT = {"id": ME, "type": "private"}
FROM = {"id": ME, "is_bot": False, "first_name": "Daler"}
ANOTHER_BOT = {"id": 5, "is_bot": True, "first_name": "Gif", "username": "gif"}
FORWARDED = {"forward_origin": {"type": "hidden_user", "sender_user_name": "D", "date": 1_800_000_000}}
THROUGH = {"via_bot": ANOTHER_BOT}
FILE = {"file_id": "ref", "file_unique_id": "unique"}
CONTACT = {"phone_number": "992900000001", "first_name": "Daler"}
SIZES = [
    {"file_id": f"ref {side}", "file_unique_id": f"unique {side}", "width": side, "height": side}
    for side in (320, 1280, 90)
]
PLACE = {"latitude": 38.5, "longitude": 68.7}
STRANGE: dict[str, Any] = {
    "voice": FILE | {"duration": 1},
    "audio": FILE | {"duration": 1},
    "video": FILE | {"duration": 1, "width": 1, "height": 1},
    "video_note": FILE | {"duration": 1, "length": 1},
    "sticker": FILE | {"type": "regular", "width": 1, "height": 1, "is_animated": False, "is_video": False},
    "location": PLACE,
    "venue": {"location": PLACE, "title": "t", "address": "a"},
    "dice": {"emoji": "🎲", "value": 6},
    "game": {"title": "t", "description": "d", "photo": SIZES},
    "story": {"chat": CHAT, "id": 1},
    "pinned_message": {"message_id": 1, "date": 0, "chat": CHAT},
    "new_chat_members": [FROM],
    "group_chat_created": True,
    "successful_payment": {
        "currency": "TJS",
        "total_amount": 1,
        "invoice_payload": "p",
        "telegram_payment_charge_id": "t",
        "provider_payment_charge_id": "p",
    },
    "web_app_data": {"data": "d", "button_text": "b"},
    "users_shared": {"request_id": 1, "users": [{"user_id": ME}]},
    "photo": [],
    "text": "",
}


def message(**told: Any) -> Message:
    return Message.model_validate({"message_id": 7, "date": 1_800_000_000, "chat": CHAT, "from": FROM} | told)


class TestHeard:
    @pytest.mark.parametrize("text", ["да", " 123456 ", "/unknown", "\ud83d\ude00", "а" * 4096])
    def test_text_is_what_was_typed(self, text: str) -> None:
        assert heard(message(text=text)) == Typed(text)

    def test_of_a_photo_the_largest_size_counts(self) -> None:
        assert heard(message(photo=SIZES)) == Sent(Photo(ref="ref 1280", unique="unique 1280"))

    @pytest.mark.parametrize("more", [{"caption": "мой паспорт"}, {"media_group_id": "9"}, {"has_media_spoiler": True}])
    def test_what_is_written_beside_a_photo_changes_nothing(self, more: dict[str, Any]) -> None:
        assert isinstance(heard(message(photo=SIZES, **more)), Sent)

    def test_a_file_is_a_photo_whatever_it_says_it_is(self) -> None:
        file = FILE | {"mime_type": "application/x-msdownload", "file_name": "../../etc/passwd.jpg"}
        assert heard(message(document=file)) == Sent(Photo(ref="ref", unique="unique"))

    def test_ones_own_contact(self) -> None:
        assert heard(message(contact=CONTACT | {"user_id": ME})) == Shared("992900000001", own=True)

    @pytest.mark.parametrize(
        "told",
        [
            {"contact": CONTACT},
            {"contact": CONTACT | {"user_id": OTHER}},
            {"contact": CONTACT | {"user_id": ME}, **FORWARDED},
            {"contact": CONTACT | {"user_id": ME}, **THROUGH},
            {"contact": CONTACT | {"user_id": ME}, "from": None},
        ],
    )
    def test_every_other_contact_is_not(self, told: dict[str, Any]) -> None:
        assert heard(message(**told)) == Shared("992900000001", own=False)

    @pytest.mark.parametrize("strange", [FORWARDED, THROUGH], ids=["forwarded", "through a bot"])
    @pytest.mark.parametrize("told", [{"text": "да"}, {"photo": SIZES}, {"document": FILE}])
    def test_what_is_not_the_senders_own_is_nothing(self, strange: dict[str, Any], told: dict[str, Any]) -> None:
        assert heard(message(**strange, **told)) == Other()

    @pytest.mark.parametrize("kind", STRANGE)
    def test_what_no_step_asks_for(self, kind: str) -> None:
        assert heard(message(**{kind: STRANGE[kind]})) == Other()

    def test_what_we_do_not_know_yet(self) -> None:
        assert heard(message(something_of_the_year_2030={"a": 1})) == Other()


def written(**more: Any) -> dict[str, Any]:
    return {"update_id": 1, "message": {"message_id": 1, "date": 0, "chat": CHAT, "from": FROM, "text": "да"} | more}


def pressed(**more: Any) -> dict[str, Any]:
    query = {"id": "1", "from": FROM, "chat_instance": "1", "data": "x", "message": written()["message"]}
    return {"update_id": 1, "callback_query": query | more}


class TestSender:
    @pytest.mark.parametrize("update", [written(), pressed(), pressed(message={"chat": CHAT, "date": 0})])
    def test_a_person_in_a_private_chat(self, update: dict[str, Any]) -> None:
        assert sender(update) == str(ME)

    @pytest.mark.parametrize("kind", ["group", "supergroup", "channel", "sender", "", None, 5])
    def test_no_other_chat(self, kind: object) -> None:
        assert sender(written(chat={"id": ME, "type": kind})) == ""
        assert sender(pressed(message={"chat": {"id": ME, "type": kind}})) == ""

    @pytest.mark.parametrize(
        "name",
        [
            "edited_message",
            "channel_post",
            "edited_channel_post",
            "business_message",
            "inline_query",
            "chosen_inline_result",
            "shipping_query",
            "poll_answer",
            "my_chat_member",
            "chat_join_request",
            "message_reaction",
            "something_new",
        ],
    )
    def test_no_other_kind_of_update(self, name: str) -> None:
        assert sender({"update_id": 1, name: written()["message"]}) == ""

    @pytest.mark.parametrize(
        "more",
        [
            {"from": ANOTHER_BOT},
            {"from": FROM | {"is_bot": True}},
            {"from": FROM | {"id": OTHER}},
            {"from": None},
            {"from": "41000001"},
            {"from": FROM | {"id": str(ME)}, "chat": CHAT | {"id": str(ME)}},
            {"from": FROM | {"id": True}, "chat": CHAT | {"id": True}},
            {"from": FROM | {"id": -5}, "chat": CHAT | {"id": -5}},
            {"from": FROM | {"id": 0}, "chat": CHAT | {"id": 0}},
            {"from": FROM | {"id": 5.0}, "chat": CHAT | {"id": 5.0}},
            {"chat": None},
            {"chat": [CHAT]},
            {"chat": {"type": "private"}},
        ],
    )
    def test_nobody_else(self, more: dict[str, Any]) -> None:
        assert sender(written(**more)) == ""

    @pytest.mark.parametrize("more", [{"message": None}, {"message": {}}, {"message": "x"}, {"from": None}])
    def test_a_button_needs_its_message(self, more: dict[str, Any]) -> None:
        assert sender(pressed(**more)) == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(["id", "type", "is_bot", "chat", "from", "message", "callback_query"])
NEARLY = st.recursive(
    st.sampled_from([None, True, 0, ME, -ME, 1.5, "private", "group", str(ME), "\ud800", [], {}, float("nan")]) | JSON,
    lambda inner: st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, derandomize=True, database=None, max_examples=120)
@given(st.dictionaries(NAMES, NEARLY, max_size=3))
@example(written())
@example({"message": {"chat": {"id": [], "type": "private"}, "from": {"id": []}}})
def test_whatever_comes_is_a_persons_number_or_nobodys(update: dict[str, Any]) -> None:
    number = sender(update)
    assert number == "" or (number.isdecimal() and int(number) > 0)
