"""How a descriptor is closed that somebody waits for, or that may be the event loop's own.

Problem. A watched descriptor must stay open until the loop has run: libev aborts when it meets one that is gone, and
a number that is used again at once would make its old waiters read from somebody else's file.

What does not work. Putting off the close, as gevent does: on libev the waiter is woken first, finds nothing to read,
and waits again, for ever; and whoever is at the other end learns of it late.

Solution (Linux). Another open file takes over the number: ``/dev/null`` opened with the access mode 3, which can be
neither read nor written. So what was there is closed at once, its waiters are woken, try again, and get EBADF; the
number becomes free when the loop has run. Elsewhere gevent's way is taken, and the loop woken.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NEITHER = 3  # an access mode: neither reading nor writing


class Closing:
    """Given the native functions, and two sets that who asks looks into first.

    *reserved* are the numbers that are closed, and have not been freed yet; *swept* are the descriptors of loops that
    somebody has tried to close.
    """

    def __init__(self, close: Any, closerange: Any, dup2: Any, reserved: set[int], swept: set[int]) -> None:
        self._close = close
        self._closerange = closerange
        self._dup2 = dup2
        self._reserved = reserved
        self._swept = swept

    def close(self, loop: Any, fd: int) -> None:
        """Close *fd*, which is watched by *loop*, or closed already, or the loop's own."""
        os.get_inheritable(fd)  # raises EBADF if it is not open
        if fd in self._reserved or self._is_the_loops(loop, fd):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if sys.platform == "linux" and self._take_over(fd):
            self._reserved.add(fd)
            _when_the_loop_has_run(loop, lambda: self._free(fd))
        else:
            from gevent.os import close as deferred

            deferred(fd)
            _when_the_loop_has_run(loop, int)

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

    def _free(self, fd: int) -> None:
        if fd in self._reserved:  # else somebody has put something else there
            self._reserved.discard(fd)
            if _is_ours(fd):
                self._close(fd)

    def closerange(self, loop: Any, low: int, high: int) -> None:
        """Close all from *low* to below *high*, leave out the loop's own, and wake who waits."""
        own, watched = _own(loop)
        kept = own if low <= loop.fileno() < high else set()
        for fd in sorted(watched - kept):
            if low <= fd < high and loop.closing_fd(fd):
                try:
                    self.close(loop, fd)
                except OSError:
                    pass
        begin = low
        for fd in sorted(kept | self._reserved):
            if begin <= fd < high:
                self._closerange(begin, fd)
                begin = fd + 1
        self._closerange(begin, high)

    def _is_the_loops(self, loop: Any, fd: int) -> bool:
        """Whether *fd* belongs to *loop* itself.

        libev does not say which eventfd is its own, so each that it watches is taken for that, but only once somebody
        has tried to close the loop's first descriptor: nobody does who does not close everything.
        """
        if fd != loop.fileno() and fd not in self._swept:
            return False
        own, _ = _own(loop)
        self._swept.clear()
        self._swept.update(own)
        return fd in own


def _when_the_loop_has_run(loop: Any, then: Callable[[], object]) -> None:
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


def _own(loop: Any) -> tuple[set[int], set[int]]:
    """The descriptors of *loop* itself, and those that it watches, as far as the system tells."""
    first = loop.fileno()
    watched = set(_watched(first))
    programs = getattr(loop, "_io_watchers", None)  # libuv: all that Python code has asked for
    if programs is None:
        return {first, *(fd for fd in watched if _link(fd) == "anon_inode:[eventfd]")}, watched
    own = watched - set(programs)
    links = {link for link in map(_link, own) if link.startswith("pipe:")} | {"anon_inode:[io_uring]"}
    return {first} | own | {fd for fd in _open_ones() if _link(fd) in links}, watched


def _watched(epoll: int | None) -> Iterator[int]:
    try:
        with open(f"/proc/self/fdinfo/{epoll}", "rb") as file:
            for line in file:
                if line.startswith(b"tfd:"):
                    yield int(line.split()[1])
    except OSError:
        return


def _open_ones() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        return []


def _link(fd: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""
