"""Give importlib a view of _thread that tells greenlets apart and stays true for native threads in mid-import.

Problem. A module lock remembers its owner by ``_thread.get_ident()``. Once that is gevent's, the owner of every
lock held at that moment looks like a stranger: ``cannot release un-acquired lock``, in this thread and in every
native thread that is importing. Left native, two greenlets of one thread look like one owner, and the second sees
a half-imported module (gevent #108).

What does not work. Rewriting the owners of held locks: right for this thread, wrong for any other. A private
native ``_thread`` for importlib (eventlet): no exclusion between greenlets.

Waiting on gevent's own locks: between native threads they may make a hub, and import to do so, inside the import.

Solution. A thread's main greenlet keeps the thread's native ident, any other greenlet is its own owner. Locks that
main greenlets hold stay valid. Those that other greenlets hold, in whichever thread, they claim when they are next
asked who they are: each finds them on its own stack. Whoever finds a module lock taken asks ``has_deadlock`` before
it waits: there the native lock that it would wait for gets a shell that lets greenlets run, so that the imports that
wait for nobody (nearly all) pay nothing. A thread without a hub waits natively; with one, the greenlet looks again
every millisecond: waiting for an import is rare, and short.
"""

from __future__ import annotations

import _frozen_importlib
import _thread
import sys
import types

from gevent._hub_local import get_hub_if_exists
from gevent.hub import sleep
from greenlet import getcurrent

from ._originals import at_end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_bootstrap: Any = _frozen_importlib


def _wakeup(native: Any) -> types.SimpleNamespace:
    """The *native* lock that waiters for a module queue at, with an ``acquire`` that lets greenlets run."""

    def acquire(blocking: bool = True) -> bool:
        if native.acquire(False):
            return True
        if blocking:
            _wait(native)
        return blocking

    return types.SimpleNamespace(acquire=acquire, release=native.release)


def _wait(native: Any) -> None:
    hub, me = get_hub_if_exists(), _get_ident()
    if hub is not None and getcurrent() is not hub:
        while not native.acquire(False):
            sleep(0.001)
        return
    # Nobody else of this thread can run until we return. If one of them holds the module, it never will.
    wanted = _bootstrap._blocking_on.get(me)
    owner = getattr(wanted[-1] if isinstance(wanted, list) and wanted else wanted, "owner", None)
    if me != _native_ident() and owner == _native_ident():
        raise _bootstrap._DeadlockError(f"deadlock: this greenlet and its thread's main one both import {wanted!r}")
    native.acquire()


_native_ident: Any = None
_view: Any = None  # what importlib has for _thread
# Weak references to the locks from when greenlets had no idents of their own; None: not looked for yet. One that is
# free may be about to be taken with the ident from before. importlib drops one that nobody uses.
_from_before: list[Any] | None = None


def _get_ident() -> int:
    try:
        current = getcurrent()
    except RuntimeError:  # greenlet is being finalized, late in the interpreter's shutdown
        return _native_ident()  # type: ignore[no-any-return]
    if current.parent is None:
        return _native_ident()  # type: ignore[no-any-return]
    if _from_before != []:
        _claim(id(current))
    return id(current)


def _claim(ident: int) -> None:
    """What this greenlet holds since before is its own from now on, not its thread's main greenlet's."""
    global _from_before
    references = list(_bootstrap._module_locks.values()) if _from_before is None else _from_before
    native, mine = _native_ident(), set(_held_on_stack())
    for lock in [reference() for reference in references]:
        if lock is not None and lock.owner == native and lock.name in mine:
            lock.owner = ident
    _from_before = [reference for reference in references if reference() is not None]


def install(native_ident: Any, native_lock: Any) -> None:
    """Make importlib greenlet-aware, once, with the originals of ``get_ident`` and ``allocate_lock`` of _thread."""
    global _view, _native_ident
    if _view is not None and _bootstrap._thread is _view:
        return
    _native_ident = native_ident
    # The RLock is for 3.12 and later; it guards a few lines that never switch.
    _view = types.SimpleNamespace(get_ident=_get_ident, allocate_lock=native_lock, RLock=_thread.RLock)
    _look_before_waiting(_bootstrap._ModuleLock)
    _bootstrap._thread = _view
    at_end.append(_forget_greenlets)


def _forget_greenlets() -> None:
    """None runs any more; where C's ``exit()`` ends the process, greenlet must not even be asked."""
    _view.get_ident = _native_ident


def _look_before_waiting(module_lock: Any) -> None:
    """Have *module_lock*, importlib's class, wait in a way that lets greenlets run."""
    original = module_lock.has_deadlock
    assert "has_deadlock" in module_lock.acquire.__code__.co_names  # with the guard taken, before it waits

    def has_deadlock(self: Any) -> Any:
        if type(self.wakeup) is not types.SimpleNamespace:
            self.wakeup = _wakeup(self.wakeup)  # who waits at the native lock already is woken through it
        return original(self)

    module_lock.has_deadlock = has_deadlock


def _held_on_stack() -> Iterator[str]:
    """The modules whose locks this greenlet holds, as its own stack tells."""
    frame = sys._getframe()
    while frame is not None:
        if frame.f_globals is vars(_bootstrap):
            if frame.f_code.co_name == "_find_and_load_unlocked":  # called with the lock held
                yield frame.f_locals["name"]
            elif frame.f_code.co_name == "release":
                yield frame.f_locals["self"].name
        frame = frame.f_back  # type: ignore[assignment]  # None at the bottom ends the loop
