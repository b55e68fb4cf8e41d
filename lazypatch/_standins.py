"""Plain functions for targets that are loaded before any hook can run: the first call loads gevent and calls through."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any


class StandIn:
    """One function in one module, and what it leads to now."""

    __slots__ = ("function", "module", "name", "original", "over", "target")

    def __init__(self, module: "ModuleType", name: str, load: "Callable[[], object]") -> None:
        self.module = module
        self.name = name
        self.original: "Any" = getattr(module, name)
        self.target: "Any" = None  # the cooperative object, once there is one
        self.over: "Any" = None  # what somebody else had put over the stand-in when it stepped aside
        self.function = _function(self, load)
        setattr(module, name, self.function)


def _function(cell: StandIn, load: "Callable[[], object]") -> "Callable[..., Any]":
    # Whoever copies this function (``from time import sleep``) keeps it for good, so it goes on forwarding. It must
    # not look at the module again: a mock found there may be calling this very function.
    def stand_in(*args: "Any", **kwargs: "Any") -> "Any":
        if cell.target is None:
            load()
        return (cell.target or cell.original)(*args, **kwargs)

    stand_in.__name__ = stand_in.__qualname__ = cell.name
    stand_in.__module__ = cell.module.__name__
    stand_in.__doc__ = cell.original.__doc__
    return stand_in


class StandIns:
    """All stand-ins of the process; *load* is called before the first call of any goes through."""

    def __init__(self, load: "Callable[[], object]") -> None:
        self._load = load
        self.cells: "dict[tuple[str, str], StandIn]" = {}  # in place
        self.spent: "list[StandIn]" = []  # only in the hands of those who copied them

    def put(self, module: "ModuleType", names: "tuple[str, ...]") -> None:
        """Put a stand-in for each of *names* that *module* has."""
        for name in names:
            if (module.__name__, name) not in self.cells and hasattr(module, name):
                self.cells[module.__name__, name] = StandIn(module, name, self._load)
