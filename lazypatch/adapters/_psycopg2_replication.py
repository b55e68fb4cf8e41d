"""A stream of psycopg2's replication is begun and read without the callback, and waited for while the others run."""

from __future__ import annotations

import time
from weakref import WeakKeyDictionary

from gevent.socket import timeout as Late
from gevent.socket import wait_read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_NOT_REPLICATING = "consume_stream: not replicating, call start_replication first"
_CONSUMING = "consume_stream cannot be used when already in the consume loop"
_begun: Any = WeakKeyDictionary()  # cursor -> the seconds between two messages to the server, until it is consumed
_consuming: Any = WeakKeyDictionary()  # cursors


def methods(base: Any, error: Any, without: Callable[[Any], Any]) -> dict[str, Any]:
    """The methods of a cursor for replication, for a subclass of *base*.

    :param error: ProgrammingError.
    :param without: gives the same method, called without the callback, which psycopg2 refuses here.
    """
    begin, read = without(base.start_replication_expert), without(base.read_message)

    def start_replication_expert(self: Any, command: Any, decode: Any = False, status_interval: Any = 10) -> None:
        begin(self, command, decode, status_interval)
        _begun[self] = status_interval

    def consume_stream(self: Any, consume: Any, keepalive_interval: Any = None) -> None:
        if self.closed:
            read(self)  # raises what says so
        if self.connection.async_:
            raise error("consume_stream cannot be used in asynchronous mode")
        if keepalive_interval is not None and not isinstance(keepalive_interval, (int, float)):
            raise error("keepalive_interval must be int or float")
        if keepalive_interval is not None and keepalive_interval < 1:
            raise error("keepalive_interval must be >= 1 (sec)")
        if self in _consuming:
            raise error(_CONSUMING)
        if self not in _begun:
            raise error(_NOT_REPLICATING)
        interval = _begun.pop(self) if keepalive_interval is None else keepalive_interval
        _consuming[self] = _begun.pop(self, None)
        try:
            _consume(self, read, consume, interval)
        finally:
            del _consuming[self]

    return {
        "start_replication_expert": start_replication_expert,
        "consume_stream": consume_stream,
        "read_message": read,
    }


def _consume(cursor: Any, read: Callable[[Any], Any], consume: Callable[[Any], object], interval: float) -> None:
    """Give *consume* each message; tell the server each *interval* that somebody is there. It ends by an exception."""
    told = time.monotonic()
    while True:
        message = read(cursor)
        if message is not None:
            consume(message)
            continue
        left = told + interval - time.monotonic()
        if left <= 0:
            cursor.send_feedback(force=True)
            told = time.monotonic()
            continue
        try:
            wait_read(cursor.connection.fileno(), timeout=left)
        except Late:
            pass
