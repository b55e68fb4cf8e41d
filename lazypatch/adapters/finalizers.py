"""What the garbage collector calls while the event loop runs may wait, as natively: for a lock, a thread, a socket.

Problem. The interpreter collects wherever it is, and calls there what objects have to be called at their end: a
``__del__``, the callback of a weak reference, ``multiprocessing``'s finalizers. Natively each thread can do that, and
wait for another one. Where the event loop is, nobody can wait with gevent: BlockingSwitchOutError, which the
interpreter prints and forgets, and what was to be done at the end is not done.

And who asks there which thread it is, as each line of a log does, gets one that threading did not know, and lists as
a thread from then on.

Solution. A collection that begins in the hub makes it able to wait (_hub_waits.py) until it is over. It hears of that
by ``gc.callbacks``, which costs about a microsecond for each collection. And the thread that runs in the hub is the one
that started it, mostly the main thread: natively it is any that runs Python code.

What stays. An object that goes in the hub without the collector can wait for locks, events, queues and whatever else
lazypatch has made cooperative, but not for gevent's sockets; and nothing can wait inside of such a wait.
"""

from __future__ import annotations

import gc
import sys

from gevent._hub_local import get_hub_if_exists
from greenlet import getcurrent

from .._originals import at_end
from ._new_hubs import told
from .changes import Call, Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _collects(phase: str, _info: Any, hub_here: Any = get_hub_if_exists, current: Any = getcurrent) -> None:
    hub = hub_here() if phase == "start" else None
    # Where C's exit() ends Python, greenlets have ended, and greenlet must not be asked which one runs.
    if hub is None or getattr(hub.parent, "dead", True) or current() is not hub:
        return
    if hub.loop is not None and not sys.is_finalizing():
        from . import _hub_waits

        _hub_waits.let_wait(hub)


def _begin(_hub: Any = None) -> None:
    if _collects not in gc.callbacks:
        gc.callbacks.append(_collects)
        at_end.insert(0, _end)


def _end() -> None:
    if _collects in gc.callbacks:
        gc.callbacks.remove(_collects)


def _new(kind: Any) -> Any:
    """What ``threading.current_thread()`` makes where it knows of no thread."""
    hub = get_hub_if_exists()
    if hub is not None and getcurrent() is hub and not sys.is_finalizing():
        threading: Any = sys.modules["threading"]
        known = threading._active.get(id(hub.parent))
        if known is not None and not isinstance(known, kind):
            return known
    return object.__new__(kind)


def plan(module: Any) -> list[Change]:
    """It begins with the first hub, or with the one that is there."""
    if module.__name__ == "threading":
        return [Change(module._DummyThread, "__new__", _new)]
    return [*told(_begin), Call(lambda: _begin() if get_hub_if_exists() is not None else None, _end)]
