"""os.close() closes at once, and says what is wrong with its errno; os.closerange() and os.dup2() wake who waits.

gevent's own close (25.8.1) puts every close of something else than a regular file off until the event loop runs,
because libev aborts the process if a watched descriptor vanishes (gevent #2100). So the other end of a pipe sees the
end late or never, the next descriptor is not the lowest, and a second close has no errno. But the loop can tell
whether a descriptor is watched: only such a one needs care, and that is in ``_closing.py``, which is loaded when the
first one is met. There its waiters are woken, and get EBADF. ``closerange`` and ``dup2`` close natively, so nobody
who waits ever hears of it: they wake the waiters, too.

The descriptors of the event loop itself are ``os_daemon.py``'s business.

File objects close their descriptors in C, at once. Those that io-open makes wake who waits for the same descriptor by
other ways; of others the loop hears nothing, and their waiters go on waiting, as they do natively on Linux. gevent's
sockets wake theirs.
"""

from gevent._hub_local import get_hub_if_exists

from .._gevent import native
from .._install import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_close, _dup2, _closerange = native("os", "close"), native("os", "dup2"), native("os", "closerange")
_reserved: "set[int]" = set()  # closed, but their numbers are not free before the loop has run
_ways: "Any" = None


def _careful() -> "Any":
    global _ways
    if _ways is None:
        from ._closing import Closing

        _ways = Closing(_close, _closerange, _dup2, _reserved)
    return _ways


def close(fd: "Any") -> None:
    hub = get_hub_if_exists()
    loop = hub and hub.loop
    if loop:
        try:
            careful = loop.closing_fd(fd) or fd in _reserved
        except Exception:  # not a number: the native function says so in its words
            careful = False
        if careful:
            return _careful().close(loop, fd)  # type: ignore[no-any-return]
    return _close(fd)  # type: ignore[no-any-return]


def closerange(fd_low: "Any", fd_high: "Any", /) -> None:
    hub = get_hub_if_exists()
    if hub and hub.loop:
        return _careful().closerange(hub.loop, fd_low, fd_high)  # type: ignore[no-any-return]
    return _closerange(fd_low, fd_high)  # type: ignore[no-any-return]


def dup2(fd: "Any", fd2: "Any", inheritable: bool = True) -> int:
    made: int = _dup2(fd, fd2, inheritable)
    _reserved.discard(made)  # it is open again
    hub = get_hub_if_exists()
    if hub and hub.loop and fd != fd2:
        hub.loop.closing_fd(made)  # who waits for what was there tries again with what is there now
    return made


def plan(module: "ModuleType") -> "list[Change]":
    """The same functions for os and posix."""
    for function, original in (close, _close), (closerange, _closerange), (dup2, _dup2):
        function.__module__, function.__doc__, function.__annotations__ = "os", original.__doc__, {}
    return [Change(module, function.__name__, function) for function in (close, closerange, dup2)]
