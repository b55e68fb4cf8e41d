"""A forked child has one thread, the one that forked: greenlets that stand for other threads do not run on in it.

Problem. fork() copies only the calling native thread, but all greenlets are in it. So in the child every "thread" of
the parent goes on: it writes to the parent's sockets, takes jobs from queues, runs its ``finally``. gevent promises
that for what a program spawns with gevent; ``threading`` promises the opposite. And gevent makes a new MainThread in
the child, where natively the thread that forked is the main one, as the same object, under its own name.

What does not work. Throwing an exception into such a greenlet, or dropping it, runs its ``finally``. Hiding it from the
hub: it is in watchers, timers, locks and queues. A ``switch`` written in Python costs a fifth of each switch.

Solution. What wakes a greenlet up is always its attribute ``switch``, looked up when it begins to wait or when it is
woken. For greenlets that stand for threads, and for the root one, that is a ``functools.partial`` of the real method,
which is as fast. It is the one object that all who will ever wake the greenlet share, and it can be changed in place:
in the child each of another thread is made to do nothing (``_gone``). The greenlets stay referenced there, so that
nobody collects them: a wanted leak.

What it does not do. In the child of a thread other than the main one, what the program spawned with gevent goes on, as
gevent promises, and the process ends when its last thread does, as natively. Children of multiprocessing,
concurrent.futures and ``subprocess`` (with a *preexec_fn*) have only the greenlet that forked.
"""

import os
import sys
from _thread import get_native_id
from functools import partial

from gevent import thread as _thread
from gevent._hub_local import get_hub_if_exists
from gevent.greenlet import Greenlet

from .._gevent import native
from .._threads import root_greenlet
from . import polling
from .changes import Call, Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

native_count: "Any" = native("_thread", "_count")
running: "set[Any]" = set()  # greenlets that stand for threads
_gone: "Any" = None  # the module, once somebody has forked
begins: "Any" = None  # told of each thread that is about to begin, if the adapter of signals' masks is there
ends: "Any" = None  # told that one has ended
drop_locals: "Any" = None  # lets go of what a thread has in threading.local, if its adapter is there
_hooks_are_in = False
_last_one_ends = False  # whether this process, a child of another thread's than the main one, ends with its last thread


def plan(module: "ModuleType") -> "list[Change]":
    """Another way to start threads, and at-fork hooks; for multiprocessing, that its children are left alone."""
    if not hasattr(os, "fork"):
        return []
    if module.__name__ == "multiprocessing.popen_fork":
        from ._gone import alone_in

        return [alone_in(module)]
    root = root_greenlet()
    known = vars(root).get("switch")  # of an earlier install
    return [
        Change(_thread, "_start_new_greenlet", _start_new_greenlet),
        Change(sys.modules["_thread"], "_count", _count),
        Change(vars(root), "switch", known or _mutable(root)),
        Call(_put_hooks_in),  # so they are the last in the child: after those of threading and of gevent
    ]


def _mutable(greenlet: "Any") -> "Any":
    """Its ``switch``, by way of an object that can be made to lead elsewhere."""
    switch = partial(greenlet.switch)
    # gevent looks for these two where a lock is let go by another native thread.
    switch.__setstate__((switch.func, (), {}, {"__name__": "switch", "__self__": greenlet}))  # type: ignore[attr-defined]
    return switch


def _start_new_greenlet(function: "Any", args: "Any" = (), kwargs: "Any" = None) -> "Any":
    """Start a greenlet that stands for a thread."""
    if get_hub_if_exists() is None:
        from ._waits import is_main_native_thread

        if not is_main_native_thread():
            from ._started_natively import start

            return start(function, args, kwargs)
    greenlet = Greenlet(function, *args, **(kwargs or {}))
    greenlet.switch = _mutable(greenlet)
    greenlet.rawlink(_ended)
    running.add(greenlet)
    if begins is not None:
        begins(greenlet)
    greenlet.start()
    return greenlet


def _count() -> int:
    """How many threads were started and run. The native ones of a hub's pools are not the program's."""
    hub = get_hub_if_exists()
    pools = [getattr(hub, name, None) for name in ("_threadpool", "_lazypatch_pool")]
    native_ones: int = native_count() - sum(pool.size for pool in pools if pool is not None)
    return max(native_ones, 0) + len(running)


def _ended(greenlet: "Any") -> None:
    running.discard(greenlet)
    if ends is not None:
        ends()
    if drop_locals is not None:
        drop_locals(greenlet)
    vars(greenlet).pop("switch", None)  # a circle
    if _last_one_ends and not running:
        _gone.end()


def _put_hooks_in() -> None:
    global _hooks_are_in
    if not _hooks_are_in:
        _hooks_are_in = True
        os.register_at_fork(before=_before, after_in_child=_after, after_in_parent=_after_in_parent)


def _before() -> None:
    global _gone
    polling.forking.add(get_native_id())
    try:
        from . import _gone as module
    except Exception:  # our files cannot be read any more, and a fork is to succeed all the same
        return
    _gone = module
    _gone.before_fork(running)


def _after_in_parent() -> None:
    polling.forking.discard(get_native_id())


def _after() -> None:
    global _last_one_ends
    if _gone is not None:
        _last_one_ends = _gone.after_fork(running) or _last_one_ends
    polling.forked()
