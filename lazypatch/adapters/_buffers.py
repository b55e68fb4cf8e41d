"""Keeps others out of a buffered file object while a greenlet waits inside: C's own lock knows native threads only.

In the buffer's C code greenlet A waits for its raw file and lets B run. B uses the same buffer, is of the same native
thread, and would get "RuntimeError: reentrant call" where a thread waits. A lock in a subclass is the simpler way, and
makes each readline() twenty times as slow. But B can only come while A waits, and C and Python find the methods of a
buffer by name: so for that time, and no longer, the object has others, which wait.

One place does not ask by name: iteration over a buffer whose class is exactly io.BufferedReader. open() gives a
subclass for reading bytes (_files.py). ``sys.stdin.buffer`` cannot change its class: of two greenlets that iterate over
it at the same time (not over ``sys.stdin``), one still gets that error.
"""

import _thread
import os
from _io import BufferedReader

from gevent.event import Event

from ._waits import hub_to_wait_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_READING = ("read", "read1", "readinto", "readinto1", "readline", "readlines", "peek", "close", "detach")
_WRITING = ("write", "flush", "close", "detach")


class Guard:
    """Stands in the methods of *buffer* while somebody waits inside."""

    __slots__ = ("_buffer", "_lifted", "_names", "_process", "_thread")

    def __init__(self, buffer: "Any") -> None:
        self._buffer = buffer
        self._process = os.getpid()
        self._lifted = Event()
        self._thread = _thread.get_ident()
        self._names = _READING if isinstance(buffer, BufferedReader) else _WRITING
        for name in self._names:
            setattr(buffer, name, self._instead_of(getattr(type(buffer), name)))

    def lift(self) -> None:
        """The wait is over: whoever comes now goes straight to C again."""
        for name in self._names:
            vars(self._buffer).pop(name, None)
        self._lifted.set()

    def _begin_anew(self) -> None:
        """In a forked child, where nobody is inside: C makes a new lock, as it does natively for sys.stdin."""
        self.lift()
        self._buffer.__init__(self._buffer.raw)

    def _instead_of(self, native: "Callable[..., Any]") -> "Callable[..., Any]":
        buffer = self._buffer

        def method(*args: "Any") -> "Any":
            if self._process != os.getpid():
                self._begin_anew()
            elif self._thread == _thread.get_ident() or hub_to_wait_in() is None:
                return native(buffer, *args)  # C's lock knows what to do: it raises, or waits natively
            else:
                self._lifted.wait()
            # Who waited inside was back in C first, and has either left it by now or waits again, with another guard.
            return getattr(buffer, native.__name__)(*args)

        return method
