"""A photo of the person's face, which Humo compares with the document's (Humo, step 6)."""

from typing import ClassVar

from flows.model import Facts, Script
from flows.texts import Text
from flows.uploading import Uploading


class Selfie(Uploading):
    kind = "selfie"
    needs = frozenset({"link", "document"})
    gives = frozenset({"face"})
    method: ClassVar[str] = "selfie"

    def wanted(self, facts: Facts) -> Script[tuple[str, ...]]:
        yield from ()
        return ("selfie",)

    def question(self, page: str) -> Text:
        return Text(key="selfie.ask")


STEP = Selfie
