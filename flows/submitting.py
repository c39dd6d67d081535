"""Photos on their way to Humo, and the link that is opened first: fetched, looked at, handed over once.

The photo is fetched anew by its reference for each try and never rests. Before the request goes out it is written down
that it does; whoever finds that note after a crash does not send it again, for it may have arrived (security.md Q22):
the person is asked for the photo once more, which costs no try.
"""

import asyncio
import time
from collections.abc import Mapping

import structlog

from flows import jobs
from flows.conversation import Conversation
from flows.effects import Note, Uploaded
from flows.errors import FlowError, Refused, Unavailable, Unexpected
from flows.images import Images, ImageUnfit
from flows.jobs import LinkJob, UploadJob
from flows.keys import Keys
from flows.model import Happened
from flows.moves import Leased
from flows.papers import Link
from flows.performing import Front
from flows.store import Store
from flows.uploading import Interrupted, PhotoUnfit, SamePhoto
from flows.upstream.humo import Humo
from flows.upstream.luna import LunaKey, make_selfie
from flows.upstream.telegram import Telegram
from flows.wakes import LeaseLost

HEAVY = 4
"""Photos in memory as they came, up to 10 MB each, at the same time; what goes to Humo has a tenth of that."""
TRIES = 3
PAUSES = (1.0, 3.0)
_log = structlog.get_logger("uploads")


class Opening:
    """Opens a presign key. A person's own key belongs to the first chat that comes with it (security.md E2, §7 #22)."""

    def __init__(
        self, store: Store, conversation: Conversation, fronts: Mapping[str, Front], *, humo: Humo, keys: Keys
    ) -> None:
        self._store = store
        self._conversation = conversation
        self._fronts = fronts
        self._humo = humo
        self._keys = keys

    async def carry(self, wake: Leased, job: LinkJob) -> None:
        try:
            happened = Happened(job.step, result=await self._open(job))
        except FlowError as error:
            happened = Happened(job.step, failed=error)
        await self._conversation.bring(self._fronts, wake, happened)

    async def give_up(self, wake: Leased, job: LinkJob) -> None:
        self._store.note(job.channel, Note("alarm", {"kind": "dead_letter"}))
        await self._conversation.bring(self._fronts, wake, Happened(job.step, failed=Unavailable()))

    async def _open(self, job: LinkJob) -> Link:
        key = job.key or self._humo.key
        if not key:
            raise Refused("unknown")
        if job.key and not await self._store.claim(
            self._keys.fingerprint("link", job.key), self._conversation.chat_of(job.user)
        ):
            raise Refused("unknown")
        return await self._humo.open_link(key)


class Submitting:
    def __init__(
        self,
        store: Store,
        conversation: Conversation,
        fronts: Mapping[str, Front],
        *,
        humo: Humo,
        luna: LunaKey | None,
        photos: Telegram,
        images: Images,
        keys: Keys,
    ) -> None:
        self._store = store
        self._conversation = conversation
        self._fronts = fronts
        self._humo = humo
        self._luna = luna
        self._photos = photos
        self._images = images
        self._heavy = asyncio.Semaphore(HEAVY)
        self._keys = keys

    async def carry(self, wake: Leased, job: UploadJob) -> None:
        if job.started or wake.at > job.until:
            await self._tell(wake, job, failed=Interrupted())
            return
        try:
            uploaded = await self._upload(wake, job)
        except ImageUnfit as unfit:
            await self._tell(wake, job, failed=PhotoUnfit(unfit.word))
        except Refused as refused:
            known = {"gone": Interrupted(), "too_large": PhotoUnfit("too_large"), "request": Unexpected()}
            await self._tell(wake, job, failed=known.get(refused.reason, refused))
        except FlowError as error:
            await self._tell(wake, job, failed=error)
        else:
            await self._tell(wake, job, result=uploaded)

    async def give_up(self, wake: Leased, job: UploadJob) -> None:
        self._store.note(job.channel, Note("alarm", {"kind": "dead_letter"}))
        await self._tell(wake, job, failed=Interrupted())

    async def _tell(
        self, wake: Leased, job: UploadJob, *, failed: FlowError | None = None, result: Uploaded | None = None
    ) -> None:
        _log.info("upload", session=wake.sid, page=job.page, code=failed.code if failed else "ok")
        happened = Happened(job.step, about=job.unique, failed=failed, result=result)
        await self._conversation.bring(self._fronts, wake, happened)

    async def _upload(self, wake: Leased, job: UploadJob) -> Uploaded:
        async with self._heavy:
            data = await self._photos.file(job.ref)
            prepared = await self._images.prepare(data, lenient=job.lenient)
            del data
        if prepared.digest in job.refused:
            raise SamePhoto
        link, opened = job.link, None
        for nth in range(TRIES):
            try:
                task = await self._submit(wake, job, link, prepared.jpeg)
            except Refused as refused:
                if refused.reason != "token" or opened:
                    raise
                link = opened = await self._humo.open_link(link.key)
            except Unavailable as down:
                # Only what certainly made no task is sent again.
                if down.reached and not down.answered:
                    raise Interrupted from None
                if nth == TRIES - 1:
                    raise
                await asyncio.sleep(PAUSES[nth])
            else:
                return Uploaded(task, prepared.digest, opened)
        raise Unavailable

    async def _submit(self, wake: Leased, job: UploadJob, link: Link, jpeg: bytes) -> str:
        await self._write_down(wake, job.model_copy(update={"started": True}))
        try:
            if job.page == "selfie":
                token = make_selfie(jpeg, key=self._luna, now=int(time.time()))
                return await self._humo.submit_selfie(link, document=job.document, token=token)
            return await self._humo.submit_document(
                link, document=job.document, page=job.page, image=jpeg, tax_number=job.tax_number
            )
        except FlowError as error:
            if not isinstance(error, Unavailable) or error.answered or not error.reached:
                await self._write_down(wake, job)
            raise

    async def _write_down(self, wake: Leased, job: UploadJob) -> None:
        if not await self._store.hold(wake, jobs.sealed(job, wake.sid, self._keys)):
            raise LeaseLost
