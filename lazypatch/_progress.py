"""How far each target has come: loaded, its body over, installed; and which can be installed now.

A target may be in ``sys.modules`` long before its body is over, and its body may be over while importlib still calls it
half imported. Both matter: before the body's end names are missing, and after it others may take them.
"""

from __future__ import annotations

import _frozen_importlib
import sys
from _operator import is_not
from itertools import compress

from ._gevent import half_imported
from ._install import MISSING
from ._targets import TARGETS, Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Iterable
    from importlib.machinery import ModuleSpec
    from typing import Any

    from ._targets import Selection

_bootstrap: Any = _frozen_importlib


class Progress:
    """What is known of the targets' imports; decides, and changes nothing outside of itself."""

    def __init__(self, selection: Selection, accepts: Callable[[ModuleSpec], bool]) -> None:
        self._selection = selection
        self._accepts = accepts
        self.seen: set[str] = set()  # targets in whose import we took part
        self._ended: dict[str, object] = {}  # modules whose after() is over -> their specs
        self._settled: dict[str, Any] = {}  # target -> the module object installed; MISSING: ended, and not installed
        self._options: dict[str, frozenset[str]] = {}  # with which it was

    def unsettle(self, names: Iterable[str]) -> None:
        """The targets *names* may have to be installed again."""
        for name in names:
            self._settled[name] = MISSING

    def unsettle_changed(self) -> None:
        """The same for those that were installed with other options than are wanted now."""
        wanted = self._selection.wanted
        self.unsettle([name for name in self._settled if wanted.get(name) != self._options.get(name)])

    def end(self, name: str, module: types.ModuleType) -> None:
        """All is done that has to be done at the end of *name*'s body: others may install what waits for it."""
        self._ended[name] = getattr(module, "__spec__", None)
        self._settled.setdefault(name, MISSING)

    def settle(self, name: str) -> None:
        """The target *name* is installed."""
        self._settled[name], self._options[name] = sys.modules[name], self._selection.wanted[name]

    def ready(self, done: str) -> list[Target]:
        """The targets that are to be installed now; *done* is one whose import is just ending."""
        # Nearly every import of a target asks, mostly to find none: so the first look is C.
        changed = map(is_not, map(sys.modules.get, TARGETS), map(self._settled.get, TARGETS))
        rows = list(compress(TARGETS.values(), changed))
        return [row for row in rows if self.is_open(row.name) and self.is_ready(row, done)]

    def is_open(self, name: str) -> bool:
        """Whether the target *name* is there and not installed."""
        module = sys.modules.get(name)
        if module is None and name in self._ended:  # importlib puts a module that it has just imported at the end
            _bootstrap._lock_unlock_module(name)
            module = sys.modules.get(name)
        return name in self._selection.wanted and module is not None and module is not self._settled.get(name)

    def is_ready(self, row: Target, done: str) -> bool:
        """Whether an open target can be installed: it is whole, and so is what it has to come after."""
        if row.name in self._selection.vetoed or self.is_half(row.name, done):
            return False
        if (spec := sys.modules[row.name].__spec__) is not None and not self._accepts(spec):
            return False  # a user's own
        if row.after not in self._selection.wanted:
            return True
        return row.after in sys.modules and not self.is_half(row.after, done)

    def is_half(self, name: str, done: str) -> bool:
        """Whether the body of *name* has not run to its end; that of *done* has just now."""
        if name == done or not half_imported(name):
            return False
        ended = self._ended.get(name)
        if ended is None or ended is not object.__getattribute__(sys.modules.get(name), "__spec__"):
            return True
        _bootstrap._lock_unlock_module(name)  # until importlib has taken its mark off
        return False
