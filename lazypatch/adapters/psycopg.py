"""psycopg 3 chooses how to wait when it is imported: here it waits in Python, and the others run, also if armed later.

What waits. ``psycopg.waiting.wait``: in C, unless gevent.monkey's record says that select is patched when psycopg is
imported. Where lazypatch is armed before that, psycopg chooses rightly by itself, and nothing is done.

What is replaced. That one name, by ``wait_selector``, through which connections, cursors and pools look it up.

Who is ended while it waits (a kill, a Timeout) leaves the connection in the middle of its query: psycopg refuses to ask
anything else on it, and its pools give it up. After Ctrl-C psycopg itself ends the query at the server.
"""

from __future__ import annotations

from .changes import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def plan(waiting: Any) -> list[Change]:
    """Nothing where it does not wait in C."""
    if "wait_c" not in getattr(waiting.wait, "__name__", ""):
        return []
    return [Change(waiting, "wait", waiting.wait_selector)]
