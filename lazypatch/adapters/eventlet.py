"""eventlet.monkey_patch() says that lazypatch is there already, and changes nothing.

Problem. eventlet and gevent each have a hub, and who waits in one of them is not woken by the other. Once both have
replaced sockets, locks and sleep, the program waits for ever at its first thread.

What does not work. Undoing ours: gevent's objects are in use by then. Leaving the program to eventlet before it is
imported: nobody can tell that it is going to be.

What is replaced. ``monkey_patch``, by a function that warns once of what to take out, and does nothing: threads and
sockets stay gevent's, and go on.

What stays. ``eventlet.spawn()`` with eventlet's own green modules, which runs in eventlet's hub.
"""

import functools

from .._errors import eventlet_was_to_patch, warn_once
from .changes import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def plan(module: "Any") -> "list[Change]":
    """The one function, where ``import eventlet`` takes it from."""

    @functools.wraps(module.monkey_patch)
    def monkey_patch(**on: bool) -> None:
        warn_once(eventlet_was_to_patch())

    return [Change(module, "monkey_patch", monkey_patch)]
