"""The image gate with its real child: hostile files, odd photos, good ones (security.md D1-D3, C7, G10)."""

import hashlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import odd_images
import pytest
import pytest_asyncio
from figures import Record
from odd_images import CANARY, GOOD, PHOTO, saved
from photographs import cornered, paper
from PIL import Image

from flows.image_limits import ImageLimits, Word
from flows.images import Images, ImageUnfit, Prepared

MEBIBYTE = 1024 * 1024
SLOWEST = 1.0
CORNERS = {"red": (20, 20), "lime": (-20, 20), "blue": (-20, -20), "yellow": (20, -20)}
OURS = {0xD8, 0xE0, 0xDB, 0xC0, 0xC4, 0xDA}
"""Markers of a bare JPEG: start, JFIF, tables, frame, codes, scan."""


@dataclass
class Verdict:
    outcome: Prepared | Word
    seconds: float
    next_is_good: bool


@dataclass
class Verdicts:
    by_group: dict[str, dict[str, Verdict]]
    grown: int
    """Bytes of RSS that the parent took more at its worst."""


async def outcome(images: Images, data: bytes, *, lenient: bool = False) -> Prepared | Word:
    try:
        return await images.prepare(data, lenient=lenient)
    except ImageUnfit as refused:
        return refused.word


def memory(name: str) -> int:
    """A size of this process, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def peak_from_now() -> int:
    """The peak of our memory is forgotten; returns what we have."""
    Path("/proc/self/clear_refs").write_text("5")
    return memory("VmRSS")


@pytest_asyncio.fixture
async def images() -> AsyncIterator[Images]:
    async with Images() as gate:
        yield gate


@pytest_asyncio.fixture(scope="module")
async def verdicts() -> Verdicts:
    """Every odd file, each followed by a good photo, through one gate."""
    sources: Mapping[str, Callable[[], dict[str, bytes]]] = {
        "not_ours": odd_images.not_ours,
        "too_big": odd_images.too_big,
        "broken": odd_images.broken,
        "odd": odd_images.odd,
        "changed": odd_images.changed,
    }
    files = {group: source() for group, source in sources.items()}
    found: dict[str, dict[str, Verdict]] = {}
    async with Images() as gate:
        await gate.prepare(GOOD)
        before = peak_from_now()
        for group, each in files.items():
            found[group] = {name: await judge(gate, data) for name, data in each.items()}
        return Verdicts(found, memory("VmHWM") - before)


async def judge(gate: Images, data: bytes) -> Verdict:
    begun = time.perf_counter()
    found = await outcome(gate, data, lenient=True)
    seconds = time.perf_counter() - begun
    after = await gate.prepare(GOOD)
    return Verdict(found, seconds, after.digest == hashlib.sha256(GOOD).hexdigest())


@pytest.mark.parametrize(
    ("group", "word"), [("not_ours", "format"), ("too_big", "too_many_pixels"), ("broken", "broken")]
)
def test_a_hostile_file_is_refused_with_its_word(verdicts: Verdicts, group: str, word: str) -> None:
    wrong = {name: v.outcome for name, v in verdicts.by_group[group].items() if v.outcome != word}
    assert wrong == {}


def test_an_odd_photo_comes_through_as_pixels_only(verdicts: Verdicts) -> None:
    for name, verdict in verdicts.by_group["odd"].items():
        assert isinstance(verdict.outcome, Prepared), name
        jpeg = verdict.outcome.jpeg
        assert set(markers(jpeg)) == OURS, name
        assert CANARY not in jpeg, name
        with Image.open(BytesIO(jpeg)) as picture:
            assert (picture.format, picture.mode, picture.size) == (
                "JPEG",
                "RGB",
                (verdict.outcome.width, verdict.outcome.height),
            ), name
            assert not picture.getexif(), name
            assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}, name


def markers(jpeg: bytes) -> list[int]:
    """Of all segments up to the pixels."""
    found, at = [0xD8], 2
    while found[-1] != 0xDA:
        found.append(jpeg[at + 1])
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4])
    return found


@pytest.mark.proof
def test_whatever_comes_is_judged_quickly_and_harms_no_next_photo(verdicts: Verdicts, figure: Record) -> None:
    judged = {name: verdict for group in verdicts.by_group.values() for name, verdict in group.items()}
    longest, grown = max(verdict.seconds for verdict in judged.values()), verdicts.grown / MEBIBYTE
    crashed = sum(not verdict.next_is_good for verdict in judged.values())
    figure(
        "G10",
        value=f"{len(judged)} files, at most {longest:.2f} s each, {grown:.0f} MiB more, {crashed} crashes",
        met=longest <= SLOWEST and grown <= 50 and not crashed,
        method="hostile, broken, odd and randomly changed files, each followed by a good photo",
    )
    assert len(judged) > 100
    assert {name: v.seconds for name, v in judged.items() if v.seconds > SLOWEST} == {}
    assert [name for name, v in judged.items() if not v.next_is_good] == []
    assert verdicts.grown <= 50 * MEBIBYTE


async def test_a_photo_is_drawn_smaller_and_keeps_its_look(images: Images) -> None:
    file = saved(cornered(3000, 2200), "JPEG", quality=90)
    prepared = await images.prepare(file)
    assert (prepared.width, prepared.height) == (2400, 1760)
    assert prepared.digest == hashlib.sha256(file).hexdigest()
    assert corners(prepared) == list(CORNERS)
    assert "jpeg" not in repr(prepared)


def corners(prepared: Prepared) -> list[str]:
    """The colours of the corners, clockwise from the top left."""
    with Image.open(BytesIO(prepared.jpeg)) as picture:
        at = [(x % picture.width, y % picture.height) for x, y in CORNERS.values()]
        seen = [picture.getpixel(place) for place in at]
    return [nearest(pixel) for pixel in seen if isinstance(pixel, tuple)]


def nearest(pixel: tuple[int, ...]) -> str:
    pure = {(True, False, False): "red", (False, True, False): "lime", (False, False, True): "blue"}
    return (pure | {(True, True, False): "yellow"}).get((pixel[0] > 127, pixel[1] > 127, pixel[2] > 127), "another")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
async def test_a_photo_is_turned_upright(images: Images, kind: str, orientation: int) -> None:
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    """The transposition that undoes each orientation: as the camera held the sensor."""
    upright = cornered()
    held = upright.transpose(Image.Transpose(back[orientation])) if orientation > 1 else upright
    prepared = await images.prepare(saved(held, kind, exif=odd_images.exif(orientation)))
    assert (prepared.width, prepared.height) == upright.size
    assert corners(prepared) == list(CORNERS)


async def test_what_is_clear_becomes_white(images: Images) -> None:
    clear = PHOTO.convert("RGBA")
    clear.paste((0, 0, 0, 0), (0, 0, 50, 50))
    for kind in ("PNG", "WEBP"):
        prepared = await images.prepare(saved(clear, kind))
        with Image.open(BytesIO(prepared.jpeg)) as picture:
            assert picture.getpixel((25, 25)) == pytest.approx((255, 255, 255), abs=3), kind


async def test_grey_of_16_bits_keeps_its_shades(images: Images) -> None:
    deep = PHOTO.convert("L").convert("I").point(lambda value: value * 257).convert("I;16")
    prepared = await images.prepare(saved(deep, "PNG"))
    with Image.open(BytesIO(prepared.jpeg)) as picture:
        assert picture.getpixel((10, 10)) == pytest.approx(PHOTO.getpixel((10, 10)), abs=3)


async def test_of_an_animation_the_first_picture_counts(images: Images) -> None:
    file = saved(cornered(), "WEBP", save_all=True, append_images=[Image.new("RGB", (900, 700))])
    assert corners(await images.prepare(file)) == list(CORNERS)


@pytest.mark.parametrize(
    ("size", "word", "lenient_word"),
    [
        ((600, 800), None, None),
        ((599, 800), "small", None),
        ((800, 300), "small", None),
        ((800, 299), "small", "small"),
        ((5000, 1000), "small", None),  # 480 when it is drawn as a picture of 2400
        ((60_000, 2), "small", "small"),
    ],
)
async def test_the_short_side(images: Images, size: tuple[int, int], word: Word, lenient_word: Word) -> None:
    file = saved(paper(*size) if min(size) > 2 else Image.new("RGB", size), "PNG")
    for lenient, expected in ((False, word), (True, lenient_word)):
        found = await outcome(images, file, lenient=lenient)
        assert (None if isinstance(found, Prepared) else found) == expected


async def test_25_megapixels_are_the_most(images: Images) -> None:
    assert (await images.prepare(odd_images.png(5000, 5000), lenient=True)).width == 2400


async def test_the_size_of_a_file() -> None:
    limits = ImageLimits(size=len(GOOD))
    async with Images(limits) as gate:
        assert isinstance(await outcome(gate, GOOD), Prepared)
        assert await outcome(gate, GOOD + b"\0", lenient=True) == "too_large"
    assert ImageLimits().size == 10_000_000
