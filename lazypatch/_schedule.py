"""Load gevent at the right moment, install what is ready, keep the rest waiting.

Problem. Loading gevent imports several targets, and every source imports its own target: a hook that loads gevent
when a target's body has run meets half-imported modules (circular imports), and for ``threading`` waits for
itself for ever.

What does not work. Loading at the end of the outermost target: logging and asyncio are half imported by then.
Counting the bodies that run, per thread, and waiting for zero: right, but it needs the list of every module that
gevent imports.

Solution. gevent is loaded before the *first* body of any target runs, with what the thread group needs, and
everything that its own import brought along is installed at once. From then on each target is installed right
after its body, with its own source. Two cases wait: a target whose source is half imported (the program imported
``gevent.socket``), until that source is done; and ``select``, until ``selectors``, whose body looks at the real
one, is done; so whoever imports ``select`` alone gets ``selectors`` loaded first.

Threads. One native thread loads gevent. Another one that comes with a target which gevent does not need waits for
it; with one that gevent does need (the first thread may be waiting for *its* import) it goes on natively and the
first thread installs that target when it is done.

What still fails. That last target is native for the moment between the two.
"""

import importlib
import os
import sys
import types
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from . import _importlock, _threads
from ._errors import warn
from ._importlock import half_imported
from ._install import Change, commit
from ._originals import MISSING
from ._plans import fork_by_default, plan, shutdown_lock
from ._targets import GEVENT_NEEDS, STAND_INS, TARGETS, Target
from ._gevent import Truth

if TYPE_CHECKING:
    from ._enable import Session


class Scheduler:
    """Decides when; what and how is others' business."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.loaded = False
        self.truth = Truth(session)
        self._loading_thread: "int | None" = None
        self._get_ident = self._native("_thread", "get_ident")
        self._new_lock = self._native("_thread", "allocate_lock")
        self._one_loader = self._new_lock()
        self._behind: dict[int, tuple[object, object]] = {}  # id of a replacement -> it, and its original
        self._said: set[str] = set()
        self._seen: set[str] = set()  # targets whose import we took part in
        self._settled: dict[str, tuple[Any, frozenset[str]]] = {}  # target -> module object and options, installed
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._after_fork)

    def _native(self, module: str, name: str) -> Any:
        found = self.session.originals.of(module).get(name, MISSING)
        if found is MISSING and "gevent.monkey" in sys.modules:
            found = sys.modules["gevent.monkey"].saved.get(module, {}).get(name, MISSING)
        return getattr(sys.modules[module], name) if found is MISSING else found

    def _after_fork(self) -> None:
        self._one_loader = self._new_lock()
        if self._loading_thread != self._get_ident():
            self._loading_thread = None  # that thread does not exist here

    # Loading gevent

    def before(self, name: str, wait: bool) -> None:
        """The body of *name* is about to run: have gevent loaded, unless that is what is going on."""
        if self.load(wait):
            row = self.session.rows.get(name)
            if row is not None and row.after in self.session.wanted and row.after not in sys.modules:
                __import__(row.after)

    def load(self, wait: bool = True, quiet: bool = False) -> bool:
        """Load gevent and install what is there. False if it cannot be, or not now: it is being loaded."""
        if self.loaded:
            return True
        if self._loading_thread == self._get_ident() or sys.is_finalizing():
            return False
        if not self._one_loader.acquire(wait):
            return False
        try:
            if not self.loaded:
                self._loading_thread = self._get_ident()
                self._load(quiet)
        finally:
            self._loading_thread = None
            self._one_loader.release()
        return self.loaded

    def _load(self, quiet: bool) -> None:
        standins = self.session.standins
        met = self._modules_since(self.session.loaded_before)
        standins.step_aside()
        try:
            self._import_gevent()
        except Exception as error:
            missing = isinstance(error, ModuleNotFoundError) and error.name == "gevent"
            if missing and quiet:
                standins.come_back()
                return
            standins.retire(lambda module, name: MISSING)
            self.session.failed.update(self.session.wanted)
            self._say_native(error, missing)
            return
        except BaseException:
            standins.come_back()
            raise
        gevents = frozenset(sys.modules)
        try:
            self.truth.adopt()
            _importlock.install(self._native("_thread", "get_ident"))
            self.truth.announce_all()
            self.loaded = True
            self.install_ready()
            met += self._modules_since(gevents)
            self._attempt(["_thread"], lambda: self._commit(self._captured(met)))
        finally:
            standins.retire(self.session.originals.replacement)
        self.truth.all_done()

    def _modules_since(self, before: frozenset[str]) -> list[str]:
        return [name for name in list(sys.modules) if name not in before]

    def _import_gevent(self) -> None:
        import gevent.thread  # which imports gevent and what its hub needs, and gevent.monkey

        if "threading" in self.session.wanted or "_thread" in self.session.wanted:
            import gevent.threading  # noqa: F401

    def _say_native(self, error: BaseException, missing: bool) -> None:
        found = "gevent is not installed" if missing else f"gevent cannot be imported ({_one_line(error)})"
        self._say(
            f"could not make {', '.join(sorted(self.session.wanted))} cooperative: {found}. The program runs with "
            "the standard blocking modules. Install a working gevent for this Python, or switch lazypatch off."
        )

    def _say(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            warn(message)

    # Installing

    def catch_up(self, quiet: bool = False) -> None:
        """Something was armed late: load gevent if need be, and install all that is there."""
        if self.loaded:
            self.truth.adopt()
            self.install_ready()
            self.truth.all_done()
        else:
            self.load(quiet=quiet)

    def after(self, name: str, module: types.ModuleType) -> None:
        """The body of *name* has just run."""
        self._seen.add(name)
        if name == "wrapt":
            self._register_with_wrapt(module)
        for source, items in self.session.foreign.get(name, ()):
            self._attempt([name], lambda source=source, items=items: self.install_foreign(module, source, items))  # type: ignore[misc]
        if not self.loaded and (self._loading_thread == self._get_ident() or not self.load_for(name)):
            return
        if name == "gevent.monkey":
            self.truth.adopt()
        self._companion(name, module)
        for target in self._waiting_for(name):
            self._settled.pop(target, None)
        self.install_ready(name)

    def load_for(self, name: str) -> bool:
        """Load gevent after all: the body of *name* ran without :meth:`before` (LazyLoader and the like)."""
        return name in self.session.wanted and self.load(wait=name not in GEVENT_NEEDS)

    def _waiting_for(self, name: str) -> set[str]:
        return {
            row.name for row in self.session.rows.values() if name in (row.name, row.after, row.source) and row.name in self.session.wanted
        }

    def _companion(self, name: str, module: Any) -> None:
        """Modules that are no targets, but hold something made by one."""
        wanted = self.session.wanted
        options = wanted.get("threading", frozenset())
        changes: list[Change] = []
        if name == "concurrent.futures.thread" and "existing_locks" in options:
            changes = shutdown_lock(module)
        elif name == "logging" and "logging" in options:
            changes = _threads.logging_locks(module, sys.modules["threading"])
        elif name == "multiprocessing.context" and "subprocess" in wanted:
            changes = fork_by_default(module)
        self._attempt([name], lambda: self._commit(changes))

    def install_ready(self, done: str = "") -> None:
        """Install each wanted target that is loaded and not installed; *done* is one whose import is just ending."""
        ready = [name for name in self.session.rows if name in self.session.wanted and self._is_ready(name, done)]
        for name in ready:
            self._notice_bypass(name)
        if any(self.session.rows[name].together for name in ready):
            self._attempt(["_thread", "threading"], self._install_threads)
        for name in ready:
            row = self.session.rows[name]
            if not row.together:
                self._attempt([name], lambda row=row: self._install_one(row, done))  # type: ignore[misc]

    def _is_ready(self, name: str, done: str) -> bool:
        module = sys.modules.get(name)
        if module is None or name in self.session.vetoed:
            return False
        if self._settled.get(name) == (module, self.session.wanted[name]):
            return False
        if name != done and half_imported(name):
            return False
        row = self.session.rows[name]
        if row.after and row.after in self.session.wanted and row.after != done:
            return row.after in sys.modules and not half_imported(row.after)
        return True

    def _notice_bypass(self, name: str) -> None:
        """A target that was loaded under our eyes without our being asked: some finder hid it."""
        if name in self._seen or name in self.session.early or name in STAND_INS:
            return
        self.session.early.add(name)
        finders = ", ".join(type(finder).__name__ for finder in self.session.finder.in_front())
        self._say(
            f"{name} was imported without lazypatch being asked"
            + (f", by {finders} in front of it on sys.meta_path" if finders else "")
            + ". It is installed now; names that were taken out of it before still block. Arm lazypatch after "
            "whatever puts that finder there."
        )

    def _attempt(self, names: list[str], install: Callable[[], object]) -> None:
        """Run one install; whatever goes wrong, the target is native and the user's import goes on."""
        try:
            install()
        except Exception as error:
            self.session.failed.update(names)
            self._say(
                f"could not make {' and '.join(names)} cooperative: {_one_line(error)}. It was left as it was, so it "
                "blocks. Please report this with your versions of Python, gevent and lazypatch."
            )
        except BaseException as error:
            if type(error).__name__ != "DoNotPatch":
                raise
            self.session.vetoed.update(names)
        else:
            self.session.failed.difference_update(names)

    def _settle(self, name: str) -> None:
        self._settled[name] = (sys.modules[name], self.session.wanted[name])

    def _install_one(self, row: Target, done: str) -> None:
        source = self._source(row.source, done)
        if source is None:
            return
        module = sys.modules[row.name]
        options = self.session.wanted[row.name]
        items = self.truth.will_patch(row, module, source, options)
        self._commit(plan(module, source, options, items), late=row.name in self.session.early)
        self._settle(row.name)
        if row.name == "subprocess" and "multiprocessing.context" in sys.modules:
            self._companion("multiprocessing.context", sys.modules["multiprocessing.context"])
        self.truth.did_patch(row, module, source)

    def install_foreign(
        self, module: types.ModuleType, source: "types.ModuleType | str", items: "list[str] | None"
    ) -> bool:
        """A third party's own pair of modules, with the hooks that gevent specifies for a source."""
        supply: Any = importlib.import_module(source) if isinstance(source, str) else source
        chosen = list(supply.__implements__) if items is None else items
        try:
            self._call_hook(supply, "will", module, chosen)
        except BaseException as error:
            if type(error).__name__ == "DoNotPatch":
                return False
            raise
        self._commit([Change(module, name, getattr(supply, name)) for name in chosen], late=True)
        self._call_hook(supply, "did", module, chosen)
        return True

    def _call_hook(self, source: Any, name: str, module: types.ModuleType, items: list[str]) -> None:
        hook = getattr(source, f"_gevent_{name}_monkey_patch", None)
        if hook is not None:
            hook(module, items, self._say)

    def _source(self, name: str, done: str) -> "types.ModuleType | None":
        """The source, imported; None while it, or one that it needs, is half imported: their end brings us back."""
        if name != done and half_imported(name):
            return None
        try:
            __import__(name)
        except Exception as error:
            # _DeadlockError: another native thread is importing it and waits for what we hold.
            if type(error).__name__ == "_DeadlockError" or any(half_imported(row.source) for row in TARGETS.values()):
                return None
            raise
        return sys.modules[name]

    def _install_threads(self) -> None:
        """The thread group is installed whole: ``_thread`` and ``threading``, whichever of them are wanted."""
        threading: Any = sys.modules.get("threading")
        if threading is None or half_imported("_thread"):
            return
        wanted = {name: sys.modules[name] for name in ("_thread", "threading") if name in self.session.wanted}
        rows = [self.session.rows[name] for name in wanted]
        for row in rows:
            __import__(row.source)
            self.truth.will_patch(row, wanted[row.name], sys.modules[row.source], self.session.wanted[row.name])
        native_main = threading.current_thread() is threading.main_thread()
        changes = _threads.changes(wanted, dict(self.session.wanted), threading, self._say)
        self._commit(changes, late="threading" in self.session.early)
        _threads.finish(threading, native_main)
        for row in rows:
            self._settle(row.name)
            self.truth.did_patch(row, wanted[row.name], sys.modules[row.source])

    def _captured(self, met: list[str]) -> list[Change]:
        """What modules took from targets that were armed and not installed yet.

        ``_thread``, os and time are armed by stand-ins for some of their functions; the others, and locks made by
        them at the top of a module, were native for whoever was imported in between.
        """
        natives = {
            id(original): replacement
            for name in STAND_INS
            if name in self.session.wanted
            for original, replacement in self.session.originals.pairs(name)
        }
        lock_type = type(self._one_loader)
        changes = []
        for name in met:
            module = sys.modules.get(name)
            if not isinstance(module, types.ModuleType) or _is_ours(name) or name in self.session.rows:
                continue
            for item, value in list(vars(module).items()):
                if id(value) in natives:
                    changes.append(Change(vars(module), item, natives[id(value)]))
                elif type(value) is lock_type and "_thread" in self.session.wanted and not value.locked():
                    changes.append(Change(vars(module), item, sys.modules["_thread"].allocate_lock()))
        return changes

    def _commit(self, changes: list[Change], late: bool = False) -> None:
        commit(changes, self.session.originals, self.session.behind, late)
        for change in changes:
            if change.old is not MISSING and isinstance(change.owner, types.ModuleType):
                self._behind.setdefault(id(change.value), (change.value, change.old))
                self.session.standins.lead(change.owner.__name__, change.name, change.value)

    def behind(self, value: object) -> object:
        """The original behind *value* if it is a replacement, else MISSING."""
        found = self._behind.get(id(value))
        return found[1] if found is not None and found[0] is value else MISSING

    def forget(self, name: str) -> None:
        """*name* is not wanted any more."""
        self.truth.forget(name)

    def _register_with_wrapt(self, wrapt: Any) -> None:
        from ._wrapt import register

        absent = [name for name in self.session.wanted if name not in sys.modules]
        for name in absent:
            register(wrapt, name, lambda module, name=name: self.after(name, module))  # type: ignore[misc]


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] in ("lazypatch", "gevent", "greenlet", "zope")


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
