"""Signals belong to the main thread: a handler runs as it, and what the handler raises comes out of it.

The interpreter runs a handler in whatever greenlet is current, often in the hub: there it cannot wait, is not the main
thread for anybody who asks, and what it raises is printed by the hub, or ends a worker in the program's place. A main
thread that waits for nothing but a signal gets LoopExit. gevent does not know which greenlet stands for which thread.

Replaced: ``signal.signal`` and ``set_wakeup_fd``, which raise ValueError in a thread as documented; ``getsignal``;
``pthread_kill`` and ``time.pthread_getcpuclockid``, which take the idents that ``threading`` gives. Handlers stay
native until there is a hub (ctrl_c.py): until then only the main thread runs. From then on each is
behind :func:`dispatch`, and _main_signals.py, loaded for the first handler that a program sets or by the first Ctrl-C,
says how it runs. Between signals nothing costs anything.

What still differs. A signal can meet a thread in the middle of a flush of ``sys.stdout``, say, which C does under a
lock that knows native threads only. If the handler, or what the main thread does next, uses the same object, it gets
"RuntimeError: reentrant call", as it does natively where the main thread itself was in the middle of it.

Left as it is: handlers that are set in C, or through ``_signal``; timers and ``siginterrupt``; Windows. Masks are the
adapter signal-masks' business.
"""

import sys
from functools import update_wrapper

from gevent._hub_local import get_hub_if_exists

from .._gevent import native
from .._originals import at_end
from . import ctrl_c
from ._waits import is_main_native_thread
from .changes import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, ModuleType
    from typing import Any

    Handler = Callable[[int, "FrameType | None"], object]

handlers: "dict[int, Handler]" = {}  # the program's, of the signals that are behind dispatch()
base: "Any" = None  # gevent.signal, whose functions are the originals but for SIGCHLD
_originals: "dict[str, Callable[..., Any]]" = {}
_adopted = False  # whether handlers are behind dispatch() by now
_arrived: "Any" = None  # that of _main_signals, once it is imported
_early: "list[int] | None" = None  # signals that come while it is being imported


def plan(signal: "ModuleType") -> "list[Change]":
    """Everything that is replaced, which ctrl_c.py's part belongs to."""
    if not hasattr(signal, "pthread_kill"):
        return []
    global base
    import gevent.signal  # noqa: F401

    base = sys.modules["gevent.signal"]  # gevent has no such attribute yet where the program itself imports it
    named: "list[tuple[Any, Any]]" = [
        (signal, function) for function in (signal_, getsignal, set_wakeup_fd, pthread_kill)
    ]
    if hasattr(sys.modules["time"], "pthread_getcpuclockid"):  # macOS has none
        named.append((sys.modules["time"], pthread_getcpuclockid))
    changes = [_change(owner, function, native(owner.__name__, _name(function))) for owner, function in named]
    changes.append(Change(vars(ctrl_c), "adopt", _adopt))
    return changes + ctrl_c.plan(signal)


def _name(function: "Any") -> str:
    return str(function.__name__).rstrip("_")


def _change(owner: "Any", function: "Any", original: "Any") -> Change:
    name = _name(function)
    if original is not function:
        _originals[name] = original
        update_wrapper(function, original)
        function.__module__ = owner.__name__  # no longer C's
    return Change(owner, name, function)


def _adopt() -> None:
    """Put the handlers that are there behind dispatch()."""
    global _adopted
    if not _adopted:
        at_end.append(_give_back)
    _adopted = True
    ctrl_c.give_back()
    for number in range(1, sys.modules["_signal"].NSIG):
        handler = base.getsignal(number)
        ours = str(getattr(handler, "__module__", "")).startswith("lazypatch.")  # as that of input()
        if callable(handler) and not ours and ctrl_c.is_pythons(number):
            handlers[number] = handler
            base.signal(number, dispatch)
    if [*handlers.values()] != [sys.modules["_signal"].default_int_handler]:
        _load()


def dispatch(number: int, frame: "FrameType | None") -> None:
    """What the interpreter calls for each signal with a handler, in whatever greenlet runs."""
    handler, hub = handlers.get(number), get_hub_if_exists()
    if frame is not None and frame.f_code is pthread_kill.__code__:
        frame = frame.f_back  # natively that call is one of C's, and who sends a signal to itself gets it at once
    if handler is None:  # it has been taken away meanwhile
        return
    if hub is None or sys.is_finalizing():
        handler(number, frame)
    elif _early is not None:
        _early.append(number)
    else:
        for early in _load():
            dispatch(early, frame)
        _arrived(hub, number, handler, frame)


def _give_back() -> None:
    """Have the interpreter hold the handlers again, which lets go of them, and of all that they refer to, before the
    modules are cleared.
    """
    for number, handler in handlers.items():
        if base.getsignal(number) is dispatch:
            base.signal(number, handler)
    handlers.clear()


def _load() -> "list[int]":
    """Import what runs handlers, if that is still to be done; gives the signals that have come meanwhile."""
    global _arrived, _early
    if _arrived is not None:
        return []
    early = _early = []
    try:
        from ._main_signals import arrived as _arrived
    finally:
        _early = None
    return early


def signal_(signalnum: "Any", handler: "Any") -> "Any":
    """See signal.signal."""
    _only_in_the_main_thread("signal")
    if not callable(handler) or not _adopted:
        return _seen(signalnum, base.signal(signalnum, handler))
    _load()
    from ._standing_still import make_room

    make_room(signalnum)
    before = handlers.get(signalnum)
    try:
        handlers[signalnum] = handler
        found = base.signal(signalnum, dispatch)
    except BaseException:
        del handlers[signalnum]
        if before is not None:
            handlers[signalnum] = before
        raise
    return before if found is dispatch else found


def getsignal(signalnum: "Any") -> "Any":
    """See signal.getsignal."""
    return _seen(signalnum, base.getsignal(signalnum))


def _seen(number: int, handler: "Any") -> "Any":
    """What the program is to see for *handler*, the interpreter's."""
    if handler is dispatch:
        return handlers[number]
    if handler is ctrl_c.first:
        return sys.modules["_signal"].default_int_handler
    return sys.modules["signal"].SIG_DFL if hasattr(handler, "lazypatch_trap") else handler


def set_wakeup_fd(fd: "Any", /, *, warn_on_full_buffer: "Any" = True) -> "Any":
    """See signal.set_wakeup_fd."""
    _only_in_the_main_thread("set_wakeup_fd")
    return base.set_wakeup_fd(fd, warn_on_full_buffer=warn_on_full_buffer)


def _only_in_the_main_thread(what: str) -> None:
    """A greenlet that the program spawned itself is in no thread; natively the interpreter looks."""
    threading: "Any" = sys.modules["threading"]
    thread, main = threading._active.get(threading.get_ident()), threading.main_thread()
    if thread is None or isinstance(thread, threading._DummyThread):  # perhaps one of _thread's
        known = sys.modules.get(f"{__package__}.fork_threads")
        stands = sys.modules["gevent.thread"].getcurrent()
        elsewhere = known is not None and stands in known.running and main.ident != threading.get_ident()
    else:
        elsewhere = thread is not main
    if elsewhere:
        raise ValueError(f"{what} only works in main thread of the main interpreter")


def pthread_kill(thread_id: "Any", signalnum: "Any", /) -> "Any":
    """See signal.pthread_kill."""
    masks = sys.modules.get(f"{__package__}.signal_masks")
    if masks is not None:
        masks.sent(thread_id, signalnum)
    return _originals["pthread_kill"](_native_ident(thread_id), signalnum)


def pthread_getcpuclockid(thread_id: "Any", /) -> "Any":
    """See time.pthread_getcpuclockid."""
    return _originals["pthread_getcpuclockid"](_native_ident(thread_id))


def _native_ident(ident: "Any") -> "Any":
    """What C knows the thread *ident* by: a greenlet's is an address to it, and not one of a thread.

    :raises ProcessLookupError: for one that no thread has, or has any more; C would follow the address.
    """
    threading: "Any" = sys.modules["threading"]
    if not isinstance(ident, int) or ident in sys._current_frames():
        return ident
    own = ident == threading.get_ident()
    if not own and ident not in threading._active:
        import errno
        import os

        raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
    mine = native("_thread", "get_ident")()
    return mine if own or is_main_native_thread() else sys.modules["gevent.hub"].MAIN_THREAD_IDENT
