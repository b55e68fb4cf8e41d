"""How a descriptor is closed that somebody waits for.

Problem. A watched descriptor must stay open until the loop has run: libev aborts when it meets one that is gone, and
a number that is used again at once would make its old waiters read from somebody else's file.

What does not work. Putting off the close, as gevent does: on libev the waiter is woken first, finds nothing to read,
and waits again, for ever; and whoever is at the other end learns of it late.

Solution (Linux). Another open file takes over the number: ``/dev/null`` opened with the access mode 3, which can be
neither read nor written. So what was there is closed at once, its waiters are woken, try again, and get EBADF; the
number becomes free when the loop has run. Elsewhere gevent's way is taken, and the loop woken.

Who is woken stops watching. A selector of gevent's does not: it only does so when it is asked the next time. libev does
nothing with such a descriptor for now, but aborts when it makes its epoll anew. A forked child does that, and so does
whoever hears of a descriptor that was watched and closed here and is open in such a child. So what is still watched
when the loop has run is stopped: natively, too, nothing is heard of it any more.
"""

from __future__ import annotations

import errno
import gc
import os
import sys

from gevent.hub import Waiter

from ._waits import kind_of_watchers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_NEITHER = 3  # an access mode: neither reading nor writing


class Closing:
    """Given the native functions, and the set of the numbers that are closed and have not been freed yet."""

    def __init__(self, close: Any, closerange: Any, dup2: Any, reserved: set[int]) -> None:
        self._close = close
        self._closerange = closerange
        self._dup2 = dup2
        self._reserved = reserved

    def close(self, loop: Any, fd: int) -> None:
        """Close *fd*, which is watched by *loop*, or closed already."""
        os.get_inheritable(fd)  # raises EBADF if it is not open
        if fd in self._reserved:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if _is_for_nobody(loop, fd):
            self._close(fd)
            return
        if sys.platform == "linux" and self._take_over(fd):
            self._reserved.add(fd)
            when_the_loop_has_run(loop, lambda: self._free(loop, fd))
        else:
            from gevent.os import close as deferred

            deferred(fd)
            when_the_loop_has_run(loop, int)

    def _take_over(self, fd: int) -> bool:
        try:
            other = os.open(os.devnull, _NEITHER | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            self._dup2(other, fd, False)
        finally:
            self._close(other)
        return True

    def _free(self, loop: Any, fd: int) -> None:
        if fd in self._reserved:  # else somebody has put something else there
            self._reserved.discard(fd)
            if _is_ours(fd):
                if loop.closing_fd(fd):
                    watch_no_longer(loop, fd)
                self._close(fd)

    def closerange(self, loop: Any, low: int, high: int) -> None:
        """Close all from *low* to below *high*, and wake who waits for one of them."""
        for fd in _watched(loop.fileno()):
            if low <= fd < high and loop.closing_fd(fd):
                try:
                    self.close(loop, fd)
                except OSError:
                    pass
        for fd in sorted(self._reserved):
            if low <= fd < high:
                self._closerange(low, fd)
                low = fd + 1
        self._closerange(low, high)


def _is_for_nobody(loop: Any, fd: int) -> bool:
    """Whether *fd* was only watched for greenlets that are gone, in a forked child, and no longer is."""
    gone: Any = sys.modules.get(f"{__package__}._gone")
    return gone is not None and gone.stop_watchers() and not loop.closing_fd(fd)


def watch_no_longer(loop: Any, fd: int) -> None:
    """Stop whatever watches *fd*, which is about to be closed, after a look at the whole heap.

    It is for whom ``closing_fd`` has just told that something does. A greenlet that waits for it has been woken by
    that, and stops its watcher itself.
    """
    kind = kind_of_watchers(loop)
    # By its type: isinstance() asks what passes for another class which one, and runs code of the program's.
    found = [one for one in gc.get_objects() if issubclass(type(one), kind)]
    for one in [one for one in found if getattr(one, "fd", None) == fd]:
        if one.loop is loop and not isinstance(getattr(one.callback, "__self__", None), Waiter):
            one.stop()


def when_the_loop_has_run(loop: Any, then: Callable[[], object]) -> None:
    """Call *then* at the end of the loop's next round, and see to it that it does not sleep before."""
    check, idle = loop.check(), loop.idle()

    def call() -> None:
        for watcher in (check, idle):
            watcher.stop()
            watcher.close()
        then()

    check.start(call)
    idle.start(int)


def _is_ours(fd: int) -> bool:
    """Whether *fd* is what took over: C code may have closed it, and somebody else got the number."""
    import fcntl

    try:
        return fcntl.fcntl(fd, fcntl.F_GETFL) & _NEITHER == _NEITHER
    except OSError:
        return False


def _watched(epoll: int | None) -> list[int]:
    """What a loop watches or has watched, as far as the system tells."""
    try:
        with open(f"/proc/self/fdinfo/{epoll}", "rb") as file:
            return [int(line.split()[1]) for line in file if line.startswith(b"tfd:")]
    except OSError:
        return []
