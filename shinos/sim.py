"""`shinos flows sim`: a dialogue in the terminal. The real machine, and in memory everything around it."""

import sys
import time

from flows.machine import Turn
from flows.model import Again, Input, Plan, Typed, Wake
from flows.settings import Settings
from flows.texts import Text, render
from sandbox.cast import CAST
from shinos.rehearsal import Dialogue, make_dialogue


async def sim(settings: Settings, plan: Plan, language: str) -> int:
    """0 when identified. Answers come from stdin; an empty line asks for the question again."""
    dialogue = make_dialogue(settings, plan, language)
    _introduce()
    turn = await dialogue.begin(settings.bank.country)
    while True:
        _show(dialogue, turn, language)
        if turn.session.over:
            break
        line = "" if turn.session.reply.kind == "wait" else _read()
        if line is None:
            sys.stderr.write("the answers have ended before the dialogue\n")
            return 1
        turn = await dialogue.hand_in(_given(turn, line))
    return _ended(turn)


def _given(turn: Turn, line: str) -> Input:
    if turn.session.reply.kind == "wait":
        time.sleep(max(0.0, (turn.wake or 0) - time.time()))
        return Wake()
    return Typed(line) if line else Again()


def _introduce() -> None:
    sys.stdout.write("Be one of these, or another of the sandbox's people:\n")
    for person in CAST[:3]:
        told = ", ".join(
            filter(None, (person.secret_word and f'secret word "{person.secret_word}"', person.birth_date))
        )
        sys.stdout.write(f"  {person.phone}  crmid {person.crmid}, {told}\n")
    sys.stdout.write("An empty line asks for the question again; Ctrl-D ends.\n\n")


def _show(dialogue: Dialogue, turn: Turn, language: str) -> None:
    for message in dialogue.messages(turn.post):
        sys.stdout.write(f"[sent] {message}\n")
    if turn.error:
        params = dict(turn.error.params)
        sys.stdout.write(f"bank:  {render(Text(key=turn.error.key, params=params), language)} ({turn.error.code})\n")
    if not turn.error and turn.session.reply.text:
        sys.stdout.write(f"bank:  {render(turn.session.reply.text, language)}\n")
    sys.stdout.flush()


def _read() -> str | None:
    """A line, "" for an empty one, None at the end. In a pipe the answer is repeated, so that the dialogue reads."""
    sys.stdout.write("you:   ")
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line or not sys.stdin.isatty():
        sys.stdout.write(line.rstrip("\n") + "\n")
    return line.strip() if line else None


def _ended(turn: Turn) -> int:
    if turn.session.reply.kind != "done":
        sys.stdout.write("not identified\n")
        return 1
    proven = ", ".join(proof.method for proof in turn.session.facts.proofs) or "nothing but the name"
    sys.stdout.write(f"identified as {turn.session.facts.client}, by {proven}\n")
    return 0
