"""psycopg2 waits for the server while the others run, and COPY, large objects and shared connections go on working.

What waits. libpq, in C, for each answer of the server. psycopg2 has a switch, ``set_wait_callback()``, and the
usual callback breaks much: COPY and large objects raise ProgrammingError, threads that share a connection (which is
allowed) raise it too, and ``connect_timeout`` is not kept, because libpq leaves it to whoever waits.

What is replaced. The callback; where the program has set one of its own, everything is left alone. And
``extensions.connection`` and ``cursor``, by subclasses: a connection is used by one greenlet at a time, as libpq's
mutex has it for threads, and what cannot be done with a callback is done without one. psycopg2 looks for the callback
when a COPY begins: when it first reads or writes the file, the callback is there again, so others may run meanwhile.

Who is ended while it waits (a kill, a Timeout, Ctrl-C) finds the connection closed: psycopg2 closes it, so nobody
reads an answer that was meant for somebody else. In plain Python, Ctrl-C comes after the answer, and it stays open.

So are ``lobject``, which writes in pieces that the socket takes at once, because libpq does not block here and gives a
larger one up; and the cursor of replication, which psycopg2 refuses with a callback.

What stays native. Looking up the server's name; the wait for the first row of COPY TO, and for the server to take what
COPY FROM sends; operations of large objects. What was made of the native classes before gevent was loaded has neither
the mutex nor COPY.
"""

from __future__ import annotations

import os
import sys
import time
from weakref import WeakKeyDictionary

from gevent._hub_local import get_hub_if_exists
from gevent.lock import RLock
from gevent.socket import timeout as Late
from gevent.socket import wait_read, wait_write
from greenlet import getcurrent

from .._gevent import native
from . import _psycopg2_large, _psycopg2_replication
from ._psycopg2_callback import Without, enter, leave
from .changes import Call, Change, Put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_CURSOR = "execute executemany callproc"
_NAMED = "fetchone fetchmany fetchall scroll close"  # ask the server where the cursor has a name
_CONNECTION = "close commit rollback reset set_session set_isolation_level set_client_encoding"
_TWO_PHASE = " tpc_begin tpc_prepare tpc_commit tpc_rollback tpc_recover"
_locks: Any = WeakKeyDictionary()  # by connection; a slot of its own would forbid to exchange a class's bases


def plan(module: Any) -> list[Change]:
    """The classes, what makes connections, and the callback last."""
    extensions = module.extensions
    before = extensions.get_wait_callback()
    if before is not None:
        return []
    own: dict[str, Any] = {"cursor": _cursor(extensions)}
    large = extensions.lobject
    own["lobject"] = _subclass(large, _psycopg2_large.methods(large, extensions.encodings))
    own["connection"] = _connection(extensions, own["cursor"], own["lobject"])
    natives = {name: getattr(extensions, name) for name in own}
    changes: list[Change] = [Change(extensions, name, value) for name, value in own.items()]
    in_c, name = sys.modules[f"{module.__name__}._psycopg"], "ReplicationCursor"  # psycopg2.extras takes it from there
    natives[name] = getattr(in_c, name)
    without = lambda method: _alone(method, extensions)
    space = _psycopg2_replication.methods(natives[name], module.ProgrammingError, without)
    own[name] = _subclass(natives[name], space)
    changes.append(Change(in_c, name, own[name]))
    changes += _in_extras(sys.modules.get("psycopg2.extras"), natives, own)
    changes.append(Change(module, "_connect", _connect(module._connect, own["connection"])))
    wait = _waiting(module)
    return [*changes, Call(lambda: extensions.set_wait_callback(wait), lambda: extensions.set_wait_callback(before))]


def _in_extras(extras: Any, natives: dict[str, Any], own: dict[str, Any]) -> list[Change]:
    """If the program has it already: its names, and the bases of its classes."""
    changes: list[Change] = []
    for name, value in list(vars(extras).items()) if extras is not None else ():
        for word, base in natives.items():
            if value is base:
                changes.append(Change(extras, name, own[word]))
            elif isinstance(value, type) and value.__bases__ == (base,) and value.__module__ == extras.__name__:
                setter = lambda bases, owner=value: setattr(owner, "__bases__", bases)
                changes.append(Put(setter, value.__bases__, (own[word],)))
    return changes


def _waiting(module: Any) -> Callable[[Any], None]:
    extensions = module.extensions

    def until_ready(connection: Any) -> None:
        end = _end(extensions, connection) if connection.status == extensions.STATUS_SETUP else None
        alone = get_hub_if_exists() is None or getcurrent() is get_hub_if_exists()
        while (state := connection.poll()) != extensions.POLL_OK:
            left = None if end is None else max(0.001, end - time.monotonic())
            try:
                if alone:
                    _wait_natively(connection.fileno(), state == extensions.POLL_READ, left)
                else:
                    (wait_read if state == extensions.POLL_READ else wait_write)(connection.fileno(), timeout=left)
            except Late:
                raise module.OperationalError("timeout expired") from None

    def wait(connection: Any) -> None:
        """Until libpq has what it wants."""
        counted = leave()
        try:
            until_ready(connection)
        finally:
            if counted:
                enter()

    return wait


def _end(extensions: Any, connection: Any) -> float | None:
    """When a connection that is being made is late, as libpq has it."""
    given = extensions.parse_dsn(connection.dsn)
    try:
        limit = int(given.get("connect_timeout") or os.environ.get("PGCONNECT_TIMEOUT") or 0)
    except ValueError:
        return None
    hosts = str(given.get("host", "")).count(",") + 1  # it is for each of them
    return time.monotonic() + max(limit, 2) * hosts if limit > 0 else None


def _wait_natively(number: int, reading: bool, left: float | None) -> None:
    """In a native thread, which has nobody to let run."""
    poll = native("select", "poll")()
    poll.register(number, 1 if reading else 4)  # POLLIN, POLLOUT
    if not poll.poll(None if left is None else left * 1000):
        raise Late


def _lock(connection: Any) -> Any:
    try:
        return _locks[connection]
    except KeyError:
        return _locks.setdefault(connection, RLock())


def _one_by_one(method: Any, of: str = "", named: bool = False) -> Any:
    """The same, one greenlet at a time on a connection; *named*: where the cursor has a name."""

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if named and self.name is None:
            return method(self, *args, **kwargs)
        connection = getattr(self, of) if of else self
        if connection is None:  # a cursor whose subclass did not call __init__(), as the method will say
            return method(self, *args, **kwargs)
        with _lock(connection):
            return _counted(method, self, *args, **kwargs)

    return _like(method, call)


def _counted(function: Any, *args: Any, **kwargs: Any) -> Any:
    """The result of it; no other native thread takes the callback away where that would be its end."""
    enter()
    try:
        return function(*args, **kwargs)
    finally:
        leave()


def _like(method: Any, call: Any) -> Any:
    call.__name__, call.__doc__, call.__qualname__ = method.__name__, method.__doc__, method.__qualname__
    return call


class _File:
    """A COPY's file: psycopg2 first uses it when it has begun, and does not look for a callback any more."""

    def __init__(self, file: Any, begun: Without) -> None:
        self._file, self._begun = file, begun

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._file, name)
        if name not in ("read", "readline", "write"):
            return method

        def use(*args: Any) -> Any:
            self._begun.__exit__()
            return method(*args)

        return use

    @property  # type: ignore[misc]  # of object it can be set
    def __class__(self) -> Any:  # psycopg2 asks whether it is a file of text
        return type(self._file)


def _alone(method: Any, extensions: Any) -> Any:
    """*method* of a cursor, without the callback."""

    def call(self: Any, *args: Any) -> Any:
        with _lock(self.connection), Without(extensions):
            return method(self, *args)

    return _like(method, call)


def _copying(method: Any, extensions: Any, place: int) -> Any:
    """A COPY, whose file is the argument at *place*."""

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.connection is None:
            return method(self, *args, **kwargs)
        with _lock(self.connection), Without(extensions) as begun:
            if "file" in kwargs:
                kwargs["file"] = _File(kwargs["file"], begun)
            elif len(args) > place:
                args = (*args[:place], _File(args[place], begun), *args[place + 1 :])
            return method(self, *args, **kwargs)

    return _like(method, call)


def _cursor(extensions: Any) -> Any:
    base = extensions.cursor
    space: dict[str, Any] = {name: _one_by_one(getattr(base, name), "connection") for name in _CURSOR.split()}
    space |= {name: _one_by_one(getattr(base, name), "connection", True) for name in _NAMED.split()}
    for name in ("copy_from", "copy_to"):
        space[name] = _copying(getattr(base, name), extensions, 0)
    space["copy_expert"] = _copying(base.copy_expert, extensions, 1)

    def __iter__(self: Any) -> Any:
        return base.__iter__(self) if self.name is None else _rows(self)

    def _rows(self: Any) -> Any:
        step = _one_by_one(base.__next__, "connection")
        while True:
            try:
                row = step(self)
            except StopIteration:
                return
            yield row

    return _subclass(base, {**space, "__iter__": __iter__})


def _connection(extensions: Any, cursor: Any, large: Any) -> Any:
    base = extensions.connection
    names = (_CONNECTION + _TWO_PHASE).split()
    space: dict[str, Any] = {name: _one_by_one(getattr(base, name)) for name in names}

    def with_cursor(self: Any, *args: Any, **kwargs: Any) -> Any:
        if len(args) < 2 and kwargs.get("cursor_factory") is None and self.cursor_factory is None:
            kwargs["cursor_factory"] = cursor
        return base.cursor(self, *args, **kwargs)

    def lobject(self: Any, *args: Any, **kwargs: Any) -> Any:
        if len(args) < 5 and kwargs.get("lobject_factory") is None:
            kwargs["lobject_factory"] = large
        with _lock(self), Without(extensions):
            return base.lobject(self, *args, **kwargs)

    space |= {"cursor": _like(base.cursor, with_cursor), "lobject": _like(base.lobject, lobject)}
    return _subclass(base, space)


def _subclass(base: Any, space: dict[str, Any]) -> Any:
    return type(
        base.__name__, (base,), {"__slots__": (), "__module__": base.__module__, "__doc__": base.__doc__, **space}
    )


def _connect(connect: Any, usual: Any) -> Any:
    def _connect(dsn: Any, connection_factory: Any = None, **kwargs: Any) -> Any:
        factory = usual if connection_factory is None else connection_factory
        return _counted(connect, dsn, connection_factory=factory, **kwargs)

    return _connect
