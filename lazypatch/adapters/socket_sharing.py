"""Several threads may use one socket: accept on one listener, receive from one socket, send at once.

gevent's socket has one watcher for reading and one for writing, so the second who has to wait gets
ConcurrentObjectUseError. Here each further one gets a watcher of its own, which is remembered, so that a close wakes
all of them. When a descriptor becomes ready all its watchers fire, and the first greenlet may take everything:
whoever shared a wait looks whether anything is left for it, and waits again if not. Nothing is added where a call
does not wait.

``shutdown()`` does not throw EBADF into who waits, as gevent's does: the system itself makes the descriptor ready,
and the reader gets the empty read, or the error, that it gets natively. A socket that is closed while a selector of
gevent's has it is watched no longer (_closing.py says why).

Files that ``makefile()`` gives have a lock that knows native threads only, so the second thread that reads one, or
writes to it, got "RuntimeError: reentrant call": it waits for the first (_socket_files.py).

A socket is still bound to the hub, hence to the native thread, in which it was made.
"""

from __future__ import annotations

import os
from time import monotonic

from gevent import _socket3, _socketcommon
from gevent._hub_primitives import wait_on_watcher

from .._gevent import native
from .._install import Change
from .._originals import at_end
from ._waits import READ, WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_mixin: Any = _socketcommon.SocketMixin
_wait_alone = vars(_mixin)["_wait"]
_drop = vars(_mixin)["_drop_events_and_close"]
_makefile = vars(_socket3.socket)["makefile"]
_others: dict[Any, list[Any]] = {}  # a socket's own watcher -> those of who waits beside it


def _new_poll() -> Any:
    return native("select", "poll")()


def _wait_natively_from_now_on() -> None:
    global _new_poll
    _new_poll = native("select", "poll")  # sys.modules is about to be emptied
    _mixin._wait = _wait_natively
    _socket3.socket._drop_ref_on_close = _close


def _wait(self: Any, watcher: Any, timeout_exc: Any = None) -> None:
    if watcher is None or (watcher.callback is None and watcher not in _others):
        _wait_alone(self, watcher, timeout_exc)
        if not _others or watcher not in _others or _is_ready(self, watcher):
            return
    _wait_beside(self, watcher, timeout_exc)


def _wait_natively(self: Any, watcher: Any, timeout_exc: Any = None) -> None:
    """In a finalizer, at the interpreter's end."""
    if not _is_ready(self, watcher, -1 if self.timeout is None else int(self.timeout * 1000)):
        raise timeout_exc or TimeoutError("timed out")


def _is_ready(sock: Any, watcher: Any, wait: int = 0) -> bool:
    """Whether what was waited for is still there; nobody else can run before the caller takes it.

    *wait*: for how many milliseconds at most, natively; -1 is for ever.
    """
    fd = sock.fileno()
    if fd < 0:
        return True  # closed: the caller finds out
    poll = _new_poll()
    poll.register(fd, 1 if watcher is sock._read_event else 4)  # POLLIN, POLLOUT
    return bool(poll.poll(wait))


def _wait_beside(sock: Any, watcher: Any, timeout_exc: Any) -> None:
    limit = sock.timeout
    end = None if limit is None else monotonic() + limit
    mine = sock.hub.loop.io(sock.fileno(), READ if watcher is sock._read_event else WRITE)
    _others.setdefault(watcher, []).append(mine)
    try:
        while True:
            left = None if end is None else max(end - monotonic(), 0)
            if timeout_exc is None:
                wait_on_watcher(mine, left, hub=sock.hub)
            else:
                wait_on_watcher(mine, left, timeout_exc, sock.hub)
            if _is_ready(sock, watcher):
                return
    finally:
        mine.stop()
        mine.close()
        _others[watcher].remove(mine)
        if not _others[watcher]:
            del _others[watcher]


def _drop_events_and_close(
    self: Any, closefd: bool = True, _cancel_wait_ex: Any = _socketcommon.cancel_wait_ex
) -> None:
    for watcher in (self._read_event, self._write_event) if _others else ():
        for other in _others.get(watcher, ()):
            self.hub.cancel_wait(other, _cancel_wait_ex)
    _drop(self, closefd, _cancel_wait_ex)


def _drop_ref_on_close(self: Any, sock: Any) -> None:
    """gevent's, but for what is still watched when the others have been woken."""
    loop, fd = self.hub.loop, sock.fileno()
    if not loop.closing_fd(fd):
        sock.close()
        return
    from ._closing import watch_no_longer, when_the_loop_has_run

    def close() -> None:
        if loop.closing_fd(fd):
            watch_no_longer(loop, fd)
        try:
            sock.close()
        except OSError:
            pass

    when_the_loop_has_run(loop, close)


def _close(self: Any, sock: Any) -> None:
    sock.close()


def shutdown(self: Any, how: int) -> None:
    self._sock.shutdown(how)


def makefile(
    self: Any,
    mode: str = "r",
    buffering: int | None = None,
    *,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
) -> Any:
    file = _makefile(self, mode, buffering, encoding=encoding, errors=errors, newline=newline)
    if buffering != 0:
        from ._socket_files import share

        share(file)
    return file


def plan(module: Any) -> list[Change]:
    """Methods of the class that gevent's sockets, TLS ones included, have in common."""
    if os.name != "posix":
        return []  # there is no poll()
    at_end.append(_wait_natively_from_now_on)
    shutdown.__doc__ = _mixin.shutdown.__doc__
    shutdown.__qualname__ = _mixin.shutdown.__qualname__
    makefile.__doc__ = _makefile.__doc__
    makefile.__qualname__ = _makefile.__qualname__
    changes = [Change(_mixin, function.__name__, function) for function in (_wait, _drop_events_and_close, shutdown)]
    functions = makefile, _drop_ref_on_close
    return [*changes, *(Change(_socket3.socket, function.__name__, function) for function in functions)]
