"""Plain functions for targets that are loaded before any hook can run: the first call loads gevent and calls through."""

import sys

from ._originals import MISSING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any


class _StandIn:
    """One function in one module, and what it leads to now."""

    __slots__ = ("function", "module", "name", "original", "over", "target")

    def __init__(self, module: "ModuleType", name: str, load: "Callable[[], object]") -> None:
        self.module = module
        self.name = name
        self.original: "Any" = getattr(module, name)
        self.target: "Any" = None  # the cooperative object, once there is one
        self.over: object = MISSING  # what somebody else had put over the stand-in when it stepped aside
        self.function = _function(self, load)
        setattr(module, name, self.function)


def _function(cell: _StandIn, load: "Callable[[], object]") -> "Callable[..., Any]":
    # Whoever copies this function (``from time import sleep``) keeps it for good, so it goes on forwarding. It
    # must not look at the module again: a mock found there may be calling this very function.
    def stand_in(*args: "Any", **kwargs: "Any") -> "Any":
        if cell.target is None:
            load()
        return (cell.target or cell.original)(*args, **kwargs)

    stand_in.__name__ = cell.name
    stand_in.__qualname__ = cell.name
    stand_in.__module__ = cell.module.__name__
    stand_in.__doc__ = cell.original.__doc__
    return stand_in


class StandIns:
    """All stand-ins of the process; *load* is called before the first call of any goes through."""

    def __init__(self, load: "Callable[[], object]") -> None:
        self._load = load
        self._cells: "dict[tuple[str, str], _StandIn]" = {}
        self._spent: "list[_StandIn]" = []

    def put(self, module: "ModuleType", names: "tuple[str, ...]") -> None:
        """Put a stand-in for each of *names* that *module* has."""
        for name in names:
            if (module.__name__, name) not in self._cells and hasattr(module, name):
                self._cells[module.__name__, name] = _StandIn(module, name, self._load)

    def original(self, module: str, name: str) -> object:
        """What stands behind a stand-in that is in place, else MISSING."""
        cell = self._cells.get((module, name))
        return MISSING if cell is None else cell.original

    def cell_function(self, value: object) -> object:
        """The original behind *value* if it is one of ours (also one that was copied long ago), else MISSING."""
        for cell in [*self._cells.values(), *self._spent]:
            if cell.function is value:
                return cell.original
        return MISSING

    def step_aside(self) -> None:
        """Let the originals be seen: gevent is about to look."""
        for cell in self._cells.values():
            found = getattr(cell.module, cell.name, MISSING)
            cell.over = MISSING if found is cell.function else found
            setattr(cell.module, cell.name, cell.original)

    def come_back(self) -> None:
        """Stand where :meth:`step_aside` left from: gevent could not be loaded."""
        for cell in self._cells.values():
            setattr(cell.module, cell.name, cell.function if cell.over is MISSING else cell.over)

    def retire(self, replacement: "Callable[[ModuleType, str], object]") -> None:
        """Leave for good: lead to ``replacement(module, name)``, or to the original where that is MISSING.

        What somebody else had put over a stand-in stays in place: it leads here, so it is cooperative.
        """
        for cell in self._cells.values():
            found = replacement(cell.module, cell.name)
            cell.target = cell.original if found is MISSING else found
            if cell.over is not MISSING:
                setattr(cell.module, cell.name, cell.over)
        self._spent += self._cells.values()
        self._cells = {}

    def remove(self, module: str) -> None:
        """Take the stand-ins of *module* out again; the copies that others hold call the originals."""
        for key in [key for key in self._cells if key[0] == module]:
            cell = self._cells.pop(key)
            if getattr(cell.module, cell.name, None) is cell.function:
                setattr(cell.module, cell.name, cell.original)
            cell.target = cell.original
            self._spent.append(cell)

    def lead(self, module: str, name: str, target: object) -> None:
        """A stand-in that has left now leads to *target*: installed later than gevent was loaded."""
        for cell in self._spent:
            if cell.module.__name__ == module and cell.name == name and cell.module is sys.modules.get(module):
                cell.target = target
