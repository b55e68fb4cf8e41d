"""What a watched module's spec gets in place of its loader, until the body is about to run (see _finder.py)."""

import _frozen_importlib
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    from ._protocols import Watcher

_bootstrap: "Any" = _frozen_importlib
_IMPORTLIB = "<frozen importlib._bootstrap>"


def wrap(spec: "ModuleSpec", watcher: "Watcher") -> None:
    """Have *watcher* called back before the module of *spec* is created and after its body ran."""
    if not isinstance(spec.loader, _Loader):
        if _Loader.exec_module.__code__.co_filename != _IMPORTLIB:
            _hide_frames()
        spec.loader = _Loader(spec, watcher)  # type: ignore[assignment]  # a loader by protocol, not by base class


def _lock_of(name: str) -> "Any":
    """The lock of *name* if this thread is inside ``import name``, not in a ``module_from_spec`` for a private copy."""
    lock = _bootstrap._module_locks.get(name, lambda: None)()
    return lock if lock is not None and lock.owner == _bootstrap._thread.get_ident() else None


def _below(lock: "Any") -> "list[Any]":
    """Locks of submodules that the owner of *lock* holds, too: it imports the package for their sake."""
    locks = [ref() for name, ref in sorted(dict(_bootstrap._module_locks).items()) if name.startswith(lock.name + ".")]
    return [each for each in locks if getattr(each, "owner", 0) == lock.owner and each.name not in sys.modules]


def _times(lock: "Any") -> int:
    """How often its owner has taken *lock*."""
    return lock.count if isinstance(lock.count, int) else len(lock.count)  # from 3.12 on it is a list


def _unlocked(locks: "list[Any]", step: "Callable[..., object]", *given: str) -> None:
    """Let go of modules' *locks*, however often this thread has taken them, for a *step* with what is *given*."""
    held = []
    try:
        for lock in locks:
            times = _times(lock)
            held.append((lock, times))
            for _ in range(times):
                lock.release()
        step(*given)
    finally:
        # Ctrl-C must not leave importlib with a lock to release that is not held.
        interrupt: "KeyboardInterrupt | None" = None
        for lock, times in held:
            left = times - (_times(lock) if lock.owner == _bootstrap._thread.get_ident() else 0)
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

    def __init__(self, spec: "ModuleSpec", watcher: "Watcher") -> None:
        self._spec = spec
        self._inner: "Any" = spec.loader
        self._watcher = watcher
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
        if lock is not None and spec.name not in sys.modules and self._watcher.minds(spec.name):
            # What is loaded now may need this very module, in another order than its other importers: with the lock
            # held, one of two threads would meet a deadlock. But whoever holds the lock of a submodule, which the
            # package's body may need, must not wait while another thread begins that body: it lets go only to load.
            locks = [lock]
            below = spec.submodule_search_locations is not None and _below(lock)
            if below:
                # From 3.15 on whoever wants the submodule takes the package's lock first, and then waits for ours.
                locks += below if hasattr(_bootstrap, "_HierarchicalLockManager") else ()
                self._watcher.before(spec.name, lambda step: _unlocked(locks, step))
            else:
                _unlocked(locks, self._watcher.before, spec.name)
            me = _bootstrap._thread.get_ident()
            for each in locks:
                each.owner == me or each.acquire()  # raises what it raised before, or is forgiven
            module = sys.modules.get(spec.name)
            if module is not None:
                return self._adopt(module, spec)
        elif lock is None:
            self._put_off = spec._initializing = True  # type: ignore[attr-defined]  # importlib's mark, which it sets only inside
        created: "ModuleType | None" = self._inner.create_module(spec)
        is_first = lock is not None and spec.name not in sys.modules
        return self._watcher.give(spec.name) if created is None and is_first else created

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
                self._watcher.after(name, sys.modules.get(name, module))
        finally:
            if unmarked:
                spec._initializing = False


def _hide_frames() -> None:
    """Strip our two frames from the traceback of a failing import, like the frames around them.

    importlib does so with those that have its own file name: the user sees what plain Python shows.
    """
    for method in (_Loader.create_module, _Loader.exec_module):
        if method.__code__.co_filename != _IMPORTLIB:
            method.__code__ = method.__code__.replace(co_filename=_IMPORTLIB)
