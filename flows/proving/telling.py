"""A counterexample as the dialogue that it is: who said what, and where that led."""

from collections.abc import Iterator

from flows.proving.search import Counterexample, Said
from flows.texts import render


def tell(flow: str, found: Counterexample) -> Iterator[str]:
    """Line by line."""
    yield f"{flow}: NOT PROVEN: {found.claim}"
    for number, said in enumerate(found.lines, 1):
        yield f"  {number:2}. {said.told}"
        yield f"      → {_state(said)}"
    yield f"  {found.wrong}"


def _state(said: Said) -> str:
    session = said.node.session
    reply = session.reply
    where = f"{session.flow}/{session.step or '-'}"
    counted = f", {said.node.counted} of {session.tries} tries" if session.tries else ""
    refused = f", error {said.error or reply.error}" if said.error or reply.error else ""
    shown = f": {render(reply.text, 'en')}" if reply.text and not session.over else ""
    return f"{where} {reply.kind}{refused}{counted}{shown}"
