"""The one entry on sys.meta_path: calls back before a watched module is created and right after its body ran.

Problem. A module's importers take names out of it as soon as its import returns, so replacing names must
happen inside that import; and what has to be loaded first (gevent) must be loaded before the body runs, or
half-imported modules meet each other.

What does not work. Work in ``find_spec``: the global import lock is held there, and an import of the same name
runs the body twice. ``importlib.util.find_spec``: it waits for the parent's lock while holding the global one.
A guard shared between threads or greenlets: the second one loses its hook. Removing the finder when done: an
import that iterates ``sys.meta_path`` skips its neighbour.

Solution. ``find_spec`` asks the finders after this one and wraps the loader they give. The wrapper's
``create_module`` runs before any body, and with the module's own lock let go: there the *before* callback may import
what it likes, even the very module asked for, which is then adopted (its body does not run twice).
``exec_module`` puts the real loader back, runs the body, then calls *after*. Both callbacks are idempotent, so it
does no harm if two wrappers, two finders or a wrapt hook lead to them.

What still fails. A finder in front of this one that answers for everything itself hides the import from us;
the session notices when it is next asked anything, and says so.
"""

import _frozen_importlib
import _frozen_importlib_external
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Protocol

    class Watcher(Protocol):
        """Who is called back, and decides."""

        def minds(self, name: str) -> bool: ...
        def accepts(self, spec: ModuleSpec) -> bool: ...
        def give(self, name: str) -> ModuleType | None: ...
        def before(self, name: str, unlocked: Any = None) -> None: ...
        def after(self, name: str, module: ModuleType) -> None: ...


_bootstrap: "Any" = _frozen_importlib
_external: "Any" = _frozen_importlib_external


class Finder:
    """Watch ``names``, on behalf of a session.

    *session* has ``before(name)``, called if ``minds(name)``, and ``after(name, module)``, and ``accepts(spec)``, which
    may turn a spec down (a user's module that has a target's name).
    """

    def __init__(self, session: "Watcher") -> None:
        self.names: "set[str]" = set()
        self.first: "Callable[[str], ModuleSpec | None] | None" = None  # who may know better where a name is
        self.session = session
        self._moved = False
        self.once: "dict[str, ModuleType]" = {}  # packages that are never two in a process
        self.again: "Any" = None  # gives the spec of a module of theirs that is there already
        usual = [self, _bootstrap.BuiltinImporter, _bootstrap.FrozenImporter, _external.PathFinder]
        # What sys.meta_path holds if nobody else is there; None where asking from here is not faster than importlib.
        self._usual: "Any" = usual if sys.version_info >= (3, 12) else None

    def find_spec(
        self, name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        """The spec that the finders after this one give, its loader wrapped if *name* is watched."""
        if self.once and target is None and name.partition(".")[0] in self.once:
            there: "ModuleSpec | None" = self.again(self.once, name)
            if there is not None:
                return there
        if name not in self.names:
            # One finder more costs each import a little. What is in a package, or the standard library's, is nearly
            # always there: where nobody else could tell the difference, asking from here pays for it. (What is not
            # there is looked for twice then.)
            if sys.meta_path != self._usual or (path is None and name not in sys.stdlib_module_names):
                return None
            return self._ask_usual(name, path, target)
        if name.startswith("lazypatch."):
            ours: "ModuleSpec | None" = sys.modules["lazypatch"]._spec_of_ours(name)  # importlib has just imported it
            return ours
        spec = self._ask(name, path, target)
        if spec is None or not hasattr(spec.loader, "exec_module") or not self.session.accepts(spec):
            return spec
        if not isinstance(spec.loader, _Loader):
            if _Loader.exec_module.__code__.co_filename != _IMPORTLIB:
                _hide_frames()
            spec.loader = _Loader(spec, self.session)  # type: ignore[assignment]  # a loader by protocol, not by base class
        return spec

    def _ask(self, name: str, path: "Sequence[str] | None", target: "ModuleType | None") -> "ModuleSpec | None":
        if path is None and self.first is not None and (spec := self.first(name)) is not None:
            return spec
        return (
            self._ask_usual(name, path, target) if sys.meta_path == self._usual else self.ask_each(name, path, target)
        )

    def ask_each(
        self, name: str, path: "Sequence[str] | None", target: "ModuleType | None", folders: "list[str] | None" = None
    ) -> "ModuleSpec | None":
        """The first spec that a finder after this one gives; with *folders*, that is where the path finder looks."""
        finders = list(sys.meta_path or ())
        if self in finders:
            del finders[: finders.index(self) + 1]
        for finder in finders:
            find_spec = getattr(finder, "find_spec", None)
            if find_spec is not None:
                where = folders if folders is not None and finder is _external.PathFinder else path
                spec: "ModuleSpec | None" = find_spec(name, where, target)
                if spec is not None:
                    return spec
        return None

    def _ask_usual(self, name: str, path: "Sequence[str] | None", target: "ModuleType | None") -> "ModuleSpec | None":
        _, builtin, frozen, files = self._usual
        spec: "ModuleSpec | None" = builtin.find_spec(name, path, target) or frozen.find_spec(name, path, target)
        return spec or files.find_spec(name, path, target)

    def install(self) -> None:
        """Stand first on ``sys.meta_path``, once."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def in_front(self) -> "list[object]":
        """The finders that are asked before this one; it moves to the front of them, once in a process."""
        finders: "list[object]" = list(sys.meta_path or ())
        ahead = finders[: finders.index(self)] if self in finders else finders
        if ahead and not self._moved and sys.meta_path is not None:
            self._moved = True
            # Insert first, remove afterwards: an import that iterates the list meanwhile sees us twice, never not once.
            sys.meta_path.insert(0, self)
            if self in sys.meta_path[1:]:
                del sys.meta_path[sys.meta_path.index(self, 1)]
        return ahead


def _lock_of(name: str) -> "Any":
    """The lock of *name* if this thread is inside ``import name``, not in a ``module_from_spec`` for a private copy."""
    lock = _bootstrap._module_locks.get(name, lambda: None)()
    return lock if lock is not None and lock.owner == _bootstrap._thread.get_ident() else None


def _below(lock: "Any") -> "list[Any]":
    """Locks of submodules that the owner of *lock* holds, too: it imports the package for their sake."""
    locks = [ref() for name, ref in sorted(dict(_bootstrap._module_locks).items()) if name.startswith(lock.name + ".")]
    return [each for each in locks if getattr(each, "owner", 0) == lock.owner and each.name not in sys.modules]


def _held(lock: "Any") -> int:
    """How often this thread has taken *lock*."""
    return _times(lock) if lock.owner == _bootstrap._thread.get_ident() else 0


def _times(lock: "Any") -> int:
    """How often its owner has taken *lock*."""
    return lock.count if isinstance(lock.count, int) else len(lock.count)  # from 3.12 on it is a list


def _unlocked(locks: "list[Any]", step: "Callable[[], object]") -> None:
    """Let go of modules' *locks* for a *step*, however often this thread has taken them."""
    held = []
    try:
        for lock in locks:
            times = _times(lock)
            held.append((lock, times))
            for _ in range(times):
                lock.release()
        step()
    finally:
        # Ctrl-C must not leave importlib with a lock to release that is not held.
        interrupt: "KeyboardInterrupt | None" = None
        for lock, times in held:
            left = times - _held(lock)
            while left > 0:
                try:
                    lock.acquire()
                    left -= 1
                except KeyboardInterrupt as error:
                    interrupt = error
                except RuntimeError:  # importlib ends a circle of imports so
                    _forgive(lock)
                    break
        if interrupt is not None:
            raise interrupt


def _forgive(lock: "Any") -> None:
    """This thread could not take importlib's *lock* again: have it released only by who holds it."""
    release = lock.release
    lock.release = lambda: release() if lock.owner == _bootstrap._thread.get_ident() else None


class _Loader:
    """Stands for a loader until the body is about to run; everything else is the real loader's."""

    def __init__(self, spec: "ModuleSpec", session: "Watcher") -> None:
        self._spec = spec
        self._inner: "Any" = spec.loader
        self._session = session
        self._adopted: "ModuleType | None" = None  # what is in sys.modules already
        self._real_spec: "ModuleSpec | None" = None  # the same, where it is importlib that fills it in again
        self._put_off = False  # created outside of any import: by a LazyLoader, or for a private copy

    def __getattr__(self, name: str) -> "Any":
        return getattr(self._inner, name)

    def get_code(self, name: str) -> "Any":
        # runpy asks for the code, then takes __loader__ from the spec: it must find the real loader there.
        self._spec.loader = self._inner
        return self._inner.get_code(name)

    def create_module(self, spec: "ModuleSpec") -> "ModuleType | None":
        lock = _lock_of(spec.name)
        if lock is not None and spec.name not in sys.modules and self._session.minds(spec.name):
            # What is loaded now may need this very module, in another order than its other importers: with the lock
            # held, one of two threads would meet a deadlock. But whoever holds the lock of a submodule, which the
            # package's body may need, must not wait while another thread begins that body: it lets go only to load.
            locks = [lock]
            below = spec.submodule_search_locations is not None and _below(lock)
            if below:
                # From 3.15 on whoever wants the submodule takes the package's lock first, and then waits for ours.
                locks += below if hasattr(_bootstrap, "_HierarchicalLockManager") else ()
                self._session.before(spec.name, lambda step: _unlocked(locks, step))
            else:
                _unlocked(locks, lambda: self._session.before(spec.name))
            for each in locks:
                _held(each) or each.acquire()  # raises what it raised before, or is forgiven
            module = sys.modules.get(spec.name)
            if module is not None:
                return self._adopt(module, spec)
        elif lock is None:
            self._put_off = spec._initializing = True  # type: ignore[attr-defined]  # importlib's mark, which it sets only inside
        created: "ModuleType | None" = self._inner.create_module(spec)
        is_first = lock is not None and spec.name not in sys.modules
        return self._session.give(spec.name) if created is None and is_first else created

    def _adopt(self, module: "ModuleType", spec: "ModuleSpec") -> "ModuleType | None":
        """Have importlib give *module*, which is complete and which others use.

        importlib would give it a spec that says it is half imported, and take it out of sys.modules for a moment. So
        it gets an empty module to do that with, under another name, and finds *module* there when it is done.
        """
        loader: object = spec.loader
        if loader is self and type(spec) is _bootstrap.ModuleSpec:
            spec.name += " of another import"
            self._adopted = module
            return None
        # Somebody has wrapped this loader (wrapt), and expects the module that he asked for.
        self._real_spec = module.__spec__
        return module

    def _last_step(self, _: bool) -> None:
        # Of an import that found its module loaded: self is its spec.
        sys.modules.pop(self.name, None)

    # No class for this: making one would cost every armed process, or every import that adopts, far more.
    _initializing = property(None, _last_step)

    def exec_module(self, module: "ModuleType") -> None:
        if self._adopted is not None:
            aside: "Any" = self._spec
            sys.modules[aside.name] = self._adopted
            aside.__class__ = _Loader  # for importlib's last step with a spec, which is all that follows
            return
        if self._real_spec is not None:
            module.__spec__ = self._real_spec
            return
        spec: "Any" = module.__spec__
        loader: "Any" = getattr(spec, "loader", None)
        if spec is not None and loader is self:
            spec.loader = self._inner
        if getattr(module, "__loader__", None) is self:
            module.__loader__ = self._inner
        name = self._spec.name
        shared = sys.modules.get(name) is module
        # A LazyLoader or reload() runs the body outside of any import: then it is for us to say that it runs.
        unmarked = self._put_off or not getattr(spec, "_initializing", True)
        if unmarked:
            spec._initializing = True
        try:
            self._inner.exec_module(module)
            if shared:
                self._session.after(name, sys.modules.get(name, module))
        finally:
            if unmarked:
                spec._initializing = False


_IMPORTLIB = "<frozen importlib._bootstrap>"


def _hide_frames() -> None:
    """Strip our two frames from the traceback of a failing import, like the frames around them.

    importlib does so with those that have its own file name: the user sees what plain Python shows.
    """
    for method in (_Loader.create_module, _Loader.exec_module):
        if method.__code__.co_filename != _IMPORTLIB:
            method.__code__ = method.__code__.replace(co_filename=_IMPORTLIB)
