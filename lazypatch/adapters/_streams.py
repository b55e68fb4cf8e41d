"""The ways in which a read or a write of a descriptor waits in the hub; see ``os_read.py`` for what uses them.

A descriptor is asked without waiting whether it is ready (``poll``), watched by gevent if it is not, and asked again.
Between that and the native call another process may take the data, or fill the pipe. Linux has a call that transfers
what it can and never waits, whatever the flags of the open file say (``RWF_NOWAIT``; for sockets since 5.4, for pipes
since 6.4), so where it works it is what is used.

A pipe that is ready takes PIPE_BUF bytes and perhaps no more. Where there is no RWF_NOWAIT a longer write goes
through a second open file of the same pipe, opened for this write from /proc/self/fd and non-blocking (a megabyte in
1.25 of the native time; in pieces of PIPE_BUF it takes five times as long, which is the last resort). A long write to
a terminal, which says "ready" if there is room for one byte, is made in the hub's threadpool.

A non-blocking descriptor says BlockingIOError as ever, unless it is so only because it is that of a cooperative
socket.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import stat
import sys

from gevent._hub_local import get_hub_if_exists
from greenlet import getcurrent

from .._gevent import native
from . import polling
from ._waits import READ, WRITE, can_wait_itself, in_threadpool, wait_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

original: dict[str, Any] = {}  # what os_read.py replaced, by name; it fills this
poll = native("select", "poll")
_EVENTS = {READ: 0x1, WRITE: 0x4}  # POLLIN, POLLOUT
_NOWAIT = getattr(os, "RWF_NOWAIT", 0) if hasattr(os, "preadv") else 0
_UNKNOWN = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)  # what says that RWF_NOWAIT is not for this descriptor
_SHORT = 1 << 16  # a read of no more is made into a buffer of ours
_PIPE_BUF = getattr(select, "PIPE_BUF", 512)
_TERMINAL = 256  # bytes that a terminal which is ready takes
# Descriptor -> a weak reference to the cooperative socket whose it is; socket_detach.py fills it.
sockets: dict[int, Any] = {}


def current_hub() -> Any:
    """The hub to wait in; None where nobody else would run meanwhile, or nobody may."""
    hub = get_hub_if_exists()
    return None if hub is None or sys.is_finalizing() or (getcurrent() is hub and not can_wait_itself(hub)) else hub


def is_ready(fd: int, events: int) -> bool:
    asked = poll()
    asked.register(fd, _EVENTS[events])
    return bool(asked.poll(0))


def waits(fd: int, events: int) -> bool:
    """Whether a native call would wait: *fd* is blocking, or would be, were it not for gevent."""
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    if flags & os.O_ACCMODE == (os.O_WRONLY if events == READ else os.O_RDONLY):
        return False  # it fails
    if not flags & os.O_NONBLOCK:
        return True
    polling.ask()  # somebody who does not wait may ask again at once
    owner = sockets.get(fd)
    owner = owner and owner()
    return owner is not None and owner.fileno() == fd and owner.gettimeout() is None


def until_ready(hub: Any, fd: int, events: int) -> None:
    """Return when a native call on *fd* would not wait, or would not have to."""
    while not is_ready(fd, events) and waits(fd, events):
        wait_for(hub, fd, events)


def _simple(name: str, fd: int, events: int, *args: Any) -> Any:
    hub = current_hub()
    if hub is not None:
        try:
            until_ready(hub, fd, events)
        except (TypeError, ValueError, OverflowError):
            pass  # not a descriptor: the native function says so in its words
    return original[name](fd, *args)


def _at_once(hub: Any, fd: int, events: int, transfer: Callable[[], int]) -> int | None:
    """What *transfer*, which never waits, gives when it can; None if *fd* does not know such a call."""
    while True:
        try:
            return transfer()
        except BlockingIOError:
            if not waits(fd, events):
                raise
        except OSError as error:
            if error.errno in _UNKNOWN:
                return None
            raise
        wait_for(hub, fd, events)


def read(fd: int, length: int) -> bytes:
    """os.read() of what one can seek in, and which is not ready."""
    return _simple("read", fd, READ, length)  # type: ignore[no-any-return]


def read_stream(fd: int, length: int) -> bytes:
    """os.read() of what one cannot seek in."""
    hub = current_hub()
    if hub is None or type(length) is not int or not 0 < length <= sys.maxsize:
        return original["read"](fd, length)  # type: ignore[no-any-return]
    if not _NOWAIT or length > _SHORT:
        return read(fd, length)
    buffer = bytearray(length)
    preadv = original["preadv"]
    got = _at_once(hub, fd, READ, lambda: preadv(fd, (buffer,), -1, _NOWAIT))
    if got is None:
        return read(fd, length)
    del buffer[got:]
    return bytes(buffer)


def readinto(fd: int, buffer: Any) -> int:
    """os.readinto()."""
    return _into(fd, [buffer], "readinto", buffer)


def readv(fd: int, buffers: Any) -> int:
    """os.readv()."""
    return _into(fd, buffers, "readv", buffers)


def _into(fd: int, buffers: Any, name: str, argument: Any) -> int:
    hub = current_hub()
    got = None
    if hub is not None and _NOWAIT and is_stream(fd):
        try:
            got = _at_once(hub, fd, READ, lambda: original["preadv"](fd, buffers, -1, _NOWAIT))
        except (TypeError, ValueError):  # no buffers: the native function says so in its words
            return original[name](fd, argument)  # type: ignore[no-any-return]
    return _simple(name, fd, READ, argument) if got is None else got


def preadv(fd: int, buffers: Any, offset: int, flags: int) -> int:
    """os.preadv()."""
    if offset == -1 and not flags and is_stream(fd):
        return readv(fd, buffers)
    return original["preadv"](fd, buffers, offset, flags)  # type: ignore[no-any-return]


def is_stream(fd: int) -> bool:
    try:
        os.lseek(fd, 0, os.SEEK_CUR)
    except OSError as error:
        return error.errno == errno.ESPIPE
    except (TypeError, ValueError, OverflowError):
        pass
    return False


def write(fd: int, data: Any) -> int:
    """os.write() to what one can seek in, and which is not ready."""
    return _simple("write", fd, WRITE, data)  # type: ignore[no-any-return]


def write_stream(fd: int, data: Any) -> int:
    """os.write() to what one cannot seek in."""
    hub = current_hub()
    if hub is None:
        return original["write"](fd, data)  # type: ignore[no-any-return]
    return _written(hub, fd, (data,), "write", data)


def writev(fd: int, buffers: Any) -> int:
    """os.writev()."""
    hub = current_hub()
    if hub is None or not is_stream(fd):
        return _simple("writev", fd, WRITE, buffers)  # type: ignore[no-any-return]
    return _written(hub, fd, buffers, "writev", buffers)


def pwritev(fd: int, buffers: Any, offset: int, flags: int) -> int:
    """os.pwritev()."""
    if offset == -1 and not flags and is_stream(fd):
        return writev(fd, buffers)
    return original["pwritev"](fd, buffers, offset, flags)  # type: ignore[no-any-return]


def _written(hub: Any, fd: int, buffers: Iterable[Any], name: str, argument: Any) -> int:
    try:
        views = [memoryview(buffer).cast("B") for buffer in buffers]
    except (TypeError, ValueError):  # none, or not in one piece: the native function says so in its words
        return original[name](fd, argument)  # type: ignore[no-any-return]
    size = sum(map(len, views))
    if not size:
        return original[name](fd, argument)  # type: ignore[no-any-return]
    done = 0
    while done < size:
        try:
            wrote = _some_written(hub, fd, views)
        except OSError:
            if done:  # as natively: what was written counts, and the next call meets the error
                break
            raise
        done += wrote
        if done < size:
            views = _without(views, wrote)
            if not waits(fd, WRITE):
                break
    return done


def _some_written(hub: Any, fd: int, views: list[memoryview]) -> int:
    call = original["pwritev"]
    wrote = _at_once(hub, fd, WRITE, lambda: call(fd, views, -1, _NOWAIT)) if _NOWAIT else None
    return _in_another_way(hub, fd, views) if wrote is None else wrote


def _without(views: list[memoryview], wrote: int) -> list[memoryview]:
    while wrote >= len(views[0]):
        wrote -= len(views.pop(0))
    return [views[0][wrote:], *views[1:]]


def _in_another_way(hub: Any, fd: int, views: list[memoryview]) -> int:
    """Write some of *views* to *fd*, which knows no RWF_NOWAIT."""
    native_write = original["write"]
    view, mode = views[0], os.fstat(fd).st_mode
    if not waits(fd, WRITE):
        return native_write(fd, view)  # type: ignore[no-any-return]
    if stat.S_ISCHR(mode) and len(view) > _TERMINAL:
        return in_threadpool(hub, native_write, fd, view)  # type: ignore[no-any-return]
    if stat.S_ISFIFO(mode) and len(view) > _PIPE_BUF:
        done = _through_another(hub, fd, view)
        if done:
            return done
    until_ready(hub, fd, WRITE)
    return native_write(fd, view[:_PIPE_BUF])  # type: ignore[no-any-return]


def _through_another(hub: Any, fd: int, view: memoryview) -> int:
    """Write *view* through a second open file of the pipe *fd*; 0 if there can be none."""
    try:
        other = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return 0
    done = 0
    try:
        while done < len(view):
            try:
                done += original["write"](other, view[done:])
            except BlockingIOError:
                wait_for(hub, other, WRITE)
    except BrokenPipeError:
        if not done:
            raise
    finally:
        os.close(other)
    return done


def eventfd_read(fd: int) -> int:
    """os.eventfd_read()."""
    return _simple("eventfd_read", fd, READ)  # type: ignore[no-any-return]


def eventfd_write(fd: int, value: int) -> None:
    """os.eventfd_write()."""
    _simple("eventfd_write", fd, WRITE, value)
