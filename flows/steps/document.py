"""The pages of the chosen passport, one after the other; or, `which = "additional"`, of the further documents."""

from typing import ClassVar, Literal

from flows.effects import PagesOf, perform
from flows.model import Facts, Script
from flows.texts import Text
from flows.uploading import Uploading, UploadOptions

_NAMED = ("front", "back")


class DocumentOptions(UploadOptions):
    which: Literal["chosen", "additional"] = "chosen"


class Document(Uploading):
    kind = "document"
    options_type = DocumentOptions
    options: DocumentOptions
    needs = frozenset({"link", "document"})
    gives = frozenset({"reading"})
    method: ClassVar[str] = "document"

    def wanted(self, facts: Facts) -> Script[tuple[str, ...]]:
        chosen = facts.there.document if self.options.which == "chosen" else "additional"
        return (yield from perform(PagesOf(chosen)))

    def question(self, page: str) -> Text:
        document, _, side = page.rpartition("/")
        if document:
            return Text(key="document.ask_further", params={"document": document, "page": side})
        return Text(key=f"document.ask_{side}") if side in _NAMED else Text(key="document.ask", params={"page": side})


STEP = Document
