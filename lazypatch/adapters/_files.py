"""What open() gives for a pipe, a FIFO, a terminal or a socket; loaded when the first one is opened."""

import os
import sys
from _io import BufferedRandom, BufferedReader, BufferedWriter, TextIOWrapper, text_encoding
from io import DEFAULT_BUFFER_SIZE

from ._fifos import open_fifo
from ._raw import Stream, put_under
from .os_read import originals

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
    if isinstance(file, int):
        if kind == _CHARACTER and not _is_stream(file):
            return native(*arguments)
    elif kind == _FIFO:
        opener = lambda path, flags: open_fifo(originals, path, flags)
    else:
        try:
            return native(*arguments[:7], _sorting(opener or (lambda path, flags: os.open(path, flags, 0o666))))
        except _IsStream as found:
            descriptor = found.descriptor
        opener = lambda path, flags: descriptor
    raw = Stream(file, mode.replace("b", "").replace("t", ""), closefd, opener)
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
