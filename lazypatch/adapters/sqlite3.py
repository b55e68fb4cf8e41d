"""sqlite3 lets the others run while a database is locked or a query computes; a connection belongs to one thread.

What waits, what breaks. Where another connection has the lock, SQLite sleeps in C for up to ``timeout`` seconds: if a
greenlet of this thread has it, nobody lets go of it, and "database is locked" comes where threads succeed. And
``check_same_thread`` goes by the native thread, which all greenlets share.

How. SQLite asks a connection's *busy handler* whether to go on waiting, at each place where it would sleep itself,
and at none where that would be a deadlock (there it fails at once). Ours lets the others run; `_sqlite3_busy.py` has
it. Trying statements again with ``timeout=0`` does not work: half an executemany() or executescript() may be done, a
commit or a BEGIN within a statement fails elsewhere than the caller sees, and a deadlock looks like a lock that will
be let go. A native thread for each call does not, either: functions, collations and factories of the program would
run in it.

What is replaced. ``Connection`` and ``Cursor``, by subclasses, and ``connect``, which makes them. What ends the wait
(Ctrl-C, a Timeout, a kill) cannot be raised through SQLite: the handler keeps it, SQLite gives up, and the method
raises what was kept. Who uses a connection that another greenlet is waiting with waits for that one, as it would for
SQLite's mutex.

A query that computes gives the others a turn every 5 ms (``sys.getswitchinterval()``), by a *progress handler*; so
``interrupt()`` and a Timeout end it. Not where connections share a cache, whose mutex is not recursive, nor where the
program sets a handler of its own with ``set_progress_handler()``, which takes the place of ours: run such a query in a
native thread.

What stays. ``Blob`` is native. A connection that was made before gevent was loaded, or of a class that was, waits
natively, and so does one whose SQLite cannot be called from outside. Greenlets that the program spawned itself belong
to no thread, and may use any connection. What execute() and connect() warn of names a line of this file, where the
native ones name the caller's.
"""

from __future__ import annotations

import sys
from operator import attrgetter

from greenlet import getcurrent

from .._install import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

_HOLDERS = ("sqlite3", "sqlite3.dbapi2", "_sqlite3")
_NEVER_WAIT = ("create_", "set", "get")
_SHORTCUTS = ("execute", "executemany", "executescript")
# What is not just guarded: replaced below, or allowed at any time.
_FREE = (*_SHORTCUTS, "interrupt", "cursor", "backup")


def plan(module: ModuleType) -> list[Change]:
    """The classes and the function, wherever a program can take them from."""
    native = {name: _original(module, name) for name in ("Connection", "Cursor", "connect")}
    cursor = _cursor(native["Cursor"], module)
    connection = _connection(native["Connection"], cursor, module)
    made = {"Connection": connection, "Cursor": cursor, "connect": _connect(native["connect"], connection)}
    holders = [sys.modules[name] for name in _HOLDERS if name in sys.modules]
    changes = [Change(holder, name, value) for holder in holders for name, value in made.items()]
    if hasattr(module, "enable_shared_cache"):  # up to 3.11; _sqlite3 has another one
        new = _enabling(_original(module, "enable_shared_cache"))
        changes += [Change(holder, "enable_shared_cache", new) for holder in holders if holder.__name__ != "_sqlite3"]
    return changes


def _original(module: Any, name: str) -> Any:
    found = getattr(module, name)
    return vars(found).get("_of", found) if hasattr(found, "__dict__") else found


def _enabling(native: Any) -> Any:
    def enable_shared_cache(*args: Any, **kwargs: Any) -> Any:
        global _cache_is_shared
        _cache_is_shared = True  # connections may be open when this is taken back
        return native(*args, **kwargs)

    return _like(native, enable_shared_cache)


def _connect(native: Any, connection: Any) -> Any:
    def connect(*args: Any, **kwargs: Any) -> Any:
        if len(args) < 6:
            kwargs.setdefault("factory", connection)
        return native(*args, **kwargs)

    return _like(native, connect)


def _like(native: Any, function: Any) -> Any:
    """*function*, looking like *native*."""
    function.__name__ = native.__name__
    function.__qualname__ = native.__qualname__
    function.__module__ = getattr(native, "__module__", None) or "sqlite3"
    function.__doc__ = native.__doc__
    function.__wrapped__ = native  # has the signature
    function._of = native
    return function


class _Nobody:
    """For a connection that does not wait in our way, and one that is not initialized."""

    passed = None

    def enter(self, error: type[Exception]) -> None: ...
    def reraise(self) -> None: ...


_NOBODY: Any = _Nobody()
_OF_CONNECTION, _OF_CURSOR = attrgetter("_waits"), attrgetter("connection._waits")
# Each connection that somebody waits with now: a row costs no more than a look at this.
_waiting: list[object] = []
_cache_is_shared = False  # whether connections may share one that do not say so


def _guarded(native: Any, waits_of: Callable[[Any], Any], module: Any) -> Any:
    """The method *native*, which raises what the busy handler kept in place of "database is locked"."""
    locked, elsewhere = module.OperationalError, module.ProgrammingError

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            waits = waits_of(self)
            if waits.passed != id(getcurrent()):
                waits.enter(elsewhere)
        except (AttributeError, RuntimeError):  # the second at the interpreter's end, when there are no greenlets
            waits = _NOBODY
        try:
            return native(self, *args, **kwargs)
        except locked:
            waits.reraise()
            raise

    return _like(native, method)


class _Checked:
    """A method that never waits: it is native once it is looked up, so what it warns of names the caller's line.

    Another thread than the connection's may look it up, to have it called there, as aiosqlite does.
    """

    def __init__(self, native: Any, module: Any) -> None:
        self._native = native
        self._elsewhere = module.ProgrammingError
        self._guarded = _guarded(native, _OF_CONNECTION, module)

    def __get__(self, connection: Any, kind: Any) -> Any:
        waits = getattr(connection, "_waits", None)
        if waits is not None:
            if waits.is_elsewhere():
                return self._guarded.__get__(connection, kind)
            waits.enter(self._elsewhere)
        return self._native.__get__(connection, kind)


def _cursor(native: Any, module: Any) -> Any:
    space = {name: _running(getattr(native, name), native, module) for name in ("execute", "executescript")}
    for name in ("executemany", "fetchone", "fetchmany", "fetchall", "close"):
        space[name] = _guarded(getattr(native, name), _OF_CURSOR, module)
    step, guarded_step = native.__next__, _guarded(native.__next__, _OF_CURSOR, module)

    def __next__(self: Any) -> Any:
        return guarded_step(self) if _waiting else step(self)

    return _subclass(native, {**space, "__next__": _like(step, __next__)})


def _running(native: Any, cursor: Any, module: Any) -> Any:
    """The same for a method that runs SQL, which may set the time to wait itself; apart, as it is called most."""
    locked, elsewhere = module.OperationalError, module.ProgrammingError

    def execute(self: Any, sql: Any, /, *args: Any) -> Any:
        try:
            waits = self.connection._waits
            if waits.passed != id(getcurrent()):
                waits.enter(elsewhere)
            if type(sql) is str and "busy_timeout" in sql.lower():
                return waits.set_by(self.connection, cursor, lambda: native(self, sql, *args))
        except (AttributeError, RuntimeError):
            waits = _NOBODY
        try:
            return native(self, sql, *args)
        except locked:
            waits.reraise()
            raise

    return _like(native, execute)


def _connection(native: Any, cursor_class: Any, module: Any) -> Any:
    methods = {name: value for name, value in vars(native).items() if _is_method(name, value)}
    guarded = {
        name: _Checked(value, module) if name.startswith(_NEVER_WAIT) else _guarded(value, _OF_CONNECTION, module)
        for name, value in methods.items()
    }
    cursor = _guarded(native.cursor, _OF_CONNECTION, module)
    backup = _guarded(native.backup, _OF_CONNECTION, module)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        native.__init__(self, *args, **kwargs)
        from ._sqlite3_busy import Waits

        timeout = kwargs.get("timeout", args[1] if len(args) > 1 else 5.0)
        checked = kwargs.get("check_same_thread", args[4] if len(args) > 4 else True)
        database = str(args[0] if args else kwargs.get("database", ""))
        shared = _cache_is_shared or (database.startswith("file:") and ("cache=" in database or "%" in database))
        self._waits = Waits(self, timeout, checked, shared, _waiting)

    def with_cursor(self: Any, *args: Any, **kwargs: Any) -> Any:
        return cursor(self, *args, **kwargs) if args or kwargs else cursor(self, cursor_class)

    def in_steps(self: Any, *args: Any, sleep: float = 0.25, progress: Any = None, **kwargs: Any) -> Any:
        if isinstance(sleep, (int, float)) and (progress is None or callable(progress)):
            from ._sqlite3_busy import stepping

            return backup(self, *args, sleep=0, progress=stepping(progress, sleep), **kwargs)
        return backup(self, *args, sleep=sleep, progress=progress, **kwargs)

    def shortcut(name: str) -> Any:
        run = getattr(cursor_class, name)
        new = native.cursor
        return _like(getattr(native, name), lambda self, *args: run(new(self, cursor_class), *args))

    # From 3.11 on the native ones make a cursor in C, whatever cursor() gives.
    own = {name: shortcut(name) for name in _SHORTCUTS if sys.version_info >= (3, 11)}
    own |= {
        "__init__": _like(native.__init__, __init__),
        "__slots__": ("_waits",),
        "cursor": _like(native.cursor, with_cursor),
        "backup": _like(native.backup, in_steps),
    }
    return _subclass(native, guarded | own)


def _is_method(name: str, value: object) -> bool:
    if name in _FREE or isinstance(value, type) or not callable(value):
        return False
    return name in ("__enter__", "__exit__", "__call__") or not name.startswith("_")


def _subclass(native: Any, space: dict[str, Any]) -> Any:
    described = {"__module__": native.__module__, "__doc__": native.__doc__, "_of": native}
    return type(native.__name__, (native,), {"__slots__": (), **described, **space})
