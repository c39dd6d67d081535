"""Drawn papers and selfies of invented people, for trying the chat by hand and in tests; nothing looks like a real one.

Each picture lies under big blobs of light of its own, which make its cells brighter and darker by chance: two different
ones are 16 bits and more apart for `photos.py`, and one that is re-encoded stays near itself. Drawn in grey and tinted
afterwards, which is twice as quick as drawing in colours. Letters are Latin: Pillow's own font has no Cyrillic.
"""

from functools import lru_cache
from io import BytesIO
from itertools import accumulate, groupby, product
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFont

from sandbox.cast import Person
from sandbox.humo_answers import mrz
from sandbox.latin import latin
from sandbox.photos import HEIGHT, WIDTH

PAGES = ("front", "back", "old_front", "old_back", "selfie")
PAPER, SELFIE = (1600, 1000), (1200, 1600)  # pixels
INK, FAINT, GREY, WHITE = 20, 60, 120, 250
SKIN = (104, 156)  # Cb, Cr
DARKEST, BRIGHTEST = 105.0, 215.0  # of a cell
ROWS = [
    signs
    for signs in product((-1, 1), repeat=WIDTH - 1)
    if all(len(list(run)) <= 4 for _, run in groupby(signs))  # a longer ascent would have flat steps
]
WARNING = "SANDBOX - DRAWN FOR TESTS - NOT A DOCUMENT"
QUALITY = 88
KEPT = 64
SALT = 2  # with others two of the cast's first 330 pictures were 13 to 15 bits apart

Box = tuple[int, int, int, int]


def draw(person: Person, page: str, n: int = 0) -> bytes:
    """A JPEG of one of PAGES; `n` chooses among as many different photos of it as anybody likes."""
    who = person.crmid or person.phone or person.tax_number
    lines = () if page == "selfie" else _lines(person, page)
    return _rendered(lines, f"{SALT}:{who}:{page}:{n}", who)


def _lines(person: Person, page: str) -> tuple[tuple[str, str], ...]:
    """Label and text; without a label it is of the machine-readable zone."""
    papers = person.documents
    old = page.startswith("old_")
    told: tuple[tuple[str, str], ...]
    if page.endswith("front"):
        told = (
            ("Nasab / Surname", person.last_name),
            ("Nom / Name", person.first_name),
            ("Nomi padar / Patronymic", person.middle_name),
            ("Sanai tavallud / Born", person.birth_date),
            ("Jins / Sex", papers["gender"]),
            ("Raqam / No.", papers["id_old" if old else "id_card"]),
        )
    else:
        told = (
            ("RMA / Tax number", papers["card_tax_number"]),
            ("Sanai dodan / Issued", papers["issued"]),
            ("Etibor to / Expires", papers["expires"]),
            ("Maqomi dodan / Authority", papers["authority"]),
            ("Suroga / Address", papers["address"]),
            *(("", line) for line in mrz(person) if not old),
        )
    title = ("", f"{'OLD PASSPORT' if old else 'ID CARD'}, {page.removeprefix('old_')}")
    return (title, *((label, latin(text)) for label, text in told if text))


@lru_cache(maxsize=KEPT)
def _rendered(lines: tuple[tuple[str, str], ...], seed: str, who: str) -> bytes:
    dice = Random(seed)  # noqa: S311 - repeatable on purpose
    grey = Image.new("L", PAPER if lines else SELFIE, WHITE)
    pen = ImageDraw.Draw(grey)
    _threads(pen, grey.size)
    face: Box | None = None
    if lines:
        _write(pen, lines)
        face = (1130, 250, 1480, 700) if "front" in seed else None
    else:
        left, top, size = dice.randrange(180, 340), dice.randrange(250, 450), dice.randrange(560, 700)
        face = (left, top, left + size, top + size * 13 // 10)
        pen.text((60, 60), WARNING, INK, _font(40))
    if face:
        _face(pen, face, who)
    tints = (_tint(grey.size, dice, face, colour) for colour in SKIN)
    packed = BytesIO()
    Image.merge("YCbCr", (_lit(grey, dice), *tints)).save(packed, "JPEG", quality=QUALITY)
    return packed.getvalue()


def _lit(grey: Image.Image, dice: Random) -> Image.Image:
    """Under a light of blobs that gives each cell of the difference hash the brightness that it is to have."""
    cells = grey.resize((WIDTH, HEIGHT), Image.Resampling.BOX).tobytes()
    wanted = (brightness for _ in range(HEIGHT) for brightness in _row(dice))
    light = bytes(min(255, round(255 * one / cell)) for one, cell in zip(wanted, cells, strict=True))
    return ImageChops.multiply(grey, _blobs(light, grey.size, 4))


def _tint(size: tuple[int, int], dice: Random, face: Box | None, skin: int) -> Image.Image:
    """One of the two channels of colour."""
    points = bytes(dice.randrange(100, 157) for _ in range(WIDTH * HEIGHT))
    tint = _blobs(points, size, 8)
    if face:
        ImageDraw.Draw(tint).ellipse(face, skin)
    return tint


def _blobs(points: bytes, size: tuple[int, int], grain: int) -> Image.Image:
    """Smooth but for its grain of so many pixels, which nobody sees and which costs a fifth."""
    coarse = (size[0] // grain, size[1] // grain)
    smooth = Image.frombytes("L", (WIDTH, HEIGHT), points).resize(coarse, Image.Resampling.BICUBIC)
    return smooth.resize(size, Image.Resampling.NEAREST)


def _row(dice: Random) -> list[float]:
    """Brightness (0-255) of a row of cells; each is clearly above or below the one before."""
    steps = (sign * dice.randrange(20, 36) for sign in dice.choice(ROWS))
    heights = list(accumulate(steps, initial=0))
    low, high = min(heights), max(heights)
    return [DARKEST + (BRIGHTEST - DARKEST) * (height - low) / (high - low) for height in heights]


def _threads(pen: ImageDraw.ImageDraw, size: tuple[int, int]) -> None:
    """Thin lines all over, as on a banknote: something to be sharp."""
    width, height = size
    for start in range(-height, width, 64):
        pen.line((start, 0, start + height, height), GREY, 2)


def _write(pen: ImageDraw.ImageDraw, lines: tuple[tuple[str, str], ...]) -> None:
    pen.rounded_rectangle((30, 30, PAPER[0] - 30, PAPER[1] - 30), 40, outline=INK, width=6)
    pen.text((80, 60), WARNING, INK, _font(44))
    line = 140
    for label, text in lines:
        if label:
            pen.text((80, line), label, FAINT, _font(28))
            line += 34
        pen.text((80, line), text, INK, _font(50))
        line += 72


def _face(pen: ImageDraw.ImageDraw, box: Box, who: str) -> None:
    """A round face with hair, eyes, a nose and a smile; its shades are the person's."""
    left, top, right, bottom = box
    width, height, middle = right - left, bottom - top, (left + right) // 2
    dice = Random(who)  # noqa: S311 - repeatable on purpose
    hair, skin, shirt = (dice.randrange(low, low + 50) for low in (120, 195, 150))
    pen.ellipse((left - width // 4, bottom - height // 12, right + width // 4, bottom + height), shirt, INK, 4)
    pen.ellipse((left - width // 12, top - height // 8, right + width // 12, bottom - height // 4), hair, INK, 4)
    pen.ellipse(box, skin, INK, 4)
    for at in (left + width // 3, right - width // 3):
        eye, line = width // 14, top + height * 2 // 5
        pen.ellipse((at - eye, line - eye // 2, at + eye, line + eye // 2), WHITE, INK, 3)
        pen.ellipse((at - eye // 3, line - eye // 3, at + eye // 3, line + eye // 3), INK)
        pen.arc((at - eye * 2, line - eye * 3, at + eye * 2, line), 200, 340, INK, 8)
    nose = top + height * 3 // 5
    pen.line((middle, top + height * 9 // 20, middle - width // 16, nose, middle, nose), INK, 5)
    pen.arc((left + width // 4, top + height // 2, right - width // 4, bottom - height // 8), 25, 155, INK, 12)


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
