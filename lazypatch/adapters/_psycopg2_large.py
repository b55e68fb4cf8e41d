"""psycopg2's large objects are written in pieces that the socket takes at once: here libpq gives larger ones up."""

from __future__ import annotations

from _socket import SO_SNDBUF, SOL_SOCKET, socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LEAST = 4096  # bytes that every socket takes, when all that was sent before has been answered


def methods(base: Any, encodings: dict[str, str]) -> dict[str, Any]:
    """The methods of a large object, for a subclass of *base*; and a slot, for it does not tell its connection."""

    def __init__(self: Any, connection: Any, *args: Any, **kwargs: Any) -> None:
        self._connection = connection
        base.__init__(self, connection, *args, **kwargs)

    def write(self: Any, data: Any) -> int:
        if isinstance(data, str):
            data = data.encode(encodings[self._connection.encoding])
        if len(data) <= _LEAST:
            return int(base.write(self, data))
        # The buffer has room for what the system notes, too.
        size = max(_LEAST, _buffer(self._connection.fileno()) // 4)
        return sum(base.write(self, data[start : start + size]) for start in range(0, len(data), size))

    return {"__slots__": ("_connection",), "__init__": __init__, "write": write}


def _buffer(descriptor: int) -> int:
    """How many bytes the system keeps for it."""
    probe = socket(fileno=descriptor)
    try:
        return probe.getsockopt(SOL_SOCKET, SO_SNDBUF)
    finally:
        probe.detach()
