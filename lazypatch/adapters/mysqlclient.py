"""mysqlclient (MySQLdb) waits for the server's answer to a query while the others run.

What waits. libmysqlclient, in C, in ``Connection.query()``. MySQLdb also has its two halves, ``send_query()`` and
``read_query_result()``, and a descriptor to wait for between them.

What is replaced. ``Connection.query()``, which cursors use, and ``commit()`` and ``rollback()``, which become queries.
A connection has one answer to wait for: greenlets that share one wait for one another. Natively that is not allowed,
and raises ProgrammingError from mysqlclient 2.3 on. ``read_timeout`` is kept. Who is ended while it waits (a kill, a
Timeout, Ctrl-C) closes the connection, so nobody reads an answer that was meant for somebody else.

What stays native. Connecting; reading the rows after the first of them has come; ping(), change_user(), autocommit(),
next_result() and what else asks the server. Those are short, or in sum what mysqlclient costs.
"""

from __future__ import annotations

import functools

from gevent.lock import RLock
from gevent.socket import timeout as Late
from gevent.socket import wait_read

from ._pool import is_straight
from .changes import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def plan(module: Any) -> list[Change]:
    """Methods of MySQLdb.connections.Connection."""
    kind = module.Connection
    own = [_begin(kind.__init__), _query(kind.query, module.OperationalError)]
    own += [_as_query(kind.commit, "COMMIT"), _as_query(kind.rollback, "ROLLBACK")]
    return [Change(kind, each.__name__, each) for each in own]


def _begin(native: Any) -> Any:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        self._lazypatch = RLock(), kwargs.get("read_timeout") or None
        native(self, *args, **kwargs)

    return functools.update_wrapper(__init__, native)


def _query(native: Any, error: Any) -> Any:
    def query(self: Any, query: Any) -> Any:
        known = getattr(self, "_lazypatch", None)
        if known is None or is_straight():
            return native(self, query)
        lock, patience = known
        with lock:
            self.send_query(bytes(query) if isinstance(query, bytearray) else query)
            try:
                wait_read(self.fileno(), timeout=patience)
            except BaseException as ended:
                self.close()
                if isinstance(ended, Late):
                    raise error(2013, "Lost connection to server during query") from None
                raise
            return self.read_query_result()

    return functools.update_wrapper(query, native)


def _as_query(native: Any, text: str) -> Any:
    def method(self: Any) -> None:
        if getattr(self, "_lazypatch", None) is None or is_straight():
            native(self)
        else:
            self.query(text)

    return functools.update_wrapper(method, native)
