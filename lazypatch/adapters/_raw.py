"""The raw file under a file object: reads and writes a pipe, FIFO, terminal or socket, and lets others run meanwhile.

The data is asked for without waiting, by ``preadv2(RWF_NOWAIT)``, which leaves the descriptor's O_NONBLOCK alone:
other processes may share that. Only where this says that it would have to wait does a greenlet wait for the
descriptor, and asks again. Where the kernel or the device does not know of it (terminals; Linux before 6.4 for some;
macOS), poll() tells whether the native call would wait; between the two another process may take the data, and the
call waits in C.

Who is no greenlet of a hub, and everybody at the interpreter's end, waits natively. A descriptor that somebody made
non-blocking goes on returning None.
"""

import os
import sys
from _io import FileIO
from _operator import index
from errno import EBADF, EINVAL, ENOSYS, EOPNOTSUPP, ESPIPE
from stat import S_ISREG
from types import MethodType
from warnings import warn

from .._gevent import native
from ._waits import READ, WRITE, hub_to_wait_in, is_ready, wait_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NOWAIT = getattr(os, "RWF_NOWAIT", 0) if hasattr(os, "preadv") else 0
if _NOWAIT:
    _preadv, _pwritev = native("os", "preadv"), native("os", "pwritev")
_AS_EVER = -1
# It cannot be asked without waiting; the last is what a file that is not open for this says. The native call explains.
_CANNOT_ASK = frozenset((EOPNOTSUPP, ENOSYS, EINVAL, ESPIPE, EBADF))
_MOST = 1 << 20  # bytes that one read makes room for: more than a pipe holds
_PIECE = 512  # bytes that poll() promises to be taken by a pipe, and that a terminal has taken soon


def _wait(raw: "Any", events: int) -> bool:
    """Let others run until *raw* may be ready; False if the call has to be made natively."""
    hub, descriptor = hub_to_wait_in(), raw.fileno()
    if not (raw.readable() if events == READ else raw.writable()):  # which the native call says
        return False
    # A regular file says that it would have to wait, for the disk, and cannot be watched.
    if hub is None or not os.get_blocking(descriptor) or S_ISREG(os.fstat(descriptor).st_mode):
        return False
    buffer = vars(raw).pop("_unguarded", None)
    if buffer is not None:
        from ._buffers import guard

        guard(buffer)
    wait_for(hub, descriptor, events, known=vars(raw).setdefault("_waiting", []))
    return True


class Stream(FileIO):
    """A FileIO. Its methods also serve a native one, such as that of sys.stdin: all state is in the object's dict."""

    _finalizing: bool  # C's
    _polls = not _NOWAIT  # ready or not is told by poll()
    # Writing a part is enough: a buffer is above, and knows what is left when something is raised.
    _in_pieces = False

    def readinto(self, buffer: "Any", /) -> "Any":
        while True:
            count = _read_some(self, buffer)
            if count is not None or not _wait(self, READ):
                return FileIO.readinto(self, buffer) if count in (None, _AS_EVER) else count

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
        try:
            view = memoryview(data).cast("B")
        except TypeError:
            return FileIO.write(self, data)  # has the better words for it
        done = _write_some(self, view)
        while done is None or done < len(view):
            if done and self._in_pieces:
                break
            if not _wait(self, WRITE):
                more = FileIO.write(self, view[done or 0 :])
                return done if more is None else (done or 0) + more
            more = _write_some(self, view[done or 0 :])
            done = done if more is None else (done or 0) + more
        return done

    def close(self) -> None:
        for hub, watcher in vars(self).get("_waiting", ()):
            error = OSError(EBADF, os.strerror(EBADF))
            hub.loop.run_callback_threadsafe(hub.cancel_wait, watcher, error)
        if self._finalizing:
            self._finalizing = False  # else C tells of it, too
            self._dealloc_warn(self)
        FileIO.close(self)

    def _dealloc_warn(self, source: object, /) -> None:
        if self.closed or not self.closefd:
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


def _read_some(raw: "Any", buffer: "Any") -> "int | None":
    """How much was read into *buffer* without waiting; None if it would wait; _AS_EVER: the native call will not."""
    if not raw._polls:
        try:
            count: int = _preadv(raw.fileno(), (buffer,), -1, _NOWAIT)
            return count
        except BlockingIOError:
            return None
        except (TypeError, BufferError):
            return _AS_EVER  # it has the better words for it
        except OSError as error:
            if error.errno == EBADF:  # or it is not open for reading
                return _AS_EVER
            if error.errno not in _CANNOT_ASK:
                raise
            raw._polls = True
    return _AS_EVER if is_ready(raw.fileno(), READ) or memoryview(buffer).readonly else None


def _write_some(raw: "Any", view: memoryview) -> "int | None":
    """How much of *view* was written without waiting; None if it would wait."""
    written: "int | None"
    if not raw._polls:
        try:
            written = _pwritev(raw.fileno(), (view,), -1, _NOWAIT)
            return written
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno not in _CANNOT_ASK:
                raise
            raw._polls = error.errno != EBADF
    if raw._polls and not is_ready(raw.fileno(), WRITE):
        return None
    written = FileIO.write(raw, view[:_PIECE])  # or it says that it is not open for writing
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


def mend(raw: "Any", buffer: "Any") -> None:
    """Make a native FileIO do as a Stream does; *buffer* is above it, if there is one."""
    raw._polls = Stream._polls
    raw._in_pieces = buffer is not raw
    if buffer is not raw:
        raw._unguarded = buffer
    for name in ("readinto", "read", "readall", "write"):
        setattr(raw, name, MethodType(vars(Stream)[name], raw))
