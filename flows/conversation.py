"""A dialogue in a chat: what the person sends goes in one after the other, and what changes is shown.

Like `service.py`, with two differences. A dialogue hangs on the chat, not on who is asked for. And every move carries
its *cause*: the message or the wake in our hands is done with in the script that saves what came of it, so a crash
neither loses nor doubles it; what is to be seen is due with it, as a wake of the chat.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import structlog

from flows import jobs, machine
from flows.effects import Effect, Note
from flows.errors import FlowError, Locked, OurFault, StepUnknown, StoreDown, TooManyRequests, Unavailable
from flows.jobs import Job, TellJob
from flows.keys import Keys
from flows.machine import Turn
from flows.model import (
    Again,
    Chosen,
    Facts,
    Happened,
    Input,
    Purpose,
    Reply,
    Returned,
    Sent,
    Session,
    Speak,
    Typed,
    Visit,
    Wake,
)
from flows.moves import Leased, Move, Taken
from flows.performing import Call, Front, Performing
from flows.shards import shard_of_fingerprint
from flows.store import Store
from flows.texts import Text
from flows.turns import RACES, Posted, fill, seconds, start_move

LATER = 60
"""Seconds until an upload that has met its limit is tried again, if nobody has to send it anew."""

_log = structlog.get_logger("conversation")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who writes in a chat. `language` is what the chat's program speaks."""

    user: str = field(repr=False)
    username: str | None = field(repr=False)
    language: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """The person begins: with a presign key perhaps, to erase what is known, or to be asked again `which_way`."""

    key: str | None = field(default=None, repr=False)
    purpose: Purpose = "identify"
    which_way: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """What one message comes to. `step` is the one that a button belongs to; `number` the message's own in the chat."""

    given: Input | Arrival
    update: str
    number: int = 0
    step: str = ""


class Conversation:
    """Methods raise `StoreDown`; every other refusal is saved, and shown."""

    def __init__(self, store: Store, performing: Performing, keys: Keys, country: str) -> None:
        self.posted = Posted()
        self._store = store
        self._performing = performing
        self._keys = keys
        self._country = country

    def chat_of(self, user: str) -> str:
        """The fingerprint that a person's chat goes by."""
        return self._keys.fingerprint("chat", user)

    async def hear(self, front: Front, visitor: Visitor, message: Message, wake: Leased) -> None:
        """One message, the head of its chat's inbox; `wake` is the lease on it."""
        chat = self.chat_of(visitor.user)
        attempt = hashlib.sha256(message.update.encode()).hexdigest()[:8]
        call = Call(front, (), attempt=attempt)
        for _ in range(RACES):
            taken = await self._take(chat, front, attempt)
            session = taken.session
            if (
                session is None
                or session.plan != front.plan.digest
                or taken.verdict == "none"
                or isinstance(message.given, Arrival)
            ):
                done = await self._begin(call, taken, visitor, message, wake)
            elif taken.verdict == "ok":
                done = await self._turn(call, _littered(taken, message), _given(message, taken), wake)
            else:
                refusal = Locked(retry_after=seconds(taken.wait)) if taken.verdict == "locked" else StepUnknown()
                done = await self._save(call, taken, _stopped(session, refusal), wake)
            if done:
                return
        raise StoreDown(retry_after=1)

    async def bring(self, fronts: Mapping[str, Front], wake: Leased, given: Happened | Wake) -> None:
        """Bring what was posted, or the time to look again, into its dialogue; and be done with the wake."""
        for _ in range(RACES):
            taken = await self._store.take("sid", wake.sid, wake.shard)
            session = taken.session
            if session is None or session.channel not in fronts or not _awaits(session, given):
                await self._store.finish(wake)
                return
            if await self._turn(Call(fronts[session.channel], ()), taken, given, wake):
                return
        raise StoreDown(retry_after=1)

    async def come(self, fronts: Mapping[str, Front], shard: int, sid: str, given: Returned) -> Session | None:
        """Somebody comes back through a door. The dialogue as it stands then; None when it is no more."""
        for _ in range(RACES):
            taken = await self._store.take("sid", sid, shard)
            session = taken.session
            if session is None or session.over or session.channel not in fronts or not session.reply.expects.door:
                return session
            if await self._turn(Call(fronts[session.channel], ()), taken, given, None):
                return (await self._store.take("sid", sid, shard)).session
        raise StoreDown(retry_after=1)

    async def give_up(self, fronts: Mapping[str, Front], wake: Leased) -> None:
        """A look that kills whoever carries it out is not done again; the step is told that it came to nothing."""
        _fault(wake)
        session = (await self._store.take("sid", wake.sid, wake.shard)).session
        await self.bring(fronts, wake, Happened(session.step if session else "", failed=Unavailable()))

    async def drop(self, front: Front, wake: Leased) -> None:
        """A message that kills whoever hears it: the question stands, and the person is told."""
        taken = await self.view(wake.sid)
        if taken.session is None or taken.session.over:
            await self._store.finish(wake)
            return
        await self._save(Call(front, ()), taken, _stopped(taken.session, _fault(wake)), wake)

    async def view(self, chat: str) -> Taken:
        """What the chat is to see, ended dialogues included."""
        return await self._store.take("view", chat, shard_of_fingerprint(chat), subject=chat, guard=chat)

    async def _take(self, chat: str, front: Front, attempt: str) -> Taken:
        """With its session also where the attempt was turned away."""
        shard = shard_of_fingerprint(chat)
        whose = {"channel": front.name, "subject": chat, "guard": chat}
        taken = await self._store.take("chat", chat, shard, attempt=attempt, **whose)
        if taken.verdict in ("ok", "none"):
            return taken
        seen = await self.view(chat)
        return replace(seen, verdict=taken.verdict, wait=taken.wait, subject=chat, guard=chat, pair=chat)

    async def _begin(self, call: Call, taken: Taken, visitor: Visitor, message: Message, wake: Leased) -> bool:
        arrival = message.given if isinstance(message.given, Arrival) else Arrival()
        language, way = await self._store.chosen(taken.pair)
        chosen = {"language": message.given.language} if isinstance(message.given, Speak) else {}
        language = chosen.get("language") or language or visitor.language
        visit = Visit(
            user=visitor.user,
            username=visitor.username,
            purpose=arrival.purpose,
            key=arrival.key,
            way="" if arrival.which_way or call.front.plan.way(way).name != way else way,
        )
        facts = Facts(reveal_unknown=True, language=language, country=self._country, visit=visit)
        call.sid, call.attempt = self._keys.new_sid(), ""
        plan = call.front.plan
        try:
            turn = await self._performing.drive(machine.begin(plan, call.sid, call.front.name, facts, taken.now), call)
        except StoreDown:
            raise
        except FlowError as error:
            turn = _stopped(machine.blank(plan, call.sid, call.front.name, facts), error)
        move = start_move(taken, call, rev=0)
        move.was, move.who, move.chosen = taken.sid, "", chosen
        return await self._write(call, taken, move, turn, wake)

    async def _turn(self, call: Call, taken: Taken, given: Input, wake: Leased | None) -> bool:
        session = taken.session
        if session is None:
            raise StepUnknown
        call.sid = session.sid
        try:
            script = machine.advance(call.front.plan, session, given, taken.now, taken.nth)
            turn = await self._performing.drive(script, call)
        except StoreDown:
            raise
        except FlowError as error:
            turn = _stopped(session, error)
        if isinstance(given, Returned) and turn.session == session:
            return True  # nothing is new, and a look that is under way must not be fenced off
        return await self._save(call, taken, turn, wake, given)

    async def _save(
        self, call: Call, taken: Taken, turn: Turn, wake: Leased | None, given: Input | None = None
    ) -> bool:
        move = start_move(taken, call, rev=taken.rev)
        move.chosen = {"language": given.language} if isinstance(given, Speak) else _way(call, taken, turn)
        # Saved in silence: a look that found nothing new, a result that came too late.
        unseen = (
            isinstance(given, Happened | Returned | Wake)
            and taken.session
            and taken.session.reply == turn.session.reply
        )
        return await self._write(call, taken, move, turn, wake, show=not unseen)

    async def _write(
        self, call: Call, taken: Taken, move: Move, turn: Turn, wake: Leased | None, *, show: bool = True
    ) -> bool:
        """False when somebody else has moved the dialogue: take it again."""
        fill(move, taken, call, turn)
        made = [self._job(effect, call, turn) for effect in turn.post]
        if turn.session.over and turn.session.facts.visit:
            made += self._callback(turn.session, taken.now)
            move.session = _forgetting(turn.session)
        jobs.post(move, made, self._keys)
        move.queue, move.show, move.cause = "talks", taken.pair if show else None, wake
        verdict, wait = await self._store.move(move)
        if verdict == "limited":
            return await self._limited(call, taken, move, turn, wait)
        self.posted.told(move)
        return verdict in ("ok", "fenced")

    async def _limited(self, call: Call, taken: Taken, move: Move, turn: Turn, wait: int) -> bool:
        """Enough uploads of that page for today; the question stands, and says when to come again."""
        self._store.note(call.front.name, Note("limit_hit", {"layer": "papers"}))
        refusal = TooManyRequests(retry_after=seconds(wait))
        session = taken.session or turn.session
        stopped = _stopped(session, refusal)
        again = start_move(taken, call, rev=move.rev)
        fill(again, taken, call, stopped)
        again.was, again.queue, again.show, again.cause = move.was, "talks", taken.pair, move.cause
        if session.reply.expects.kind == "nothing":  # of an album: its next page goes out when it may
            again.wake = taken.now + min(seconds(wait), LATER)
        verdict, _ = await self._store.move(again)
        self.posted.told(again)
        return verdict in ("ok", "fenced")

    def _job(self, effect: Effect[None], call: Call, turn: Turn) -> Job:
        return jobs.make(effect, call.front.name, user=turn.session.facts.there.user)

    def _callback(self, session: Session, now: float) -> list[Job]:
        link = session.facts.there.link
        if session.reply.kind != "done" or link is None or not link.callback:
            return []
        whose = {"id": session.sid[-16:], "step": session.step, "channel": session.channel}
        return [TellJob(**whose, url=link.callback, key=link.key, external_id=link.external_id, at=int(now))]


def _way(call: Call, taken: Taken, turn: Turn) -> dict[str, str]:
    """The way that the person has just chosen."""
    plan, visit = call.front.plan, turn.session.facts.visit
    asked = taken.session is not None and taken.session.flow == plan.name and bool(plan.ways)
    return {"way": visit.way} if asked and visit and visit.way else {}


def _awaits(session: Session, given: Happened | Wake) -> bool:
    """Or has the next question come before it?"""
    if isinstance(given, Happened):
        return not session.over and session.step == given.step
    return not session.over and session.reply.expects.kind == "nothing"


def _given(message: Message, taken: Taken) -> Input:
    """A button's number as the choice it stands for; one of a question long passed asks for the one that stands."""
    given = message.given
    if isinstance(given, Arrival):
        return Again()
    if not isinstance(given, Chosen):
        return given
    choices = taken.session.reply.expects.choices if taken.session else ()
    fits = message.step == taken.step_id and given.id.isdecimal() and int(given.id) < len(choices)
    return Chosen(choices[int(given.id)].id) if fits else Again()


def _littered(taken: Taken, message: Message) -> Taken:
    """A photo, or a secret word, is remembered by its message, to be taken out of the chat."""
    session = taken.session
    if session is None or not message.number:
        return taken
    visit, reply = session.facts.there, session.reply
    if isinstance(message.given, Sent):
        facts = session.facts.visiting(litter=(*visit.litter[-50:], message.number))
    elif isinstance(message.given, Typed) and reply.expects.secret:
        facts = session.facts.visiting(whispered=(*visit.whispered[-20:], message.number))
    else:
        return taken
    return replace(taken, session=session.model_copy(update={"facts": facts}))


def _fault(wake: Leased) -> OurFault:
    incident = secrets.token_hex(4)
    _log.error("dead_letter", session=wake.sid, job=wake.job, incident=incident)
    return OurFault(incident=incident)


def _stopped(session: Session, error: FlowError) -> Turn:
    """A refusal that no step has foreseen: the end, or for the time being a reason to try the same again."""
    why = Text(key=error.key, params=error.params)
    if error.final:
        reply = Reply(kind="stop", error=error.code, why=why)
    else:
        reply = session.reply.model_copy(update={"kind": "refuse", "error": error.code, "why": why})
    return Turn(
        session.model_copy(update={"reply": reply, "over": error.final}), moved=False, verdict="void", error=error
    )


def _forgetting(session: Session) -> Session:
    """An ended dialogue keeps what its last words need, and nothing of the person."""
    visit = session.facts.there
    home_page = visit.link.home_page if visit.link else None
    kept = Visit(
        user=visit.user,
        purpose=visit.purpose,
        litter=visit.litter,
        whispered=visit.whispered,
        home_page=home_page,
    )
    return session.model_copy(update={"facts": Facts(language=session.facts.language, visit=kept), "state": "{}"})
