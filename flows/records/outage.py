"""One place says what a failing database looks like from outside: `StoreDown`, never an acceptance."""

import sqlite3
from types import TracebackType

from sqlalchemy.exc import SQLAlchemyError

from flows.errors import StoreDown
from flows.keys import Unsealable

FAULTS = (SQLAlchemyError, sqlite3.Error, OSError, TimeoutError, Unsealable)


class fail_closed:  # noqa: N801 - reads as the verb it is; a generator would cost four times as much per look-up
    """Turn whatever the database, its driver or a damaged row does into one refusal."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        if isinstance(error, FAULTS):
            raise StoreDown(retry_after=1) from error
