"""os.read(), os.write() and their relatives wait in C, on pipes, terminals and sockets: here the others run meanwhile.

So does os.open() of a FIFO, which waits for the other end.

gevent has read and write functions of its own for descriptors that the program has made non-blocking, and offers
nothing for the usual ones: the flag belongs to the open file, which other processes may share, so it must not be
changed.

What the descriptor is, is asked of ``lseek``, which costs least: a position above 0 is a file, which never waits
without end. For the others ``_streams.py`` has the ways, and is loaded when the first is met. Where this thread has
no hub nobody else can run, so the call is made natively, as it is while the interpreter ends.

``pread`` and ``pwrite`` can only be used where one can seek, and stay native, as does ``copy_file_range``; ``preadv``
and ``pwritev`` with the offset -1 are ``readv`` and ``writev``. ``getrandom`` waits only while the machine starts.
``open`` looks with one stat whether there is a FIFO, unless its flags say that it will not wait.
"""

import os
import sys

from gevent._hub_local import get_hub_if_exists

from .._gevent import native
from .._install import Change
from ._as_builtin import as_builtin_of_os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_NAMES = "read write readinto readv writev preadv pwritev eventfd_read eventfd_write sendfile splice"
_native = {name: native("os", name) for name in _NAMES.split() if hasattr(os, name)}
originals = {**_native, "close": native("os", "close"), "open": native("os", "open")}
_open, _stat, _FIFO = originals["open"], os.stat, 0o010000  # of stat.S_IFMT()
# What says that an open does not wait, or that it is none of a FIFO.
_AT_ONCE = (
    os.O_RDWR | os.O_EXCL | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_PATH", 0)
)
_lseek, _read, _write = os.lseek, _native["read"], _native["write"]
_NO = (OSError, TypeError, OverflowError, ValueError)


_ways: "Any" = None  # _streams.py, once it is needed
_poll: "Any" = None  # the native select.poll, then


def _can_wait() -> bool:
    """Whether this call may have to let others run: they need a hub, and an interpreter that goes on."""
    global _poll, _ways
    if get_hub_if_exists() is None or sys.is_finalizing():
        return False
    if _ways is None:
        from . import _streams

        _streams.original.update(_native)  # what os holds now is ours
        _ways, _poll = _streams, _streams.poll
    return True


def _call(name: str, *args: "Any") -> "Any":
    return getattr(_ways, name)(*args) if _can_wait() else _native[name](*args)


def _transfer(name: str, *args: "Any") -> int:
    if not _can_wait():
        return _native[name](*args)  # type: ignore[no-any-return]
    from . import _transfers

    return getattr(_transfers, name)(*args)  # type: ignore[no-any-return]


# These two are in one piece each, for a file is read and written far more often than anything that waits.


def read(_os: "Any", fd: "Any", length: "Any", /) -> bytes:
    try:
        position = _lseek(fd, 0, 1)
    except _NO:
        position = -1
    if position <= 0 and get_hub_if_exists() is not None and (_poll is not None or _can_wait()):
        if position:
            return _ways.read_stream(fd, length)  # type: ignore[no-any-return]
        asked = _poll()
        asked.register(fd, 1)  # POLLIN
        if not asked.poll(0):
            return _ways.read(fd, length)  # type: ignore[no-any-return]
    return _read(fd, length)  # type: ignore[no-any-return]


def write(_os: "Any", fd: "Any", data: "Any", /) -> int:
    try:
        try:
            position = _lseek(fd, 0, 1)
        except _NO:
            position = -1
        if position <= 0 and get_hub_if_exists() is not None and (_poll is not None or _can_wait()):
            if position:
                return _ways.write_stream(fd, data)  # type: ignore[no-any-return]
            asked = _poll()
            asked.register(fd, 4)  # POLLOUT
            if not asked.poll(0):
                return _ways.write(fd, data)  # type: ignore[no-any-return]
        return _write(fd, data)  # type: ignore[no-any-return]
    except BaseException as error:
        data = None  # as C's, it keeps nothing: who catches the error may change a bytearray's size
        raise error.with_traceback(None)  # noqa: B904


def open(_os: "Any", /, path: "Any", flags: "Any", mode: "Any" = 0o777, *, dir_fd: "Any" = None) -> int:
    if get_hub_if_exists() is not None:
        try:
            is_fifo = not flags & _AT_ONCE and _stat(path, dir_fd=dir_fd).st_mode & 0o170000 == _FIFO
        except _NO:
            is_fifo = False
        if is_fifo and not sys.is_finalizing():
            from ._fifos import open_fifo

            return open_fifo(originals, path, flags, mode, dir_fd)
    return _open(path, flags, mode, dir_fd=dir_fd)  # type: ignore[no-any-return]


def readinto(_os: "Any", fd: "Any", buffer: "Any", /) -> int:
    try:
        return _call("readinto", fd, buffer)  # type: ignore[no-any-return]
    except BaseException as error:
        buffer = None
        raise error.with_traceback(None)  # noqa: B904


def readv(_os: "Any", fd: "Any", buffers: "Any", /) -> int:
    try:
        return _call("readv", fd, buffers)  # type: ignore[no-any-return]
    except BaseException as error:
        buffers = None
        raise error.with_traceback(None)  # noqa: B904


def writev(_os: "Any", fd: "Any", buffers: "Any", /) -> int:
    try:
        return _call("writev", fd, buffers)  # type: ignore[no-any-return]
    except BaseException as error:
        buffers = None
        raise error.with_traceback(None)  # noqa: B904


def preadv(_os: "Any", fd: "Any", buffers: "Any", offset: "Any", flags: int = 0, /) -> int:
    return _call("preadv", fd, buffers, offset, flags)  # type: ignore[no-any-return]


def pwritev(_os: "Any", fd: "Any", buffers: "Any", offset: "Any", flags: int = 0, /) -> int:
    return _call("pwritev", fd, buffers, offset, flags)  # type: ignore[no-any-return]


def eventfd_read(_os: "Any", /, fd: "Any") -> int:
    return _call("eventfd_read", fd)  # type: ignore[no-any-return]


def eventfd_write(_os: "Any", /, fd: "Any", value: "Any") -> None:
    _call("eventfd_write", fd, value)


def sendfile(_os: "Any", /, out_fd: "Any", in_fd: "Any", offset: "Any", count: "Any") -> int:
    return _transfer("sendfile", out_fd, in_fd, offset, count)


def splice(
    _os: "Any",
    /,
    src: "Any",
    dst: "Any",
    count: "Any",
    offset_src: "Any" = None,
    offset_dst: "Any" = None,
    flags: int = 0,
) -> int:
    return _transfer("splice", src, dst, count, offset_src, offset_dst, flags)


_made: "dict[str, Any]" = {}
_ALL = (open, read, write, readinto, readv, writev, preadv, pwritev, eventfd_read, eventfd_write, sendfile, splice)


def plan(module: "ModuleType") -> "list[Change]":
    """The same functions for os and posix; none on a system where a descriptor cannot be watched."""
    changes = []
    for function in _ALL if os.name == "posix" else ():
        name = function.__name__
        # Elsewhere sendfile has other parameters.
        if name in originals and (function is not sendfile or sys.platform == "linux"):
            if name not in _made:
                _made[name] = as_builtin_of_os(function, originals[name])
            changes.append(Change(module, name, _made[name]))
    return changes
