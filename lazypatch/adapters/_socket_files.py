"""Files over sockets that several threads may use, as ``makefile()`` gives them: who comes second waits for the first.

The raw file under such a buffer is Python code, whose wait lets others run while C's lock of the buffer is held: they
are of the same native thread, and would get "RuntimeError: reentrant call" (see _buffers.py, which has the remedy).
Data that is there is taken without it, and costs nothing more.

A pair of buffers, as ``makefile("rwb")`` gives it, does not say what is inside it, and stays as it is.
"""

from __future__ import annotations

from _io import BufferedReader, BufferedWriter, TextIOWrapper
from socket import SocketIO
from weakref import ref

from gevent._socket3 import socket

from ._buffers import Guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Shared(SocketIO):
    """The raw file under a buffer. It is made as SocketIO, and becomes one of these."""

    _above: Any  # a weak reference to the buffer
    _is_guarded: bool

    def readinto(self, room: Any, /) -> Any:
        sock: Any = self._sock  # type: ignore[attr-defined]
        if type(sock) is socket and self._reading and not self._timeout_occurred:  # type: ignore[attr-defined]
            try:
                return sock._sock.recv_into(room)
            except BlockingIOError:
                pass
        return self._guarded(SocketIO.readinto, room)

    def write(self, data: Any, /) -> Any:
        sock: Any = self._sock  # type: ignore[attr-defined]
        if type(sock) is socket and self._writing:  # type: ignore[attr-defined]
            try:
                return sock._sock.send(data)
            except BlockingIOError:
                pass
        return self._guarded(SocketIO.write, data)

    def _guarded(self, call: Any, data: Any) -> Any:
        """What *call* gives, while others are kept out of the buffer."""
        buffer = None if self._is_guarded else self._above()
        if buffer is None:
            return call(self, data)
        self._is_guarded, guard = True, Guard(buffer)
        try:
            return call(self, data)
        finally:
            self._is_guarded = False
            guard.lift()


_Shared.__name__ = _Shared.__qualname__ = "SocketIO"
_Shared.__module__ = "socket"


def share(file: Any) -> None:
    """Let several threads use *file*, which a makefile() made."""
    buffer = file.buffer if type(file) is TextIOWrapper else file
    if type(buffer) in (BufferedReader, BufferedWriter) and type(buffer.raw) is SocketIO:
        raw: Any = buffer.raw
        raw._above, raw._is_guarded = ref(buffer), False
        raw.__class__ = _Shared
