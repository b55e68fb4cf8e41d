"""Who asks again and again whether something is done gives the others a turn, as the interpreter does by itself.

Problem. ``while not stop.is_set(): compute()``, ``while thread.is_alive(): pass``: the interpreter takes such a thread
its turn away after 5 ms (``sys.getswitchinterval()``), and what it looks for happens. Greenlets switch where they wait,
and this one never does: nobody else runs again.

What does not work. To switch wherever a greenlet happens to be, by a signal or a trace function: between two waits
gevent's own code, and a program's that is written for it, rely on being alone. To switch whenever somebody asks: a
turn costs a hundred times as much as the question, and nearly all ask once.

What is done. Who asks looks at the clock first. Where a greenlet has asked before, the event loop has not come round
since, and that was longer ago than the switch interval, the loop comes round once before the answer is given. Asked
is: is_set(), is_alive(), locked(), empty(), full(), qsize(); whether an RLock or a lock of multiprocessing's can be
had, or that of a Condition, hence what is behind one (``Future.done()``, a Semaphore, ``active_count()``), and
whether a plain lock can be had now that cannot; waitpid() with WNOHANG, hence ``Popen.poll()``; and what would have
to wait and is not to, as a read of a non-blocking descriptor. A question costs about 50 ns more. ``os.sched_yield()``
lets the others run at once.

What stays. A loop that looks at a variable, the clock or the file system, that takes a plain lock which is free, or
that only computes, keeps the others waiting. So does one in the hub, or in a call from C that began while the global
import lock was held.
"""

import os
import sys
from _imp import lock_held
from time import monotonic

from gevent._hub_local import get_hub_if_exists
from greenlet import getcurrent

from .._gevent import native
from .._install import Change
from .._originals import at_end
from ._as_builtin import as_builtin_of_os
from ._waits import hub_to_wait_in, one_round
from .changes import Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NEVER = float("inf")
# Before this time nobody has to be given a turn: what those who ask compare with the clock.
due = _NEVER
# Native threads in the middle of os.fork(). In the child the others must not run before it is known that they are gone.
forking: "set[int]" = set()
_interval, _is_finalizing = sys.getswitchinterval, sys.is_finalizing  # sys may be empty when finalizers ask


def asked() -> bool:
    """Let the others run if they had no turn since the caller asked before; *due* says when to call this."""
    global due
    if due == _NEVER or forking:  # else it was taken back meanwhile
        return False
    due = monotonic() + _interval()
    hub = None if _is_finalizing() else get_hub_if_exists()
    me = getcurrent()
    if hub is None or hub is me or hub.loop is None:
        return False
    space = vars(hub)
    # The loop's time stands still until it comes round.
    is_long_ago: bool = space.get("_lazypatch_asked") == (id(me), hub.loop.now())
    if is_long_ago and not lock_held():
        one_round(hub)
        if due != _NEVER:
            due = monotonic() + _interval()
    if hub.loop is not None:
        space["_lazypatch_asked"] = id(me), hub.loop.now()
    return is_long_ago


def ask() -> None:
    """The same for callers that need not be quick."""
    if monotonic() >= due:
        asked()


def is_on() -> bool:
    return due != _NEVER


def forked() -> None:
    """In the child: who has asked the parent has not asked here, and the fork is done."""
    hub = get_hub_if_exists()
    if hub is not None:
        vars(hub).pop("_lazypatch_asked", None)
    forking.clear()


def begin() -> None:
    global due
    due = 0.0


def end() -> None:
    global due
    due = _NEVER


def sched_yield(_os: "Any", /) -> None:
    hub = hub_to_wait_in()
    if hub is not None:
        one_round(hub)
    _native_yield()


_native_yield: "Any" = getattr(os, "sched_yield", None)
_made: "dict[Any, Any]" = {}  # an original -> what is put in its place, the same one in each module object


def plan(module: "Any") -> "list[Change]":
    """What threading and os ask by; those of other adapters' classes ask by themselves, once this has begun."""
    if module.__name__ == "threading":
        at_end.append(end)
        asks: "list[tuple[Any, str]]" = [(native("threading", "Thread"), "is_alive"), (module.Condition, "__enter__")]
        return [*(Change(kind, name, _asking(vars(kind)[name])) for kind, name in asks), Call(begin, end)]
    if _native_yield is None:
        return []
    if _native_yield not in _made:
        _made[_native_yield] = as_builtin_of_os(sched_yield, _native_yield)
    return [Change(module, "sched_yield", _made[_native_yield])]


def _asking(original: "Any") -> "Any":
    if original in _made.values():
        return original

    def method(self: "Any") -> "Any":
        if monotonic() >= due:
            asked()
        return original(self)

    method.__doc__, method.__name__ = original.__doc__, original.__name__
    method.__qualname__, method.__module__ = original.__qualname__, original.__module__
    method.__annotations__ = {}
    return _made.setdefault(original, method)
