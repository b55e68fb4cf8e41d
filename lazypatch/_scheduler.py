"""Load gevent at the right moment, install what is ready, keep the rest waiting.

Problem. Loading gevent imports several targets, and every source imports its own target: a hook that loads gevent
when a target's body has run meets half-imported modules, and for ``threading`` waits for itself for ever.

What does not work. Loading at the end of the outermost target: logging and asyncio are half imported by then.
Waiting until no body runs: right, but it needs the list of every module that gevent imports.

Solution. gevent is loaded before the *first* body of any target runs, with what the thread group needs, and what that
brought along is installed at once. From then on each target is installed right after its body. Two wait: a target whose
source is half imported (the program imported ``gevent.socket``), until that is done; and ``select``, until
``selectors``, whose body looks at the real one, is: it is loaded first if need be.

Threads: one loads gevent, one installs a target, the others wait, except who is waited for (``_waiting``). Nothing is
lost: a body's end is on record before it is looked at what waits for it; who meets somebody at work leaves a note, on
which that one looks again. A target that is loaded without gevent is installed by whoever loads gevent.

What still fails. ``threading``, ``logging`` and ``signal`` are had from ``sys.modules``, native, while another thread
loads gevent, and ``select`` while it is in ``selectors``' body.
"""

from __future__ import annotations

import _frozen_importlib
import os
import sys
from _weakref import ref

from ._adapters import ADAPTERS, Waiting
from ._gevent import Truth, native
from ._install import Change, commit, plan
from ._look_up import half_imported
from ._originals import Originals, whole_end
from ._progress import Progress
from ._targets import STAND_INS, TARGETS, Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Iterable
    from typing import Any

    from ._protocols import Host
    from ._standins import StandIns
    from ._targets import Selection

    Unlocked = Callable[[Callable[[], object]], object]

_bootstrap: Any = _frozen_importlib
_BY_END: dict[str, list[Target]] = {}  # name of a module -> the targets that wait for its end
for _row in TARGETS.values():
    for _end in {_row.name, _row.after, _row.source}:
        _BY_END.setdefault(_end, []).append(_row)


class Scheduler:
    """Decides when; what and how is others' business."""

    def __init__(self, host: Host, selection: Selection, standins: StandIns, met: list[str]) -> None:
        self.host, self.selection, self._standins = host, selection, standins
        self._met = met  # modules imported since arming
        self.originals = Originals(standins.behind)
        standins.at_end = self.originals.put_back
        whole_end.append(standins.end)
        self.truth = Truth(selection, self.originals, host)
        self.adapters = Waiting(ADAPTERS, selection, host)
        self.loaded, self.loading_thread = False, 0
        self._get_ident, self._new_lock = native("_thread", "get_ident"), native("_thread", "allocate_lock")
        self._new_rlock: Any = native("_thread", "RLock")
        self.one_loader = self._new_rlock()
        self.busy: dict[str, list[int]] = {}  # being installed, and by whom
        self._missed: set[str] = set()  # somebody came for these while they were busy
        self._owed: dict[int, BaseException] = {}  # by process, what signal handlers raised in at-fork hooks
        self._unready: set[str] = set()  # modules whose bodies began without gevent
        self.progress = Progress(selection, host.at_work().accepts, host.accepted)
        if hasattr(os, "register_at_fork"):
            me: Any = ref(self)  # the interpreter keeps the hooks until its very end, and is not to keep everything
            os.register_at_fork(
                before=lambda: me() and me().at_fork(me().truth.before_fork),
                after_in_parent=lambda: me() and me().at_fork(bool, True),
                after_in_child=lambda: me() and me().at_fork(me().after_fork, True),
            )

    def at_fork(self, step: Callable[[], object], last: bool = False) -> None:
        """Take a *step* of ours in os.fork(), out of which nothing that is raised would get; *last*: then it can."""
        for _ in range(3):
            try:
                step()
            except BaseException as error:
                if not isinstance(error, Exception):  # else there is no descriptor for a hub, and the fork goes on
                    self._owed[os.getpid()] = error  # a signal handler's: Ctrl-C
                    continue
            break
        if last and os.getpid() in self._owed:
            from ._raised_at_fork import raise_soon

            raise_soon(self._owed.pop(os.getpid()), self.originals.of("_thread").get("start_new_thread"))

    def after_fork(self) -> None:
        """New locks: their holders do not exist here."""
        self.originals.after_fork()
        self.truth.after_fork()
        self.one_loader = self._new_rlock()
        if not self.is_loading():  # a thread that does not exist here
            self.loading_thread = 0
        self.busy = {key: claim for key, claim in self.busy.items() if claim[0] == _bootstrap._thread.get_ident()}

    def before(self, name: str, unlocked: Unlocked | None = None) -> None:
        """The body of *name* is about to run: have gevent loaded, unless that is what is going on."""
        if not (self.truth.deferred.ahead(name) or self.loaded or self.load(unlocked=unlocked)):
            self._unready.add(name)
        elif name in TARGETS:
            first = TARGETS[name].after
            if first in self.selection.wanted and first not in sys.modules:
                __import__(first)

    def load(self, quiet: bool = False, unlocked: Unlocked | None = None) -> bool:
        """Load gevent, by way of *unlocked* if given, and install what is there. False if it cannot be, or not now."""
        if self.loaded or self.is_loading() or sys.is_finalizing():
            return self.loaded
        try:
            if not self.one_loader.acquire(False):
                from ._turns import until

                until(lambda: self.one_loader.acquire(False), lambda: self.loading_thread)
            # Not in the middle of a body that has begun without gevent, which may need that module.
            if self.one_loader._is_owned() and not (self.loaded or any(map(half_imported, list(self._unready)))):
                self.loading_thread = self._get_ident()
                load = lambda: self._load(quiet)
                self.host.at_work().undisturbed(load if unlocked is None else lambda: unlocked(load))
        finally:
            self.let_go()
        return self.loaded

    def is_loading(self) -> bool:
        """Whether this thread is loading gevent."""
        return bool(self.loading_thread == self._get_ident())

    def let_go(self) -> None:
        """Of the right to load gevent, if this thread has it: Ctrl-C may come, or a fork, right after it was taken."""
        while self.one_loader._is_owned():
            self.loading_thread = 0
            self.one_loader.release()

    def release_standins(self) -> None:
        """They lead to what replaces them, or come back if gevent is not there."""
        self._standins.retire(self.originals.replacement) if self.loaded else self._standins.come_back()

    def _load(self, quiet: bool) -> None:
        try:
            self._standins.step_aside()
            self.host.note("load", (), None, lambda: self.truth.load(self._get_ident, self._new_lock))
        except Exception as error:
            from ._failure import not_loaded

            not_loaded(self.selection, self._standins, quiet, error, self.host.path)
            return
        except BaseException:
            self._standins.come_back()
            raise
        try:
            self._met += [] if self.truth.events is None else self.truth.events.begin()
            self.loaded, self.selection.unfound = True, False
            self.adapters.find_libraries(lambda: self.truth.plugins, half_imported)
            self.install_ready()
            self._adapt("")
            self._mend()
        finally:
            self.release_standins()
        self.host.at_work().mend()
        self.truth.all_done()

    def _mend(self) -> None:
        if self._met and "_thread" in self.selection.wanted and not self.selection.unrepaired:
            from ._since_arming import captured

            lock_type, keep = type(self._new_lock()), self.selection.asked | self.selection.excluded
            met = [name for name in self._met if name not in keep]
            self._attempt([], lambda: self.commit(captured(met, self.originals, lock_type)))

    def reopen(self) -> None:
        """Install again, with the options that are wanted now, what was installed with others."""
        self.progress.unsettle_changed()
        self.adapters.find_libraries(lambda: self.truth.plugins, half_imported)
        self.adapters.open.update(self.adapters.rows)
        self.install_ready()
        self._adapt("")
        self.host.at_work().mend()
        self.truth.all_done()

    def after(self, name: str, module: types.ModuleType) -> None:
        """The body of *name* has just run."""
        if self.truth.deferred.arrived(name, module, (_BY_END, self.adapters.rows, self.selection.third_party)):
            return  # what else is done here may be what imports it
        self.progress.seen.add(name)
        if name in self.selection.third_party:
            from .peers.third_party import patch_first_load

            for source, items in self.selection.third_party[name]:
                self._attempt([name], lambda s=source, i=items: patch_first_load(self.truth, self.commit, module, s, i))  # type: ignore[misc]
        rows, ends = _BY_END.get(name, []), self.progress.ends
        before = len(ends)
        looked = self._look(name, rows)
        # From now on others may install what waits for this body's end, too: the last of those who come here does.
        self.progress.end(name, module)
        if self.loaded:
            if rows and not (looked and len(ends) == before + 1) and self.progress.is_any_open(rows):
                self.install_ready(name)
            if name in self.adapters.rows:
                self.adapters.ran(name)
                self._adapt(name)
            if self.selection.unrepaired:
                self.host.at_work().mend()

    def _look(self, name: str, rows: list[Target]) -> bool:
        """Install what the end of *name*'s body makes ready; False if that has to wait for gevent."""
        if not self.loaded and (self.is_loading() or name not in self.selection.wanted):
            return False
        if not (self.loaded or self.load()):  # before() was not called (LazyLoader), or gave up
            if self.loading_thread:
                self.selection.came_late([name])  # that thread installs it, and mends who takes something now
            return False
        self.install_ready(name, rows)
        return True

    def install_ready(self, done: str = "", again: Iterable[Target] = ()) -> None:
        """Install each wanted target that is loaded and not installed, and those *again*; the import of *done* ends."""
        ready = self.progress.ready(done, again)
        if not ready:  # as most imports of a target find it
            return
        if ready[0].group:  # the group stands first in the table
            self._attempt(["_thread", "threading"], lambda: self._install_threads(done))
        known = self.progress.seen | self.selection.early | STAND_INS.keys()
        hidden = [row.name for row in ready if row.name not in known]
        if hidden:  # loaded under our eyes without our being asked
            from .peers.finders_in_front import explain

            explain(self.selection, self.host.finder, hidden)
        for row in ready:
            if not row.group:
                self._attempt([row.name], lambda row=row: self._install_one(row, done))  # type: ignore[misc]
        self._adapt(done)

    def _attempt(self, names: list[str], install: Callable[[], object]) -> None:
        """Run one install, or wait for who is at it; whatever goes wrong, the target is native, the import goes on."""
        key, claim = "".join(names[:1]), [_bootstrap._thread.get_ident()]
        if self.busy.get(key) == claim:
            return  # nested in itself
        self._missed.add(key)
        while key in self._missed:
            try:
                if self.busy.setdefault(key, claim) is not claim:
                    from ._turns import until

                    if until(lambda: key not in self.busy, lambda: self.busy.get(key, [0])[0]):
                        continue
                    return
                self._missed.discard(key)
                self.host.note("install", tuple(names), None, install)
            except BaseException as error:
                from ._failure import not_installed

                not_installed(self.selection, self, names, error)
            else:
                self.selection.failed.difference_update(names)
            finally:
                if self.busy.get(key) is claim:
                    del self.busy[key]

    def _install_one(self, row: Target, done: str) -> None:
        if not self.progress.is_ready(row, done):
            return  # another thread, or a subscriber, has been faster
        source = None if self.progress.is_half(row.source, done) else self.truth.supply(row.source, row.source)
        if source is not None:
            asked, options = self.truth.asked(row, source), self.selection.wanted[row.name]
            self.commit(plan(sys.modules[row.name], source, options, asked), row.name in self.selection.early)
            self.progress.settle(row.name)
            self.truth.installed(row)

    def _install_threads(self, done: str) -> None:
        from ._threads import install

        for row in install(done, self.selection, self.truth, self.progress, self.commit):
            self.progress.settle(row.name)
            self.truth.installed(row)

    def _adapt(self, done: str) -> None:
        """Install each adapter whose time has come; *done* is a module that has just been imported."""
        if self.loaded and self.adapters.open & sys.modules.keys():  # in C, and mostly empty
            for row, module in self.adapters.ready(done, self.progress.is_half, self.progress.is_installed):
                install = lambda r=row, m=module: self.adapters.install(r, m, self.commit)
                self._attempt([module.__name__], install)

    def commit(self, changes: list[Change], late: bool = False) -> None:
        """Make *changes*, also for those who copied a stand-in earlier."""
        commit(changes, self.originals, late)
        for change in changes:
            if change.module is not None and change.module.__name__ in STAND_INS:
                self._standins.lead(change.module, change.name, change.value)
