"""os.read(), os.write() and their relatives wait in C, on pipes, terminals and sockets: here the others run meanwhile.

gevent has read and write functions of its own for descriptors that the program has made non-blocking, and offers nothing
for the usual ones: the flag belongs to the open file, which other processes may share, so it must not be changed.

What the descriptor is, is asked of ``lseek``, which costs least: a position above 0 is a file, which never waits without
end. For the others ``_streams.py`` has the ways, and is loaded when the first is met. Where this thread has no hub
nobody else can run: the call is made natively, and gevent is not asked for.

``pread`` and ``pwrite`` can only be used where one can seek, and stay native, as does ``copy_file_range``; ``preadv`` and
``pwritev`` with the offset -1 are ``readv`` and ``writev``. ``getrandom`` waits only while the machine starts.
"""

import os
import sys

from .._gevent import native
from .._install import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_NAMES = "read write readinto readv writev preadv pwritev eventfd_read eventfd_write sendfile splice"
_native = {name: native("os", name) for name in _NAMES.split() if hasattr(os, name)}
_lseek, _read, _write = os.lseek, _native["read"], _native["write"]
_NO = (OSError, TypeError, OverflowError, ValueError)


_ways: "Any" = None


def _load() -> "Any":
    global _ways
    from . import _streams

    _streams.original.update(_native)  # what os holds now is ours
    _ways = _streams
    return _streams


def read(fd: "Any", length: "Any", /) -> bytes:
    try:
        if _lseek(fd, 0, 1):
            return _read(fd, length)  # type: ignore[no-any-return]
        seekable = True
    except _NO:
        seekable = False
    return (_ways or _load()).read(fd, length, seekable)  # type: ignore[no-any-return]


def write(fd: "Any", data: "Any", /) -> int:
    try:
        if _lseek(fd, 0, 1):
            return _write(fd, data)  # type: ignore[no-any-return]
        seekable = True
    except _NO:
        seekable = False
    return (_ways or _load()).write(fd, data, seekable)  # type: ignore[no-any-return]


def readinto(fd: "Any", buffer: "Any", /) -> int:
    return (_ways or _load()).readinto(fd, buffer)  # type: ignore[no-any-return]


def readv(fd: "Any", buffers: "Any", /) -> int:
    return (_ways or _load()).readv(fd, buffers)  # type: ignore[no-any-return]


def writev(fd: "Any", buffers: "Any", /) -> int:
    return (_ways or _load()).writev(fd, buffers)  # type: ignore[no-any-return]


def preadv(fd: "Any", buffers: "Any", offset: "Any", flags: int = 0, /) -> int:
    return (_ways or _load()).preadv(fd, buffers, offset, flags)  # type: ignore[no-any-return]


def pwritev(fd: "Any", buffers: "Any", offset: "Any", flags: int = 0, /) -> int:
    return (_ways or _load()).pwritev(fd, buffers, offset, flags)  # type: ignore[no-any-return]


def eventfd_read(fd: "Any") -> int:
    return (_ways or _load()).eventfd_read(fd)  # type: ignore[no-any-return]


def eventfd_write(fd: "Any", value: "Any") -> None:
    (_ways or _load()).eventfd_write(fd, value)


def sendfile(out_fd: "Any", in_fd: "Any", offset: "Any", count: "Any") -> int:
    return (_ways or _load()).sendfile(out_fd, in_fd, offset, count)  # type: ignore[no-any-return]


def splice(src: "Any", dst: "Any", count: "Any", offset_src: "Any" = None, offset_dst: "Any" = None, flags: int = 0) -> int:
    return (_ways or _load()).splice(src, dst, count, offset_src, offset_dst, flags)  # type: ignore[no-any-return]


_ALL = (read, write, readinto, readv, writev, preadv, pwritev, eventfd_read, eventfd_write, sendfile, splice)


def plan(module: "ModuleType") -> "list[Change]":
    """The same functions for os and posix; none on a system where a descriptor cannot be watched."""
    changes = []
    for function in _ALL if os.name == "posix" else ():
        name = function.__name__
        # Elsewhere sendfile has other parameters.
        if name in _native and (function is not sendfile or sys.platform == "linux"):
            function.__module__, function.__doc__, function.__annotations__ = "os", _native[name].__doc__, {}
            changes.append(Change(module, name, function))
    return changes
