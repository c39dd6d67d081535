"""Which request number stands for which IIN: Aitu Passport gives them out, the COID adapter knows them."""

from uuid import uuid4

from sandbox.recent import Recent


class Requests:
    """One number per IIN until a new one is wished for; those before stay good."""

    def __init__(self) -> None:
        self._of_iin: Recent[str, str] = Recent()
        self._iins: Recent[str, str] = Recent()

    def number_for(self, iin: str, *, refresh: bool = False) -> str:
        if refresh or iin not in self._of_iin:
            self._of_iin[iin] = str(uuid4())
            self._iins[self._of_iin[iin]] = iin
        return self._of_iin[iin]

    def iin_of(self, number: str) -> str | None:
        return self._iins.get(number)
