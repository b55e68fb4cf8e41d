"""asyncio's running loop belongs to the greenlet that stands for a thread, so several threads may run a loop at once.

Problem. The running loop, the current task (from 3.14 on), the hooks of async generators and the depth to which debug
mode tracks coroutines are kept by C for the native thread, which all greenlets share. So while a coroutine of one
thread waits, every other thread "runs" its loop: ``asyncio.run()`` refuses, Django takes synchronous code for
asynchronous, and from 3.13.12 and 3.14.3 on ``to_thread()`` stalls, because it asks in the executor's thread which loop
runs there (gevent #2213).

What does not work. To exchange the state at each switch of greenlets, by a trace function: every switch costs half as
much again, and SQLAlchemy, greenback and Playwright, which switch between greenlets of their own inside of a coroutine,
lose the loop there. A ``switch`` as attribute of the class Hub, set and taken away at run time: Cython's cached
dicts miss it up to 3.11.

What is replaced. Who waits, waits in the hub, by the hub's attribute ``switch``. While a loop runs in its native thread
the hub has one of its own, which takes the state along: it is put away before the switch, and back after it. It comes
with ``asyncio.events._set_running_loop``, which every loop calls that starts or ends, and when a hub is made. Where
no loop runs, nothing costs anything. gevent throws Timeout, kill and Ctrl-C into the *parent* of a greenlet that waits
and that the program made by itself: only while there is one, a trace function gives the parent its state back.
In debug mode, "is this the loop's thread?" means "does the loop run here?", also in a greenlet below a coroutine. And
where libev reaps all children, asyncio does not look for them by pidfd: short ones would be gone (3.12 and later; but
where its other way is waitid(), as in later releases of 3.14, they may be gone, as under gevent).

A loop's selector is on epoll where the adapter select-epoll is there, as natively: gevent's goes through the hub at
each step of the loop, which makes a step six times as expensive. The others have their turn when the loop has no
callback that is ready, when it has begun to watch a descriptor, and every few milliseconds.

What stays. uvloop waits in C (the adapter ``uvloop`` mends that). A greenlet that a coroutine switches to by
itself, and that stands for another thread, sees the coroutine's loop. ``asyncio.current_task(loop)`` for the loop of
another thread gives None from 3.14 on.
Greenlets that a coroutine makes by itself, as SQLAlchemy (``run_sync()``, events) and greenback do, have the loop, and
the context variables that those give them; the adapter ``thread-local`` makes them the thread that they are in.
What is written in C and took ``_set_running_loop`` before asyncio was adapted, as uvloop does, is not seen.
Seen in one of ten runs of a test on 3.13 and 3.14, not understood yet: a signal's handler that takes the very lock for
which the main thread waits in a coroutine's step found it released before it did so itself (RuntimeError).
"""

import sys

from gevent._hub_local import get_hub_if_exists
from greenlet import getcurrent, gettrace, settrace

from . import os_wait
from ._new_hubs import told
from .changes import Call, Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

_get: "Callable[[], Any]"  # the running loop of this native thread, and how to set it
_put: "Callable[[Any], None]"
_swap: "Any" = None  # how to set its current task; up to 3.13 that is kept for each loop
_held: "dict[Any, list[Any]]" = {}  # greenlets that wait while a loop runs in them, in the hub or for who waits there


def plan(module: "ModuleType") -> "list[Change]":
    """For asyncio.events the way of the state; the rest is for debug mode and for children."""
    if module.__name__ == "asyncio.base_events":
        return [_check_thread(module)]
    if module.__name__ == "asyncio.unix_events":
        needs_help = hasattr(module, "can_use_pidfd") and not os_wait.is_installed() and not _waits_in_c(module)
        return [Change(module, "can_use_pidfd", lambda: False)] if needs_help else []
    if module.__name__ == "asyncio.selector_events":
        return [_with_epoll(module)]
    return _events(module)


def _events(module: "Any") -> "list[Change]":
    global _get, _put, _swap
    if module._set_running_loop is not _set_running_loop:
        _get, _put = module._get_running_loop, module._set_running_loop
        _set_running_loop.__doc__ = _put.__doc__
        if sys.version_info >= (3, 14):
            _swap = getattr(sys.modules.get("_asyncio"), "_swap_current_task", None)
    # By the second name asyncio keeps what is written in C.
    names = [name for name in ("_set_running_loop", "_c__set_running_loop") if hasattr(module, name)]
    changes = [Change(module, name, _set_running_loop) for name in names]
    return [*changes, *told(_watch_here), Call(lambda: _watch_here(get_hub_if_exists()))]


def _waits_in_c(unix_events: "Any") -> bool:
    """Whether asyncio's other way to wait for a child is waitid() in a thread: without os-wait it stops everybody."""
    watcher = vars(unix_events).get("_ThreadedChildWatcher")
    return "waitid" in getattr(getattr(watcher, "_do_waitpid", None), "__code__", _events.__code__).co_names


def _watch_here(hub: "Any") -> None:
    loop = _get()
    if hub is not None and loop is not None:
        _begins(hub, loop)


def _set_running_loop(loop: "Any", /) -> None:
    before = _get()
    _put(loop)
    hub = get_hub_if_exists()
    if hub is not None:
        here = vars(hub).get("_lazypatch_loops")
        if before is not None and here is not None:  # one that runs inside of another's step gives way to it again
            here.running.discard(id(before))
        if loop is not None:
            _begins(hub, loop)
        elif here is not None and not here.running and vars(hub).get("switch") is here.switch:
            del vars(hub)["switch"]


_set_running_loop.__module__ = "asyncio.events"


def _begins(hub: "Any", loop: "Any") -> None:
    """Have the hub take care of who waits in it, until the last loop of its native thread has ended."""
    here = vars(hub).get("_lazypatch_loops") or vars(hub).setdefault("_lazypatch_loops", _Loops(hub))
    here.running.add(id(loop))
    vars(hub).setdefault("switch", here.switch)


def leave(loop: "Any") -> "list[Any]":
    """Put away what says that *loop* runs here; what it was is for :func:`enter`, once."""
    state = [loop, _swap and _swap(loop, None), sys.get_asyncgen_hooks(), sys.get_coroutine_origin_tracking_depth()]
    _put(None)
    sys.set_asyncgen_hooks(None, None)
    sys.set_coroutine_origin_tracking_depth(0)
    return state


def enter(state: "list[Any]") -> None:
    """Have the loop of *state* run here, unless somebody else has taken it."""
    if state:
        loop, task, hooks, depth = state
        state.clear()
        _put(loop)
        if task is not None:
            _swap(loop, task)
        sys.set_asyncgen_hooks(*hooks)
        sys.set_coroutine_origin_tracking_depth(depth)


def share(below: "Any") -> None:
    """Have the loop that runs in *below*, which waits, run in a signal's handler on top of it, too."""
    enter(list(_held.get(below, ())))


def put_away() -> "list[Any]":
    """Have no loop run here: a handler has come to its end, or the hub waits; the list is for :func:`enter`."""
    loop = _get()
    return [] if loop is None else leave(loop)


class _Loops:
    """The loops of one native thread, and how to wait in its hub while there are any."""

    def __init__(self, hub: "Any") -> None:
        self.running: "set[int]" = set()  # by their ids
        self.switch = self._switch_of(hub)
        self._waits = 0  # how many in the hub have somebody above them
        self._before: "Any" = None  # the trace function that was there
        self._is_traced = False
        self._thrown_ = self._thrown  # always the same object

    def _switch_of(self, hub: "Any") -> "Callable[[], Any]":
        get, plain = _get, type(hub).switch.__get__(hub)

        def switch() -> "Any":
            loop = get()
            if loop is None:
                return plain()
            state = leave(loop)
            loop = None  # whoever keeps a traceback with this frame is not to keep the loop
            me = getcurrent()
            _held[me] = state
            above = me.parent
            if above is None or above is hub:  # it stands for a thread
                try:
                    return plain()
                finally:
                    _held.pop(me, None)
                    enter(state)
            try:
                self._expect(above, hub, state)
                return plain()
            finally:
                _held.pop(me, None)
                self._expect_no_more(above, hub, state)
                enter(state)

        return switch

    # What is thrown into greenlets that wait for another one, below them, which is in the hub.

    def _expect(self, above: "Any", hub: "Any", state: "list[Any]") -> None:
        """*above*, and those above it, wait for one that has put *state* away."""
        self._waits += 1
        while above is not None and above is not hub:
            _held[above] = state
            above = above.parent
        if not self._is_traced or gettrace() is None:
            self._is_traced = True
            self._before = settrace(self._thrown_)

    def _expect_no_more(self, above: "Any", hub: "Any", state: "list[Any]") -> None:
        """The wait is over."""
        self._waits -= 1
        while above is not None and above is not hub:
            if _held.get(above) is state:
                del _held[above]
            above = above.parent
        if not self._waits and gettrace() is self._thrown_:  # else somebody else's is there, and calls this one
            self._is_traced = False
            settrace(self._before)
            self._before = None

    def _thrown(self, event: str, args: "tuple[Any, Any]") -> None:
        """Called by greenlet after each switch, in the greenlet that it has gone to."""
        if event == "throw" and args[1] in _held:
            enter(_held.pop(args[1]))
        if self._before is not None:
            self._before(event, args)


# --- debug mode


def _check_thread(module: "Any") -> Change:
    original = module.BaseEventLoop._check_thread

    def _check_thread(self: "Any") -> None:
        if _get() is not self:
            original(self)

    _check_thread.__doc__ = original.__doc__
    return Change(module.BaseEventLoop, "_check_thread", _check_thread)


# --- the loop's own wait


def _with_epoll(module: "Any") -> Change:
    original = module.BaseSelectorEventLoop.__init__

    def __init__(self: "Any", selector: "Any" = None) -> None:
        original(self, _selector() if selector is None else selector)

    __init__.__doc__ = original.__doc__
    return Change(module.BaseSelectorEventLoop, "__init__", __init__)


def _selector() -> "Any":
    """One on our epoll, where gevent's would be taken; None for what the program has chosen."""
    selectors: "Any" = sys.modules["selectors"]
    ours = getattr(sys.modules.get("lazypatch.adapters.select_epoll"), "epoll", None)
    kind = getattr(selectors, "EpollSelector", None)
    if ours is None or kind is None or selectors.DefaultSelector.__module__ != "gevent.selectors":
        return None
    if kind not in _kinds and kind._selector_cls is ours:
        _kinds[kind] = _made_of(kind, ours)
    return _kinds[kind]() if kind in _kinds else None


_kinds: "dict[Any, Any]" = {}  # EpollSelector -> the class made of it


def _made_of(kind: "Any", ours: "Any") -> "Any":
    """The selector whose epoll has the others run when it has more to watch, and when the loop has nothing else to do.

    A thread that accepts is to see a connection before the loop, which has made it, writes to it for seconds.
    """

    class epoll(ours):  # type: ignore[misc]
        def register(self, fd: "Any", *args: "Any", **kwargs: "Any") -> None:
            ours.register(self, fd, *args, **kwargs)
            self._turn = 0.0

        def poll(self, timeout: "Any" = None, maxevents: int = -1) -> "Any":
            if timeout != 0:
                self._turn = 0.0
            return ours.poll(self, timeout, maxevents)

    return type(
        kind.__name__, (kind,), {"_selector_cls": epoll, "__module__": kind.__module__, "__doc__": kind.__doc__}
    )
