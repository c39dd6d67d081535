"""Whose photo it is: the simulated Humo knows a picture again although the bot has re-encoded it.

Kept are difference hashes: the picture upright, grey and 9 × 8 points; one bit says whether a point is lighter than its
left neighbour. Re-encoding and scaling turn a few bits over; two different pictures differ in about half of the 64.
"""

import io
from collections import deque
from itertools import pairwise

from PIL import Image, ImageOps
from pillow_heif import register_heif_opener

register_heif_opener()  # an iPhone's document comes as HEIC, and the bot sends it on as JPEG

LIMIT = 10_000
NEAR = 8  # bits of 64
WIDTH, HEIGHT = 9, 8


class Photos:
    """The last LIMIT pictures; `who` is a phone in E.164 or "tg:<user id>"."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, str]] = deque(maxlen=LIMIT)

    def remember(self, image: bytes, who: str) -> None:
        """A picture that cannot be decoded is passed over."""
        if (found := difference_hash(image)) is not None:
            self._seen.append((found, who))

    def whose(self, image: bytes) -> str | None:
        """The newest picture that is near enough."""
        wanted = difference_hash(image)
        if wanted is None:
            return None
        newest_first = reversed(list(self._seen))  # a copy, because another thread may be remembering
        return next((who for known, who in newest_first if (known ^ wanted).bit_count() <= NEAR), None)


def difference_hash(image: bytes) -> int | None:
    """64 bits; None when it is no picture."""
    try:
        with Image.open(io.BytesIO(image)) as opened:
            opened.draft("L", (WIDTH * HEIGHT, WIDTH * HEIGHT))  # a JPEG of 12 megapixels in 10 ms
            grey = ImageOps.exif_transpose(opened).convert("L").resize((WIDTH, HEIGHT), Image.Resampling.BOX)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None
    points = grey.tobytes()
    rows = (points[start : start + WIDTH] for start in range(0, WIDTH * HEIGHT, WIDTH))
    return int("".join(str(int(right > left)) for row in rows for left, right in pairwise(row)), 2)
