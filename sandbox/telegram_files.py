"""Files of the chats, in memory: photos recompressed as Telegram does it, documents as they came."""

import asyncio
import base64
import hashlib
import io
import re
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from PIL import Image, ImageOps

from sandbox.recent import Recent
from sandbox.telegram_refusals import Refused
from sandbox.world import World

MOST_FILES, MOST_BYTES = 8_000, 512 * 2**20
MOST_RENDERED = 64
SIDES = (90, 320, 800, 1280)  # longest sides of a photo's renditions, in pixels
QUALITY = 87
LARGEST_DOWNLOAD = 20 * 2**20
PATH_SECONDS = 3_600.0  # a file_path is good for an hour
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")


@dataclass(frozen=True, slots=True)
class Stored:
    """`folder` and `extension` make its path; `mime_type` and `name` are what the page's download says."""

    file_id: str
    unique_id: str
    data: bytes
    folder: str
    extension: str
    mime_type: str = "application/octet-stream"
    name: str = ""

    @property
    def api(self) -> dict[str, Any]:
        """What every file object of the Bot API begins with."""
        return {"file_id": self.file_id, "file_unique_id": self.unique_id, "file_size": len(self.data)}


@dataclass(frozen=True, slots=True)
class Rendition:
    jpeg: bytes
    width: int
    height: int


def renditions(picture: bytes) -> list[Rendition]:
    """JPEGs in SIDES, the smallest first, never larger than the picture and without EXIF. Raises ValueError."""
    try:
        with Image.open(io.BytesIO(picture), formats=FORMATS) as opened:
            opened.draft("RGB", (SIDES[-1], SIDES[-1]))
            ImageOps.exif_transpose(opened, in_place=True)
            upright = opened.convert("RGB")
    except (OSError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError("no picture that can be decoded") from None
    upright.info.clear()
    longest = max(upright.size)
    sides = sorted({side for side in SIDES if side < longest} | {min(longest, SIDES[-1])})
    found = []
    for side in reversed(sides):
        upright.thumbnail((side, side))
        found.append(Rendition(_jpeg(upright), *upright.size))
    return found[::-1]


def _jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


class Files:
    """The newest MOST_FILES files, at most MOST_BYTES of them; older ones are gone for bot and user."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._draw = world.random("telegram_files")
        self._files: OrderedDict[str, Stored] = OrderedDict()
        self._unique: dict[str, Stored] = {}
        self._paths: Recent[str, tuple[Stored, float]] = Recent()
        self._photos: Recent[str, list[dict[str, Any]]] = Recent()
        self._rendered: dict[bytes, asyncio.Task[list[Rendition]]] = {}
        self._bytes = 0
        self._asked = 0

    async def render(self, picture: bytes) -> list[Rendition]:
        """`renditions`, remembered for the last few pictures: load tests send the same ones."""
        digest = hashlib.sha256(picture).digest()
        if digest not in self._rendered:
            self._rendered[digest] = asyncio.create_task(self._world.aside(renditions, picture))
        rendering = self._rendered[digest]
        if len(self._rendered) > MOST_RENDERED:
            del self._rendered[next(iter(self._rendered))]
        return await asyncio.shield(rendering)

    def keep(self, data: bytes, folder: str, extension: str, *, mime_type: str = "", name: str = "") -> Stored:
        stored = Stored(
            self._id(b"\x02", 40), self._id(b"\x01", 11), data, folder, extension, mime_type or "image/jpeg", name
        )
        self._files[stored.file_id] = self._unique[stored.unique_id] = stored
        self._bytes += len(data)
        while len(self._files) > MOST_FILES or (self._bytes > MOST_BYTES and len(self._files) > 1):
            _, gone = self._files.popitem(last=False)
            del self._unique[gone.unique_id]
            self._bytes -= len(gone.data)
        return stored

    def photo(self, found: list[Rendition]) -> list[dict[str, Any]]:
        """Bot API's list of PhotoSize."""
        kept = ((self.keep(one.jpeg, "photos", ".jpg"), one) for one in found)
        sizes = [{**stored.api, "width": one.width, "height": one.height} for stored, one in kept]
        self._photos.update((size["file_id"], sizes) for size in sizes)
        return sizes

    def sizes(self, file_id: str) -> list[dict[str, Any]]:
        """The photo that this is a rendition of; [] when there is none."""
        return self._photos.get(file_id, [])

    def document(self, data: bytes, name: str, mime_type: str, claimed: int | None) -> dict[str, Any]:
        """Bot API's Document; name, kind and, when `claimed`, size are what the sender says."""
        suffix = PurePosixPath(name).suffix
        extension = suffix if re.fullmatch(r"\.[A-Za-z0-9]{1,10}", suffix) else ""
        stored = self.keep(data, "documents", extension, mime_type=mime_type, name=name)
        said = {"file_name": name, "mime_type": mime_type, "file_size": len(data) if claimed is None else claimed}
        return {**stored.api, **{field: value for field, value in said.items() if value != ""}}

    def of(self, unique_id: str) -> Stored | None:
        return self._unique.get(unique_id)

    def get(self, file_id: str) -> dict[str, Any]:
        """getFile: Bot API's File with a path that is good for an hour. Raises `Refused`."""
        if (stored := self._files.get(file_id)) is None:
            raise Refused("wrong file_id or the file is temporarily unavailable" if file_id else "invalid file_id")
        if len(stored.data) > LARGEST_DOWNLOAD:
            raise Refused("file is too big")
        self._asked += 1
        path = f"{stored.folder}/file_{self._asked}{stored.extension}"
        self._paths[path] = (stored, self._world.clock() + PATH_SECONDS)
        return {**stored.api, "file_path": path}

    def at(self, path: str) -> Stored | None:
        stored, until = self._paths.get(path, (None, 0.0))
        return stored if self._world.clock() < until else None

    def _id(self, head: bytes, length: int) -> str:
        return base64.urlsafe_b64encode(head + self._draw.randbytes(length)).decode().rstrip("=")
