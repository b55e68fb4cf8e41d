"""What replaces threading._shutdown: let greenlets see the main thread end, then end it the interpreter's way.

The interpreter calls ``threading._shutdown`` in the main thread when the program is done. The native one waits for
threads natively, which would never let their greenlets run.

Then come atexit's handlers, the last of which is ours, and finalizers. greenlet refuses to work from then on, so what
a finalizer calls waits natively (:func:`let_finalizers_wait`). What is written in C cannot be changed: gevent's own
``Event.wait()`` and ``gevent.local.local`` raise RuntimeError there.

Where a program in C ends Python in its own ``exit()``, greenlets have ended before all that (:func:`in_exit_of_c`).
"""

from __future__ import annotations

import builtins
import os
import sys
import time
import types

from gevent._hub_local import get_hub_if_exists

from ._originals import whole_end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def by_lock(threading: Any, main: Any, original: Callable[[], None]) -> None:
    """For 3.10 to 3.12, where a thread is joined through its ``_tstate_lock``.

    *main* is the main thread of the install; after a fork there is another one, which ends natively.
    """
    if not main._tstate_lock:
        return
    _let_joiners_run(main, main._tstate_lock.release)
    # One of them may have marked the main thread as stopped; natively it is not, yet.
    main._is_stopped = False
    main._tstate_lock = main._gevent_real_tstate_lock
    main._gevent_real_tstate_lock = None
    # In a forked child there may be a lock that no thread has any more; nobody would ever let go of it.
    threading._shutdown_locks.intersection_update([thread._tstate_lock for thread in threading.enumerate()])
    end(threading, original)


def by_handle(threading: Any, main: Any, original: Callable[[], None]) -> None:
    """For 3.13 and later, where a thread is joined through a handle."""
    attribute = "_os_thread_handle" if hasattr(main, "_os_thread_handle") else "_handle"
    _let_joiners_run(main, getattr(main, attribute)._set_done)
    # A handle that the native one is still to end.
    undone = types.SimpleNamespace(is_done=lambda: False, _set_done=lambda: None, join=lambda timeout=-1: None)
    setattr(main, attribute, undone)
    # The native one runs these before it joins, and a thread may be waiting for one: it is what ends the workers of
    # a ThreadPoolExecutor. It runs the list again, so the list is emptied.
    threading._SHUTTING_DOWN = True
    for call in reversed(threading._threading_atexits):
        call()
    del threading._threading_atexits[:]
    for thread in list(threading.enumerate()):
        if thread is not main and not thread.daemon:
            _join(thread, attribute)
    end(threading, original)


def greenlets_have_ended() -> bool:
    """Whether the greenlet that this native thread began in is dead, though the thread runs."""
    root: Any = get_hub_if_exists()
    while root is not None and root.parent is not None:
        root = root.parent
    return root is not None and bool(root.dead)


def last_greenlet() -> Any:
    """The one that runs now, at the interpreter's end; greenlet must not be asked where C's ``exit()`` ends Python."""
    from greenlet import getcurrent

    root = getattr(sys.modules["threading"].main_thread(), "_greenlet", None)
    return root if root is not None and root.dead else getcurrent()


def in_exit_of_c(threading: Any, main: Any, keep: dict[str, object]) -> None:
    """Prepare for the native ``_shutdown`` where greenlets have ended before the interpreter does.

    Problem. A program in C that ends Python in a handler of its own ``atexit()``, as uWSGI's workers do, does so when
    ``exit()`` has freed what greenlet keeps for the thread: whoever asks it for anything then ends in a crash.

    Solution. The originals stand in the modules before the first of Python's handlers runs. Threads that are greenlets
    count as ended, as daemons do.
    """
    for end_all in whole_end:
        end_all()
    vars(main).update(keep, _ident=threading.get_ident())
    native = sys._current_frames()
    for thread in threading.enumerate():
        if thread is not main and thread.ident not in native and hasattr(threading, "_shutdown_locks"):
            threading._shutdown_locks.discard(thread._tstate_lock)
            thread._tstate_lock, thread._is_stopped = None, True


def _let_joiners_run(main: Any, release: Callable[[], object]) -> None:
    """Only called where there is a hub: making one only to end it would cost as much as half of the program's start."""
    from gevent import get_hub, sleep

    try:
        release()  # which lets them run itself, from 3.13 on
        sleep()
    except BaseException:  # a greenlet killed the main one, or threw at it; there is nobody left to tell but the hub
        get_hub().print_exception(main._greenlet, *sys.exc_info())


def _join(thread: Any, attribute: str) -> None:
    while thread.is_alive():
        handle = getattr(thread, attribute)
        try:
            handle.join(0.001)
        except RuntimeError:  # a thread cannot join itself
            handle._set_done()
            return


def end(threading: Any, original: Callable[[], None]) -> None:
    """The interpreter's way, which is for this time only."""
    from gevent.exceptions import LoopExit

    inside: Any = vars(get_hub_if_exists()).get("_lazypatch_inside")
    try:
        # A finalizer waits in the hub: natively some thread is in the middle of it.
        while inside is not None and inside.waits == os.getpid():
            time.sleep(0.001)
        original()
    except LoopExit:
        pass
    threading._shutdown = original


def let_finalizers_wait() -> None:
    """Have what somebody has taken from us, or has made of our classes, wait without greenlets.

    Called last at the interpreter's end, when the modules have their originals again. No thread runs any more.
    """
    from gevent import thread
    from greenlet import greenlet

    threading: Any = sys.modules["threading"]
    main = threading.main_thread()
    threading._active.pop(main._ident, None)
    main._ident = threading.get_ident()
    threading._active[main._ident] = main
    _remember_who_runs()
    _have_selectors_poll()
    sleep, held = time.sleep, threading._allocate_lock()
    held.acquire()
    acquire_free, is_dead = thread.BoundedSemaphore.acquire, vars(greenlet)["dead"].__get__
    # From 3.14 on threading refuses to wait for what will not happen.
    refuse = vars(builtins)["PythonFinalizationError"] if sys.version_info >= (3, 14) else None

    def acquire(lock: Any, blocking: bool = True, timeout: float = -1) -> Any:
        if lock.locked() and (timeout >= 0 or not blocking or refuse):
            return held.acquire(blocking, timeout)  # waits in vain, or refuses to wait
        return acquire_free(lock, blocking)

    def is_done(handle: Any) -> bool:
        stands_for_it = handle._get_greenlet()
        return stands_for_it is None or bool(is_dead(stands_for_it))

    def join(handle: Any, timeout: float | None = -1) -> None:
        if not is_done(handle):
            if refuse:
                raise refuse("cannot join thread at interpreter shutdown")
            sleep(max(0, timeout or 0))

    thread.LockType.acquire = acquire
    if hasattr(thread, "_ThreadHandle"):
        thread._ThreadHandle.is_done, thread._ThreadHandle.join = is_done, join


def _remember_who_runs() -> None:
    """Have gevent's modules and ours that ask for the current greenlet take it for the one that runs now."""
    from greenlet import getcurrent

    last = last_greenlet()
    ended = last.dead

    def current() -> Any:
        try:
            return last if ended else getcurrent()
        except RuntimeError:
            return last

    names_of: Any = vars(types.ModuleType)["__dict__"].__get__  # vars() would load what is put off
    for name, module in [*sys.modules.items()]:
        if name.startswith(("gevent.", "lazypatch.")) and isinstance(module, types.ModuleType):
            names = names_of(module)
            asks = names.get("getcurrent")
            if asks is getcurrent or type(asks) is types.FunctionType:  # those of adapters' files
                names["getcurrent"] = current


def _have_selectors_poll() -> None:
    """Have gevent's selectors look by themselves, which otherwise wait for their watchers' callbacks."""
    selectors, poll = sys.modules.get("gevent.selectors"), getattr(sys.modules.get("select"), "poll", None)
    if selectors is None or poll is None:
        return

    def select(selector: Any, timeout: float | None = None) -> list[tuple[Any, int]]:
        keys, polled = selector._fd_to_key, poll()
        for fd, key in keys.items():
            polled.register(fd, (key.events & 1) | (key.events & 2) << 1)  # POLLIN and POLLOUT are 1 and 4
        found = polled.poll(None if timeout is None else max(0, timeout * 1000))
        seen = ((keys[fd], (bool(event & ~4) | bool(event & ~1) << 1) & keys[fd].events) for fd, event in found)
        return [(key, events) for key, events in seen if events]

    selectors.GeventSelector.select = select
