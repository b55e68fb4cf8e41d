"""In a forked child: which greenlets are gone, and what that means for those that stay.

The loop is a copy, too, and watches whatever somebody waited for in the parent. Who is gone takes nothing of it: the
loop would come round for ever once there is something to read, and libev aborts the process when such a descriptor is
closed. So these watchers are stopped: all at once in a child that only has the greenlet that forked, and elsewhere when
the first of them has something to tell, or its descriptor is closed, because it takes a look at the whole heap.

Nothing here switches to another greenlet, throws into one, or waits.
"""

import functools
import gc
import os
import sys
from types import BuiltinMethodType

from gevent._hub_local import get_hub_if_exists
from gevent.exceptions import LoopExit
from gevent.hub import Waiter
from greenlet import getcurrent, greenlet

from .._gevent import native
from .._install import Change
from .._threads import root_greenlet
from ._waits import LONGEST_PAUSE, kind_of_watchers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

gone: "list[Any]" = []  # kept for good: a greenlet that is collected runs its finally
_alone: "set[Any]" = set()  # greenlets that fork, each for a child that is to have this one, and no other
_watched_for_gone = False  # whether there may be watchers of those that are gone
_forker: "Any" = None  # the thread that is about to fork, as threading knows it


def nothing(*args: "Any") -> None:
    """What there is to do for a greenlet that is gone: see to it that what it waited for does not come again."""
    if _watched_for_gone and args and isinstance(args[0], Waiter):
        stop_watchers()


def stop_watchers() -> bool:
    """Stop what is watched for greenlets that are gone; whether there was anything to look for."""
    global _watched_for_gone
    if not _watched_for_gone:
        return False
    _watched_for_gone = False
    loop, ids = get_hub_if_exists().loop, {id(one) for one in gone}
    kind = kind_of_watchers(loop)
    for one in gc.get_referrers(loop):
        if issubclass(type(one), kind) and id(_waits_for(one)) in ids:
            one.stop()
    return True


def _waits_for(watcher: "Any") -> "Any":
    """The greenlet that *watcher* wakes; None if it is for something else."""
    waiter = getattr(watcher.callback, "__self__", None)
    return waiter.greenlet if isinstance(waiter, Waiter) else None


def alone(step: "Callable[[], object]") -> None:
    """Take *step*; the child that it forks is to have the greenlet that forked, and no other."""
    me = getcurrent()
    _alone.add(me)
    try:
        step()
    finally:
        _alone.discard(me)


def alone_in(popen_fork: "Any") -> Change:
    """The change that makes it so for multiprocessing's children, and those of concurrent.futures."""
    launch = popen_fork.Popen._launch

    @functools.wraps(launch)
    def _launch(self: "Any", process_obj: "Any") -> None:
        alone(lambda: launch(self, process_obj))

    return Change(popen_fork.Popen, "_launch", _launch)


def before_fork(running: "set[Any]") -> None:
    """Remember which thread it is."""
    global _forker
    threading: "Any" = sys.modules.get("threading")
    _forker = threading and threading._active.get(id(_thread_of(getcurrent(), running) or root_greenlet()))


def after_fork(running: "set[Any]") -> bool:
    """In the child: leave all greenlets that stand for other threads; True if the root greenlet is one of them."""
    global _watched_for_gone
    me, root, hub = _thread_of(getcurrent(), running), root_greenlet(), get_hub_if_exists()
    known, signals = len(gone), sys.modules.get(f"{__package__}._main_signals")
    if signals is not None:
        signals.after_fork(_line_of(getcurrent()))
    for one in list(running):
        if one is not me:
            _leave(one)
    running.intersection_update((me,))
    if me is not None:
        _leave(root)
        # What the hub has to say to the main greenlet, such as Ctrl-C, is for the one that is it now. The end of a time
        # that the old one waits for is not.
        root.throw = lambda *error: _throw(me, error)
    if getcurrent() in _alone and hub is not None:
        _leave_all_but([*_line_of(getcurrent()), hub, root], hub.loop)
    elif len(gone) > known and hub is not None:
        _watched_for_gone = True
    _tell_threading(me or root)
    pools: "Any" = sys.modules.get("concurrent.futures.thread")
    if pools is not None:
        # Who submits a job holds it until the new thread has begun, and that may be the one that forked.
        pools._global_shutdown_lock._at_fork_reinit()
    tickets = sys.modules.get(f"{__package__}._tickets")
    if tickets is not None:  # whoever wakes one of those is to wake the next instead
        tickets.left.update(map(id, gone))
    return me is not None


def _throw(me: "Any", error: "Any") -> None:
    if len(error) == 1 and not isinstance(error[0], LoopExit):
        return  # a gevent.Timeout's: the hub gives type, value and traceback, or that it has nothing to do
    if not me.dead:
        me.throw(*error)
    else:
        # The loop has nothing to do, and whoever is left waits for ever. Not in a circle, though.
        native("time", "sleep")(LONGEST_PAUSE)


def _line_of(one: "Any") -> "list[Any]":
    found = [one]
    while found[-1].parent is not None:
        found.append(found[-1].parent)
    return found


def _thread_of(one: "Any", running: "set[Any]") -> "Any":
    """The greenlet that stands for the thread of *one*, which may have been switched to from it; None for the root."""
    return next((ancestor for ancestor in _line_of(one) if ancestor in running), None)


def _leave(one: "Any") -> None:
    switch = vars(one).get("switch")
    if switch is None:
        one.switch = nothing
    else:
        switch.__setstate__((nothing, (), {}, None))  # for those who hold it already
    one.throw = nothing
    gone.append(one)


def _leave_all_but(stay: "list[Any]", loop: "Any") -> None:
    """The same for whatever the program has spawned with gevent or greenlet; it takes a few looks at the whole heap.

    By the collector's eyes, which change nothing in what they see: to have all objects in a list would copy the memory
    that the child shares with its parent.
    """
    watchers, others = kind_of_watchers(loop), []
    known = {id(one) for one in stay}
    found = gc.get_referrers(loop, *stay)
    for one in found:
        if issubclass(type(one), watchers) and hasattr(one, "events") and one.loop is loop:  # a descriptor's
            one.stop()
    kept = known.union(map(id, gone))
    while True:  # each greenlet refers to its parent
        # By its type: isinstance() asks what passes for another class which one, and runs code of the program's.
        below = [one for one in found if issubclass(type(one), greenlet) and id(one) not in known]
        if not below:
            break
        known.update(map(id, below))
        others += [one for one in below if id(one) not in kept and not one.dead]
        found = gc.get_referrers(*below)
    if not others:
        return
    # A lock or an event that it waits for, and the loop before its start, hold its real switch, not the attribute.
    ids = {id(one) for one in others}
    methods = [
        method
        for method in gc.get_referrers(*others)
        if type(method) is BuiltinMethodType and method.__name__ == "switch" and id(method.__self__) in ids
    ]
    for holder in gc.get_referrers(*methods) if methods else ():
        if type(holder) is list and holder is not methods:
            holder[:] = [entry for entry in holder if entry not in methods]
        elif hasattr(holder, "stop") and hasattr(holder, "pending"):  # a callback of the loop's
            holder.stop()
    for one in others:
        _leave(one)


def end() -> None:
    """End the process as natively with its last thread: without atexit, with status 0, whatever the thread raised."""
    for stream in sys.stdout, sys.stderr:
        try:
            stream.flush()
        except Exception:
            pass
    os._exit(0)


def _tell_threading(me: "Any") -> None:
    """The thread that forked is the main one, as the same object; gevent has made a new one."""
    threading: "Any" = sys.modules.get("threading")
    if threading is not None and _forker is not None:
        threading._active.clear()
        threading._active[id(me)] = _forker
        _forker._ident = id(me)
        _forker._greenlet = me
        threading._main_thread = _forker
