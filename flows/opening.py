"""Carries `OpenLiveness`: a session at biometric.kz, with the photo that the face is to be compared with.

The photo is fetched by its reference, re-made by the image gate without its metadata, turned into base64 only while it
is sent, and forgotten. A session that a worker opened just before it died is left unused: it costs no try.
"""

import asyncio
from collections.abc import Mapping

import structlog

from flows import jobs
from flows.effects import Note
from flows.errors import FlowError, Refused, Unavailable
from flows.images import Images, ImageUnfit
from flows.jobs import LivenessJob
from flows.keys import Keys
from flows.model import Happened
from flows.moves import Leased
from flows.papers import LivenessSession
from flows.performing import Front
from flows.store import Store
from flows.turns import Dialogues
from flows.upstream.biometric import Biometric
from flows.upstream.telegram import Telegram
from flows.wakes import LeaseLost

HEAVY = 2
"""Photos in memory as they came, at the same time."""
_log = structlog.get_logger("liveness")


class SessionOpening:
    """`photos` and `images` are a chat's alone; a channel's dialogue has no photo."""

    def __init__(
        self,
        store: Store,
        dialogues: Dialogues,
        fronts: Mapping[str, Front],
        *,
        biometric: Biometric,
        keys: Keys,
        photos: Telegram | None = None,
        images: Images | None = None,
    ) -> None:
        self._store = store
        self._dialogues = dialogues
        self._fronts = fronts
        self._biometric = biometric
        self._keys = keys
        self._photos = photos
        self._images = images
        self._heavy = asyncio.Semaphore(HEAVY)

    async def carry(self, wake: Leased, job: LivenessJob) -> None:
        try:
            session = job.made or await self._made(wake, job)
            # A webhook names the session and not whose it is.
            await self._store.remember(self._keys.fingerprint("liveness", session.id), f"{wake.shard}:{wake.sid}")
            happened = Happened(job.step, about=str(job.nth), result=session)
        except FlowError as error:
            _log.warning("liveness_not_opened", session=wake.sid, code=error.code)
            happened = Happened(job.step, about=str(job.nth), failed=error)
        await self._dialogues.bring(self._fronts, wake, happened)

    async def give_up(self, wake: Leased, job: LivenessJob) -> None:
        self._store.note(job.channel, Note("alarm", {"kind": "dead_letter"}))
        await self._dialogues.bring(self._fronts, wake, Happened(job.step, about=str(job.nth), failed=Unavailable()))

    async def _made(self, wake: Leased, job: LivenessJob) -> LivenessSession:
        """Written down before it is told of: whoever goes on after us opens no other."""
        session = await self._open(job)
        made = jobs.sealed(job.model_copy(update={"made": session}), wake.sid, self._keys)
        if not await self._store.hold(wake, made):
            raise LeaseLost
        return session

    async def _open(self, job: LivenessJob) -> LivenessSession:
        photo = await self._photo(job.ref) if job.ref else None
        phone = job.phone if (job.phone or "").startswith("+77") else None
        iin = job.iin if len(job.iin or "") == 12 else None
        return await self._biometric.create(
            photo=photo,
            iin=iin,
            phone=phone,
            changeable=job.changeable,
            skip_input=bool(phone and iin and not job.changeable),
            interchangeable=job.interchangeable,
        )

    async def _photo(self, ref: str) -> bytes | None:
        """Raises `Unavailable` when it cannot be had: without it, the face would be compared with nothing."""
        if self._photos is None or self._images is None:
            return None
        async with self._heavy:
            try:
                data = await self._photos.file(ref)
                return (await self._images.prepare(data, lenient=True)).jpeg
            except (Refused, ImageUnfit):
                _log.warning("photo_gone")
        raise Unavailable
