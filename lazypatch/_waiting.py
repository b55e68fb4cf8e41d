"""Wait for the thread that loads gevent, but not while it waits for us.

Whoever waits may be in the middle of importing something else, and hold its import lock. If the loading thread comes
to need that module (gevent's subscribers and plugins may import anything), each would wait for the other for ever.
importlib cannot see it, since only one of the two waits for a module; so whoever waits for the loader looks.
"""

from __future__ import annotations

import _frozen_importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_bootstrap: Any = _frozen_importlib
_STEP = 0.005  # seconds between two looks


def acquire(lock: Any, loader: Callable[[], int | None]) -> None:
    """Take *lock*, a native RLock, or give up when the thread that *loader* gives waits for what this one imports."""
    while True:
        sleep = _sleep_of_greenlets()
        # Other greenlets of this thread may hold what the loader waits for: they have to run.
        if lock.acquire(False) if sleep is not None else lock.acquire(True, _STEP):
            return
        if _waits_for_us(loader()):
            return
        if sleep is not None:
            sleep(_STEP)


def _sleep_of_greenlets() -> Any:
    """``gevent.sleep`` if this thread has a hub and is not in it."""
    local: Any = sys.modules.get("gevent._hub_local")
    hub = local.get_hub_if_exists() if hasattr(local, "get_hub_if_exists") else None
    if hub is None:
        return None
    from gevent.hub import sleep
    from greenlet import getcurrent

    return None if getcurrent() is hub else sleep


def _waits_for_us(ident: int | None) -> bool:
    """Whether the thread *ident* waits for a module that we import, or for somebody who does."""
    me = _bootstrap._thread.get_ident()
    seen: set[int | None] = {None}
    while ident not in seen:
        if ident == me:
            return True
        seen.add(ident)
        awaited = _bootstrap._blocking_on.get(ident)
        if isinstance(awaited, list):  # from 3.12 on: an import in a signal handler may wait on top of another
            awaited = (awaited[-1:] or [None])[0]
        ident = getattr(awaited, "owner", None)
    return False
