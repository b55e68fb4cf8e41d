"""Files over a pipe of this process's own, whose reads and writes let the others run.

The descriptor stays blocking, because a pipeline's next process may be given it: what waits is a look whether it is
ready. A pipe that is ready for writing takes PIPE_BUF bytes for sure, and more would wait, so that is what a piece has.
The buffers take a cooperative lock: C's own is by native thread, and calls a second greenlet a reentrant call.
"""

import io
import os
import select

from gevent.lock import RLock

from .._gevent import native
from ._waits import READ, WRITE, hub_to_wait_in, wait_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_PIECE = getattr(select, "PIPE_BUF", 512)
_POLL: "Any" = native("select", "poll")
_dup = os.dup


def cooperative(file: "Any") -> "Any":
    """A file like *file*, which is closed for it; the same one if it is cooperative already."""
    buffer = getattr(file, "buffer", file)
    raw = getattr(buffer, "raw", buffer)
    if type(raw) is not io.FileIO:
        return file
    new: "Any" = _Pipe(_dup(raw.fileno()), "rb" if raw.readable() else "wb", buffer is raw)
    if buffer is not raw:
        size = buffer.__sizeof__() - type(buffer).__basicsize__  # C counts the buffer in
        new = (_Reader if raw.readable() else _Writer)(new, size if size > 0 else io.DEFAULT_BUFFER_SIZE)
    if file is not buffer:
        new = io.TextIOWrapper(
            new,
            encoding=file.encoding,
            errors=file.errors,
            line_buffering=file.line_buffering,
            write_through=file.write_through,
        )
    file.close()
    return new


class _Pipe(io.FileIO):
    """One end of a pipe. *whole*: a write is not over before everything is written, as is usual without a buffer."""

    def __init__(self, descriptor: int, mode: str, whole: bool) -> None:
        super().__init__(descriptor, mode)
        self._whole = whole
        self._poll = _POLL()
        self._poll.register(descriptor, select.POLLIN if mode == "rb" else select.POLLOUT)

    def _let_others_run(self, events: int) -> None:
        """Until it is ready, or at once where nobody can run: the call then waits in C."""
        if not self._poll.poll(0):
            hub = hub_to_wait_in()
            if hub is not None:
                wait_for(hub, self.fileno(), events)

    def readinto(self, buffer: "Any", /) -> int:
        self._let_others_run(READ)
        return super().readinto(buffer)

    def read(self, size: "int | None" = -1, /) -> bytes:
        if size is None or size < 0:
            return self.readall()
        self._let_others_run(READ)
        return super().read(size)

    def readall(self) -> bytes:
        return b"".join(iter(lambda: self.read(io.DEFAULT_BUFFER_SIZE), b""))

    def write(self, data: "Any", /) -> int:
        # A buffer counts what each write took, and calls again. So nothing is written twice if a wait is interrupted.
        view, done = memoryview(data).cast("B"), 0
        while True:
            self._let_others_run(WRITE)
            done += super().write(view[done : done + _PIECE])
            if done == len(view) or not self._whole:
                return done


def _locked(base: "Any", name: str) -> "Callable[..., Any]":
    original = getattr(base, name)

    def method(self: "Any", *args: "Any") -> "Any":
        with self._turns:
            return original(self, *args)

    method.__name__, method.__doc__ = name, original.__doc__
    method.__qualname__ = f"{base.__name__}.{name}"
    return method


def _buffer(base: "Any", names: str) -> "Any":
    """A subclass of *base* in which one greenlet at a time is in any of the methods *names*."""

    def __init__(self: "Any", raw: "Any", size: int) -> None:
        self._turns = RLock()
        base.__init__(self, raw, size)

    methods = {name: _locked(base, name) for name in names.split()}
    return type(base.__name__, (base,), {"__init__": __init__, "__module__": base.__module__, **methods})


_Reader = _buffer(io.BufferedReader, "read read1 readinto readinto1 readline peek close detach")
_Writer = _buffer(io.BufferedWriter, "write flush close detach")
