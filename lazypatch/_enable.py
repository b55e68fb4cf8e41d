"""The one session of the process: what is wanted, what became of it, and who is told what."""

import os
import sys

from ._finder import Finder
from ._originals import MISSING, Originals
from ._standins import StandIns
from ._targets import GEVENT_NEEDS, STAND_INS, TARGETS, Target, Wanted, no_waitpid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from ._schedule import Scheduler

# Watched for another reason than being a target: their locks are renewed, or others register hooks through them.
_COMPANIONS = {"threading": ("logging", "concurrent.futures.thread"), "subprocess": ("multiprocessing.context",)}
_STDLIB = os.path.dirname(getattr(os, "__file__", "")) + os.sep
_ALWAYS_LOADED = frozenset(STAND_INS)


class Request:
    """One call of patch_all or enable, for gevent's subscribers: announced when gevent is there, then done."""

    __slots__ = ("announced", "arguments", "done", "kwargs")

    def __init__(self, arguments: "dict[str, bool]", kwargs: "dict[str, object]") -> None:
        self.arguments = arguments
        self.kwargs = kwargs
        self.announced = False
        self.done = False


class Session:
    """States, arming, and the way from the finder to the scheduler. There is one; tests may build others."""

    def __init__(self) -> None:
        self.rows: "dict[str, Target]" = dict(TARGETS)
        self.wanted: Wanted = {}
        self.early: "set[str]" = set()  # targets that were loaded when they were armed
        self.vetoed: "set[str]" = set()
        self.failed: "set[str]" = set()
        self.loaded_before = frozenset(sys.modules)  # modules that cannot have met an armed target
        self.requests: "list[Request]" = []
        self.foreign: "dict[str, list[tuple[ModuleType | str, list[str] | None]]]" = {}
        self.originals = Originals()
        self.finder = Finder(self.before, self.after, self.accepts)
        self.standins = StandIns(self.load)
        self._made: "dict[str, Scheduler]" = {}

    @property
    def scheduler(self) -> "Scheduler":
        """Made when there is something to do: arming must not pay for it."""
        if not self._made:
            from ._schedule import Scheduler

            return self._made.setdefault("it", Scheduler(self))  # two threads may get here; one of theirs wins
        return self._made["it"]

    def arm(self, wanted: Wanted, quiet: bool = False) -> bool:
        """Add *wanted* to what is wanted; what is loaded is installed now. False if a subscriber vetoed any of it.

        *quiet*: nothing is said if gevent cannot be found yet (a later .pth file may bring it).
        """
        merged = dict(self.wanted)
        for name, options in wanted.items():
            merged[name] = merged.get(name, frozenset()) | options
            if name not in self.wanted and name in sys.modules and name not in _ALWAYS_LOADED:
                self.early.add(name)
        self.wanted = merged
        self.vetoed.difference_update(wanted)
        self.finder.names |= self._names(wanted)
        self.finder.install()
        if not (self._made and self.scheduler.loaded):
            for name in _ALWAYS_LOADED.intersection(wanted):
                self.standins.put(sys.modules[name], _stand_in_names(name))
        if "gevent" in sys.modules or not self.early.isdisjoint(wanted) or _threads_run():
            self.scheduler.catch_up(quiet)
        return not self.vetoed.intersection(wanted)

    def _names(self, wanted: "Iterable[str]") -> "set[str]":
        names = {"gevent", "gevent.monkey", "wrapt", *wanted}
        names.update(row.source for row in self.rows.values())
        return names.union(*(_COMPANIONS.get(name, ()) for name in wanted))

    def request(self, arguments: "dict[str, bool]", kwargs: "dict[str, object]") -> bool:
        """Somebody asked for all of it; gevent's subscribers may veto that. False if one did now."""
        request = Request(arguments, kwargs)
        self.requests.append(request)
        return "gevent" not in sys.modules or self.scheduler.truth.announce(request)

    def patch_module(
        self, target: "ModuleType | str", source: "ModuleType | str", items: "list[str] | None"
    ) -> bool:
        """Change a third party's module now, or when it loads."""
        name = target if isinstance(target, str) else target.__name__
        if name in sys.modules:
            return self.scheduler.install_foreign(sys.modules[name] if isinstance(target, str) else target, source, items)
        self.foreign.setdefault(name, []).append((source, items))
        self.finder.names.add(name)
        self.finder.install()
        return True

    def disarm(self, names: "Iterable[str]") -> None:
        """Stop waiting for those of *names* that are still waiting."""
        waiting = [name for name in names if self.state(name) == "waiting"]
        self.wanted = {name: options for name, options in self.wanted.items() if name not in waiting}
        for name in waiting:
            self.standins.remove(name)
            if self._made:
                self.scheduler.forget(name)

    def load(self) -> bool:
        """Load gevent now if it is not, for a stand-in that was called."""
        return self.scheduler.load()

    def before(self, name: str) -> None:
        """*name* is about to be created."""
        if name in self.wanted or name == "gevent" or (name == "logging" and "threading" in self.wanted):
            self.scheduler.before(name, wait=name not in GEVENT_NEEDS)

    def after(self, name: str, module: "ModuleType") -> None:
        """The body of *name* has just run."""
        self.scheduler.after(name, module)

    def accepts(self, spec: "ModuleSpec") -> bool:
        """Turn down a user's own module that has the name of a standard one."""
        if spec.name not in TARGETS and spec.name.partition(".")[0] not in ("logging", "concurrent", "multiprocessing"):
            return True
        origin = spec.origin or ""
        if origin in ("built-in", "frozen") or len(_STDLIB) <= 1:
            return True
        inside = origin.startswith(_STDLIB) and "-packages" + os.sep not in origin[len(_STDLIB) :]
        return inside or os.path.basename(os.path.dirname(origin)) in ("lib-dynload", "DLLs")

    def state(self, name: str) -> str:
        """One of waiting, installed, late, failed and skipped."""
        module = sys.modules.get(name)
        if self.originals.recorded(module) and name in self.wanted:
            return "late" if self.originals.late(module) else "installed"
        if name not in self.wanted or name in self.vetoed:
            return "skipped"
        if name in self.failed and module is not None:
            return "failed"
        return "waiting"

    def behind(self, value: object) -> object:
        """The original behind *value* if it is a stand-in or a replacement, else MISSING."""
        found = self.standins.cell_function(value)
        if found is MISSING and self._made:
            found = self.scheduler.behind(value)
        return found


def _stand_in_names(name: str) -> "tuple[str, ...]":
    return ("fork", "forkpty") if name == "os" and no_waitpid() else STAND_INS[name]


def _threads_run() -> bool:
    """Whether native threads are alive: then gevent is better loaded here than inside one of their imports."""
    return sys.modules["_thread"]._count() > 0


class Handle:
    """What :func:`enable` returns; also a context manager that cancels on its way out."""

    def __init__(self, session: Session, names: "frozenset[str]") -> None:
        self._session = session
        self._names = names

    def cancel(self) -> None:
        """Stop waiting for targets that are not loaded yet. What is installed stays installed."""
        self._session.disarm(self._names)

    def __enter__(self) -> "Handle":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.cancel()


_session: "Session | None" = None


def session() -> Session:
    """The session of this interpreter, also if another copy of this package made it."""
    global _session
    if _session is None:
        for finder in sys.meta_path:
            if type(finder).__module__ == Finder.__module__ and type(finder).__name__ == Finder.__name__:
                _session = finder.before.__self__  # type: ignore[union-attr]
                break
        else:
            _session = Session()
    return _session


def enable(wanted: Wanted, quiet: bool = False) -> Handle:
    """Arm *wanted* in this process's session."""
    current = session()
    current.arm(wanted, quiet)
    return Handle(current, frozenset(wanted))
