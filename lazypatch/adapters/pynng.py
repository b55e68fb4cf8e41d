"""pynng's sockets let the others run while they send and receive; contexts and dial() wait in native threads.

What waits. nng, in C. A socket has a descriptor that can be read from as long as a message can be received, and one for
sending: so it is tried without waiting, and then waited for that. A context has none, nor has ``dial(block=True)``.

What is replaced. Methods of ``pynng.Socket`` and ``pynng.Context``, in place. A socket that somebody closes is looked
at again four times a second, for its descriptor does not tell. What is asynchronous (``arecv()``) is as it was.

Who is ended while a context waits, ends when that has its answer: set its time-outs.
"""

from __future__ import annotations

import functools
import time

from gevent.socket import timeout as Late
from gevent.socket import wait_read

from ._pool import is_straight, pooled
from .changes import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LOOKS_AGAIN = 0.25
# Method of a socket -> its descriptor, and how long it may take.
_METHODS = {
    "recv": ("recv_fd", "recv_timeout"),
    "recv_msg": ("recv_fd", "recv_timeout"),
    "send": ("send_fd", "send_timeout"),
    "send_msg": ("send_fd", "send_timeout"),
}


def plan(pynng: Any) -> list[Change]:
    """The methods that are there."""
    socket, context = pynng.Socket, pynng.Context
    found = {name: vars(socket).get(name) for name in _METHODS}
    changes = [Change(socket, name, _trying(pynng, name, native)) for name, native in found.items() if native]
    others = [(socket, "dial"), *((context, name) for name in _METHODS)]
    return changes + [Change(kind, name, pooled(vars(kind)[name])) for kind, name in others if name in vars(kind)]


def _trying(pynng: Any, name: str, native: Any) -> Any:
    descriptor, patience = _METHODS[name]

    def method(self: Any, *args: Any, block: bool = True, **kwargs: Any) -> Any:
        if not block or is_straight():
            return native(self, *args, block=block, **kwargs)
        try:
            return native(self, *args, block=False, **kwargs)
        except pynng.TryAgain:
            pass
        limit = getattr(self, patience)
        end = None if limit < 0 else time.monotonic() + limit / 1000
        while True:
            left = _LOOKS_AGAIN if end is None else min(_LOOKS_AGAIN, end - time.monotonic())
            if left <= 0:
                raise pynng.Timeout("Timed out", 5)
            try:
                wait_read(getattr(self, descriptor), timeout=left)
            except Late:
                pass
            try:
                return native(self, *args, block=False, **kwargs)
            except pynng.TryAgain:
                continue

    return functools.update_wrapper(method, native)
