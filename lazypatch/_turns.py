"""Wait for another thread that loads gevent or installs a target, but not while it waits for us.

Whoever waits may be in the middle of importing something else, and hold its import lock. If the other thread comes
to need that module, each would wait for the other for ever. importlib cannot see it, since only one of the two waits
for a module; so whoever waits looks, along all that others wait for: modules, and what is waited for here.
"""

from __future__ import annotations

import _frozen_importlib
import _thread
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


_bootstrap: Any = _frozen_importlib
_STEP = 0.002  # seconds between two looks
_awaited: dict[int, Callable[[], int | None]] = {}  # who waits here, and for whom


def until(there: Callable[[], bool], whom: Callable[[], int | None]) -> bool:
    """Wait until *there* says so; False if the thread or greenlet that *whom* tells of cannot go on before we do."""
    me = _bootstrap._thread.get_ident()
    before, _awaited[me] = _awaited.get(me), whom  # a signal handler may wait on top of another wait
    try:
        while not there():
            if _waits_for_us(whom(), me):
                return False
            _pause()
    finally:
        if before is None:
            _awaited.pop(me, None)
        else:
            _awaited[me] = before
    return True


def _waits_for_us(ident: int | None, me: int) -> bool:
    """Whether *ident* waits for a module that we import or for what we are at, or for somebody who does."""
    seen: set[int | None] = {None}
    while ident not in seen:
        if ident == me:
            return True
        seen.add(ident)
        awaited = _bootstrap._blocking_on.get(ident)
        if isinstance(awaited, list):  # from 3.12 on: an import in a signal handler may wait on top of another
            awaited = (awaited[-1:] or [None])[0]
        whom = _awaited.get(ident)  # type: ignore[arg-type]  # not None, which is seen
        ident = getattr(awaited, "owner", None) or (whom() if whom is not None else None)
    return False


def _pause() -> None:
    """Let other threads run, and the other greenlets of this one: they may hold what is waited for."""
    local: Any = sys.modules.get("gevent._hub_local")
    hub = local.get_hub_if_exists() if hasattr(local, "get_hub_if_exists") else None
    if hub is not None and _bootstrap._thread is not _thread:  # else importlib takes them all for one thread
        from gevent.hub import sleep
        from greenlet import getcurrent

        if getcurrent() is not hub:
            sleep(_STEP)
            return
    lock = _bootstrap._thread.allocate_lock()  # importlib's are always native
    lock.acquire()
    lock.acquire(True, _STEP)
