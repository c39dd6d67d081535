"""Takes one guard out of a function, for one test: its source with a piece replaced, compiled in its own module."""

import inspect
import sys
import textwrap
from dataclasses import dataclass
from typing import Any

import pytest

from flows.plan import Stanza


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bug: in `where` (a function's owner and name) `old` has become `new`; the flow in which it shows."""

    bug: str
    where: tuple[Any, str]
    old: str
    new: str
    steps: tuple[Stanza, ...]
    claim: str

    def put_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        owner, name = self.where
        function = inspect.getattr_static(owner, name)
        static = isinstance(function, staticmethod)
        function = function.__func__ if static else function
        source = textwrap.dedent(inspect.getsource(function)).removeprefix("@staticmethod\n")
        assert source.count(self.old) == 1, f"{self.bug}: {source.count(self.old)} times in {name}"
        made: dict[str, Any] = {}
        module = sys.modules[function.__module__]
        exec(compile(source.replace(self.old, self.new), "mutant", "exec"), vars(module), made)  # noqa: S102 - our own source
        monkeypatch.setattr(owner, name, staticmethod(made[name]) if static else made[name])
