"""select.poll tells all that happens, POLLHUP, POLLERR and POLLPRI too, and select() waits for its third list.

gevent's poll() knows of reading and writing only: a pipe whose other end is closed is reported with POLLIN alone, for
ever, where a program waits for POLLHUP; urgent data and a descriptor that was registered for errors alone (an event
mask of 0) are never heard of; and what is not to wait (``poll(0)``) finds nothing that the loop has not seen yet.

Here all but the wait is the native object's. It is asked without waiting; if it has nothing to tell, an epoll of the
same descriptors is made for this wait, which is ready when one of them is, and is waited for in the hub. That one
wait of two threads in one object is a RuntimeError is C's rule, as are the mistakes in arguments. A poll() that has
something to tell lets the others run every few milliseconds, as select_epoll.py's does.

``selectors.PollSelector`` is on it. And ``select.select()`` waits for what is in its third list, which gevent's looks
at only before it waits; in the same way. All else that it does is gevent's. Where there is no epoll (that is, not on
Linux), gevent's stay.
"""

from __future__ import annotations

import select
import sys
from math import ceil
from time import monotonic

import gevent.select as _of_gevent

from .._gevent import native
from .._install import Change
from ._as_builtin import as_builtin
from ._waits import READ, hub_to_wait_in, try_until, wait_for, with_a_turn_for_others

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_native: Any = native("select", "poll") if sys.platform == "linux" else None
_native_select: Any = native("select", "select") if sys.platform == "linux" else None
_gevents_select: Any = _of_gevent.select
_epoll: Any = native("select", "epoll") if sys.platform == "linux" else None
_LONGEST = (1 << 31) - 1  # milliseconds, a C int


class _Poll:
    __slots__ = ("__weakref__", "_is_waited_in", "_masks", "_poll", "_turn")
    _is_waited_in: bool
    _masks: dict[int, int]
    _poll: Any
    _turn: float  # when the others had theirs

    def __new__(cls) -> _Poll:
        raise TypeError("cannot create 'select.poll' instances")  # which is what C says: poll is a function

    def register(self, fd: Any, eventmask: Any = select.POLLIN | select.POLLPRI | select.POLLOUT, /) -> None:
        self._poll.register(fd, eventmask)
        self._masks[_number(fd)] = int(eventmask)

    def modify(self, fd: Any, eventmask: Any, /) -> None:
        self._poll.modify(fd, eventmask)
        self._masks[_number(fd)] = int(eventmask)

    def unregister(self, fd: Any, /) -> None:
        self._poll.unregister(fd)
        self._masks.pop(_number(fd), None)

    def poll(self, timeout: Any = None, /) -> list[tuple[int, int]]:
        if self._is_waited_in:
            raise RuntimeError("concurrent poll() invocation")
        found: list[tuple[int, int]] = self._poll.poll(0)
        hub = hub_to_wait_in() if not found and _is_to_wait(timeout) else None
        if hub is None:
            # Nobody needs to wait, or it is not possible, or that timeout is a mistake, which C knows how to tell.
            found = found if found and _is_to_wait(timeout) else self._poll.poll(timeout)
            self._turn = with_a_turn_for_others(self._turn)
            return found
        self._is_waited_in = True
        try:
            seconds = None if timeout is None or timeout < 0 else ceil(timeout) / 1000
            return _wait_until(lambda: self._poll.poll(0), self._masks, hub, seconds)  # type: ignore[no-any-return]
        finally:
            self._is_waited_in = False
            self._turn = monotonic()


def poll(_select: Any, /) -> _Poll:
    """A new polling object. As a builtin it is bound to its module."""
    made = object.__new__(_Poll)
    made._poll = _native()
    made._masks = {}
    made._is_waited_in = False
    made._turn = 0.0
    return made


def _number(fd: Any) -> int:
    return fd if isinstance(fd, int) else int(fd.fileno())


def _is_to_wait(timeout: Any) -> bool:
    """Whether *timeout* is one that C takes, and not zero."""
    return timeout is None or (isinstance(timeout, (int, float)) and timeout != 0 and timeout <= _LONGEST)


def select_(_select: Any, rlist: Any, wlist: Any, xlist: Any, timeout: Any = None, /) -> Any:
    """gevent's, but where something is in *xlist*, and it has to wait."""
    lists = [
        descriptors if isinstance(descriptors, (list, tuple)) else [*descriptors]
        for descriptors in (rlist, wlist, xlist)
    ]
    if timeout is not None and not (isinstance(timeout, (int, float)) and 0 <= timeout <= _LONGEST):
        return _native_select(*lists, timeout)  # says what is wrong with it
    hub = hub_to_wait_in() if lists[2] and timeout != 0 else None
    if hub is None:
        return _gevents_select(*lists, timeout)
    if any(_native_select(*lists, 0)):
        return _gevents_select(*lists, 0)
    masks: dict[int, int] = {}
    for descriptors, mask in zip(lists, (select.POLLIN, select.POLLOUT, select.POLLPRI), strict=True):
        for descriptor in map(_number, descriptors):
            masks[descriptor] = masks.get(descriptor, 0) | mask
    return _wait_until(lambda: _ready(_native_select(*lists, 0)), masks, hub, timeout) or ([], [], [])


def _ready(lists: Any) -> Any:
    return lists if any(lists) else None


def _wait_until(ask: Any, masks: dict[int, int], hub: Any, timeout: float | None) -> Any:
    """What *ask* gives as soon as that is true, or *timeout* seconds have passed; asked when *masks* may be ready."""
    end = None if timeout is None else monotonic() + timeout
    ready = _epoll_of(masks)
    if ready is None:
        return try_until(lambda: ask() or None, timeout) or ask()
    try:
        while True:
            left = None if end is None else end - monotonic()
            if left is not None and left <= 0:
                return ask()
            wait_for(hub, ready.fileno(), READ, left)
            found = ask()
            if found:
                return found
    finally:
        ready.close()


def _epoll_of(masks: dict[int, int]) -> Any:
    """An epoll that is ready when a poll() of *masks* has something to tell; None if there can be none.

    A regular file is always ready, so whoever waits asked nothing of it; of a closed descriptor poll() tells at once.
    """
    try:
        made = _epoll()
    except OSError:  # no descriptor is left
        return None
    for descriptor, mask in masks.items():
        try:
            made.register(descriptor, mask & 0xFFFF)
        except OSError:
            continue
    return made


def plan(module: Any) -> list[Change]:
    """The class for select, and for the selector that is on it."""
    if _native is None:
        return []
    if module.__name__ == "selectors":
        return [Change(module.PollSelector, "_selector_cls", select.poll)]
    _Poll.__name__ = _Poll.__qualname__ = "poll"
    _Poll.__module__ = "select"
    for name in ("register", "modify", "unregister", "poll"):
        vars(_Poll)[name].__doc__ = getattr(_native(), name).__doc__
    changes = {"poll": as_builtin(poll, _native, "select"), "select": as_builtin(select_, _native_select, "select")}
    return [Change(module, name, function) for name, function in changes.items()]
