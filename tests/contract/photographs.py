"""Photos of papers that nobody has: print on a sheet on a table, in all the bad light there is."""

import random

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageFont

_LETTERS = "abcdefghiklmnoprstuvz"


def paper(
    width: int = 1280,
    height: int = 960,
    *,
    table: int = 110,
    sheet: int = 215,
    ink: int = 50,
    lines: int = 14,
    share: float = 0.75,
) -> Image.Image:
    """A sheet over `share` of the width and the height; brightness of table, sheet and ink 0-255."""
    chance = random.Random(lines)
    picture = Image.new("RGB", (width, height), (table,) * 3)
    draw = ImageDraw.Draw(picture)
    left, top = width * (1 - share) / 2, height * (1 - share) / 2
    draw.rectangle((left, top, width - left, height - top), fill=(sheet,) * 3)
    font = ImageFont.load_default(height / 45)
    for line in range(lines):
        words = ("".join(chance.choices(_LETTERS, k=chance.randint(2, 9))) for _ in range(8))
        at = (left + width * share / 12, top + height * share * (line + 1) / (lines + 2))
        draw.text(at, " ".join(words), fill=(ink,) * 3, font=font)
    return picture


def flashed(picture: Image.Image, *, radius: float = 0.22, soft: float = 0.5, x: float = 0.5) -> Image.Image:
    """With a burnt-out spot; its halo is `soft` of its radius wide. `radius` and `x` are parts of the width."""
    width, height = picture.width // 8, picture.height // 8
    light = Image.new("L", (width, height))
    draw = ImageDraw.Draw(light)
    for step in range(1, 41):
        reach = radius * width * (1 + soft * (1 - step / 40))
        draw.ellipse(
            (x * width - reach, height / 2 - reach, x * width + reach, height / 2 + reach), fill=255 * step // 40
        )
    bright = light.resize(picture.size, Image.Resampling.BICUBIC)
    return ImageChops.add(picture, Image.merge("RGB", [bright] * 3))


def shaded(picture: Image.Image) -> Image.Image:
    """Too bright in the middle, and darker the further from it."""
    shade = Image.radial_gradient("L").point([255 - round(value * 0.3) for value in range(256)]).resize(picture.size)
    return ImageChops.multiply(picture, Image.merge("RGB", [shade] * 3)).point([value + 25 for value in range(256)] * 3)


def taken(picture: Image.Image, *, blur: float = 0, light: float = 1, noise: float = 0) -> Image.Image:
    """As a camera sees it: out of focus by so many pixels, in so much light, with so much noise (of 255, uniform)."""
    seen = ImageEnhance.Brightness(picture.filter(ImageFilter.GaussianBlur(blur))).enhance(light)
    grain = Image.frombytes("L", seen.size, random.Random(1).randbytes(seen.width * seen.height))
    grain = grain.point([round(128 + (value - 128) * noise / 128) for value in range(256)])
    return ImageChops.add(seen, Image.merge("RGB", [grain] * 3), offset=-128)


def cornered(width: int = 900, height: int = 700) -> Image.Image:
    """A colour of its own in each corner: red, green, blue, yellow, clockwise from the top left."""
    picture = paper(width, height)
    for colour, x, y in (("red", 0, 0), ("lime", 1, 0), ("blue", 1, 1), ("yellow", 0, 1)):
        left, top = x * (width - 100), y * (height - 100)
        picture.paste(colour, (left, top, left + 100, top + 100))
    return picture
