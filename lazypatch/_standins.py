"""Stand-ins: plain functions in targets that are loaded before any hook can run; the first call loads gevent.

A call goes through to what replaced the original by then. Stand-ins exist until gevent does: they step aside while it
looks at the originals, come back if it cannot be loaded this time, else leave for good. What somebody else puts over
one stays in place: it leads here, so it is cooperative.
"""

import os
import sys

from ._targets import STAND_INS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from ._protocols import StandIn
else:
    StandIn = type(sys.implementation)  # types.SimpleNamespace: each class costs every armed process something


def names_of(module: str) -> "tuple[str, ...]":
    """The functions of *module* that get a stand-in."""
    return ("fork", "forkpty") if module == "os" and no_waitpid() else STAND_INS[module]


def no_waitpid() -> bool:
    """Whether GEVENT_NOWAITPID tells gevent to leave os.waitpid alone."""
    return os.environ.get("GEVENT_NOWAITPID", "").lower() in ("1", "true", "yes", "on", "y")


def _stand_in(module: "ModuleType", name: str, load: "Callable[[str], object]") -> "StandIn":
    cell = StandIn()  # its attributes one by one: as arguments they cost thrice as much
    cell.module, cell.name, cell.original = module, name, getattr(module, name)
    cell.target = cell.over = None

    # Whoever copies this function (``from time import sleep``) keeps it for good, so it goes on forwarding. It must
    # not look at the module again: a mock found there may be calling this very function.
    def stand_in(*args: "Any", **kwargs: "Any") -> "Any":
        if cell.target is None:
            try:
                load(cell.module.__name__)
            except Exception:  # nothing of ours may come out of the program's call; its own Ctrl-C does
                pass
        return (cell.target or cell.original)(*args, **kwargs)

    stand_in.__name__ = stand_in.__qualname__ = name
    stand_in.__module__ = module.__name__
    stand_in.__doc__ = cell.original.__doc__
    cell.function = stand_in
    setattr(module, name, stand_in)
    return cell


class StandIns:
    """All stand-ins of the process; *load* is called, with the module's name, before the first call goes through."""

    def __init__(self, load: "Callable[[str], object]") -> None:
        self._load = load
        self.cells: "dict[tuple[str, str], StandIn]" = {}  # in place
        self.spent: "list[StandIn]" = []  # only in the hands of those who copied them
        self.at_end: "Callable[[], object]" = bool  # the registry's, once there is one
        self.behind: "dict[int, tuple[object, object]]" = {}  # id of each that ever was -> it, and its original

    def put(self, module: "Any") -> None:
        """Put a stand-in in place of each function of *module* that starts something."""
        for name in names_of(module.__name__):
            if hasattr(module, name) and (module.__name__, name) not in self.cells:
                cell = self.cells[module.__name__, name] = _stand_in(module, name, self._load)
                self.behind[id(cell.function)] = cell.function, cell.original

    def step_aside(self) -> None:
        """Show the originals: gevent is about to look."""
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

    def give_up(self, error: BaseException) -> None:
        """Leave for good, where not even the file that has words for *error* can be loaded any more."""
        self.retire()
        if not isinstance(error, Exception):
            raise error
        if sys.stderr is not None:
            sys.stderr.write(
                f"lazypatch: was to make this program cooperative, and cannot load its files ({type(error).__name__}): "
                "it runs with the standard blocking modules. Import what it needs before it gives up its rights.\n"
            )

    def remove(self, module: str) -> None:
        """Take the stand-ins of *module* out again; the copies that others hold call the originals."""
        for key in [key for key in self.cells if key[0] == module]:
            cell = self.cells.pop(key)
            if getattr(cell.module, cell.name, None) is cell.function:
                setattr(cell.module, cell.name, cell.original)
            cell.target = cell.original
            self.spent.append(cell)

    def end(self) -> None:
        """The interpreter ends: no greenlet can run, and a destructor that sleeps, say, is to have the original.

        The stand-ins of _thread go, too: that outlives all modules, and would keep what is behind them.
        """
        self.at_end()
        self.remove("_thread")
        for cell in (*self.cells.values(), *self.spent):
            if cell.module.__name__ == "time":
                setattr(cell.module, cell.name, cell.original)
            cell.target = cell.original

    def lead(self, module: "ModuleType", name: str, target: object) -> None:
        """A stand-in that has left now leads to *target*: installed later than gevent was loaded."""
        for cell in self.spent:
            if cell.module is module and cell.name == name:
                cell.target = target
