"""A socket's calls mind MSG_DONTWAIT and MSG_WAITALL, lose no datagram, and look names up while the others run.

What differs in gevent's. Its descriptors are non-blocking, and it waits itself where the system says that a call would;
with MSG_DONTWAIT in the call, too, so ``recv(1, MSG_PEEK | MSG_DONTWAIT)``, by which pools of connections ask whether
one is alive, waits for ever. MSG_WAITALL gives what is there. ``send()``, ``sendto()`` and ``sendmsg()`` try twice and
then say that they sent 0 bytes: a datagram that finds the receiver's queue full is lost, and 1989 of 2000 were.
``connect(("", port))`` and a host in bytes fail, and a second connect() of the same socket does not; one to a listener
of AF_UNIX whose queue is full tries again without a pause. ``sendto()``, ``sendmsg()``, ``bind()``, and a connect()
that is not to wait, look the host's name up in C, while every other greenlet stands still: ``SysLogHandler`` does that
for each line. ``recv_into()`` takes no argument by
name, and there is no ``sendmsg_afalg()``.

What is replaced. These methods of gevent's class, which TLS sockets inherit. A send that finds no room waits until
there is some: for the descriptor, and for a queue of somebody else's, which the system does not tell of, by trying
again after growing pauses. A non-blocking socket that would have to wait asks as ``polling.py`` describes.

What stays. MSG_WAITALL in ``recvfrom()`` and ``recvmsg()``, and together with MSG_PEEK. Arguments that are wrong go to
the native call, which says so in its words.
"""

from __future__ import annotations

import _socket
import os
import sys
from errno import EALREADY, EINPROGRESS, EISCONN, EWOULDBLOCK
from operator import index
from time import monotonic

from gevent import _socket3, _socketcommon

from .._gevent import native
from .._install import Change
from . import polling
from ._waits import FIRST_PAUSE, LONGEST_PAUSE, hub_to_wait_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_class: Any = _socket3.socket
_accept = vars(_class)["accept"]
_resolve_addr, _timeout_default = _socketcommon._resolve_addr, _socketcommon.timeout_default
_WOULD_WAIT, _MAY_SEND_LATER = _socketcommon.EWOULDBLOCK, _socketcommon.GSENDAGAIN
_DONTWAIT, _WAITALL = getattr(_socket, "MSG_DONTWAIT", 0), getattr(_socket, "MSG_WAITALL", 0)
_PEEK = getattr(_socket, "MSG_PEEK", 0)
_GOES_ON = (EINPROGRESS, EALREADY, EWOULDBLOCK)
_INTERNET = (_socket.AF_INET, _socket.AF_INET6)
_NO_NAMES = ("", "<broadcast>")  # what C has a meaning of its own for
_native_sleep: Any = native("time", "sleep")


def _is_the_answer(sock: Any, error: OSError, flags: Any) -> bool:
    """Whether *error* is for the caller: it is another one, or the call was not to wait."""
    if error.args[0] != _WOULD_WAIT:
        return True
    timeout = sock.timeout
    if timeout == 0.0:
        polling.ask()
        return True
    # A socket with a time-out waits natively, whatever the flags say.
    return timeout is None and bool(flags & _DONTWAIT)


def recv(self: Any, *args: Any) -> bytes:
    while True:
        try:
            found: bytes = self._sock.recv(*args)
            break
        except OSError as error:
            if _is_the_answer(self, error, args[1] if len(args) > 1 else 0):
                raise
        self._wait(self._read_event)
    if len(args) > 1 and args[1] & _WAITALL and 0 < len(found) < args[0] and _may_wait_for_all(self, args[1]):
        buffer = bytearray(args[0])
        buffer[: len(found)] = found
        return bytes(buffer[: _all_into(self, memoryview(buffer), len(found), args[1])])
    return found


def recv_into(self: Any, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
    while True:
        try:
            count: int = self._sock.recv_into(buffer, nbytes, flags)
            break
        except OSError as error:
            if _is_the_answer(self, error, flags):
                raise
        self._wait(self._read_event)
    if flags & _WAITALL and count and _may_wait_for_all(self, flags):
        view = memoryview(buffer).cast("B")
        return _all_into(self, view[: nbytes or None], count, flags)
    return count


def recvfrom(self: Any, *args: Any) -> Any:
    while True:
        try:
            return self._sock.recvfrom(*args)
        except OSError as error:
            if _is_the_answer(self, error, args[1] if len(args) > 1 else 0):
                raise
        self._wait(self._read_event)


def recvfrom_into(self: Any, buffer: Any, nbytes: int = 0, flags: int = 0) -> Any:
    while True:
        try:
            return self._sock.recvfrom_into(buffer, nbytes, flags)
        except OSError as error:
            if _is_the_answer(self, error, flags):
                raise
        self._wait(self._read_event)


def recvmsg(self: Any, *args: Any) -> Any:
    while True:
        try:
            return self._sock.recvmsg(*args)
        except OSError as error:
            if _is_the_answer(self, error, args[2] if len(args) > 2 else 0):
                raise
        self._wait(self._read_event)


def recvmsg_into(self: Any, *args: Any) -> Any:
    while True:
        try:
            return self._sock.recvmsg_into(*args)
        except OSError as error:
            if _is_the_answer(self, error, args[2] if len(args) > 2 else 0):
                raise
        self._wait(self._read_event)


def _may_wait_for_all(sock: Any, flags: int) -> bool:
    """Whether MSG_WAITALL has an effect natively."""
    return sock.timeout is None and not flags & (_DONTWAIT | _PEEK) and sock._sock.type & 0xF == _socket.SOCK_STREAM


def _all_into(sock: Any, view: memoryview, done: int, flags: int) -> int:
    """Fill *view*, of which *done* bytes are; fewer if the others have said all, or an error comes."""
    while done < len(view):
        try:
            count = sock._sock.recv_into(view[done:], 0, flags)
        except OSError as error:
            if error.args[0] != _WOULD_WAIT:
                break  # the next call meets it
            sock._wait(sock._read_event)
            continue
        if not count:
            break
        done += count
    return done


def send(self: Any, data: Any, flags: int = 0, timeout: Any = _timeout_default) -> int:
    try:
        return self._sock.send(data, flags)  # type: ignore[no-any-return]
    except OSError as error:
        limit = self.timeout if timeout is _timeout_default else timeout
        if error.args[0] not in _MAY_SEND_LATER or limit == 0.0 or _is_the_answer(self, error, flags):
            raise
    return _sent(self, lambda: self._sock.send(data, flags))


def sendto(self: Any, data: Any, *args: Any) -> int:
    if args and isinstance(args[-1], tuple):
        args = (*args[:-1], _looked_up(self._sock, args[-1]))
    try:
        return self._sock.sendto(data, *args)  # type: ignore[no-any-return]
    except OSError as error:
        if _is_the_answer(self, error, args[0] if len(args) > 1 else 0):
            raise
    return _sent(self, lambda: self._sock.sendto(data, *args))


def sendmsg(self: Any, buffers: Any, ancdata: Any = (), flags: int = 0, address: Any = None) -> int:
    if isinstance(address, tuple):
        address = _looked_up(self._sock, address)
    try:
        buffers, ancdata = list(buffers), list(ancdata)  # what can be iterated once is enough
    except TypeError:
        pass
    try:
        return self._sock.sendmsg(buffers, ancdata, flags, address)  # type: ignore[no-any-return]
    except OSError as error:
        if _is_the_answer(self, error, flags):
            raise
    return _sent(self, lambda: self._sock.sendmsg(buffers, ancdata, flags, address))


def sendmsg_afalg(self: Any, *args: Any, **named: Any) -> int:
    return self._sock.sendmsg_afalg(*args, **named)  # type: ignore[no-any-return]


def _sent(sock: Any, attempt: Callable[[], int]) -> int:
    """What *attempt* gives when there is room for what it sends."""
    end = None if sock.timeout is None else monotonic() + sock.timeout
    pause = FIRST_PAUSE
    while True:
        sock._wait(sock._write_event)
        try:
            return attempt()
        except OSError as error:
            if error.args[0] not in _MAY_SEND_LATER:
                raise
        if end is not None and monotonic() >= end:
            raise TimeoutError("timed out")
        pause = _sleep(pause)


def _sleep(pause: float) -> float:
    """Sleep for *pause* seconds; gives the length of the next one."""
    if hub_to_wait_in() is None:
        _native_sleep(pause)
    else:
        from gevent import sleep

        sleep(pause)
    return min(2 * pause, LONGEST_PAUSE)


def accept(self: Any) -> Any:
    if self.timeout == 0.0:
        polling.ask()
    return _accept(self)


def bind(self: Any, address: Any, /) -> None:
    self._sock.bind(_looked_up(self._sock, address))


def _connect(self: Any, address: Any) -> None:
    if self.timeout == 0.0:
        self._sock.connect(_looked_up(self._sock, address))
        return
    if self._sock.family in _INTERNET and not _is_address(address):
        self._sock.connect(address)  # says so in its words
    address = _looked_up(self._sock, address)
    result, pause = self._sock.connect_ex(address), 0.0
    while result:
        if result == EISCONN and pause:
            break
        # The queue of a listener of AF_UNIX is full: of that the system does not tell, and who has a time-out is told.
        is_full = result == EWOULDBLOCK
        if result not in _GOES_ON or (is_full and self.timeout is not None):
            raise OSError(result, os.strerror(result))
        pause = _sleep(pause or FIRST_PAUSE) if is_full else FIRST_PAUSE
        self._wait(self._write_event)
        result = self._sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR) or self._sock.connect_ex(address)


def _is_address(address: Any) -> bool:
    """Whether *address* is one of a host and a port."""
    try:
        return isinstance(address, tuple) and 2 <= len(address) <= 4 and 0 <= index(address[1]) < 1 << 16
    except TypeError:
        return False


def _looked_up(sock: Any, address: Any) -> Any:
    """*address* with the number of the host that it names, unless C needs nobody to know it."""
    if sock.family not in _INTERNET or not _is_address(address):
        return address
    host = address[0]
    if isinstance(host, (bytes, bytearray)):
        try:
            host = host.decode("ascii")
        except UnicodeDecodeError:
            return address
    if not isinstance(host, str) or host in _NO_NAMES or hub_to_wait_in() is None:
        return address
    return _resolve_addr(sock, (host, *address[1:]))


def plan(module: Any) -> list[Change]:
    """Methods of gevent's class, and how it looks an address up."""
    if sys.platform == "win32":
        return []
    functions: list[Any] = [recv, recv_into, recvfrom, recvfrom_into, send, sendto, accept, bind]
    functions += [function for function in (recvmsg, recvmsg_into, sendmsg) if hasattr(_class, function.__name__)]
    if hasattr(_socket.socket, "sendmsg_afalg"):
        functions.append(sendmsg_afalg)
    for function in functions:
        function.__doc__ = getattr(_class, function.__name__, vars(_socket.socket).get(function.__name__)).__doc__
        function.__qualname__ = f"socket.{function.__name__}"
    return [
        *(Change(_class, function.__name__, function) for function in functions),
        Change(_class, "_internal_connect", _connect),
        Change(vars(_socketcommon), "_resolve_addr", _looked_up),
    ]
