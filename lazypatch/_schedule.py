"""Load gevent at the right moment, install what is ready, keep the rest waiting.

Problem. Loading gevent imports several targets, and every source imports its own target: a hook that loads gevent
when a target's body has run meets half-imported modules, and for ``threading`` waits for itself for ever.

What does not work. Loading at the end of the outermost target: logging and asyncio are half imported by then.
Waiting until no body runs: right, but it needs the list of every module that gevent imports.

Solution. gevent is loaded before the *first* body of any target runs, with what the thread group needs, and
everything that its own import brought along is installed at once. From then on each target is installed right
after its body, with its own source. Two cases wait: a target whose source is half imported (the program imported
``gevent.socket``), until that source is done; and ``select``, until ``selectors``, whose body looks at the real
one, is done; so whoever imports ``select`` alone gets ``selectors`` loaded first.

What still fails. A native thread that comes with a target which gevent needs, while another one loads gevent, cannot
wait (that one may wait for *its* import): the target is native until then. So is ``select`` in ``selectors``' body.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from ._gevent import Truth, native
from ._install import commit, half_imported, plan, supply
from ._originals import MISSING, Originals
from ._targets import COMPANIONS, GEVENT_NEEDS, STAND_INS, TARGETS, Target

if TYPE_CHECKING:
    import types
    from collections.abc import Callable

    from ._enable import Session
    from ._install import Change


class Scheduler:
    """Decides when; what and how is others' business."""

    def __init__(self, session: Session, met: list[str]) -> None:
        self.session = session
        self._met = met  # modules imported since arming
        self.originals = Originals()
        self.truth = Truth(session, self.originals)
        self.loaded = False
        self._loading_thread: int | None = None
        self._get_ident = native("_thread", "get_ident")
        self._new_lock = native("_thread", "allocate_lock")
        self._new_rlock: Any = native("_thread", "RLock")
        self._one_loader = self._new_rlock()
        self.busy: list[str] = []  # being installed
        self._seen: set[str] = set()  # targets in whose import we took part
        self._settled: dict[str, tuple[Any, frozenset[str]]] = {}  # target -> module object and options, installed
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._after_fork)

    def _after_fork(self) -> None:
        self._one_loader = self._new_rlock()
        if not self.is_loading():  # a thread that does not exist here
            self._loading_thread = None

    def before(self, name: str, wait: bool) -> None:
        """The body of *name* is about to run: have gevent loaded, unless that is what is going on."""
        if self.load(wait) and name in TARGETS:
            first = TARGETS[name].after
            if first in self.session.wanted and first not in sys.modules:
                __import__(first)

    def load(self, wait: bool = True, quiet: bool = False) -> bool:
        """Load gevent and install what is there. False if it cannot be, or not now: it is being loaded."""
        if self.loaded or self.is_loading() or sys.is_finalizing():
            return self.loaded
        try:
            if not self._one_loader.acquire(False) and wait:
                from ._waiting import acquire

                acquire(self._one_loader, lambda: self._loading_thread)
            if self._one_loader._is_owned() and not self.loaded:
                self._loading_thread = self._get_ident()
                self.session.undisturbed(lambda: self._load(quiet))
        finally:
            self.let_go()
        return self.loaded

    def is_loading(self) -> bool:
        """Whether this thread is loading gevent."""
        return bool(self._loading_thread == self._get_ident())

    def let_go(self) -> None:
        """Of the right to load gevent, if this thread has it."""
        # Ctrl-C may come right after it was taken; a fork in the meantime brings another one.
        while self._one_loader._is_owned():
            self._loading_thread = None
            self._one_loader.release()

    def release_standins(self) -> None:
        """They lead to what replaces them, or come back if gevent is not there."""
        out = self.session.standins
        out.retire(self.originals.replacement) if self.loaded else out.come_back()

    def _load(self, quiet: bool) -> None:
        standins = self.session.standins
        try:
            standins.step_aside()
            self.session.note("load", (), None, self._import_gevent)
        except Exception as error:
            if quiet and isinstance(error, ModuleNotFoundError) and error.name == "gevent":
                standins.come_back()
            else:
                standins.retire()
                self.session.failed.update(self.session.wanted)
                self.say("no_gevent", self.session.wanted, error)
            return
        except BaseException:
            standins.come_back()
            raise
        try:
            self._tell(self._announce)
            self.loaded = True
            self.install_ready()
            self._mend()
        finally:
            self.release_standins()
        self._all_done()

    def _announce(self) -> None:
        if self.truth.events is not None:  # which has imported importlib.metadata and much else
            imported = set(sys.modules)
            self.truth.events.announce_all()
            self._met += [name for name in list(sys.modules) if name not in imported]

    def _mend(self) -> None:
        if self._met and "_thread" in self.session.wanted and not self.session.unrepaired:
            from ._captured import captured

            self._attempt([], lambda: self.commit(captured(self._met, self.originals, type(self._new_lock()))))

    def _all_done(self) -> None:
        self.session.mend()
        self.truth.mirror_all()
        if self.truth.events is not None:
            self._tell(self.truth.events.all_done)

    def _tell(self, notify: Callable[[], object]) -> None:
        """Let gevent's subscribers hear; what they raise is theirs, not the user's import's."""
        try:
            notify()
        except Exception as error:
            self.say("subscriber_failed", error)

    def _import_gevent(self) -> None:
        import gevent  # alone: whoever imports a submodule does not wait for a thread that is in gevent's own body
        import gevent.thread  # with gevent.monkey

        if "threading" in self.session.wanted or "_thread" in self.session.wanted:
            import gevent.threading  # noqa: F401
        from . import _importlock

        _importlock.install(self._get_ident, self._new_lock)
        self.truth.adopt()

    def say(self, what: str, *about: Any) -> None:
        """Warn, once, with one of the messages of _errors."""
        from . import _errors

        _errors.warn_once(getattr(_errors, what)(*about))

    def catch_up(self, quiet: bool = False) -> None:
        """Something was armed late: load gevent if need be, and install all that is there."""
        if self.loaded:
            wanted, settled = self.session.wanted, self._settled
            self._settled = {name: pair for name, pair in settled.items() if wanted.get(name) == pair[1]}
            self.install_ready()
            self._all_done()
        else:
            self.load(quiet=quiet)

    def after(self, name: str, module: types.ModuleType) -> None:
        """The body of *name* has just run."""
        self._seen.add(name)
        if name in self.session.foreign or name == "wrapt":
            from ._foreign import loaded

            self._attempt([name], lambda: loaded(self, name, module))
        if not self.loaded and (self._loading_thread == self._get_ident() or name not in self.session.wanted):
            return
        if not self.load(wait=name not in GEVENT_NEEDS):  # before() was not called (LazyLoader), or gave up
            if self._loading_thread is not None and name not in GEVENT_NEEDS:
                self.session.came_late([name])  # that thread installs it, and mends who takes something now
            return
        self._companion(name)
        for row in TARGETS.values():
            if row.name == name or row.after == name or row.source == name:
                self._settled.pop(row.name, None)
        self.install_ready(name)
        self.session.mend()

    def install_ready(self, done: str = "") -> None:
        """Install each wanted target that is loaded and not installed; *done* is one whose import is just ending."""
        ready = [row for row in TARGETS.values() if self._is_open(row.name) and self._is_ready(row, done)]
        if not ready:  # as most imports of a target find it
            return
        if [row for row in ready if row.group]:  # Ctrl-C is lost in a generator that is being closed
            self._attempt(["_thread", "threading"], lambda: self._install_threads(done))
        known = self._seen | self.session.early | STAND_INS.keys()
        hidden = [row.name for row in ready if row.name not in known]
        if hidden:  # loaded under our eyes without our being asked
            from ._bypass import explain

            explain(self.session, hidden)
        for row in ready:
            # Subscribers may have imported it meanwhile.
            if not row.group and self._is_open(row.name) and self._is_ready(row, done):
                self._attempt([row.name], lambda row=row: self._install_one(row, done))  # type: ignore[misc]

    def _is_open(self, name: str) -> bool:
        module = sys.modules.get(name)
        return name in self.session.wanted and module not in (None, self._settled.get(name, (None,))[0])

    def _is_ready(self, row: Target, done: str) -> bool:
        module = sys.modules[row.name]
        if row.name in self.session.vetoed or row.name in self.busy or (row.name != done and half_imported(row.name)):
            return False
        if module.__spec__ is not None and not self.session.accepts(module.__spec__):
            return False  # a user's own
        if row.after in self.session.wanted and row.after != done:
            return row.after in sys.modules and not half_imported(row.after)
        return True

    def _attempt(self, names: list[str], install: Callable[[], object]) -> None:
        """Run one install; whatever goes wrong, the target is native and the user's import goes on."""
        try:
            self.busy += names
            self.session.note("install", tuple(names), None, install)
        except BaseException as error:
            from ._failure import not_installed

            not_installed(self, names, error)
        else:
            self.session.failed.difference_update(names)
        finally:
            self.busy = [name for name in self.busy if name not in names]

    def _install_one(self, row: Target, done: str) -> None:
        source = supply(row.source, done)
        if source is None:
            return
        items = self._asked(row, source)
        self.commit(
            plan(sys.modules[row.name], source, self.session.wanted[row.name], items), row.name in self.session.early
        )
        self._settle(row)
        list(map(self._companion, COMPANIONS.get(row.name, ())))

    def _asked(self, row: Target, source: types.ModuleType | None) -> list[str] | None:
        """The names that gevent's subscribers, if there are any, let be replaced."""
        events, options = self.truth.events, self.session.wanted[row.name]
        return None if events is None else events.will_patch(row, sys.modules[row.name], source, options)

    def _companion(self, name: str) -> None:
        if name in sys.modules and any(name in COMPANIONS[target] for target in COMPANIONS):
            from ._companions import changes

            self._attempt([name], lambda: self.commit(changes(name, self.session.wanted)))

    def _settle(self, row: Target) -> None:
        self._settled[row.name] = (sys.modules[row.name], self.session.wanted[row.name])
        self.truth.mirror(row.name)
        events = self.truth.events
        if events is not None:
            self._tell(lambda: events.did_patch(sys.modules[row.name], sys.modules[row.source]))

    def _install_threads(self, done: str) -> None:
        """The thread group is installed whole: ``_thread`` and ``threading``, whichever of them are wanted."""
        threading: Any = sys.modules.get("threading")
        if threading is None or (done != "_thread" and half_imported("_thread")):
            return
        rows = [row for row in TARGETS.values() if row.group and row.name in self.session.wanted]
        from . import _threads

        items = {row.name: self._asked(row, supply(row.source, "")) for row in rows}
        moves = _threads.moves_main_thread(threading)
        changes = _threads.changes(items, self.session.wanted, threading)
        self.commit(changes, "threading" in self.session.early)
        _threads.finish(threading, moves)
        for row in rows:
            self._settle(row)

    def commit(self, changes: list[Change], late: bool = False) -> None:
        """Make *changes*, also for those who copied a stand-in earlier."""
        commit(changes, self.originals, self.behind, late)
        for change in changes:
            if change.module is not None and change.module.__name__ in STAND_INS:
                self.session.standins.lead(change.module, change.name, change.value)

    def behind(self, value: object) -> object:
        """The original behind *value* if it is a replacement or a stand-in, else MISSING."""
        found = self.originals.behind(value)
        return self.session.standins.behind(value, MISSING) if found is MISSING else found
