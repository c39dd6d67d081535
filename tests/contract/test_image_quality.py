"""Blurred, dark, glaring: which photo of a paper is sent back, and that a usable one is not."""

from io import BytesIO

import pytest
from odd_images import saved
from photographs import flashed, paper, shaded, taken
from PIL import Image

from flows.image_limits import ImageLimits, Word
from flows.image_quality import fault
from flows.images import Images, ImageUnfit

FLASHES = {"soft": flashed(paper()), "small": flashed(paper(), radius=0.19), "sharp": flashed(paper(), soft=0)}
CARD = paper(table=255, sheet=185, share=0.8)

USABLE = {
    "evenly lit": paper(),
    "few lines": paper(lines=2),
    "one line on a small paper": paper(lines=1, share=0.4),
    "pale print": paper(ink=150),
    "dim": taken(paper(), light=0.4),
    "dim and noisy": taken(paper(), light=0.4, noise=8),
    "dim, pale print": taken(paper(ink=150), light=0.4),
    "slightly soft": taken(paper(), blur=1),
    "noisy all over": taken(paper(), noise=25),
    "white on white": paper(table=255, sheet=255),
    "white on nearly white": paper(table=245, sheet=255),
    "white on grey": paper(table=200, sheet=255),
    "white on black": paper(table=20, sheet=255),
    "white on black, few lines": paper(table=20, sheet=255, lines=5),
    "a scan": paper(sheet=255, share=1, lines=30),
    "a scan of a few lines": paper(sheet=255, share=1, lines=3),
    "a card on a white table": CARD,
    "white in uneven light": shaded(paper(sheet=255, lines=1)),
    "a small flash": flashed(paper(), radius=0.08),
    "a small paper in a dark room": paper(table=5, sheet=200, share=0.4),
    "12 megapixels": paper(4000, 3000),
    "upright": paper(720, 1280),
}
POOR: dict[str, tuple[Image.Image, Word]] = {
    "out of focus": (taken(paper(), blur=6), "blurred"),
    "out of focus and noisy": (taken(paper(), blur=6, noise=4), "blurred"),
    "out of focus, white": (taken(paper(table=255, sheet=255), blur=6), "blurred"),
    "out of focus, 12 megapixels": (taken(paper(4000, 3000), blur=19), "blurred"),
    "a little out of focus": (taken(paper(), blur=3.5), "blurred"),
    "nothing to be seen": (Image.new("RGB", (1280, 960), (128, 128, 128)), "blurred"),
    "very dark": (taken(paper(), light=0.15), "dark"),
    "very dark and noisy": (taken(paper(), light=0.15, noise=10), "dark"),
    "black": (Image.new("RGB", (1280, 960)), "dark"),
    **{f"{how} flash": (picture, "glare") for how, picture in FLASHES.items()},
    "flash at the side": (flashed(paper(), x=0.25), "glare"),
    "flash and noise": (taken(FLASHES["soft"], noise=6), "glare"),
    "flash on a card on a white table": (flashed(CARD, radius=0.19, soft=0.2), "glare"),
}


def photo(picture: Image.Image) -> bytes:
    return saved(picture, "JPEG", quality=85)


def fault_of(picture: Image.Image) -> Word | None:
    with Image.open(BytesIO(photo(picture))) as seen:
        return fault(seen, ImageLimits())


@pytest.mark.parametrize("name", USABLE)
def test_a_usable_photo_passes(name: str) -> None:
    assert fault_of(USABLE[name]) is None


@pytest.mark.parametrize("name", POOR)
def test_of_a_poor_photo_we_say_what_is_wrong(name: str) -> None:
    picture, word = POOR[name]
    assert fault_of(picture) == word


async def test_the_third_try_goes_on_whatever_it_looks_like() -> None:
    async with Images() as images:
        for name in ("out of focus", "very dark", "soft flash"):
            picture, word = POOR[name]
            with pytest.raises(ImageUnfit) as refused:
                await images.prepare(photo(picture))
            assert refused.value.word == word
            assert (await images.prepare(photo(picture), lenient=True)).width == 1280
