"""What ``hub.loop.child(pid)`` gives where os_wait is installed: a watcher that reaps its own child and no other.

It has the interface of gevent's child watchers. The child is seen to end by a pidfd. Where there is none, or any
child (pid 0) or its stopping (trace) is asked for, it looks again and again, with growing pauses.
"""

import os
import sys

from .._gevent import native
from . import _children
from ._waits import FIRST_PAUSE, LONGEST_PAUSE, READ

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_close = native("os", "close")
_active: "list[ChildWatcher]" = []


def tell(pid: int, status: int) -> None:
    """Tell the watchers of *pid* that it was reaped, or has stopped, or goes on."""
    stopped = os.WIFSTOPPED(status) or os.WIFCONTINUED(status)
    for watcher in list(_active):
        if watcher.pid in (0, pid) and (watcher.trace or not stopped):
            watcher.rpid, watcher.rstatus = pid, status
            watcher.feed(0, watcher.callback, *watcher.args or ())
            if not stopped and watcher.pid:
                watcher.look_no_more()


class ChildWatcher:
    """A watcher of one child, or of any."""

    priority = 0

    def __init__(self, loop: "Any", pid: int, trace: bool = False, ref: bool = True) -> None:
        self.loop = loop
        self.pid = pid
        self.trace = trace
        self.ref = ref
        self.rpid = self.rstatus = 0
        self.callback: "Callable[..., Any] | None" = None
        self.args: "tuple[Any, ...] | None" = None
        self._source: "Any" = None  # the watcher of the descriptor, or the timer of the next look
        self._descriptor = -1
        self._pause = FIRST_PAUSE
        self._fed: "Any" = None  # the callback to come
        self._owner = os.getpid()  # a fork's child has other children

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at 0x{id(self):x} pid={self.pid} rstatus={self.rstatus} active={self.active}>"

    def __enter__(self) -> "ChildWatcher":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def active(self) -> bool:
        """Whether it was started, and not stopped since."""
        return self in _active

    @property
    def pending(self) -> bool:
        """Whether its callback is about to be called."""
        return self._fed is not None

    def start(self, callback: "Callable[..., Any]", *args: "Any") -> None:
        """Call *callback* in the hub when the child has ended; ``rpid`` and ``rstatus`` say how."""
        if not callable(callback):
            raise TypeError(f"Expected callable, not {callback!r}")
        self.callback, self.args = callback, args
        if not self.active:
            _active.append(self)
            self._look()

    def stop(self) -> None:
        """Watch no longer."""
        self.look_no_more()
        if self._fed is not None:
            self._fed.stop()
            self._fed = None
        self.callback = self.args = None
        if self.active:
            _active.remove(self)

    close = stop

    def feed(self, revents: int, callback: "Callable[..., Any] | None", *args: "Any") -> None:
        """Have *callback* called soon, as if the child had ended."""
        if callback is not None:
            self._fed = self.loop.run_callback(self._call, callback, args)

    def _call(self, callback: "Callable[..., Any]", args: "tuple[Any, ...]") -> None:
        self._fed = None
        try:
            callback(*args)
        except BaseException:
            self.loop.handle_error(self, *sys.exc_info())

    def _look(self) -> None:
        """See to it that :meth:`_try` is called when there may be something to see."""
        if not self.trace:
            self._descriptor = _children.open_pidfd(self.pid)
        if self._descriptor >= 0:
            self._source = self.loop.io(self._descriptor, READ, ref=self.ref)
        else:
            self._source = self.loop.timer(self._pause, ref=self.ref)
        self._source.start(self._try)

    def look_no_more(self) -> None:
        """Close what it looks with."""
        source, self._source = self._source, None
        if source is not None:
            source.stop()
            source.close()
        if self._descriptor >= 0:
            _close(self._descriptor)
            self._descriptor = -1

    def _try(self) -> None:
        if os.getpid() != self._owner:
            self.look_no_more()
            return
        try:
            found = _children.reap(self.pid or -1, os.WUNTRACED | os.WCONTINUED if self.trace else 0)
        except ChildProcessError:
            # Somebody waited for it in C. gevent's would never be called.
            found = (self.pid, 0)
            if self.pid:
                tell(*found)
        if self._source is not None and self._descriptor < 0:
            self._pause = FIRST_PAUSE if found[0] else min(2 * self._pause, LONGEST_PAUSE)
            self.look_no_more()
            if self.active:
                self._look()
