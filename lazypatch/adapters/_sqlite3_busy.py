"""What SQLite calls while a database is locked, or a statement computes; loaded when the first connection is made.

SQLite is in the middle of a call then, with its frames on the C stack: greenlet keeps them with the others of the
greenlet. It holds nothing but this connection's mutex, which belongs to the native thread and so keeps no greenlet out;
SQLite must not be entered by it again, therefore all methods look whether somebody waits (:meth:`Waits.enter`).
"""

from __future__ import annotations

import ctypes
import itertools
import sys
import weakref
from time import monotonic

from gevent.hub import sleep
from greenlet import getcurrent

from .._gevent import native
from ._waits import hub_to_wait_in, one_round, try_until

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# Milliseconds, as SQLite itself pauses; the last one again and again.
_PAUSES = (1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100)
_BUSY, _LOCKED = 5, 6
_STEPS = 10000  # of SQLite's machine, between two looks at the clock: less than a millisecond
_all: weakref.WeakValueDictionary[int, Waits] = weakref.WeakValueDictionary()
_numbers = itertools.count(1)


class Waits:
    """How one connection waits. SQLite knows this by a number, so nothing happens when it is gone."""

    def __init__(self, connection: Any, timeout: float, checked: bool, shared: bool, waiting: list[object]) -> None:
        self._number = next(_numbers)
        self._milliseconds = int(timeout * 1000)
        self._owner = current_thread() if checked else None
        self._end = 0.0
        self._waiting = waiting  # those that wait now, this and others
        self._kept: BaseException | None = None
        self.passed: int | None = None  # the greenlet that has been let in last, while nobody waits
        self._since = self._seen = 0.0  # when a statement began to compute, and when it was seen last
        _all[self._number] = self
        self._cooperate(connection)
        # Connections that share a cache share a mutex that is not recursive, and held while a statement runs.
        if not shared and hasattr(_library, "sqlite3_progress_handler"):
            _library.sqlite3_progress_handler(_handle(connection), _STEPS, _progress_handler, self._number)

    def _cooperate(self, connection: Any) -> None:
        if self._milliseconds > 0 and _library is not None:
            _library.sqlite3_busy_handler(_handle(connection), _handler, self._number)

    def enter(self, error: type[Exception]) -> None:
        """Before a method of the connection: is it this thread's, and does nobody else wait in it?

        :raises ProgrammingError: *error*, if it is another thread's.
        """
        if self.is_elsewhere():
            raise error(
                "SQLite objects created in a thread can only be used in that same thread. The object was created "
                f"in thread id {self._owner} and this is thread id {current_thread()}."
            )
        if self in self._waiting:
            try_until(lambda: None if self in self._waiting else True)
        self.passed = id(getcurrent())

    def is_elsewhere(self) -> bool:
        """Whether the thread that runs may not use it."""
        return self._owner is not None and current_thread() not in (None, self._owner)

    def reraise(self) -> None:
        """Raise what ended the wait, if anything has."""
        kept, self._kept = self._kept, None
        if kept is not None:
            raise kept from None

    def busy(self, count: int) -> bool:
        """Let the others run before SQLite tries for the *count*-th time again; False if it is to give up."""
        if count == 0:
            self._end = monotonic() + self._milliseconds / 1000
        pause = min(_PAUSES[min(count, len(_PAUSES) - 1)] / 1000, self._end - monotonic())
        return pause > 0 and self._wait(lambda: pause_for(pause))

    def computing(self) -> bool:
        """Let the others run once a switch interval, while a statement computes; False if it is to be given up."""
        now, interval = monotonic(), sys.getswitchinterval()
        if now - self._seen > interval:  # it has just begun
            self._since = now
        self._seen = now
        hub = hub_to_wait_in() if now - self._since > interval else None
        if hub is None:
            return True
        goes_on = self._wait(lambda: one_round(hub))
        self._since = self._seen = monotonic()
        return goes_on

    def _wait(self, wait: Callable[[], None]) -> bool:
        """Call *wait* in the middle of a statement; False if something is raised there, which is kept."""
        self.passed = None
        self._waiting.append(self)
        try:
            wait()
        except BaseException as error:
            self._kept = error
            return False
        finally:
            self._waiting.remove(self)
        return True

    def set_by(self, connection: Any, cursor: type, execute: Callable[[], Any]) -> Any:
        """*execute* a statement that may look at or set ``PRAGMA busy_timeout``, which ends our handling."""
        handle = _handle(connection) if _library is not None else None
        if _library is None or not handle:
            return execute()
        _library.sqlite3_busy_timeout(handle, self._milliseconds)
        try:
            return execute()
        finally:
            # The text is another each time, else a statement prepared earlier would tell what was true then.
            asking: Any = cursor(connection)
            asking.row_factory = None
            self._milliseconds = asking.execute(f"PRAGMA busy_timeout -- {next(_numbers)}").fetchone()[0]
            asking.close()
            self._cooperate(connection)


def pause_for(seconds: float) -> None:
    """Let the others run; in a native thread without a hub, sleep."""
    native("time", "sleep")(seconds) if hub_to_wait_in() is None else sleep(seconds)


def stepping(progress: Any, seconds: float) -> Callable[[int, int, int], None]:
    """What a backup calls after each step: *progress*, and a pause of so many *seconds* if the database is locked."""

    def step(status: int, remaining: int, total: int) -> None:
        if progress is not None:
            progress(status, remaining, total)
        pause_for(seconds if status in (_BUSY, _LOCKED) else 0)

    return step


def current_thread() -> int | None:
    """The ident of the thread that runs; None in a greenlet that is no thread's."""
    ident: int = sys.modules["_thread"].get_ident()
    threading: Any = sys.modules["threading"]
    thread = threading._active.get(ident)
    return None if thread is None or isinstance(thread, threading._DummyThread) else ident


def _busy(number: int, count: int) -> int:
    waits = _all.get(number)
    return waits is not None and waits.busy(count)


def _progress(number: int) -> int:
    waits = None if _all is None else _all.get(number)  # None is all that is left at the very end
    return not (waits is None or waits.computing())


def _handle(connection: Any) -> int | None:
    """The sqlite3* of *connection*, the first field of its struct; None if it is closed."""
    return ctypes.c_void_p.from_address(id(connection) + object.__basicsize__).value


def _load() -> Any:
    """The SQLite library that _sqlite3 uses; None if it cannot be called from outside."""
    module: Any = sys.modules["_sqlite3"]
    try:
        library = ctypes.CDLL(getattr(module, "__file__", None))
        library.sqlite3_busy_handler.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
        library.sqlite3_busy_timeout.argtypes = [ctypes.c_void_p, ctypes.c_int]
        if hasattr(library, "sqlite3_progress_handler"):
            pointer = ctypes.c_void_p
            library.sqlite3_progress_handler.argtypes = [pointer, ctypes.c_int, pointer, pointer]
    except (OSError, AttributeError):
        return None
    # The one assumption about CPython: where the field is. It holds a pointer, or NULL once the connection is closed.
    connection: Any = vars(module.Connection).get("_of", module.Connection)(":memory:")
    opened = _handle(connection)
    connection.close()
    return library if opened and _handle(connection) is None else None


_library = _load()
_function = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)(_busy)
_progress_function = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(_progress)
_handler, _progress_handler = (ctypes.cast(each, ctypes.c_void_p) for each in (_function, _progress_function))
for _each in (_function, _progress_function):  # connections may outlive this module, at the very end
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(_each))
