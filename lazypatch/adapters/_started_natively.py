"""A thread that is started in a native thread without a hub is a native one, too: it may outlive who started it.

As a greenlet it would run only while its native thread waits in a hub, and end with that thread. Inside it runs in a
greenlet of its own all the same, which is what gevent's threading asks for: its ident, and to be told of its end.
"""

import sys

from greenlet import greenlet

from .._gevent import native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_start, _new_lock = native("_thread", "start_new_thread"), native("_thread", "allocate_lock")


class _Thread(greenlet):  # type: ignore[misc]  # greenlet's types are not known here
    """What gevent's ``Greenlet`` is to its threading. It is made in its native thread."""

    def __init__(self, call: "Callable[[], object]") -> None:
        super().__init__(call)
        self._links: "list[Callable[[Any], object]]" = []
        threading: Any = sys.modules["threading"]
        self._ended = threading.Event()

    def rawlink(self, callback: "Callable[[Any], object]") -> None:
        """Have *callback* called with this at its end, or now if that has come."""
        if self.dead:
            callback(self)
        else:
            self._links.append(callback)

    def join(self, timeout: "float | None" = None) -> None:
        """Wait for its end, at most *timeout* seconds."""
        self._ended.wait(timeout)

    def end(self) -> None:
        """It is over: tell all who want to know."""
        while self._links:
            self._links.pop()(self)
        self._ended.set()


def start(function: "Callable[..., object]", args: "Any", kwargs: "Any") -> "_Thread":
    """Call *function* in a new native thread; gives what stands for that in gevent's threading."""
    begun, made = _new_lock(), []

    def run() -> None:
        me = _Thread(lambda: function(*args, **(kwargs or {})))
        made.append(me)
        begun.release()
        try:
            me.switch()
        finally:
            me.end()

    begun.acquire()
    _start(run, ())
    begun.acquire()
    return made.pop()
