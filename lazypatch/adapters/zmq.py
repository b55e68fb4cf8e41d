"""pyzmq's sockets, poll(), select(), proxy() and Context.term() let the others run while they wait.

What waits. libzmq, in C. ``zmq.green`` exists, and in place of zmq it does not do: zmq.asyncio cannot be imported on
top of it, RCVTIMEO and SNDTIMEO are ignored, proxy() waits in C.

What is replaced. The methods of ``zmq.Socket`` itself, so every subclass, isinstance() and what holds the class is as
before: they try without waiting, and then wait for the socket's descriptor. That one tells only changes, and whoever
uses the socket takes them in; so whoever does wakes the others that wait for the same socket. ``zmq_poll()``, on which
Poller, Socket.poll() and zmq.select() are built. ``proxy()``, ``proxy_steerable()`` and ``monitored_queue()``, which
zmq.devices runs, by loops in Python, for a socket must not be in use by another thread when its owner is ended.
``Context.term()``, which waits for sockets of others to be closed, is called in a native thread.

What stays native. Everything in native threads. zmq.green and zmq.asyncio do not wait in these methods, and are as they
were.
"""

from __future__ import annotations

import functools
import sys
import time

from gevent.event import Event
from gevent.hub import get_hub

from ._pool import is_straight, left_behind
from ._set_or_late import wait
from ._zmq_devices import monitored, proxy, steerable
from .changes import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Items = list[tuple[Any, int]]

# Who asks a socket for its EVENTS takes in a change that somebody waits for: that one looks again, after seconds.
_LOOKS_AGAIN = 1.0
_READ, _WRITE = 1, 2  # libev's
_waiting: dict[int, list[Event]] = {}  # by a zmq socket's descriptor, those who wait for it


def plan(zmq: Any) -> list[Change]:
    """The methods, and each of the functions wherever a module of zmq has it."""
    socket, context = zmq.Socket, zmq.Context
    poll = _poll(zmq, zmq.zmq_poll)
    functions = {"zmq_poll": poll, "proxy": proxy(zmq, zmq.proxy, poll)}
    functions["proxy_steerable"] = steerable(zmq, zmq.proxy_steerable, poll)
    if zmq.backend.monitored_queue is not None:  # else it is Python code
        functions["monitored_queue"] = monitored(zmq.backend.monitored_queue)
    changes = [
        Change(holder, name, function)
        for holder in _holders()
        for name, function in functions.items()
        if vars(holder).get(name) is function.__wrapped__
    ]
    if hasattr(socket, "recv_into"):
        changes.append(Change(socket, "recv_into", _receiving_into(zmq, socket.recv_into)))
    return [
        *changes,
        Change(socket, "recv", _receiving(zmq, socket.recv)),
        Change(socket, "send", _sending(zmq, socket.send)),
        Change(context, "term", _ending(context.term)),
    ]


def _holders() -> list[Any]:
    """The modules of zmq that are written in Python."""
    return [
        module
        for name, module in list(sys.modules.items())
        if (name == "zmq" or name.startswith("zmq.")) and str(getattr(module, "__file__", "")).endswith((".py", ".pyc"))
    ]


def _ending(native: Any) -> Any:
    """In a native thread; but zmq.green may still watch descriptors that end with its context, which libev forbids."""
    in_a_thread = left_behind(native)

    def term(self: Any) -> None:
        is_green = any(base.__module__ == "zmq.green.core" for base in type(self).__mro__)
        (native if is_green else in_a_thread)(self)

    return functools.update_wrapper(term, native)


def _receiving(zmq: Any, native: Any) -> Any:
    now, patience = zmq.NOBLOCK, zmq.RCVTIMEO

    def recv(self: Any, flags: Any = 0, *args: Any, **kwargs: Any) -> Any:
        if flags & now:
            return _told(self, native, self, flags, *args, **kwargs)
        try:
            return _told(self, native, self, flags | now, *args, **kwargs)
        except zmq.Again:
            pass
        if is_straight():
            return native(self, flags, *args, **kwargs)
        return _until(self, zmq, patience, lambda: native(self, flags | now, *args, **kwargs))

    return functools.update_wrapper(recv, native)


def _receiving_into(zmq: Any, native: Any) -> Any:
    now, patience = zmq.NOBLOCK, zmq.RCVTIMEO

    def recv_into(self: Any, buffer: Any, /, *, flags: Any = 0, **kwargs: Any) -> Any:
        if flags & now:
            return _told(self, native, self, buffer, flags=flags, **kwargs)
        try:
            return _told(self, native, self, buffer, flags=flags | now, **kwargs)
        except zmq.Again:
            pass
        if is_straight():
            return native(self, buffer, flags=flags, **kwargs)
        return _until(self, zmq, patience, lambda: native(self, buffer, flags=flags | now, **kwargs))

    return functools.update_wrapper(recv_into, native)


def _sending(zmq: Any, native: Any) -> Any:
    now, patience = zmq.NOBLOCK, zmq.SNDTIMEO

    def send(self: Any, data: Any, flags: Any = 0, *args: Any, **kwargs: Any) -> Any:
        if flags & now:
            return _told(self, native, self, data, flags, *args, **kwargs)
        try:
            return _told(self, native, self, data, flags | now, *args, **kwargs)
        except zmq.Again:
            pass
        if is_straight():
            return native(self, data, flags, *args, **kwargs)
        return _until(self, zmq, patience, lambda: native(self, data, flags | now, *args, **kwargs))

    return functools.update_wrapper(send, native)


def _told(socket: Any, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What *function* gives; those who wait for *socket* look again."""
    try:
        return function(*args, **kwargs)
    finally:
        if _waiting:
            _wake(socket)


def _wake(socket: Any, but: Event | None = None) -> None:
    try:
        number = socket.get(sys.modules["zmq"].FD)
    except Exception:  # it is closed
        return
    for event in _waiting.get(number, ()):
        if event is not but:
            event.set()


def _until(socket: Any, zmq: Any, patience: int, attempt: Callable[[], Any]) -> Any:
    """What *attempt* gives when it does not say any more that it would wait; as long as the socket's option says."""
    limit = socket.get(patience)
    end = None if limit < 0 else time.monotonic() + limit / 1000
    number = socket.get(zmq.FD)
    with _Watch([(number, _READ)], [number]) as watch:
        while True:
            left = _LOOKS_AGAIN if end is None else min(_LOOKS_AGAIN, end - time.monotonic())
            watch.wait(left)
            try:
                return attempt()
            except zmq.Again:
                if end is not None and time.monotonic() >= end:
                    raise
            finally:
                watch.wake_others(socket)


class _Watch:
    """Waiting for descriptors, for those of zmq sockets also until somebody else uses the socket."""

    def __init__(self, numbers: Iterable[tuple[int, int]], sockets: list[int]) -> None:
        loop = get_hub().loop
        self._event = Event()
        self._watchers = [loop.io(number, events) for number, events in numbers]
        self._sockets = sockets

    def __enter__(self) -> _Watch:
        for watcher in self._watchers:
            watcher.start(self._event.set)
        for number in self._sockets:
            _waiting.setdefault(number, []).append(self._event)
        return self

    def __exit__(self, *_: object) -> None:
        for watcher in self._watchers:
            watcher.stop()
            watcher.close()
        for number in self._sockets:
            _waiting[number].remove(self._event)
            if not _waiting[number]:
                del _waiting[number]

    def wait(self, seconds: float) -> None:
        """Until something happens, or for *seconds*."""
        if seconds > 0:
            wait(self._event, seconds)
        self._event.clear()

    def wake_others(self, socket: Any) -> None:
        """Looking at *socket* may have taken in what they wait for."""
        if len(_waiting) > 1 or len(_waiting.get(self._sockets[0], ())) > 1:
            _wake(socket, self._event)


def _poll(zmq: Any, native: Any) -> Any:
    kind = zmq.backend.Socket

    def zmq_poll(sockets: Any, timeout: Any = -1) -> Any:
        ready = native(sockets, 0)
        if _waiting:
            for socket, _ in sockets:
                if isinstance(socket, kind):
                    _wake(socket)
        if ready or timeout == 0:
            return ready
        if is_straight():
            return native(sockets, timeout)
        end = None if timeout is None or timeout < 0 else time.monotonic() + timeout / 1000
        with _Watch(*_numbers(zmq, kind, sockets)) as watch:
            while True:
                left = _LOOKS_AGAIN if end is None else min(_LOOKS_AGAIN, end - time.monotonic())
                watch.wait(left)
                ready = native(sockets, 0)
                if ready or (end is not None and time.monotonic() >= end):
                    return ready

    return functools.update_wrapper(zmq_poll, native)


def _numbers(zmq: Any, kind: Any, sockets: Items) -> tuple[list[tuple[int, int]], list[int]]:
    """The descriptors to watch, and which of them are those of zmq sockets."""
    theirs = [socket.get(zmq.FD) for socket, _ in sockets if isinstance(socket, kind)]
    numbers = dict.fromkeys(theirs, _READ)
    for socket, flags in sockets:
        if not isinstance(socket, kind):
            number = socket if isinstance(socket, int) else socket.fileno()
            events = (_READ if flags & ~zmq.POLLOUT else 0) | (_WRITE if flags & zmq.POLLOUT else 0)
            numbers[number] = numbers.get(number, 0) | events
    return [(number, events) for number, events in numbers.items() if events], theirs
