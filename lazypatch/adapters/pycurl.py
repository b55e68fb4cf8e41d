"""pycurl's perform() and CurlMulti.select() let the others run while they wait.

What waits. libcurl, in C. It can also be driven from outside: a CurlMulti says by callbacks which descriptors to watch
and how long to wait.

What is replaced. ``pycurl.Curl``, by a subclass whose ``perform()``, ``perform_rb()`` and ``perform_rs()`` drive a
CurlMulti that holds this one handle, and keeps its connections as a Curl does; and ``pycurl.CurlMulti``, by one whose
``select()`` is gevent's. Who is ended while it waits leaves a handle that can be used again; libcurl closes the
connection.

What stays native. A handle with CONNECT_ONLY, whose connection a CurlMulti would keep for itself. What was made before
gevent was loaded. Looking up names is libcurl's: its usual way is a thread of its own.
"""

from __future__ import annotations

import functools
import io
import time

from gevent import select
from gevent.event import Event
from gevent.hub import get_hub

from ._pool import is_straight
from ._set_or_late import wait
from .changes import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CLOSE_ENOUGH = 60.0  # seconds; libcurl tells when to look again, if there is anything to look for


def plan(pycurl: Any) -> list[Change]:
    """The two classes."""
    return [
        Change(pycurl, "Curl", _curl(pycurl, pycurl.Curl, pycurl.CurlMulti)),
        Change(pycurl, "CurlMulti", _multi(pycurl.CurlMulti)),
    ]


class _Transfer:
    """A CurlMulti, and what it wants to be told of."""

    def __init__(self, pycurl: Any, kind: Any) -> None:
        self._pycurl = pycurl
        self._watchers: dict[int, Any] = {}
        self._ready: dict[int, int] = {}  # descriptor -> what can be done with it
        self._event = Event()
        self._due: float | None = None
        self.multi = kind()
        self.multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self.multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)

    def _watch(self, what: int, number: int, multi: Any, data: Any) -> None:
        old = self._watchers.pop(number, None)
        if old is not None:
            old.stop()
            old.close()
        if what & (self._pycurl.POLL_IN | self._pycurl.POLL_OUT) and what != self._pycurl.POLL_REMOVE:
            new = self._watchers[number] = get_hub().loop.io(number, what)  # the same bits as libev's
            new.start(self._can, number, pass_events=True)

    def _can(self, events: int, number: int) -> None:
        self._ready[number] = self._ready.get(number, 0) | events & 3
        self._event.set()

    def _set_timer(self, milliseconds: int) -> None:
        self._due = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000
        self._event.set()

    def run(self, handle: Any) -> tuple[int, str] | None:
        """The whole transfer of *handle*; what went wrong, if anything."""
        multi = self.multi
        multi.add_handle(handle)
        try:
            running = 1
            while running:
                running = self._step()
            for _, code, text in multi.info_read()[2]:
                return code, text
        finally:
            multi.remove_handle(handle)
            for number in list(self._watchers):
                self._watch(self._pycurl.POLL_REMOVE, number, None, None)
            self._ready.clear()
        return None

    def _step(self) -> int:
        """Wait for something to do, and do it; how many transfers are left."""
        left = _CLOSE_ENOUGH if self._due is None else self._due - time.monotonic()
        if left > 0 and not self._ready:
            wait(self._event, left)
        self._event.clear()
        running = 1
        for number, events in list(self._ready.items()):
            self._ready.pop(number, None)
            _, running = self.multi.socket_action(number, events)
        if self._due is not None and self._due <= time.monotonic():
            self._due = None
            _, running = self.multi.socket_action(self._pycurl.SOCKET_TIMEOUT, 0)
        return int(running)


def _curl(pycurl: Any, native: Any, multi: Any) -> Any:
    def perform(self: Any) -> None:
        if is_straight() or getattr(self, "_lazypatch_native", False):
            return native.perform(self)  # type: ignore[no-any-return]
        transfer = getattr(self, "_lazypatch_transfer", None) or _Transfer(pycurl, multi)
        self._lazypatch_transfer = transfer
        problem = transfer.run(self)
        if problem is not None:
            raise pycurl.error(*problem)
        return None

    def perform_rb(self: Any) -> bytes:
        body = io.BytesIO()
        self.setopt(pycurl.WRITEDATA, body)
        self.perform()
        return body.getvalue()

    def setopt(self: Any, option: Any, *value: Any) -> Any:
        if option == pycurl.CONNECT_ONLY:
            self._lazypatch_native = bool(value and value[0])
        return native.setopt(self, option, *value)

    def reset(self: Any) -> Any:
        self._lazypatch_native = False
        return native.reset(self)

    def close(self: Any) -> Any:
        done = native.close(self)
        transfer = getattr(self, "_lazypatch_transfer", None)
        if transfer is not None:
            self._lazypatch_transfer = None
            transfer.multi.close()
        return done

    def perform_rs(self: Any) -> str:
        return str(perform_rb(self), "utf-8")

    own = {f.__name__: f for f in (perform, perform_rb, perform_rs, setopt, reset, close)}
    return _subclass(native, {name: _like(getattr(native, name), f) for name, f in own.items()})


def _multi(native: Any) -> Any:
    def select_(self: Any, timeout: Any) -> Any:
        if is_straight():
            return native.select(self, timeout)
        lists = self.fdset()
        if not any(lists):
            return native.select(self, 0)
        return len(set().union(*select.select(*lists, timeout)))

    return _subclass(native, {"select": _like(native.select, select_)})


def _like(native: Any, function: Any) -> Any:
    return functools.update_wrapper(function, native, ("__name__", "__qualname__", "__doc__"))


def _subclass(native: Any, space: dict[str, Any]) -> Any:
    described = {"__slots__": (), "__module__": native.__module__, "__doc__": native.__doc__}
    return type(native.__name__, (native,), {**described, **space})
