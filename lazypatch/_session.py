"""The one session of the process: what is wanted, what became of it, and the way from the finder to the scheduler."""

import atexit
import os
import sys
from _thread import _count, get_ident
from time import perf_counter

from ._finder import Finder
from ._targets import COMPANIONS, GEVENT_NEEDS, STAND_INS, TARGETS, StandIns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType
    from typing import Any

    from ._places import Reference
    from ._scheduler import Scheduler
    from ._targets import Wanted

    Place = tuple[Any, CodeType, int]  # module, code and instruction: finding the line can wait
    Entry = tuple[float, str, tuple[str, ...], float, str | int, list[Place]]

# What is loaded for the first target.
_NEXT = ["lazypatch." + file for file in ("_scheduler", "_gevent", "_install", "_importlock", "_threads")]
_STDLIB = os.path.dirname(getattr(os, "__file__", "")) + os.sep
_PACKAGES = "-packages" + os.sep


class Session:
    """Arming, and what is known before gevent is loaded. There is one; tests may build others."""

    def __init__(self) -> None:
        self.wanted: "Wanted" = {}
        self.early: "set[str]" = set()  # targets that were loaded when they were armed
        self.vetoed: "set[str]" = set()
        self.failed: "set[str]" = set()
        # Modules that cannot have met an armed target, and one that 3.13 loads for -c, and that takes nothing.
        self.met_before = frozenset((*sys.modules, "linecache"))
        self.requests: "list[tuple[dict[str, bool], dict[str, object], list[str]]]" = []
        self.foreign: "dict[str, list[tuple[ModuleType | str, list[str] | None]]]" = {}
        self.references: "list[Reference]" = []  # what late repair found
        self.journal: "list[Entry]" = []  # what happened, for the report
        self.request: "Any" = None  # a report that was asked for in advance
        self.recorder: "Any" = None  # what times all imports then
        self.strict = False  # whether anything that is too late ends the process
        self.home = get_ident()
        self.unrepaired = False  # something was armed late since the last repair
        self.excluded: "set[str]" = set()  # modules that nothing is to be mended in
        self.asked: "set[str]" = set()  # modules that asked for originals
        self.finder = Finder(self)
        self.standins = StandIns(self.load)
        atexit.register(self.standins.remove, "_thread")  # which outlives all modules, and would keep us
        self._made: "dict[str, Scheduler]" = {}

    @property
    def scheduler(self) -> "Scheduler":
        # Made when there is something to do: arming must not pay for it.
        if not self._made:
            met = [name for name in sys.modules if name not in self.met_before]
            self.undisturbed(lambda: self._make_scheduler(met))
        return self._made["it"]

    def _make_scheduler(self, met: "list[str]") -> None:
        from ._scheduler import Scheduler

        self._made.setdefault("it", Scheduler(self, met))  # two threads may get here; one of theirs wins

    @property
    def started(self) -> bool:
        """Whether there is a scheduler."""
        return bool(self._made)

    @staticmethod
    def undisturbed(step: "Callable[[], Any]") -> "Any":
        """Take *step* without the garbage collector, which would look at each of many new objects several times.

        They live as long as the process, so they go to the oldest generation at once. Only where the collector was on
        and no other thread is there to notice: nothing else can run, or fork, meanwhile. Gives what *step* gives.
        """
        import gc

        if not gc.isenabled() or _count():
            return step()
        frozen = gc.get_freeze_count()
        try:
            gc.disable()
            result = step()
            if not frozen:  # else that is the program's, and stays so
                gc.freeze()
            return result
        finally:
            try:
                frozen or gc.unfreeze()  # type: ignore[func-returns-value]
            finally:
                gc.enable()

    def arm(self, wanted: "Wanted", quiet: bool = False) -> bool:
        """Add *wanted* to what is wanted; what is loaded is installed now. False if a subscriber vetoed any of it."""
        # quiet: nothing is said if gevent cannot be found yet (a later .pth file may bring it).
        if not self.journal and ("PYTHONCOOPPATCH_REPORT" in os.environ or "cooppatch_report" in sys._xoptions):
            from .reporting.requests import take

            take(self)
        self.note("arm", tuple(wanted), None if quiet else sys._getframe(1))
        merged, present = dict(self.wanted), False
        for name, options in wanted.items():
            merged[name] = merged.get(name, frozenset()) | options
            if name in sys.modules and name not in STAND_INS:
                present = True
                if name not in self.wanted:
                    self.came_late([name])
        self.wanted = merged
        self.vetoed.difference_update(wanted)
        self.watch(wanted)
        if not (self._made and self.scheduler.loaded):
            for name in STAND_INS:
                if name in wanted:
                    self.standins.put(sys.modules.get(name), _stand_in_names(name))
        if present or "gevent" in sys.modules or _count():
            # Other native threads: better now than inside one of their imports.
            self._guarded(lambda: self._catch_up(quiet))
        elif self.strict:
            self._guarded(bool)
        return self.vetoed.isdisjoint(wanted)

    def _catch_up(self, quiet: bool) -> None:
        from .late.catching_up import catch_up

        catch_up(self.scheduler, quiet)

    def came_late(self, names: "Iterable[str]") -> None:
        """The targets *names* were loaded without us: others may have taken originals out of them."""
        self.early.update(names)
        self.unrepaired = True

    def mend(self) -> None:
        """What others took, once everything that is there is installed."""
        if self.unrepaired and not self.scheduler.busy:
            from .late.repair import repair

            repair(self)

    def watch(self, wanted: "Iterable[str]") -> None:
        """Be called for *wanted*, and for what goes with them."""
        names = self.finder.names
        names.update(wanted, ("gevent", "wrapt"), _NEXT)
        names.update([row.source for row in TARGETS.values() if row.name not in GEVENT_NEEDS])
        for name in COMPANIONS:
            if name in wanted:
                names.update(COMPANIONS[name])
        if "_thread" in wanted:
            names.update(("threading", "logging"))  # their bodies must not meet a stand-in
        self.finder.install()

    def load(self, module: str) -> None:
        """Load gevent now if it is not, for a stand-in of *module* that was called."""
        frame = sys._getframe(1)
        self._guarded(lambda: self._load(module, frame))

    def _load(self, module: str, frame: "Any") -> None:
        self.note("call", (module,), frame)
        if self.scheduler.load() and module == "os":
            self.scheduler.truth.listen_for_children()

    def _guarded(self, step: "Callable[[], object]", done: str = "", ahead: str = "") -> None:
        # Take a step of ours inside the user's import or call, which must not fail because of it.
        nested = True
        try:
            if "ddtrace" in sys.modules and not self._made:
                from .peers.ddtrace import has_started

                if not has_started(self):
                    return
            nested = self.started and self.scheduler.is_loading()
            step()
        except BaseException as error:
            from ._failure import gave_up

            gave_up(self, error, nested, done, ahead)
        if (self.strict or self.references) and not nested:
            self._look()

    def _look(self) -> None:
        # Warn of what was too late, or end; that must not fail the user's import either.
        try:
            from .late.catching_up import look

            look(self)
        except BaseException as error:
            from ._failure import could_not_look

            could_not_look(error)

    def minds(self, name: str) -> bool:
        """Whether :meth:`before` is to be called for *name*."""
        if name in STAND_INS and not self._made:
            return False  # we need it ourselves, and it may be imported anywhere
        needed = name == "gevent" or (name in ("logging", "threading") and "_thread" in self.wanted)
        return needed or name in self.wanted

    def before(self, name: str, unlocked: "Any" = None) -> None:
        """*name* is about to be created; *unlocked*, if given, takes a step without its import lock."""
        frame = sys._getframe(3)  # of importlib, or called by it
        self._guarded(lambda: self._before(name, frame, unlocked), ahead=name)

    def _before(self, name: str, frame: "Any", unlocked: "Any") -> None:
        if not (self._made and self.scheduler.is_loading()):  # else gevent's own import is what imports it
            self.note("import", (name,), frame)
        self.scheduler.before(name, unlocked)

    def after(self, name: str, module: "ModuleType") -> None:
        """The body of *name* has just run."""
        if name in STAND_INS and not self._made:
            self.standins.remove(name)  # of the one that was taken out of sys.modules
            self._guarded(lambda: self.standins.put(module, _stand_in_names(name)))
        else:
            self._guarded(lambda: self.scheduler.after(name, module), name)

    def note(self, what: str, names: "tuple[str, ...]", frame: "Any" = None, step: "Any" = bool) -> None:
        """Take a *step* and keep for the report what it was, of which targets, how long, by whom, in which thread."""
        # Every first import comes this way, so no text is made. By whom: from *frame* on, those that called importlib
        # (or us) and the bodies of modules; if nobody has asked for a report, only the nearest of them.
        begin, found, calls = perf_counter(), [], True
        most = 99 if self.request or not self._made else 2
        step()
        while frame is not None and most:
            code = frame.f_code
            if code.co_filename.startswith("<frozen importlib"):
                calls = True
            elif calls or code.co_name == "<module>":
                name = str(frame.f_globals.get("__name__"))
                calls = name.startswith(("lazypatch", "importlib"))
                if not calls:
                    found.append((name, code, frame.f_lasti))
                    most -= 1
            frame = frame.f_back
        now = getattr(sys.modules.get("_thread"), "get_ident", get_ident)  # gevent's, once threads are filed by it
        thread: "Any" = getattr(sys.modules.get("threading"), "_active", {}).get(now())
        if len(self.journal) < 2000:  # a program that reloads targets all day is not to fill memory
            who = getattr(thread, "_name", 0) or get_ident()
            self.journal.append((begin, what, names, perf_counter(), who, found))

    def accepts(self, spec: "ModuleSpec") -> bool:
        """Turn down a user's own module that has the name of a standard one."""
        origin = spec.origin or ""
        if origin.startswith(_STDLIB) and _PACKAGES not in origin[len(_STDLIB) :]:
            return True
        if origin in ("built-in", "frozen") or len(_STDLIB) <= 1:
            return True
        if spec.name.startswith(("gevent", "wrapt")) or spec.name in self.foreign:
            return True
        return os.path.basename(os.path.dirname(origin)) in ("lib-dynload", "DLLs")


def _stand_in_names(name: str) -> "tuple[str, ...]":
    return ("fork", "forkpty") if name == "os" and no_waitpid() else STAND_INS[name]


def no_waitpid() -> bool:
    """Whether GEVENT_NOWAITPID tells gevent to leave os.waitpid alone."""
    return os.environ.get("GEVENT_NOWAITPID", "").lower() in ("1", "true", "yes", "on", "y")


def in_main_interpreter() -> bool:
    """Whether this is the main interpreter, as seen from the thread that runs its site.

    Asking costs an import on 3.10 and 3.11; signal.signal() refuses everywhere but in the main thread of the main
    interpreter, before it looks at the number.
    """
    import _signal  # type: ignore[import-not-found]  # the C module: signal itself would cost enum

    try:
        _signal.signal(0, _signal.SIG_DFL)
    except ValueError as error:
        return "main" not in str(error)
    return True


_session: "Session | None" = None


def session() -> Session:
    """The session of this interpreter, also if another copy of this package made it."""
    global _session
    if _session is None:
        sessions = [getattr(finder, "session", None) for finder in sys.meta_path]
        _session = next((found for found in sessions if found is not None), None) or Session()
    return _session
