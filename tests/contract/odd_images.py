"""Files that people and attackers send instead of a good photo, made here: name → bytes.

`CANARY` stands in all that must not come through: metadata, comments, profiles, thumbnails, tails.
"""

import random
import struct
import zipfile
import zlib
from io import BytesIO
from typing import Any

import pillow_heif
from photographs import paper
from PIL import Image, PngImagePlugin

CANARY = b"canary-38.5598-68.7870"
PHOTO = paper(800, 640)
SEED = 20
pillow_heif.register_heif_opener()


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    if kind == "HEIF":
        options["enc_params"] = {"preset": "ultrafast"}
    image.save(file, kind, **options)
    return file.getvalue()


GOOD = saved(PHOTO, "JPEG", quality=88)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack("!I", len(body)) + kind + body + struct.pack("!I", zlib.crc32(kind + body))


def png(width: int, height: int, *chunks: bytes, depth: int = 8, colour: int = 0, body: bytes | None = None) -> bytes:
    """A PNG by hand; without a `body` all its pixels are 0, and are packed a row at a time."""
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    if body is None:
        packer, row = zlib.compressobj(1), bytes(1 + (width * depth * samples + 7) // 8)
        body = b"".join([packer.compress(row) for _ in range(height)]) + packer.flush()
    head = chunk(b"IHDR", struct.pack("!IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0xFF, marker, len(body) + 2) + body


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def exif(orientation: object = 1) -> bytes:
    """Camera, place and orientation, with a thumbnail behind them."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = CANARY.decode()
    tags.get_ifd(0x8825).update({1: "N", 2: (38.0, 33.0, 35.3), 3: "E", 4: (68.0, 47.0, 13.2)})
    return tags.tobytes() + saved(PHOTO.resize((160, 128)), "JPEG", comment=CANARY)


def profile(size: int) -> list[bytes]:
    """An ICC profile in as many segments as it needs."""
    body = CANARY.ljust(size, b"\0")
    parts = [body[start : start + 65_000] for start in range(0, size, 65_000)]
    return [
        segment(0xE2, b"ICC_PROFILE\0" + bytes((number, len(parts))) + part) for number, part in enumerate(parts, 1)
    ]


def zipped() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.txt", CANARY)
    return file.getvalue()


def frames(count: int, first: Image.Image = PHOTO) -> list[Image.Image]:
    return [first, *(Image.new("RGB", first.size, (index % 256, 0, 0)) for index in range(count))]


def many_framed_png(count: int) -> bytes:
    """The first frame is the picture; `count` more of one pixel each."""
    pixel = zlib.compress(b"\0\xff")
    more = []
    for index in range(count):
        control = struct.pack("!IIIIIHHBB", 2 * index + 1, 1, 1, 0, 0, 1, 10, 0, 0)
        more += [chunk(b"fcTL", control), chunk(b"fdAT", struct.pack("!I", 2 * index + 2) + pixel)]
    whole = png(*PHOTO.size, chunk(b"acTL", struct.pack("!II", count + 1, 0)))
    return whole[: -len(chunk(b"IEND", b""))] + b"".join(more) + chunk(b"IEND", b"")


def not_ours() -> dict[str, bytes]:
    """Of no kind that we take."""
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 800 800\n%%EndComments\n(x) (w) file closefile\nshowpage\n"
    kinds = {
        kind: saved(PHOTO, kind) for kind in ("GIF", "TIFF", "BMP", "ICO", "PPM", "JPEG2000", "AVIF", "TGA", "PCX")
    }
    stamp = PHOTO.resize((100, 80))
    return {kind: saved(stamp, kind) for kind in kinds} | {
        "empty": b"",
        "one byte": b"\xff",
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        "html": b"<!doctype html><img src=x onerror=alert(1)>",
        "zip": zipped(),
        "pdf": saved(stamp, "PDF"),
        "eps": eps,
        "eps in a dos box": b"\xc5\xd0\xd3\xc6" + struct.pack("<6I", 30, len(eps), 0, 0, 0, 0) + b"\xff\xff" + eps,
        "psd": b"8BPS" + struct.pack("!H6xHIIHH", 1, 3, 800, 800, 8, 3) + bytes(4000),
        "gif of 300 frames": saved(stamp, "GIF", save_all=True, append_images=frames(300, stamp)[1:]),
        "tiff bomb": b"II*\0\x08\0\0\0" + struct.pack("<H", 0xFFFF) + bytes(2000),
    }


def too_big() -> dict[str, bytes]:
    """More pixels than we decode, whatever else they are."""
    return {
        "13000 x 13000": png(13_000, 13_000),
        "header of 2^31 - 1": png(2**31 - 1, 2**31 - 1, body=b""),
        "header of 2^31": png(2**31, 2**31, body=b""),
        "one pixel over": png(5001, 5000, body=b""),
        "jpeg of 65500 x 65500": resized(GOOD, 65_500, 65_500),
        "heic of 60000 x 60000": heic_claiming(60_000, 60_000),
    }


def resized(jpeg: bytes, width: int, height: int) -> bytes:
    """What its header claims."""
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + struct.pack("!HH", height, width) + jpeg[at + 4 :]


def heic_claiming(width: int, height: int) -> bytes:
    heic = saved(PHOTO, "HEIF")
    said = b"ispe\0\0\0\0" + struct.pack("!II", *PHOTO.size)
    return heic.replace(said, said[:8] + struct.pack("!II", width, height))


def broken() -> dict[str, bytes]:
    """Ours, and not to be decoded."""
    lossless, webp, heic = (saved(PHOTO, kind) for kind in ("PNG", "WEBP", "HEIF"))
    bomb = zlib.compress(bytes(200_000_000), 9)
    pixels = lossless.index(b"IDAT")
    return {
        **{f"jpeg cut at {share} %": GOOD[: len(GOOD) * share // 100] for share in (1, 10, 50, 90, 99)},
        **{f"png cut at {share} %": lossless[: len(lossless) * share // 100] for share in (10, 50, 99)},
        **{f"webp cut at {share} %": webp[: len(webp) * share // 100] for share in (1, 50, 99)},
        **{f"heic cut at {share} %": heic[: len(heic) * share // 100] for share in (20, 60, 99)},
        "jpeg without an end": GOOD[:-2],
        "no pixels": png(*PHOTO.size, body=b""),
        "noise for pixels": png(*PHOTO.size, body=random.Random(SEED).randbytes(5000)),
        "pixels changed": lossless[: pixels + 900] + b"~" + lossless[pixels + 901 :],
        "nothing but a magic": b"\xff\xd8\xff\xe0",
        "text bomb": png(*PHOTO.size, chunk(b"zTXt", b"note\0\0" + bomb)),
        "long text bomb": png(*PHOTO.size, chunk(b"iTXt", b"note\0\1\0\0\0" + bomb)),
        "profile bomb": png(*PHOTO.size, chunk(b"iCCP", b"note\0\0" + bomb)),
        "64 text bombs": png(*PHOTO.size, *([chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(1_000_000), 9))] * 70)),
    }


def odd() -> dict[str, bytes]:
    """Unusual and legal: it comes through, without its canary."""
    note = PngImagePlugin.PngInfo()
    note.add_itxt("XML:com.adobe.xmp", CANARY.decode())
    note.add_text("Comment", CANARY.decode(), zip=True)
    grey, clear = PHOTO.convert("L"), PHOTO.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(PHOTO.size))
    xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + CANARY)
    return {
        "plain": GOOD,
        "cmyk": saved(PHOTO.convert("CMYK"), "JPEG"),
        "grey jpeg": saved(grey, "JPEG"),
        "progressive": saved(PHOTO, "JPEG", progressive=True),
        "thin colours": saved(PHOTO, "JPEG", subsampling=2, quality=30),
        "two pictures in one": saved(PHOTO, "MPO", save_all=True, append_images=[PHOTO.rotate(180)]),
        "jpeg and zip": GOOD + zipped(),
        "jpeg with a tail": GOOD + CANARY * 10_000,
        "comment": saved(PHOTO, "JPEG", comment=CANARY),
        "icc of 5 MB": with_segments(GOOD, *profile(5_000_000)),
        "xmp": with_segments(GOOD, xmp),
        "exif": saved(PHOTO, "JPEG", exif=exif()),
        "exif of nonsense": with_segments(GOOD, segment(0xE1, b"Exif\0\0II*\0" + b"\xff" * 500)),
        "exif that bites its tail": with_segments(GOOD, segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\0\0\x08\0\0\0")),
        "orientation 99": saved(PHOTO, "JPEG", exif=exif(99)),
        "segments of every kind": with_segments(GOOD, *(segment(0xE0 + index, CANARY) for index in range(1, 16))),
        "16 bits": saved(grey.convert("I").point(lambda value: value * 257).convert("I;16"), "PNG"),
        "16 bits in colour": png(*PHOTO.size, depth=16, colour=2),
        "one bit": saved(grey.convert("1"), "PNG"),
        "palette": saved(PHOTO.quantize(16), "PNG"),
        "palette, see-through": saved(PHOTO.quantize(16), "PNG", transparency=3),
        "grey, see-through": saved(clear.convert("LA"), "PNG"),
        "colour, see-through": saved(clear, "PNG", pnginfo=note, exif=exif()),
        "apng of 10000 frames": many_framed_png(10_000),
        "webp of 30 frames": saved(PHOTO, "WEBP", save_all=True, append_images=frames(30)[1:]),
        "webp, see-through": saved(clear, "WEBP", exif=exif(), xmp=CANARY),
        "webp without loss": saved(PHOTO, "WEBP", lossless=True),
        "heic": saved(PHOTO, "HEIF", exif=exif(), xmp=CANARY),
        "heic, see-through": saved(clear, "HEIF"),
        "heic of two": saved(PHOTO, "HEIF", save_all=True, append_images=[PHOTO.rotate(180)]),
    }


def endless() -> bytes:
    """A JPEG of 200 KB whose last scan comes five thousand times: a minute of decoding."""
    whole = saved(Image.new("L", (2400, 2400), 128), "JPEG", progressive=True)
    return whole[:-2] + whole[whole.rindex(b"\xff\xda") : -2] * 5000 + whole[-2:]


def changed() -> dict[str, bytes]:
    """Random bytes changed, most of them near the head."""
    chance = random.Random(SEED)
    found = {}
    for kind in ("JPEG", "PNG", "WEBP", "HEIF"):
        file = saved(PHOTO, kind)
        for number in range(12):
            copy = bytearray(file)
            for _ in range(chance.randint(1, 8)):
                copy[8 + int((len(file) - 8) * chance.random() ** 4)] = chance.randrange(256)
            found[f"{kind}, changed {number}"] = bytes(copy)
    return found
