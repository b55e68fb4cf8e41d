"""What is done at the imports that are watched, and how the program is kept safe from each step of ours.

It is loaded with the first of these imports: a program without any does not pay for it.
"""

import sys

from . import _look_up
from ._loader import wrap
from ._targets import ASKS_FOR_GEVENT, STAND_INS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    from ._protocols import Armed
    from ._scheduler import Scheduler

# What the scheduler is made of, each after what it needs.
_AT_WORK = ["_adapters", "_originals", "_install", "_unread", "_deferred", "_gevent", "_progress", "_scheduler"]


class Steps:
    """What the finder, the loaders and the stand-ins of a *session* call, until gevent is loaded and afterwards."""

    def __init__(self, session: "Armed") -> None:
        self._session = session
        self._selection = session.selection
        self._made: "dict[str, Scheduler]" = session.made
        self._finder = session.finder
        session.finder.first = lambda name: _look_up.look_elsewhere(session.finder.ask_each, name, session.path)
        self.give: "Callable[[str], ModuleType | None]" = lambda name: None  # what a module is to be, if it is there
        self.wrap: "Callable[[ModuleSpec, Any], None]" = wrap
        self.undisturbed: "Callable[[Callable[[], Any]], Any]"  # there is one once there is a scheduler

    def scheduler(self) -> "Scheduler":
        """What decides when a target is installed; made when there is something to do."""
        if not self._made:
            session = self._session
            met = ["__main__"]
            if not self._selection.sharing:
                met += [name for name in sys.modules if name not in session.met_before]
            session.at_once("_around_gevent")
            from ._around_gevent import undisturbed

            self.undisturbed = undisturbed
            undisturbed(lambda: self._make_scheduler(met))
        return self._made["it"]

    def _make_scheduler(self, met: "list[str]") -> None:
        self._session.at_once(*_AT_WORK)
        from ._scheduler import Scheduler

        session = self._session
        session.journal.begun = True
        # Two threads may get here; one of theirs wins.
        made = self._made.setdefault("it", Scheduler(session, session.selection, session.standins, met))
        self.give = made.truth.deferred.give

    def begin_strictly(self) -> None:
        """Nothing is loaded yet that strict mode would mind, but gevent may be missing."""
        from .late.trying_again import begin_strictly

        begin_strictly(self._session)

    def catch_up(self, quiet: bool) -> None:
        """Install what is loaded and native; what cannot be done now is tried again at the next import of anything."""
        from .late.catching_up import catch_up

        catch_up(self.scheduler(), self._selection, quiet)
        if self._selection.unfound:
            from .late.trying_again import try_later

            try_later(self._session)
        else:
            self._finder.names = set(self._finder.names)

    def mend(self) -> None:
        """What others took, once everything that is there is installed."""
        if self._selection.unrepaired and not self.scheduler().busy:
            from .late.repair import repair

            repair(self._selection, self.scheduler().originals, self.scheduler().commit, self.accepts)

    def watch_half(self, name: str) -> None:
        """Be called for the module *name*, whose body is running already."""
        from .late.unwatched_import import call_at_end

        module = sys.modules[name]
        call_at_end(module, lambda: self.after(name, module))

    def load(self, module: str, frame: "Any") -> None:
        """Load gevent now if it is not, for a stand-in of *module* that *frame* called."""
        self.guarded(self._load, module, frame)

    def _load(self, module: str, frame: "Any") -> None:
        self._session.note("call", (module,), frame)
        if self.scheduler().load() and module == "os":
            self.scheduler().truth.listen_for_children()

    def guarded(self, step: "Callable[..., object]", *given: "Any", done: str = "", ahead: str = "") -> None:
        """Take a *step* of ours inside the user's import or call, which must not fail because of it."""
        nested = True
        try:
            if "ddtrace" in sys.modules and not self._made:
                from .peers.ddtrace import has_started

                if not has_started(self._session.standins):
                    return
            worker = self._made.get("it")
            nested = worker is not None and worker.loading_thread != 0 and worker.is_loading()
            step(*given)
        except BaseException as error:
            self._gave_up(error, nested, done, ahead)
        if (self._session.check is not None or self._selection.references) and not nested:
            self._look()

    def _gave_up(self, error: BaseException, nested: bool, done: str, ahead: str) -> None:
        try:
            from ._failure import During, gave_up
        except Exception:
            self._session.out_of_reach(error)
            return
        try:
            gave_up(
                self._selection,
                self._session.standins,
                self._made.get("it"),
                error,
                During(nested, done, ahead),
            )
        except BaseException:  # the program's own: Ctrl-C
            if not nested:
                from .late.trying_again import finish

                finish(self._session)
            raise

    def _look(self) -> None:
        # Warn of what was too late, or end; that must not fail the user's import either.
        try:
            from .late.catching_up import look

            look(self._selection, self._session.originals, self._session.check)
        except BaseException as error:
            from ._failure import could_not_look

            could_not_look(error)

    def minds(self, name: str) -> bool:
        """Whether :meth:`before` is to be called for *name*."""
        if name in STAND_INS and not self._made:
            return False  # we need it ourselves, and it may be imported anywhere
        return self._is_target(name) or type(self._finder.names) is not set  # unfinished

    def _is_target(self, name: str) -> bool:
        wanted = self._selection.wanted
        if name in ("gevent", "gevent._interfaces") or name in wanted:
            return True
        return name in ("logging", "threading", ASKS_FOR_GEVENT) and "_thread" in wanted

    def before(self, name: str, unlocked: "Any" = None) -> None:
        """*name* is about to be created; *unlocked*, if given, takes a step without its import lock."""
        frame = sys._getframe(3)  # of importlib, or called by it
        self.guarded(self._before, name, frame, unlocked, ahead=name)

    def _before(self, name: str, frame: "Any", unlocked: "Any") -> None:
        if type(self._finder.names) is not set and not self._is_target(name):
            self.catch_up(True) if unlocked is None else unlocked(lambda: self.catch_up(True))
            return
        worker = self._made.get("it")
        loading = worker is not None and worker.loading_thread and worker.is_loading()
        if not loading and name != "gevent._interfaces":  # else it is gevent's own import, or only deferred
            self._session.note("import", (name,), frame)
        (worker or self.scheduler()).before(name, unlocked)

    def after(self, name: str, module: "ModuleType") -> None:
        """The body of *name* has just run."""
        if name in STAND_INS and not self._made:
            self._session.standins.remove(name)  # of the one that was taken out of sys.modules
            self.guarded(lambda: self._session.standins.put(module))
        elif self._made or name in {*self._selection.wanted, *self._selection.third_party} or name[:6] == "gevent":
            worker = self._made.get("it")
            self.guarded(worker.after if worker else self._after, name, module, done=name)
        if name == "wrapt":
            self.guarded(lambda: self._hand_over(module))
        for hook in self._session.hooks.pop(name, ()):
            hook(module)  # what it raises is the importer's, as with wrapt

    def _after(self, name: str, module: "ModuleType") -> None:  # the scheduler may have to be made, which may fail
        self.scheduler().after(name, module)

    def _hand_over(self, wrapt: "ModuleType") -> None:
        from .peers.wrapt_hooks import hand_over

        hand_over(
            wrapt, [name for name in self._selection.wanted if name not in sys.modules], self.after, self._session.hooks
        )

    def accepts(self, spec: "ModuleSpec") -> bool:
        """Turn down a user's own module that has the name of a standard one."""
        if (
            self._session.accepted.get(spec.name) is spec
            or _look_up.is_meant(spec)
            or spec.name in self._session.libraries
        ):
            self._session.accepted[spec.name] = spec
            return True
        return self._session.unfinished and not self._is_target(spec.name)
