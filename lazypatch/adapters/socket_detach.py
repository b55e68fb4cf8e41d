"""A socket's descriptor that is given away blocks for whoever gets it, and one that is taken over is left as it is.

Problem. gevent makes every socket's open file non-blocking, which is its own business as long as the socket is its
own. But the flag goes with the file: after ``detach()``, in a child that has it as stdin or in ``pass_fds``, in a
process it was sent to, and in one that it came from, a read fails with EAGAIN where it should wait.

Solution. Where a descriptor is given away the flag is taken back, unless the program itself asked for a time-out,
which natively sets it, too. Should cooperative sockets of this process use the same open file still, they become
*shared* ones, and so does what is made of somebody else's blocking descriptor (``fromfd``, ``socket(fileno=...)``):
they leave the flag alone and say MSG_DONTWAIT in each call. accept() has no such flag: of a listener that is shared
it is asked first whether somebody is there, and where another process is faster then it waits natively, for the next.
So a listener that is *taken over* is made non-blocking, as gevent does: who serves it in several processes runs the
same program in each. TLS sockets are never shared, for OpenSSL reads by itself.

What is made of the descriptor of a socket that has a time-out, or is not to wait, does not know of that, and does not
wait either: it raises BlockingIOError, as natively, by which twisted knows that it has accepted all there were.

Given away is: what is detached; what Popen gets as stdin, stdout, stderr or in ``pass_fds``; what is sent with
SCM_RIGHTS, so also by ``send_fds`` and multiprocessing.reduction; what is made inheritable, unless it is a listener,
which servers do before they fork. Whose a descriptor is, is known by its number, and of its duplicates by the file's.
"""

from __future__ import annotations

import _socket
import array
import functools
import os
import stat
import sys
from weakref import ref

from gevent import _socket3, _socketcommon

from .._gevent import native
from .._install import Change
from . import _streams
from ._waits import READ, in_threadpool

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from collections.abc import Iterator
    from typing import Any

_class: Any = _socket3.socket
_inner_class: Any = _socket3._wrefsocket
_init, _detach, _sendmsg = _class.__init__, _class.detach, vars(_class).get("sendmsg")
_gettimeout, _getblocking = _class.gettimeout, _class.getblocking
_set_inheritable = native("os", "set_inheritable")
# Not looked up when they are needed: there are libraries that refuse such calls beside an event loop of asyncio's.
_fstat, _is_same = os.fstat, os.path.samestat
_DONTWAIT = getattr(_socket, "MSG_DONTWAIT", 0)
# Those of gevent's files that make sockets of descriptors which are nobody else's.
_OWN_FILES = {"gevent._socket3", "gevent.ssl"}
_fromfd_code = _socket3.fromfd.__code__
_owners = _streams.sockets
# The time-out of a socket that does not wait and takes itself for one that does: this very object says so.
_NOT_TOLD = float("0.0")


class _Shared(_inner_class):  # type: ignore[misc]
    """The native socket inside a cooperative one, on a file that is blocking and stays so."""

    __slots__ = ()

    def recv(self, bufsize: int, flags: int = 0) -> Any:
        return super().recv(bufsize, flags | _DONTWAIT)

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> Any:
        return super().recv_into(buffer, nbytes, flags | _DONTWAIT)

    def recvfrom(self, bufsize: int, flags: int = 0) -> Any:
        return super().recvfrom(bufsize, flags | _DONTWAIT)

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> Any:
        return super().recvfrom_into(buffer, nbytes, flags | _DONTWAIT)

    def recvmsg(self, bufsize: int, ancbufsize: int = 0, flags: int = 0) -> Any:
        return super().recvmsg(bufsize, ancbufsize, flags | _DONTWAIT)

    def recvmsg_into(self, buffers: Any, ancbufsize: int = 0, flags: int = 0) -> Any:
        return super().recvmsg_into(buffers, ancbufsize, flags | _DONTWAIT)

    def send(self, data: Any, flags: int = 0) -> Any:
        return super().send(data, flags | _DONTWAIT)

    def sendto(self, data: Any, *args: Any) -> Any:
        flags = args[0] if len(args) > 1 else 0
        return super().sendto(data, flags | _DONTWAIT, *args[-1:])

    def sendmsg(self, buffers: Any, ancdata: Any = (), flags: int = 0, address: Any = None) -> Any:
        return super().sendmsg(buffers, ancdata, flags | _DONTWAIT, address)

    def _accept(self) -> Any:
        if not _streams.is_ready(self.fileno(), READ):
            raise BlockingIOError(_socketcommon.EWOULDBLOCK, os.strerror(_socketcommon.EWOULDBLOCK))
        return super()._accept()

    def connect_ex(self, address: Any) -> Any:
        hub = _streams.current_hub()
        call = super().connect_ex
        return call(address) if hub is None else in_threadpool(hub, call, address)


def _is_listener(fd: int) -> bool:
    duplicate = _socket.socket(0, _socket.SOCK_NONBLOCK, 0, fd)  # not made non-blocking: it says that it is
    try:
        return bool(duplicate.getsockopt(_socket.SOL_SOCKET, _socket.SO_ACCEPTCONN))
    finally:
        duplicate.detach()


def __init__(self: Any, family: Any = -1, type: Any = -1, proto: Any = -1, fileno: Any = None) -> None:
    if fileno is None or _is_gevents_own(sys._getframe(1)):
        _init(self, family, type, proto, fileno)
    elif _stays_blocking(self, fileno):
        _take_over(self, family, type, proto, fileno)
    else:
        _init(self, family, type, proto, fileno)
        if self.timeout is None and any(user.timeout is not None for user in _users(self._sock.fileno())):
            self.timeout = _NOT_TOLD
    _owners[self._sock.fileno()] = ref(self)


def _is_gevents_own(caller: types.FrameType) -> bool:
    """Whether gevent itself makes a socket of a descriptor that is nobody else's; fromfd() makes it of anybody's."""
    return caller.f_globals.get("__name__") in _OWN_FILES and caller.f_code is not _fromfd_code


def _stays_blocking(sock: Any, fd: Any) -> bool:
    """Whether *fd*, of which *sock* is to be made, is blocking, and is to be left so."""
    if sock._gevent_sock_class is not _inner_class or _socket.getdefaulttimeout() is not None:
        return False  # natively, a default time-out makes it non-blocking, too
    try:
        return os.get_blocking(fd) and stat.S_ISSOCK(os.fstat(fd).st_mode) and not _is_listener(fd)
    except (OSError, TypeError, ValueError, OverflowError):
        return False  # no socket: what is called then says so


def _take_over(sock: Any, family: Any, type: Any, proto: Any, fd: int) -> None:
    """What gevent's __init__ does, but for the flag."""
    _socketcommon.SocketMixin.__init__(sock)
    sock._closed = False
    sock._io_refs = 0
    told = _socket.socket(family, type, proto, fd)
    # So the object takes it for non-blocking, and nothing is done to it.
    sock._sock = _Shared(told.family, told.type | _socket.SOCK_NONBLOCK, told.proto, fd)
    told.detach()
    sock.hub = _socketcommon.get_hub()
    sock._read_event = sock.hub.loop.io(fd, 1)
    sock._write_event = sock.hub.loop.io(fd, 2)


def _give_away(fd: Any, leaving: Any = None) -> None:
    """Have *fd*, the descriptor of a cooperative socket that keeps it or is *leaving* it, block for whoever gets it."""
    try:
        if os.get_blocking(fd) or not stat.S_ISSOCK(_fstat(fd).st_mode):
            return
        users = list(_users(fd))
    except (OSError, TypeError, ValueError, OverflowError):
        return
    inner = [user._sock for user in users]
    if not (users or leaving) or any(user.timeout is not None for user in users):
        return  # nobody's of ours, or natively it would not block either
    if all(type(one) in (_inner_class, _Shared) for one in inner):
        for one in inner:
            one.__class__ = _Shared
        os.set_blocking(fd, True)


def _users(fd: int) -> Iterator[Any]:
    """The cooperative sockets on the same open file as *fd*."""
    wanted = _fstat(fd)
    for number, found in list(_owners.items()):
        user = found()
        if user is None or user.fileno() != number:
            _owners.pop(number, None)
        elif number == fd or _is_same(_fstat(number), wanted):
            yield user


def gettimeout(self: Any) -> Any:
    timeout = _gettimeout(self)
    return None if timeout is _NOT_TOLD else timeout


def getblocking(self: Any) -> bool:
    return bool(gettimeout(self) != 0.0)


def detach(self: Any) -> int:
    number = self.fileno()
    mine = _owners.get(number)
    fd: int = _detach(self)
    if mine is not None and mine() is self:  # else somebody has made another socket of it already, as ssl does
        del _owners[number]
        if self.timeout is None:
            _give_away(fd, leaving=self)
    return fd


def sendmsg(self: Any, buffers: Any, ancdata: Any = (), flags: int = 0, address: Any = None) -> int:
    if ancdata:
        try:
            ancdata = list(ancdata)
            for fd in _sent(ancdata):
                _give_away(fd)
        except Exception:
            pass  # the native function says what is wrong with it
    return _sendmsg(self, buffers, ancdata, flags, address)  # type: ignore[no-any-return]


def _sent(ancdata: list[Any]) -> Iterator[int]:
    """The descriptors in *ancdata*."""
    for level, kind, data in ancdata:
        if (level, kind) == (_socket.SOL_SOCKET, _socket.SCM_RIGHTS):
            numbers, raw = array.array("i"), bytes(data)
            numbers.frombytes(raw[: len(raw) // numbers.itemsize * numbers.itemsize])
            yield from numbers


def set_inheritable(fd: Any, inheritable: Any, /) -> None:
    _set_inheritable(fd, inheritable)
    if inheritable and _owners and not (stat.S_ISSOCK(os.fstat(fd).st_mode) and _is_listener(fd)):
        _give_away(fd)


def _with_gifts(execute: Any) -> Any:
    """Popen's method that starts the child, and before that gives it what the child is to have."""
    inner = execute
    while hasattr(inner, "__wrapped__"):  # another adapter's, over gevent's or Python's
        inner = inner.__wrapped__
    names = inner.__code__.co_varnames[: inner.__code__.co_argcount]

    @functools.wraps(execute)
    def _execute_child(*args: Any, **kwargs: Any) -> Any:
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        for fd in (given.get("p2cread"), given.get("c2pwrite"), given.get("errwrite"), *given.get("pass_fds", ())):
            if fd is not None and fd != -1:
                _give_away(fd)
        return execute(*args, **kwargs)

    return _execute_child


def plan(module: Any) -> list[Change]:
    """Methods of gevent's socket; of os, what makes descriptors inheritable; of Popen, what starts a child."""
    if not _DONTWAIT or not hasattr(_socket, "SOCK_NONBLOCK"):
        return []
    if module.__name__ == "subprocess":
        execute = module.Popen._execute_child
        return (
            [] if execute.__globals__ is globals() else [Change(module.Popen, "_execute_child", _with_gifts(execute))]
        )
    for function, original in (
        (__init__, _init), (detach, _detach), (sendmsg, _sendmsg), (set_inheritable, _set_inheritable),
        (gettimeout, _gettimeout), (getblocking, _getblocking),
    ):  # fmt: skip
        function.__doc__, function.__qualname__ = original.__doc__, original.__qualname__
    set_inheritable.__module__ = "os"
    methods = (__init__, detach, sendmsg, gettimeout, getblocking)
    changes = [Change(_class, function.__name__, function) for function in methods]
    return [*changes, Change(os, "set_inheritable", set_inheritable)]
