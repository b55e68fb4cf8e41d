"""Buffered file objects that two greenlets may use: C's own lock knows native threads only.

In the buffer's C code greenlet A waits for its raw file and lets B run. B uses the same buffer, is of the same native
thread, and gets "RuntimeError: reentrant call" where a thread would wait. So each method that takes C's lock takes a
cooperative one before.

What the interpreter has made itself, the buffers of sys.stdin, stdout and stderr, cannot change its class: there the
methods are replaced in the object. Only iteration does not come by such a method: of two greenlets that iterate over
``sys.stdin.buffer`` at the same time (not over ``sys.stdin``), one still gets that error.
"""

import _thread
from _io import BufferedReader, BufferedWriter

from gevent.thread import allocate_lock

from ._waits import hub_to_wait_in, try_until

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_READING = ("read", "read1", "readinto", "readinto1", "readline", "peek", "close", "detach")
_WRITING = ("write", "flush", "close", "detach")


class Turn:
    """Whose turn it is. Who holds it already, or cannot wait, goes on to C's lock, which raises, or waits natively."""

    __slots__ = ("_lock", "_owner", "first")

    def __init__(self, first: "int | None" = None) -> None:
        self._lock = allocate_lock()
        self._owner: "int | None" = None
        self.first = first  # the thread that was in the buffer's C code before there was a turn

    def take(self) -> bool:
        """Wait for it; False where that cannot be."""
        if not self._lock.acquire(False):
            if self._owner == _thread.get_ident() or hub_to_wait_in() is None:
                return False
            self._lock.acquire()
        self._owner = _thread.get_ident()
        return True

    def give(self) -> None:
        """Let the next one have it."""
        self._owner = None
        self._lock.release()


def _in_turn(base: type, name: str) -> "Callable[..., Any]":
    native = getattr(base, name)

    def method(self: "Any", *args: "Any") -> "Any":
        turn = self._turn
        if not turn.take():
            return native(self, *args)
        try:
            return native(self, *args)
        finally:
            turn.give()

    method.__name__, method.__qualname__, method.__doc__ = name, f"{base.__name__}.{name}", native.__doc__
    method.__wrapped__ = native  # type: ignore[attr-defined]  # inspect.signature() follows it
    return method


class Reader(BufferedReader):
    """What open() gives for reading from what can wait."""

    def __init__(self, raw: "Any", size: int) -> None:
        self._turn = Turn()
        super().__init__(raw, size)

    def __repr__(self) -> str:
        return super().__repr__().replace("<Reader ", "<_io.BufferedReader ", 1)


class Writer(BufferedWriter):
    """What open() gives for writing to what can wait."""

    def __init__(self, raw: "Any", size: int) -> None:
        self._turn = Turn()
        super().__init__(raw, size)
        raw._in_pieces = True

    def __repr__(self) -> str:
        return super().__repr__().replace("<Writer ", "<_io.BufferedWriter ", 1)


for _name in _READING:
    setattr(Reader, _name, _in_turn(BufferedReader, _name))
for _name in _WRITING:
    setattr(Writer, _name, _in_turn(BufferedWriter, _name))


def guard(buffer: "Any") -> None:
    """Have everybody else wait who uses *buffer*, which the caller is in the C code of."""
    turn = Turn(_thread.get_ident())
    for name in _READING if isinstance(buffer, BufferedReader) else _WRITING:
        setattr(buffer, name, _guarded(getattr(buffer, name), turn))


def _guarded(native: "Callable[..., Any]", turn: Turn) -> "Callable[..., Any]":
    def method(*args: "Any") -> "Any":
        if not turn.take():
            return native(*args)
        try:
            return _when_free(native, args, turn)
        finally:
            turn.give()

    return method


def _when_free(native: "Callable[..., Any]", args: "tuple[Any, ...]", turn: Turn) -> "Any":
    # Somebody may be inside without a turn: by iterating, or since before there was one.
    def attempt() -> "tuple[Any] | None":
        try:
            return (native(*args),)
        except RuntimeError as error:
            if "reentrant call" not in str(error) or turn.first == _thread.get_ident() or hub_to_wait_in() is None:
                raise
            return None

    return try_until(attempt)[0]
