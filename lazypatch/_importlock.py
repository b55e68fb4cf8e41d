"""Give importlib a view of _thread that tells greenlets apart and stays true for native threads in mid-import.

Problem. A module lock remembers its owner by ``_thread.get_ident()``. Once that is gevent's, the owner of every
lock held at that moment looks like a stranger: ``cannot release un-acquired lock``, in this thread and in every
native thread that is importing. Left native, two greenlets of one thread look like one owner, and the second sees
a half-imported module (gevent #108).

What does not work. Rewriting the owners of held locks: right for this thread, wrong for any other. A private
native ``_thread`` for importlib (eventlet): no exclusion between greenlets.

Solution. A thread's main greenlet keeps the thread's native ident, any other greenlet is its own owner. Locks
that main greenlets hold stay valid, so nothing is rewritten, except what a non-main greenlet, the one that is
loading gevent right now, holds: it is found on its own stack. Waiting is done on gevent's semaphore, also for
locks already held, unless a native thread waits on the native one already.

What still fails. A greenlet that waits for a module whose lock a native thread was already waiting for when this
was installed blocks its thread until that import is done.
"""

from __future__ import annotations

import _frozen_importlib
import sys
from collections.abc import Iterator
from typing import Any

_bootstrap: Any = _frozen_importlib


class _ThreadView:
    """What importlib uses of _thread."""

    def __init__(self, native: Any) -> None:
        from gevent.lock import Semaphore
        from greenlet import getcurrent

        native_ident = native.get_ident

        def get_ident() -> int:
            try:
                current = getcurrent()
            except RuntimeError:  # greenlet is being finalized, late in the interpreter's shutdown
                return native_ident()  # type: ignore[no-any-return]
            return id(current) if current.parent is not None else native_ident()

        self.get_ident = get_ident
        self.RLock = native.RLock  # guards a few lines that never switch
        self.allocate_lock = Semaphore


def install(native_get_ident: Any) -> None:
    """Make importlib greenlet-aware, once; *native_get_ident* is the original of ``_thread.get_ident``."""
    if isinstance(_bootstrap._thread, _ThreadView):
        return
    import _thread

    class native:
        RLock = _thread.RLock
        get_ident = staticmethod(native_get_ident)

    view = _ThreadView(native)
    before, now = native_get_ident(), view.get_ident()
    mine = set(_names_on_stack()) if before != now else set()
    for lock in _held():
        with lock.lock:
            if not lock.waiters:
                lock.wakeup = view.allocate_lock()
            if lock.owner == before and lock.name in mine:
                lock.owner = now
    _bootstrap._thread = view


def _held() -> list[Any]:
    """The module locks that somebody owns."""
    locks = [reference() for reference in list(_bootstrap._module_locks.values())]
    return [lock for lock in locks if getattr(lock, "owner", None) is not None]


def _names_on_stack() -> Iterator[str]:
    """The modules whose import is in progress on this greenlet's own stack."""
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "_find_and_load" and frame.f_globals is vars(_bootstrap):
            yield frame.f_locals["name"]
        frame = frame.f_back  # type: ignore[assignment]  # None at the bottom ends the loop
