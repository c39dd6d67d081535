"""What the image gate and its child both know: the limits, the words of a refusal, the shape of their frames.

They talk over one socket, the child's stdin; numbers are big-endian. For one image: `QUESTION` (length of the file,
lenient), the child's `TAKEN`, the file, `ANSWER` (length of what follows, width, height, SHA-256 of the file) and our
JPEG; with a width of 0 follows a `Word` instead. Imports nothing: the child loads its decoders, and little besides.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final, Literal, get_args

Word = Literal["format", "too_large", "too_many_pixels", "broken", "small", "blurred", "dark", "glare"]
"""Why an image is refused; the sentence is `image.<word>`.

format: none that we take · too_large: bytes · broken: cut off, undecodable, or it cost too much time · small: its short
side · blurred, dark, glare: see `image_quality.py`. The last four are quality; the others are safety, and never waived.
"""

WORDS: Final = frozenset[str](get_args(Word))

QUESTION: Final = Struct("!I?")
TAKEN: Final = b"!"
ANSWER: Final = Struct("!IHH32s")


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """Numbers of security.md §7 #25; bytes, pixels, seconds. The sides are those of the result.

    `quality` is that of our JPEG; `brightness`, `glare` and `sharpness` are explained in `image_quality.py`. `seconds`
    is by the clock, for one image, and `start_seconds` for a child to take it up.
    """

    size: int = 10_000_000
    pixels: int = 25_000_000
    short_side: int = 600
    lenient_short_side: int = 300
    longest_side: int = 2400
    quality: int = 90
    brightness: int = 40
    glare: float = 0.12
    sharpness: int = 20
    memory: int = 512 * 1024 * 1024
    cpu_seconds: int = 5
    seconds: float = 10.0
    start_seconds: float = 5.0
    children: int = 1
