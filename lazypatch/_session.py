"""The one session of the process: it arms, hears from the finder, and keeps the program safe from each step of ours."""

import atexit
import sys
from _thread import _count

from ._finder import Finder
from ._standins import StandIns
from ._targets import STAND_INS, Journal, Selection, names_to_watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    from ._originals import Originals
    from ._scheduler import Scheduler
    from ._targets import Wanted

# What the scheduler is made of, each after what it needs.
_AT_WORK = ["_adapters", "_originals", "_install", "_unread", "_deferred", "_gevent", "_progress", "_scheduler"]


class Session:
    """Arming, and what is done before gevent is loaded. There is one; tests may build others."""

    def __init__(self) -> None:
        self.selection = Selection()
        self.journal = Journal()
        self.note = self.journal.note
        # Modules that cannot have met an armed target, and one that 3.13 loads for -c.
        self.met_before = frozenset((*sys.modules, "linecache"))
        self.check: "Callable[[], object] | None" = None  # strict mode's: ends the process if anything is too late
        self.hooks: "dict[str, list[Callable[[ModuleType], object]]]" = {}  # of when_imported(), by module
        self.libraries: "set[str]" = set()  # third parties' modules that something waits for
        self.accepted: "dict[str, ModuleSpec]" = {}  # those that were not turned down
        self.path: "list[str]" = []  # sys.path as it was when this was armed
        self.at_once: "Callable[..., object]" = lambda *files: None  # who arms at start-up loads our files quicker
        self.finder = Finder(self)
        self.finder.first = lambda name: self.look_up.look_elsewhere(self.finder.ask_each, name, self.path)
        self.look_up: "Any" = None  # the file of that name; it and wrap() are there once get_ready() has been called
        self.wrap: "Callable[[ModuleSpec, Session], None]"
        self.give: "Callable[[str], ModuleType | None]" = lambda name: None  # what a module is to be, if it is there
        self.standins = StandIns(self.load)
        atexit.register(self.standins.end)
        self._made: "dict[str, Scheduler]" = {}
        self.undisturbed: "Callable[[Callable[[], Any]], Any]"  # there is one once there is a scheduler

    @property
    def scheduler(self) -> "Scheduler":
        # Made when there is something to do: arming must not pay for it.
        if not self._made:
            met = ["__main__", *(name for name in sys.modules if name not in self.met_before)]
            self._load_look_up()
            self.at_once("_around_gevent")
            from ._around_gevent import undisturbed

            self.undisturbed = undisturbed
            undisturbed(lambda: self._make_scheduler(met))
        return self._made["it"]

    def _make_scheduler(self, met: "list[str]") -> None:
        self.at_once(*_AT_WORK)
        from ._scheduler import Scheduler

        self.journal.begun = True
        # Two threads may get here; one of theirs wins.
        made = self._made.setdefault("it", Scheduler(self, self.selection, self.standins, met))
        self.give = made.truth.deferred.give

    @property
    def started(self) -> bool:
        return bool(self._made)

    @property
    def originals(self) -> "Originals | None":
        """The registry of originals, once anything can be in it."""
        return self._made["it"].originals if self._made else None

    def arm(self, wanted: "Wanted", adapters: "Iterable[str]" = (), quiet: bool = False) -> bool:
        """Add *wanted* and *adapters* to what is wanted; what is loaded is installed now.

        *quiet*: nothing is said if gevent cannot be found yet (a later .pth file may bring it). False if a subscriber
        vetoed any of it.
        """
        selection = self.selection
        self.path, selection.expecting = self.path or list(sys.path), quiet
        self.note("arm", tuple(wanted), None if quiet else sys._getframe(1))
        merged, present = dict(selection.wanted), False
        for name, options in wanted.items():
            merged[name] = merged.get(name, frozenset()) | options
            if name in sys.modules and name not in STAND_INS:
                present = True
                if name not in selection.wanted:
                    selection.came_late([name], quiet)
        selection.wanted = merged
        selection.add_adapters(adapters)
        selection.vetoed.difference_update(wanted)
        self.watch(names_to_watch(wanted))
        if not (self._made and self.scheduler.loaded):
            for name in STAND_INS:
                if name in wanted:
                    self.standins.put(sys.modules.get(name))
        if present or "gevent" in sys.modules or _count():
            # Other native threads: better now than inside one of their imports.
            self._guarded(self.catch_up, quiet)
        elif self.check is not None:
            self._guarded(self._begin_strictly)
        return selection.vetoed.isdisjoint(wanted)

    def _begin_strictly(self) -> None:
        from .late.trying_again import begin_strictly

        begin_strictly(self)

    def catch_up(self, quiet: bool) -> None:
        """Install what is loaded and native; what cannot be done now is tried again at the next import of anything."""
        from .late.catching_up import catch_up

        catch_up(self.scheduler, self.selection, quiet)
        if self.selection.unfound:
            from .late.trying_again import try_later

            try_later(self)
        else:
            self.finder.names = set(self.finder.names)

    @property
    def unfinished(self) -> bool:
        """Whether something waits for the next import of anything."""
        return type(self.finder.names) is not set

    def mend(self) -> None:
        """What others took, once everything that is there is installed."""
        if self.selection.unrepaired and not self.scheduler.busy:
            from .late.repair import repair

            repair(self.selection, self.scheduler.originals, self.scheduler.commit, self.accepts)

    def watch(self, names: "Iterable[str]") -> None:
        """Be called for the modules *names*."""
        self.finder.names.update(names)
        self.finder.install()

    def watch_half(self, name: str) -> None:
        """Be called for the module *name*, whose body is running already."""
        from .late.unwatched_import import call_at_end

        module = sys.modules[name]
        call_at_end(module, lambda: self.after(name, module))

    def get_ready(self) -> bool:
        """Have what finds a watched module, and wraps its loader. False if that cannot be loaded any more.

        In find_spec the global import lock is held: nobody else can be at this, and what these two import is loaded.
        """
        if self.look_up is None:
            try:
                self._load_look_up()
            except Exception as error:
                self._out_of_reach(error)
        return self.look_up is not None

    def _load_look_up(self) -> None:
        if self.look_up is None:
            self.at_once("_look_up", "_loader")
            from . import _loader, _look_up

            self.wrap, self.look_up = _loader.wrap, _look_up

    def _out_of_reach(self, error: BaseException) -> None:
        self.finder.names = set()  # no memory, no descriptor, or no way to our files any more
        self.selection.failed.update(self.selection.wanted)
        self.standins.give_up(error)

    def load(self, module: str) -> None:
        """Load gevent now if it is not, for a stand-in of *module* that was called."""
        self._guarded(self._load, module, sys._getframe(1))

    def _load(self, module: str, frame: "Any") -> None:
        if sys.is_finalizing():
            return
        self.note("call", (module,), frame)
        if self.scheduler.load() and module == "os":
            self.scheduler.truth.listen_for_children()

    def _guarded(self, step: "Callable[..., object]", *given: "Any", done: str = "", ahead: str = "") -> None:
        # Take a step of ours inside the user's import or call, which must not fail because of it.
        nested = True
        try:
            if "ddtrace" in sys.modules and not self._made:
                from .peers.ddtrace import has_started

                if not has_started(self.standins):
                    return
            worker = self._made.get("it")
            nested = worker is not None and worker.loading_thread != 0 and worker.is_loading()
            step(*given)
        except BaseException as error:
            self._gave_up(error, nested, done, ahead)
        if (self.check is not None or self.selection.references) and not nested:
            self._look()

    def _gave_up(self, error: BaseException, nested: bool, done: str, ahead: str) -> None:
        try:
            from ._failure import During, gave_up
        except Exception:
            self._out_of_reach(error)
            return
        try:
            gave_up(self.selection, self.standins, self._made.get("it"), error, During(nested, done, ahead))
        except BaseException:  # the program's own: Ctrl-C
            if not nested:
                from .late.trying_again import finish

                finish(self)
            raise

    def _look(self) -> None:
        # Warn of what was too late, or end; that must not fail the user's import either.
        try:
            from .late.catching_up import look

            look(self.selection, self.originals, self.check)
        except BaseException as error:
            from ._failure import could_not_look

            could_not_look(error)

    def minds(self, name: str) -> bool:
        """Whether :meth:`before` is to be called for *name*."""
        if name in STAND_INS and not self._made:
            return False  # we need it ourselves, and it may be imported anywhere
        return self._is_target(name) or type(self.finder.names) is not set  # unfinished

    def _is_target(self, name: str) -> bool:
        wanted = self.selection.wanted
        if name in ("gevent", "gevent._interfaces") or name in wanted:
            return True
        return name in ("logging", "threading") and "_thread" in wanted

    def before(self, name: str, unlocked: "Any" = None) -> None:
        """*name* is about to be created; *unlocked*, if given, takes a step without its import lock."""
        frame = sys._getframe(3)  # of importlib, or called by it
        self._guarded(self._before, name, frame, unlocked, ahead=name)

    def _before(self, name: str, frame: "Any", unlocked: "Any") -> None:
        if type(self.finder.names) is not set and not self._is_target(name):
            self.catch_up(True) if unlocked is None else unlocked(lambda: self.catch_up(True))
            return
        worker = self._made.get("it")
        loading = worker is not None and worker.loading_thread and worker.is_loading()
        if not loading and name != "gevent._interfaces":  # else it is gevent's own import, or only deferred
            self.note("import", (name,), frame)
        (worker or self.scheduler).before(name, unlocked)

    def after(self, name: str, module: "ModuleType") -> None:
        """The body of *name* has just run."""
        if name in STAND_INS and not self._made:
            self.standins.remove(name)  # of the one that was taken out of sys.modules
            self._guarded(lambda: self.standins.put(module))
        elif self._made or name in {*self.selection.wanted, *self.selection.third_party} or name[:6] == "gevent":
            worker = self._made.get("it")
            self._guarded(worker.after if worker else self._after, name, module, done=name)
        if name == "wrapt":
            self._guarded(lambda: self._hand_over(module))
        for hook in self.hooks.pop(name, ()):
            hook(module)  # what it raises is the importer's, as with wrapt

    def _after(self, name: str, module: "ModuleType") -> None:  # the scheduler may have to be made, which may fail
        self.scheduler.after(name, module)

    def _hand_over(self, wrapt: "ModuleType") -> None:
        from .peers.wrapt_hooks import hand_over

        hand_over(wrapt, [name for name in self.selection.wanted if name not in sys.modules], self.after, self.hooks)

    def accepts(self, spec: "ModuleSpec") -> bool:
        """Turn down a user's own module that has the name of a standard one."""
        if self.accepted.get(spec.name) is spec or self.look_up.is_meant(spec) or spec.name in self.libraries:
            self.accepted[spec.name] = spec
            return True
        return self.unfinished and not self._is_target(spec.name)


_session: "Session | None" = None


def session() -> Session:
    """The session of this interpreter, also if another copy of this package made it."""
    global _session
    if _session is None:
        # pytest's finder has a session of another kind.
        ours: "Any" = [one for one in sys.meta_path if type(one).__module__ == Finder.__module__]
        _session = ours[0].session if ours else Session()
    return _session
