"""One call of a dialogue: admit and take, let the machine decide, move.

Two round trips to Redis a call. `take` counts the attempt before anybody compares it; `move` writes all or nothing by
compare-and-set. Who loses that race takes again, with the same attempt id, so nothing is counted twice, and gets what
the winner left: the repeated reply, or the current question.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from flows import jobs, machine, tokens
from flows.effects import Note
from flows.errors import (
    AttemptsSpent,
    FlowError,
    Locked,
    StepUnknown,
    StoreDown,
    TooManyRequests,
    Unavailable,
    WrongAnswer,
    of_code,
)
from flows.identifiers import Identifier
from flows.keys import Keys
from flows.machine import Turn
from flows.model import Again, Facts, Happened, Input, Reply, Returned, Session, Typed, Wake
from flows.moves import Admitted, Leased, Move, Taken
from flows.performing import Call, Front, Performing
from flows.pipeline import Later
from flows.shards import shard_of_fingerprint, shard_of_text
from flows.store import Store
from flows.turns import RACES, Posted, fill, seconds, start_move


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call comes to. `error` is set when the reply is a refusal; `step_id` is "" when nothing is left to ask.

    `ticket`: of the link to the door that stands open, if one does.
    """

    reply: Reply
    step_id: str
    token: str | None = field(default=None, repr=False)
    ticket: str = field(default="", repr=False)
    error: FlowError | None = None


class Identification:
    """The dialogues of all channels. Methods raise `FlowError`."""

    def __init__(self, store: Store, performing: Performing, keys: Keys, country: str) -> None:
        self.posted = Posted()
        self._store = store
        self._performing = performing
        self._keys = keys
        self._country = country

    async def begin(self, front: Front, names: tuple[Identifier, ...]) -> Answer:
        """Start a dialogue with the client of that name, or repeat its first question while nothing was answered."""
        call = Call(front, names, found=await self._performing.records.find(names))
        subject = self._subject(call)
        guard = self._keys.fingerprint("pair", front.name, subject)
        pair = (
            guard if front.rules.reveal_unknown else self._keys.fingerprint("asked", front.name, names[0].canonical())
        )
        shard, who = shard_of_fingerprint(subject), self._who(names[:1])
        admission = self._store.admit(front.name, "begin", "")
        taking = self._store.take("pair", pair, shard, who=who, subject=subject, guard=guard)
        self._check(call, await admission)
        taken = await taking
        if taken.nth and not front.rules.strict:
            raise Locked(retry_after=seconds(taken.nth))
        for _ in range(RACES):
            answer = await self._begin_once(call, taken)
            if answer:
                return answer
            taken = await self._store.take("pair", pair, shard, who=who, subject=subject, guard=guard)
        raise StoreDown(retry_after=1)

    async def answer(self, front: Front, names: tuple[Identifier, ...], step_id: str, text: str | None) -> Answer:
        """Answer the step, or with `text` None ask its question again (a code: send it again)."""
        call = Call(front, names)
        if text is not None:
            call.attempt = secrets.token_hex(4)
            call.answer = self._keys.fingerprint("answer", step_id, text)
        admission = self._store.admit(front.name, "other" if text is None else "answer", call.attempt)
        taking = self._take(call, step_id)
        try:
            self._check(call, await admission)
        except FlowError:
            await self._give_back(call, await taking)
            raise
        taken = await taking
        given: Input = Again() if text is None else Typed(text)
        for _ in range(RACES):
            if taken.verdict == "repeat" and taken.session:
                self._judged(call)
                return self._repeated(taken, taken.session)
            if taken.verdict != "ok" or taken.session is None:
                await self._turn_away(call, taken, given)
            answer = await self._turn(call, taken, given)
            if answer:
                return answer
            taken = await self._take(call, step_id)
        raise StoreDown(retry_after=1)

    async def bring(self, fronts: Mapping[str, Front], wake: Leased, given: Happened | Wake) -> None:
        """Bring the end of a posted effect, or the time to look again, into its dialogue; and be done with the wake."""
        await self.come(fronts, wake.shard, wake.sid, given)
        await self._store.finish(wake)

    async def give_up(self, fronts: Mapping[str, Front], wake: Leased) -> None:
        """A look that kills whoever carries it out is not done again; a step that waits for it is told."""
        session = (await self._store.take("sid", wake.sid, wake.shard)).session
        if session is not None and session.reply.expects.door:
            await self.bring(fronts, wake, Happened(session.step, failed=Unavailable()))
        else:
            await self._store.finish(wake)

    async def come(
        self, fronts: Mapping[str, Front], shard: int, sid: str, given: Happened | Returned | Wake
    ) -> Session | None:
        """Something comes into a dialogue that no call of its chat server brings. It as it stands then, if it does."""
        for _ in range(RACES):
            taken = await self._store.take("sid", sid, shard)
            session = taken.session
            if session is None or session.over or session.channel not in fronts:
                return session
            if isinstance(given, Happened) and session.step != given.step:
                return session
            if isinstance(given, Returned) and not session.reply.expects.door:
                return session
            try:
                turn = await self._turn(Call(fronts[session.channel], session.facts.names), taken, given)
            except StepUnknown:
                return session
            if turn:
                return (await self._store.take("sid", sid, shard)).session
        raise StoreDown(retry_after=1)

    async def _begin_once(self, call: Call, taken: Taken) -> Answer | None:
        front, session = call.front, taken.session
        outlived = session is not None and not session.facts.client and call.found and not taken.nth
        if session is not None and session.plan == front.plan.digest and not outlived:
            return await self._begin_again(call, taken, session)
        call.sid = self._keys.new_sid()
        facts = Facts(
            reveal_unknown=front.rules.reveal_unknown and not taken.nth,
            language=front.rules.language,
            country=self._country,
            names=call.names,
        )
        if taken.nth:
            call.found = None  # locked in a channel that does not say so: all is as usual, and nothing is sent
        turn = await self._performing.drive(machine.begin(front.plan, call.sid, front.name, facts, taken.now), call)
        if turn.session.over and turn.error:
            raise turn.error
        move = start_move(taken, call, rev=0)
        move.was, move.who = taken.sid, self._who(call.names[:1])
        return await self._save(call, taken, move, turn)

    async def _begin_again(self, call: Call, taken: Taken, session: Session) -> Answer | None:
        """Nothing was answered yet: the same step, its code sent again when that is allowed. Else None: begin anew."""
        if not taken.nth and (taken.wait <= 0 or session.reply.kind == "refuse"):
            answer = await self._turn(call, taken, Again())
            return None if answer and answer.reply.kind == "stop" else answer
        return self._repeated(taken, session)

    async def _turn(self, call: Call, taken: Taken, given: Input) -> Answer | None:
        """One turn of a stored session; None when somebody else moved it meanwhile."""
        session = taken.session
        if session is None:
            raise StepUnknown
        call.sid = session.sid
        try:
            script = machine.advance(call.front.plan, session, given, taken.now, taken.nth)
            turn = await self._performing.drive(script, call)
        except FlowError:
            await self._give_back(call, taken)
            raise
        if isinstance(given, Returned) and turn.session == session:
            return Answer(session.reply, taken.step_id)  # nothing is new
        move = start_move(taken, call, rev=None if turn.session is session else taken.rev)
        return await self._save(call, taken, move, turn)

    async def _save(self, call: Call, taken: Taken, move: Move, turn: Turn) -> Answer | None:
        token = self._fill(call, taken, move, turn)
        verdict, wait = await self._store.move(move)
        self._judged(call, turn)
        if verdict == "lost":
            return None
        if verdict == "limited":
            return await self._limited(call, move, turn, wait)
        self.posted.told(move)
        ticket = self._ticket(turn.session, move.shard)
        return Answer(turn.session.reply, move.step_id, token, ticket, error=turn.error)

    def _fill(self, call: Call, taken: Taken, move: Move, turn: Turn) -> str | None:
        """What is to be written, from what the turn came to. Returns the token of a dialogue that is done."""
        session = turn.session
        fill(move, taken, call, turn)
        if turn.post:
            hidden = not call.front.rules.reveal_unknown
            made = [jobs.make(effect, call.front.name, guard=taken.guard, hidden=hidden) for effect in turn.post]
            jobs.post(move, made, self._keys, {})
        return tokens.issue(move, session, taken.now, self._keys) if session.reply.kind == "done" else None

    async def _limited(self, call: Call, move: Move, turn: Turn, wait: int) -> Answer | None:
        """The send budget said no. A passed step stays passed: the new question is saved, its sending is for later."""
        self._store.note(call.front.name, Note("limit_hit", {"layer": "sends"}))
        refusal = turn.if_limited or TooManyRequests()
        refusal.retry_after = seconds(wait)
        if not turn.moved or move.rev == 0:
            raise refusal
        unsent = turn.session.reply.model_copy(update={"kind": "refuse", "error": refusal.code})
        move.session = turn.session.model_copy(update={"reply": unsent})
        move.send, move.post = None, ()
        verdict, _ = await self._store.move(move)
        return Answer(turn.session.reply, move.step_id, error=refusal) if verdict == "ok" else None

    async def _turn_away(self, call: Call, taken: Taken, given: Input) -> None:
        """Refuse without evaluating; where it must not show, at the price of an evaluation."""
        self._judged(call)
        if call.front.rules.strict:
            await self._imitate(call, taken.now, given)
        match taken.verdict:
            case "spent":
                raise AttemptsSpent
            case "foreign":
                raise WrongAnswer
            case "locked":
                self._store.note(call.front.name, Note("limit_hit", {"layer": "client"}))
                raise Locked(retry_after=seconds(taken.wait))
            case _:
                raise StepUnknown

    async def _imitate(self, call: Call, now: float, given: Input) -> None:
        """The work of a wrong answer, on a dialogue of nobody: time must not tell which refusal it was."""
        plan = call.front.plan
        step = next((step for step in plan.steps if step.kind == "code"), plan.steps[-1])
        state = f'{{"expires":{now + 1}}}' if step.kind == "code" else "{}"
        nobody = machine.blank(plan, "nobody", call.front.name, Facts(names=call.names))
        session = self._store.resealed(nobody.model_copy(update={"step": step.name, "state": state}))
        call.sid = session.sid
        await self._performing.drive(machine.advance(plan, session, given, now, 0), call)
        move = start_move(Taken("ok", now, session.sid, pair="nobody", subject="0"), call, rev=None)
        move.verdict = "wrong"
        await self._store.move(move)

    def _check(self, call: Call, admitted: Admitted) -> None:
        call.down = admitted.down
        if admitted.verdict == "audit":
            raise StoreDown(retry_after=seconds(admitted.wait))
        if admitted.verdict == "limit":
            layer = admitted.layer
            self._store.note(call.front.name, Note("limit_hit", {"layer": layer}), Note("alarm", {"kind": layer}))
            raise TooManyRequests(retry_after=seconds(admitted.wait))

    def _take(self, call: Call, step_id: str) -> Later[Taken]:
        return self._store.take(
            "step",
            step_id,
            shard_of_text(step_id) or 0,
            channel=call.front.name,
            who=self._who(call.names),
            attempt=call.attempt,
            answer=call.answer,
        )

    def _judged(self, call: Call, turn: Turn | None = None) -> None:
        """Tell the channel's count what became of the attempt, and the SMS guard whether a code was entered."""
        if not call.attempt:
            return
        entered = turn and any(note.event == "otp_evaluated" and note.fields["ok"] for note in turn.notes)
        phone = turn.session.facts.phone if turn and entered else None
        prefix = self._keys.fingerprint("prefix", phone[:-4]) if phone else ""
        wrong = turn is not None and turn.verdict == "wrong"
        self._store.judged(call.front.name, call.attempt, wrong=wrong, phone_prefix=prefix)

    async def _give_back(self, call: Call, taken: Taken) -> None:
        """The turn broke off before the answer was judged: the attempt is not charged."""
        if not call.attempt or not taken.subject:
            return
        move = start_move(taken, call, rev=None)
        move.verdict = "void"
        self._judged(call)
        await self._store.move(move)

    def _repeated(self, taken: Taken, session: Session) -> Answer:
        if session.reply.kind == "done":
            return Answer(session.reply, "", self._keys.token(session.sid, shard_of_fingerprint(taken.subject)))
        error = of_code(session.reply.error) if session.reply.error else None
        ticket = self._ticket(session, shard_of_fingerprint(taken.subject))
        return Answer(session.reply, taken.step_id, ticket=ticket, error=error)

    def _ticket(self, session: Session, shard: int) -> str:
        door = session.reply.expects.door
        return self._keys.ticket(session.sid, shard, door.number) if door else ""

    def _subject(self, call: Call) -> str:
        """Who the budgets belong to: the client under all its names, or a name that nobody has."""
        if call.found:
            return self._keys.fingerprint("client", call.found.client)
        return self._keys.fingerprint("name", call.names[0].canonical())

    def _who(self, names: tuple[Identifier, ...]) -> str:
        return " ".join(self._keys.fingerprint("who", name.canonical()) for name in names)
