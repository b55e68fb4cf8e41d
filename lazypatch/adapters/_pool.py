"""Make a call in a native thread of a pool, while the greenlet that makes it waits and the others run.

Each hub has one pool for it, beside its own: look-ups of names go through that, and must not wait for a query. It has
a thread for each call that waits, up to 500: where fewer have to do, calls that wait for one another hang.

A call in C cannot be ended from outside. Whatever is to be raised in who waits for it (a kill, a Timeout, Ctrl-C) is
raised when it has returned, as Python does with Ctrl-C: else the next one would use an object that a thread is still
using.
"""

from __future__ import annotations

import contextvars
import functools
import os
import sys

from gevent._hub_local import get_hub_if_exists
from gevent.lock import RLock
from gevent.threadpool import ThreadPool
from greenlet import getcurrent

from .._gevent import native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MOST = 500
LOCK = "_lazypatch_lock"  # in an object's __dict__
_IDENT: Any = native("_thread", "get_ident")
_inside: set[int] = set()  # the native threads that are in such a call


def is_straight() -> bool:
    """Whether a call is made where it is: in a thread without a hub, in one of the pool, or in the hub itself."""
    hub = get_hub_if_exists()
    return hub is None or sys.is_finalizing() or getcurrent() is hub or _IDENT() in _inside


def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What *function* gives or raises, called in a native thread unless that makes no sense here."""
    if is_straight():
        return function(*args, **kwargs)
    return _call(function, args, kwargs, False)


def _call(function: Callable[..., Any], args: Any, kwargs: Any, leaves: bool) -> Any:
    """*leaves*: who is to end does so at once, and the thread goes on for nobody."""
    context = contextvars.copy_context()
    done = _of(get_hub_if_exists()).spawn(_outcome, context, function, args, kwargs)
    kept: list[BaseException] = []
    while not done.ready():
        try:
            done.wait()
        except BaseException as ended:
            if leaves:
                raise
            kept.append(ended)
    try:
        if kept:
            raise kept[0]
        value, error = done.get()
        if error is not None:
            raise error
        return value
    finally:
        del done, kept  # an exception's traceback holds this frame


def _outcome(context: Any, function: Any, args: Any, kwargs: Any) -> tuple[Any, BaseException | None]:
    """Never raises: gevent would print it."""
    me = _IDENT()
    _inside.add(me)
    try:
        return context.run(function, *args, **kwargs), None
    except BaseException as error:
        return None, error
    finally:
        _inside.discard(me)


def _of(hub: Any) -> Any:
    pool = vars(hub).get("_lazypatch_pool")
    if pool is None:
        pool = vars(hub).setdefault("_lazypatch_pool", ThreadPool(MOST, hub))
    elif pool.pid != os.getpid():
        pool._on_fork()  # its threads are the parent's; gevent tells its own pool at once, this one when the loop runs
    return pool


def pooled(function: Any) -> Any:
    """*function*, called in a native thread; it looks the same."""

    def in_a_thread(*args: Any, **kwargs: Any) -> Any:
        return call(function, *args, **kwargs)

    functools.update_wrapper(in_a_thread, function)
    in_a_thread._lazypatch_pooled = True  # type: ignore[attr-defined]
    return in_a_thread


def one_by_one(method: Any) -> Any:
    """A method, called in a native thread, for objects that only one thread at a time may use: others wait here."""

    def in_a_thread(self: Any, *args: Any, **kwargs: Any) -> Any:
        if is_straight():
            return method(self, *args, **kwargs)
        with lock_of(self):
            return _call(method, (self, *args), kwargs, False)

    functools.update_wrapper(in_a_thread, method)
    in_a_thread._lazypatch_pooled = True  # type: ignore[attr-defined]
    return in_a_thread


def closing(method: Any) -> Any:
    """The same for one that does not wait, and may be called by the garbage collector: at once, if nobody is inside."""
    in_turn = one_by_one(method)

    def close(self: Any, *args: Any, **kwargs: Any) -> Any:
        lock = getattr(self, LOCK, None)  # an object that is being taken away has none any more, and must not get one
        if lock is None or is_straight():
            return method(self, *args, **kwargs)
        if not lock.acquire(blocking=False):
            return in_turn(self, *args, **kwargs)
        try:
            return method(self, *args, **kwargs)
        finally:
            lock.release()

    return functools.update_wrapper(close, method)


def lock_of(owner: object) -> Any:
    """The lock of an object that :func:`one_by_one` calls are made on."""
    space = vars(owner)
    try:
        return space[LOCK]
    except KeyError:
        return space.setdefault(LOCK, RLock())


def left_behind(function: Any) -> Any:
    """The same for what may never return, and uses nothing that somebody else could use: who is to end, ends."""

    def in_a_thread(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs) if is_straight() else _call(function, args, kwargs, True)

    return functools.update_wrapper(in_a_thread, function)


def is_pooled(function: Any) -> bool:
    """Whether :func:`pooled` made it."""
    return hasattr(function, "_lazypatch_pooled")
