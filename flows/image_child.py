"""The child of the image gate: decodes files that nobody trusts, one after the other, and can do nothing else.

Run by `images.py` alone, as `python -m flows.image_child LIMITS PARENT`: the limits as JSON, the parent's process id.
Before the first file it gives up memory, files and sockets. What goes back is a JPEG of our own, made from pixels only.
It says nothing on stderr, since what a decoder complains of may be somebody's paper.
"""

import ctypes
import hashlib
import json
import math
import os
import resource
import signal
import socket
import sys
import time
import warnings
from io import BytesIO

from PIL import Image, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, UnidentifiedImageError, WebPImagePlugin

from flows.image_limits import ANSWER, QUESTION, TAKEN, ImageLimits, Word
from flows.image_quality import fault

PLUGINS = (JpegImagePlugin, MpoImagePlugin, PngImagePlugin, WebPImagePlugin)
"""Loaded now, for soon no file can be opened any more. Many phones write MPO: it is a JPEG with more behind it."""

FORMATS = ["JPEG", "PNG", "WEBP"]
_ORIENTATION = 0x0112
_TURNS: dict[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4


class Unfit(Exception):
    def __init__(self, word: Word) -> None:
        super().__init__(word)
        self.word = word


def main() -> None:
    limits = ImageLimits(**json.loads(sys.argv[1]))
    _learn(limits)
    _confine(limits, int(sys.argv[2]))
    with socket.socket(fileno=0) as line, line.makefile("rwb") as frames:
        while question := frames.read(QUESTION.size):
            size, lenient = QUESTION.unpack(question)
            _allow(limits.cpu_seconds)
            frames.write(TAKEN)
            frames.flush()
            frames.writelines(_answer(frames.read(size), limits, lenient=lenient))
            frames.flush()


def _learn(limits: ImageLimits) -> None:
    Image.preinit()
    Image.MAX_IMAGE_PIXELS = limits.pixels
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        import pillow_heif  # noqa: PLC0415 - where its libraries do not load, HEIC is one more format that we lack
    except ImportError:
        return
    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)
    FORMATS.append("HEIF")


def _confine(limits: ImageLimits, parent: int) -> None:
    """Die with the parent; leave no core dump; open nothing (0, 1 and 2 are open), write no file; let the parent go
    first, since a chat that waits for an answer waits for the parent."""
    os.nice(10)
    libc = ctypes.CDLL(None)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) or libc.prctl(_PR_SET_DUMPABLE, 0) or os.getppid() != parent:
        sys.exit(1)
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def _allow(seconds: int) -> None:
    """So much CPU time from now on; then the kernel ends this process."""
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time()) + seconds, resource.RLIM_INFINITY))


def _answer(data: bytes, limits: ImageLimits, *, lenient: bool) -> tuple[bytes, bytes]:
    try:
        image = _prepared(data, limits, lenient=lenient)
        jpeg = BytesIO()
        image.save(jpeg, "JPEG", quality=limits.quality)
    except Unfit as refused:
        return _refusal(refused.word)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError, MemoryError):
        return _refusal("too_many_pixels")
    except Exception:  # noqa: BLE001 - decoders raise anything, and it is always the file's fault
        return _refusal("broken")
    body = jpeg.getvalue()
    return ANSWER.pack(len(body), *image.size, hashlib.sha256(data).digest()), body


def _refusal(word: Word) -> tuple[bytes, bytes]:
    return ANSWER.pack(len(word), 0, 0, b""), word.encode()


def _prepared(data: bytes, limits: ImageLimits, *, lenient: bool) -> Image.Image:
    image = _opened(data)
    scale = min(1.0, limits.longest_side / max(image.size))
    width, height = (max(1, round(side * scale)) for side in image.size)
    if min(width, height) < (limits.lenient_short_side if lenient else limits.short_side):
        raise Unfit("small")
    image.draft(image.mode, (width, height))  # a JPEG of twice that size comes out of its decoder smaller
    image.load()
    turn = _turn(image)
    picture = _on_white(image)
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.HAMMING)  # as sharp as bicubic, at half its cost
    if turn is not None:
        picture = picture.transpose(turn)
    word = None if lenient else fault(picture, limits)
    if word:
        raise Unfit(word)
    return _bare(picture)


def _opened(data: bytes) -> Image.Image:
    """The header alone is read: nothing is decoded yet."""
    try:
        return Image.open(BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        ours = any(accepts and accepts(data[:16]) is True for _, accepts in map(Image.OPEN.__getitem__, FORMATS))
        raise Unfit("broken" if ours else "format") from None


def _on_white(image: Image.Image) -> Image.Image:
    """In RGB, on white where it was transparent."""
    if image.mode.startswith("I"):  # 16 bits of grey
        image = image.convert("I").point(lambda value: value * (1 / 257))
    if not image.has_transparency_data:
        return image.convert("RGB") if image.mode != "RGB" else image
    image = image.convert("RGBA")
    page = Image.new("RGB", image.size, "white")
    page.paste(image, mask=image)
    return page


def _bare(picture: Image.Image) -> Image.Image:
    """The pixels, and nothing else that came with the file."""
    bare = Image.new("RGB", picture.size)
    bare.paste(picture)
    return bare


def _turn(image: Image.Image) -> Image.Transpose | None:
    try:
        return _TURNS.get(image.getexif().get(_ORIENTATION))
    except Exception:  # noqa: BLE001 - a photo is good though its EXIF is not
        return None


if __name__ == "__main__":
    main()
