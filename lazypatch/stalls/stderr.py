"""Lines on stderr, past everything that could wait for the hub, or for a lock that a blocked greenlet holds."""

from __future__ import annotations

from .._gevent import native


def say(content: str) -> None:
    """Write *content* to the process's stderr; where that fails, there is nobody to tell."""
    write, rest = native("os", "write"), content.encode("utf-8", "backslashreplace")
    try:
        while rest:
            rest = rest[write(2, rest) :]
    except OSError:
        return
