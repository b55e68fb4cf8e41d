"""Plain functions for targets that are loaded before any hook can run: the first call loads gevent and calls through.

They exist until gevent does: they step aside while it looks at the originals, come back if it cannot be loaded this
time, else leave for good. What somebody else puts over one stays in place: it leads here, so it is cooperative.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any


class StandIn:
    """One function in one module, and what it leads to now."""

    __slots__ = ("function", "module", "name", "original", "over", "target")

    def __init__(self, module: "ModuleType", name: str, load: "Callable[[str], object]") -> None:
        self.module = module
        self.name = name
        self.original: "Any" = getattr(module, name)
        self.target: "Any" = None  # the cooperative object, once there is one
        self.over: "Any" = None  # what somebody else had put over the stand-in when it stepped aside
        self.function = _function(self, load)
        setattr(module, name, self.function)


def _function(cell: StandIn, load: "Callable[[str], object]") -> "Callable[..., Any]":
    # Whoever copies this function (``from time import sleep``) keeps it for good, so it goes on forwarding. It must
    # not look at the module again: a mock found there may be calling this very function.
    def stand_in(*args: "Any", **kwargs: "Any") -> "Any":
        if cell.target is None:
            load(cell.module.__name__)
        return (cell.target or cell.original)(*args, **kwargs)

    stand_in.__name__ = stand_in.__qualname__ = cell.name
    stand_in.__module__ = cell.module.__name__
    stand_in.__doc__ = cell.original.__doc__
    return stand_in


class StandIns:
    """All stand-ins of the process; *load* is called, with the module's name, before the first call goes through."""

    def __init__(self, load: "Callable[[str], object]") -> None:
        self._load = load
        self.cells: "dict[tuple[str, str], StandIn]" = {}  # in place
        self.spent: "list[StandIn]" = []  # only in the hands of those who copied them
        self._by_id: "dict[int, StandIn]" = {}  # id of the function -> all that ever were

    def put(self, module: "ModuleType", names: "tuple[str, ...]") -> None:
        """Put a stand-in for each of *names* that *module* has."""
        for name in names:
            if (module.__name__, name) not in self.cells and hasattr(module, name):
                cell = self.cells[module.__name__, name] = StandIn(module, name, self._load)
                self._by_id[id(cell.function)] = cell

    def step_aside(self) -> None:
        """Let the originals be seen: gevent is about to look."""
        for cell in self.cells.values():
            found = getattr(cell.module, cell.name, None)
            cell.over = None if found is cell.function else found
            setattr(cell.module, cell.name, cell.original)

    def come_back(self) -> None:
        """Stand where :meth:`step_aside` left from."""
        for cell in self.cells.values():
            setattr(cell.module, cell.name, cell.over or cell.function)

    def retire(self, replacement: "Callable[[ModuleType, str], Any] | None" = None) -> None:
        """Leave for good, for what ``replacement(module, name)`` gives; without it, or for None, for the original."""
        for cell in self.cells.values():
            cell.target = (replacement and replacement(cell.module, cell.name)) or cell.original
            if cell.over is not None:
                setattr(cell.module, cell.name, cell.over)
        self.spent += self.cells.values()
        self.cells = {}

    def remove(self, module: str) -> None:
        """Take the stand-ins of *module* out again; the copies that others hold call the originals."""
        for key in [key for key in self.cells if key[0] == module]:
            cell = self.cells.pop(key)
            if getattr(cell.module, cell.name, None) is cell.function:
                setattr(cell.module, cell.name, cell.original)
            cell.target = cell.original
            self.spent.append(cell)

    def lead(self, module: "ModuleType", name: str, target: object) -> None:
        """A stand-in that has left now leads to *target*: installed later than gevent was loaded."""
        for cell in self.spent:
            if cell.module is module and cell.name == name:
                cell.target = target

    def behind(self, value: object, default: object) -> object:
        """The original behind *value* if it is a stand-in, also one that was copied long ago; else *default*."""
        cell = self._by_id.get(id(value))
        return cell.original if cell is not None and cell.function is value else default
