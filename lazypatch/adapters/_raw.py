"""The raw file under a file object: reads and writes a pipe, FIFO, terminal or socket, and lets others run meanwhile.

The data is asked for without waiting, by ``preadv2(RWF_NOWAIT)``, which leaves the descriptor's O_NONBLOCK alone:
other processes may share that. Only where this says that it would have to wait does a greenlet wait for the
descriptor, and asks again. Where the kernel or the device does not know of it (terminals; Linux before 6.4 for some;
macOS), poll() tells whether the native call would wait; between the two another process may take the data, and the
call waits in C.

Who is no greenlet of a hub, and everybody at the interpreter's end, waits natively. A descriptor that somebody made
non-blocking goes on returning None; gevent is nobody, who makes those of sockets so that block.
"""

import os
import sys
from _io import FileIO
from _operator import index
from errno import EBADF, EINVAL, ENOSYS, EOPNOTSUPP, ESPIPE
from stat import S_ISREG
from types import MethodType
from warnings import warn
from weakref import ref

from gevent._hub_local import get_hub_if_exists

from . import polling
from ._buffers import Guard
from ._waits import READ, WRITE, hub_to_wait_in, poller, wait_for
from .os_read import originals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NOWAIT = getattr(os, "RWF_NOWAIT", 0) if hasattr(os, "preadv") else 0
if _NOWAIT:
    _preadv, _pwritev = originals["preadv"], originals["pwritev"]
_CANNOT_ASK = frozenset((EOPNOTSUPP, ENOSYS, EINVAL, ESPIPE))  # without waiting
_MOST = 1 << 20  # bytes that one read makes room for: more than a pipe holds
_PIECE = 512  # bytes that poll() promises to be taken by a pipe, and that a terminal has taken soon


def _wait(raw: "Any", events: int) -> bool:
    """Let others run until *raw* may be ready; False if the call has to be made natively."""
    hub, descriptor = hub_to_wait_in(), raw.fileno()
    if not (raw.readable() if events == READ else raw.writable()):  # which the native call says
        return False
    # A regular file says that it would have to wait, for the disk, and cannot be watched.
    if hub is None or not _blocks(descriptor, events) or S_ISREG(os.fstat(descriptor).st_mode):
        return False
    state = vars(raw)
    waiting = state.setdefault("_waiting", [])
    buffer = None if waiting or "_buffer" not in state else state["_buffer"]()
    guard = buffer and Guard(buffer)
    try:
        wait_for(hub, descriptor, events, known=waiting)
    finally:
        if guard:
            guard.lift()
    if raw.closed:
        raise OSError(EBADF, os.strerror(EBADF))
    return True


def _blocks(descriptor: int, events: int) -> bool:
    """Whether a native call on it waits, or would wait were it not for gevent, which makes its sockets non-blocking."""
    if os.get_blocking(descriptor):
        return True
    polling.ask()  # somebody who does not wait may ask again at once
    streams: "Any" = sys.modules.get(f"{__package__}._streams")  # it knows the sockets
    return streams is not None and bool(streams.waits(descriptor, events))


class Stream(FileIO):
    """A FileIO. Its methods also serve a native one, such as that of sys.stdin: all state is in the object's dict."""

    _finalizing: bool  # C's
    _polls = not _NOWAIT  # ready or not is told by poll()

    def readinto(self, buffer: "Any", /) -> "Any":
        try:
            if not self._polls:
                return _preadv(self.fileno(), (buffer,), -1, _NOWAIT)
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno == EBADF:
                return FileIO.readinto(self, buffer)  # says it if the file is not open for this
            if error.errno not in _CANNOT_ASK:
                raise
            self._polls = True
        except (TypeError, BufferError):
            return FileIO.readinto(self, buffer)  # has the better words for it
        while not (self._polls and _is_ready(self, READ)) and not memoryview(buffer).readonly:
            if not _wait(self, READ):
                break
            if not self._polls:
                return self.readinto(buffer)
        return FileIO.readinto(self, buffer)

    def read(self, size: "Any" = -1, /) -> "Any":
        size = -1 if size is None else index(size)
        if size < 0:
            return self.readall()
        room = bytearray(min(size, _MOST))
        count = self.readinto(room)
        return None if count is None else bytes(memoryview(room)[:count])

    def readall(self) -> "Any":
        parts: "list[bytes]" = []
        try:
            while part := self.read(1 << 16):
                parts.append(part)
        except BaseException:
            if parts:
                put_back(self, b"".join(parts))
            raise
        return None if part is None and not parts else b"".join(parts)

    def write(self, data: "Any", /) -> "Any":
        done = None
        try:
            if not self._polls:
                done = _pwritev(self.fileno(), (data,), -1, _NOWAIT)
                if done == (len(data) if type(data) is bytes else memoryview(data).nbytes):
                    return done
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno == EBADF:
                return FileIO.write(self, data)  # says it if the file is not open for this
            if error.errno not in _CANNOT_ASK:
                raise
            self._polls = True
        except (TypeError, BufferError):
            return FileIO.write(self, data)  # has the better words for it
        return _write_on(self, data, done)

    def close(self) -> None:
        for hub, watcher in vars(self).get("_waiting", ()):
            error = OSError(EBADF, os.strerror(EBADF))
            hub.loop.run_callback_threadsafe(hub.cancel_wait, watcher, error)
        if sys is not None and self.closefd and not self.closed and not sys.is_finalizing():
            hub = get_hub_if_exists()
            if hub is not None and hub.loop and hub.loop.closing_fd(self.fileno()):
                from ._closing import watch_no_longer

                watch_no_longer(hub.loop, self.fileno())
        if self._finalizing and sys is not None:
            self._finalizing = False  # else C tells of it, too
            self._dealloc_warn(self)
        super().close()  # the names of this module may be None: it is the interpreter's end

    def _dealloc_warn(self, source: object, /) -> None:
        if sys is None:
            super()._dealloc_warn(source)
        if sys is None or self.closed or not self.closefd:
            return
        level, frame = 2, sys._getframe(1)
        while frame.f_back is not None and frame.f_globals.get("__package__") == __package__:
            level, frame = level + 1, frame.f_back
        try:
            warn(f"unclosed file {source!r}", ResourceWarning, level, source=source)
        except ResourceWarning:
            FileIO._dealloc_warn(self, source)  # type: ignore[attr-defined]  # says that it cannot be raised here

    def __repr__(self) -> str:
        return FileIO.__repr__(self).replace("<Stream ", "<_io.FileIO ", 1)


def _is_ready(raw: "Any", events: int) -> bool:
    pollers = vars(raw).setdefault("_pollers", {})
    poll = pollers.get(events)
    if poll is None:
        poll = pollers[events] = poller(raw.fileno(), events)
    return bool(poll(0))


def _write_on(raw: "Any", data: "Any", done: "int | None") -> "int | None":
    """Write the rest of *data*, of which *done* bytes are written; None if nothing is, and nothing can be."""
    view = memoryview(data).cast("B")
    while done is None or done < len(view):
        # Where a buffer is above, a part is enough: it knows what is left then, if anything is raised meanwhile.
        if done and "_buffer" in vars(raw):
            break
        more = _write_some(raw, view[done or 0 :])
        if more is None and not _wait(raw, WRITE):
            more = FileIO.write(raw, view[done or 0 :])
            return done if more is None else (done or 0) + more
        done = done if more is None else (done or 0) + more
    return done


def _write_some(raw: "Any", view: memoryview) -> "int | None":
    """How much of *view* was written without waiting; None if it would wait."""
    written: "int | None"
    if raw._polls:
        written = FileIO.write(raw, view[:_PIECE]) if _is_ready(raw, WRITE) else None
        return written
    try:
        written = _pwritev(raw.fileno(), (view,), -1, _NOWAIT)
    except BlockingIOError:
        return None
    return written


def put_back(raw: "Any", data: bytes) -> None:
    """Have *raw* give *data* before anything else."""

    def readinto(buffer: "Any") -> int:
        room = memoryview(buffer).cast("B")
        count = min(len(room), len(data))
        room[:count] = data[:count]
        del raw.readinto
        if count < len(data):
            put_back(raw, data[count:])
        return count

    raw.readinto = readinto


def mend(raw: "Any", buffer: "Any" = None) -> None:
    """Make a native FileIO do as a Stream does; *buffer* is above it, if there is one."""
    raw._polls = Stream._polls
    put_under(raw, buffer)
    for name in ("readinto", "read", "readall", "write"):
        setattr(raw, name, MethodType(vars(Stream)[name], raw))


def put_under(raw: "Any", buffer: "Any") -> None:
    """*buffer* uses *raw*, and is to be guarded while a greenlet waits."""
    if buffer is not None:
        raw._buffer = ref(buffer)
