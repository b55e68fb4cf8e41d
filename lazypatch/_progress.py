"""How far each target has come: loaded, its body over, installed; and which can be installed now.

A target may be in ``sys.modules`` long before its body is over, and its body may be over while importlib still calls it
half imported. Both matter: before the body's end names are missing, and after it others may take them.
"""

from __future__ import annotations

import _frozen_importlib
import sys
import types
from _operator import is_not
from itertools import compress

from ._originals import MISSING
from ._targets import TARGETS, Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from importlib.machinery import ModuleSpec
    from typing import Any

    from ._targets import Selection

_bootstrap: Any = _frozen_importlib


class Progress:
    """What is known of the targets' imports; decides, and changes nothing outside of itself."""

    def __init__(
        self, selection: Selection, accepts: Callable[[ModuleSpec], bool], accepted: dict[str, ModuleSpec]
    ) -> None:
        self._selection = selection
        self._accepts = accepts
        self._accepted = accepted  # by whom *accepts* was asked, and said yes
        self.seen: set[str] = set()  # targets in whose import we took part
        self.ends: list[str] = []  # whose, in their order: how many there are tells whether others came here meanwhile
        self._ended: dict[str, object] = {}  # modules whose after() is over -> their specs
        self._settled: dict[str, Any] = {}  # target -> the module object installed; MISSING: ended, and not installed
        self._options: dict[str, frozenset[str]] = {}  # with which it was

    def unsettle_changed(self) -> None:
        """Those that were installed with other options than are wanted now are to be installed again."""
        wanted = self._selection.wanted
        for name in self._settled:
            if wanted.get(name) != self._options.get(name):
                self._settled[name] = MISSING

    def end(self, name: str, module: types.ModuleType) -> None:
        """All is done that has to be done at the end of *name*'s body: others may install what waits for it."""
        self._ended[name] = getattr(module, "__spec__", None)
        self.ends.append(name)
        self._settled.setdefault(name, MISSING)

    def settle(self, name: str) -> None:
        """The target *name* is installed."""
        self._settled[name], self._options[name] = sys.modules[name], self._selection.wanted[name]

    def is_installed(self, name: str) -> bool:
        """Whether the target *name* is, in the module that has the name now; an adapter alone does not count."""
        module = sys.modules.get(name)
        return module is not None and self._settled.get(name) is module

    def ready(self, done: str, again: Iterable[Target] = ()) -> list[Target]:
        """The targets that are to be installed now, *again* or not yet; *done* is one whose import is just ending."""
        for row in again:
            self._settled[row.name] = MISSING
        # Nearly every import of a target asks, mostly to find none: so the first look is C.
        changed = map(is_not, map(sys.modules.get, TARGETS), map(self._settled.get, TARGETS))
        wanted, found = self._selection.wanted, []
        for row in compress(TARGETS.values(), changed):
            name, module = row.name, sys.modules.get(row.name)
            if name not in wanted or (
                name != done
                and name not in self._ended
                and type(module) is types.ModuleType
                and getattr(module.__spec__, "_initializing", False)
            ):
                continue  # as most of those that are not settled: their bodies are running
            if self.is_ready(row, done):
                found.append(row)
        return found

    def is_open(self, name: str) -> bool:
        """Whether the target *name* is there and not installed."""
        module = sys.modules.get(name)
        if module is None and name in self._ended:  # importlib puts a module that it has just imported at the end
            _bootstrap._lock_unlock_module(name)
            module = sys.modules.get(name)
        return name in self._selection.wanted and module is not None and module is not self._settled.get(name)

    def is_any_open(self, rows: Iterable[Target]) -> bool:
        """Whether one of the targets *rows* is there and not installed."""
        for row in rows:  # noqa: SIM110  # a generator would be one call more for each
            if self.is_open(row.name):
                return True
        return False

    def is_ready(self, row: Target, done: str) -> bool:
        """Whether a wanted target can be installed: it is open and whole, and so is what it has to come after."""
        name, module = row.name, sys.modules.get(row.name)
        if module is self._settled.get(name) or (module is None and not self.is_open(name)):
            return False
        if name in self._selection.vetoed or (name != done and self.is_half(name, done)):
            return False
        spec = sys.modules[name].__spec__
        if spec is not None and self._accepted.get(name) is not spec and not self._accepts(spec):
            return False  # a user's own
        if row.after not in self._selection.wanted:
            return True
        return row.after == done or (row.after in sys.modules and not self.is_half(row.after, done))

    def is_half(self, name: str, done: str) -> bool:
        """Whether the body of *name* has not run to its end; that of *done* has just now."""
        module: Any = sys.modules.get(name)
        # As half_imported() of _gevent.py, in one call: this is asked of every target at every end of one.
        if name == done or (
            type(module).__name__ != "_LazyModule"
            and not getattr(getattr(module, "__spec__", None), "_initializing", False)
        ):
            return False
        ended = self._ended.get(name)
        if ended is None or ended is not object.__getattribute__(module, "__spec__"):
            return True
        _bootstrap._lock_unlock_module(name)  # until importlib has taken its mark off
        return False
