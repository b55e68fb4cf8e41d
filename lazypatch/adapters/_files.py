"""What open() gives for a pipe, a FIFO, a terminal or a socket; loaded when the first one is opened."""

import os
import sys
from _io import BufferedRandom, BufferedReader, BufferedWriter, TextIOWrapper, text_encoding
from io import DEFAULT_BUFFER_SIZE

from .._gevent import native as original
from ._raw import Stream, put_back, put_under
from ._waits import READ, hub_to_wait_in, in_threadpool, poller, try_until

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_FIFO, _CHARACTER, _SOCKET = 0o010000, 0o020000, 0o140000  # of stat.S_IFMT()


class _Bytes(BufferedReader):
    """Iteration over the class itself would not ask for ``readline`` by name (see _buffers.py)."""

    def __repr__(self) -> str:
        return super().__repr__().replace("<_Bytes ", "<_io.BufferedReader ", 1)


class _IsStream(BaseException):
    """Leaves the native open() when it turns out what *descriptor* is."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor


def open_special(native: "Callable[..., Any]", kind: int, arguments: "tuple[Any, ...]") -> "Any":
    """Do as the *native* open does with its *arguments*; *kind* says what the file is, 0 if its opener has to tell."""
    file, mode, buffering, encoding, errors, newline, closefd, opener = arguments
    if not _is_valid(mode, buffering, (encoding, errors, newline)):
        return native(*arguments)
    ahead: "list[bytes]" = []
    if isinstance(file, int):
        if kind == _CHARACTER and not _is_stream(file):
            return native(*arguments)
    elif kind == _FIFO:
        opener = lambda path, flags: _open_fifo(path, flags, ahead)
    else:
        try:
            return native(*arguments[:7], _sorting(opener or (lambda path, flags: os.open(path, flags, 0o666))))
        except _IsStream as found:
            descriptor = found.descriptor
        opener = lambda path, flags: descriptor
    raw = Stream(file, mode.replace("b", "").replace("t", ""), closefd, opener)
    if ahead:
        put_back(raw, ahead[0])
    try:
        return _dressed(raw, mode, buffering, (encoding, errors, newline))
    except BaseException:
        raw.close()
        raise


def _is_valid(mode: "Any", buffering: "Any", text: "tuple[Any, ...]") -> bool:
    """Whether this can be left to us; what cannot, the native one refuses before it opens anything."""
    if not isinstance(mode, str) or not isinstance(buffering, int):
        return False
    letters = set(mode)
    if len(letters) != len(mode) or len(letters & {*"rwax"}) != 1 or letters - {*"rwaxbt+"} or {*"bt"} <= letters:
        return False
    return text == (None, None, None) if "b" in letters else buffering != 0


def _is_stream(descriptor: int) -> bool:
    kind = os.fstat(descriptor).st_mode & 0o170000
    if kind != _CHARACTER:
        return kind in (_FIFO, _SOCKET)
    try:
        os.lseek(descriptor, 0, os.SEEK_CUR)
    except OSError:
        return True  # a terminal, and most devices that make one wait; /dev/null and its like have a position
    return False


def _sorting(opener: "Callable[[Any, int], int]") -> "Callable[[Any, int], int]":
    """An *opener* that ends the native open() with _IsStream where ours has to go on."""

    def sort(path: "Any", flags: int) -> int:
        descriptor = opener(path, flags)
        if isinstance(descriptor, int) and descriptor >= 0 and _is_stream(descriptor):
            raise _IsStream(descriptor)
        return descriptor

    return sort


def _dressed(raw: Stream, mode: str, buffering: int, text: "tuple[Any, ...]") -> "Any":
    """*raw* with the buffer and the text layer that open() puts over it."""
    binary = "b" in mode
    if buffering == 1 and binary:
        from warnings import warn

        said = "line buffering (buffering=1) isn't supported in binary mode, the default buffer size will be used"
        warn(said, RuntimeWarning, stacklevel=4)
        buffering = -1
    lines = buffering == 1 or (buffering < 0 and not binary and raw.isatty())
    if buffering == 0:
        return raw
    size = buffering if buffering > 1 else _usual_size(raw)
    if "+" in mode:
        buffer: "Any" = BufferedRandom(raw, size)  # which says that it cannot be
    else:
        kind = BufferedWriter if "r" not in mode else _Bytes if binary else BufferedReader
        buffer = kind(raw, size)
        put_under(raw, buffer)
    if binary:
        return buffer
    encoding, errors, newline = text
    if sys.flags.warn_default_encoding:
        encoding = text_encoding(encoding, 4)
    wrapper: "Any" = TextIOWrapper(buffer, encoding, errors, newline, lines)
    wrapper.mode = mode
    return wrapper


def _usual_size(raw: "Any") -> int:
    if sys.version_info < (3, 14):
        return int(raw._blksize)
    return max(min(raw._blksize, 8192 * 1024), DEFAULT_BUFFER_SIZE)


def _open_fifo(path: "Any", flags: int, ahead: "list[bytes]") -> int:
    """Open a FIFO when somebody has, or opens, its other end."""
    hub, to_write = hub_to_wait_in(), flags & os.O_WRONLY
    if hub is None or flags & (os.O_RDWR | os.O_EXCL):  # the last two never wait
        return os.open(path, flags, 0o666)
    descriptor: int
    if not to_write and sys.platform != "linux":  # elsewhere nothing tells that a writer came
        descriptor = in_threadpool(hub, os.open, path, flags)
        return descriptor
    descriptor = try_until(lambda: _open_to_write(path, flags)) if to_write else os.open(path, flags | os.O_NONBLOCK)
    try:
        if not to_write:
            ahead += filter(None, [try_until(lambda: _writer_came(descriptor))])
        os.set_blocking(descriptor, True)  # nobody else has this open file yet
    except BaseException:
        original("os", "close")(descriptor)
        raise
    return descriptor


def _open_to_write(path: "Any", flags: int) -> "int | None":
    from errno import ENXIO

    try:
        return os.open(path, flags | os.O_NONBLOCK, 0o666)
    except OSError as error:
        if error.errno != ENXIO:
            raise
        return None  # nobody reads


def _writer_came(descriptor: int) -> "bytes | None":
    """None if no writer has opened the FIFO. One that has written nothing yet can only be told by trying to read.

    That may get a byte that is written just now: it is given, and put back.
    """
    if poller(descriptor, READ)(0):  # data, or a writer that has gone again
        return b""
    try:
        return os.read(descriptor, 1) or None
    except BlockingIOError:
        return b""
