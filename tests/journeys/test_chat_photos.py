"""Photos and files that will not do: refused before any upload, with how to do better; the third try is not judged."""

import asyncio
import io
import zipfile
from collections import Counter
from collections.abc import Callable

from chat_stand import ChatStand
from guests import Guest
from meanwhile import AFTER, refused
from PIL import Image

PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def changed(by: Callable[[Image.Image], Image.Image]) -> Callable[[bytes], bytes]:
    def change(photo: bytes) -> bytes:
        buffer = io.BytesIO()
        by(Image.open(io.BytesIO(photo))).save(buffer, "JPEG", quality=92)
        return buffer.getvalue()

    return change


def bomb(_: bytes) -> bytes:
    """A few kilobytes that unpack to 100 megapixels."""
    buffer = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(buffer, "PNG")
    return buffer.getvalue()


def archive(_: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("passport.jpg", b"no photo")
    return buffer.getvalue()


UNFIT: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "blurred": (
        changed(lambda photo: photo.resize((100, 63)).resize(photo.size, Image.Resampling.BICUBIC)),
        "image.blurred",
    ),
    "dark": (changed(lambda photo: photo.point(lambda value: value * 0.06)), "image.dark"),
    "small": (changed(lambda photo: photo.resize((320, 200))), "image.small"),
    "cut off": (lambda photo: photo[: len(photo) // 3], "image.broken"),
    "a bomb": (bomb, "image.too_many_pixels"),
    "a zip file": (archive, "image.format"),
    "a PDF": (lambda _: PDF, "image.format"),
    "a PDF with a photo in it": (lambda photo: PDF + photo, "image.format"),
    "a page": (lambda photo: b"<!doctype html><script>alert(1)</script>" + photo, "image.format"),
    "nothing": (lambda _: b"", "image.format"),
    "12 MB": (lambda photo: photo + bytes(12_000_000), "image.too_large"),
    "21 MB": (lambda photo: photo + bytes(21 * 2**20), "image.too_large"),
}


async def test_an_unfit_photo_is_refused_before_any_upload(chats: ChatStand) -> None:
    """Two for each page, and a good third."""

    async def walked(key: str, names: list[str]) -> None:
        guest = chats.guest()
        await guest.to_photo(key)
        for page, two in (("front", names[:2]), ("back", names[2:])):
            for change, words in map(UNFIT.__getitem__, two):
                await guest.send(change(await guest.shot(page)))
                await refused(guest, page, words)
            await guest.shoot(page)
            await guest.told(AFTER[page])
        assert await chats.uploads(key) == Counter(front=1, back=1)

    names = list(UNFIT)
    await asyncio.gather(*(walked(key, names[4 * at : 4 * at + 4]) for at, key in enumerate(await chats.keys(3))))


async def test_the_third_try_is_not_judged_but_must_be_a_photo(chats: ChatStand) -> None:
    blurred, _ = UNFIT["blurred"]
    lenient, stubborn = chats.guest(), chats.guest()
    await asyncio.gather(tried(lenient, blurred, 3), tried(stubborn, archive, 3))
    await lenient.told("document.ask_back")
    await stubborn.told("error.papers_spent")


async def tried(guest: Guest, change: Callable[[bytes], bytes], times: int) -> None:
    await guest.to_photo()
    for number in range(times):
        await guest.send(change(await guest.shot("front")) + bytes(number))
        if number < times - 1:
            await guest.until(lambda entry: guest.words("document.ask_front") in entry["text"], what="front, again")


def located(photo: bytes) -> bytes:
    """With the place where it was taken, as cameras write it; the pixels stay as they are."""
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (38.0, 33.0, 36.0), 3: "E", 4: (68.0, 46.0, 12.0)}
    told = exif.tobytes()
    return photo[:2] + b"\xff\xe1" + (len(told) + 2).to_bytes(2, "big") + told + photo[2:]


async def test_nothing_leaves_but_the_pixels(chats: ChatStand) -> None:
    """An archive that hangs on behind, a place in the metadata: what Humo is given is the same as without."""
    guests = [chats.guest() for _ in range(3)]
    await asyncio.gather(*(guest.to_photo() for guest in guests))
    photo = await guests[0].shot("front")
    before = {sent["sha256"] for call in await chats.calls("humo") for sent in call["files"]}
    files = (photo, photo + archive(photo), located(photo))
    await asyncio.gather(*(guest.send(file) for guest, file in zip(guests, files, strict=True)))
    await asyncio.gather(*(guest.told("document.ask_back") for guest in guests))
    sent = [sent["sha256"] for call in await chats.calls("humo") for sent in call["files"]]
    assert sorted(Counter(one for one in sent if one not in before).values()) == [3]


async def test_anything_but_a_photo_is_answered_with_what_is_expected(chats: ChatStand) -> None:
    guest = chats.guest()
    await guest.to_photo()
    for act in ({"text": "готово"}, {"kind": "voice"}, {"kind": "sticker"}, {"kind": "video"}, {"kind": "video_note"}):
        await guest.act(**act)
        await refused(guest, "front", "error.photo_wanted")
