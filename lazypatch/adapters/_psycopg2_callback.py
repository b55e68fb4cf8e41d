"""psycopg2's callback can be away for a while, and no other native thread finds it gone in the middle of a call.

There is one callback for the process. psycopg2 looks whether there is one when it begins to ask the server, lets other
native threads run, and raises "wait callback not available" if it is gone when it comes to the wait. So it is taken
away only while no other native thread is between these two. Each call is counted, but for the time that it spends in
the callback.
"""

from __future__ import annotations

import os

from .._gevent import native
from .._originals import NativeRLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_get_ident, _sleep = native("_thread", "get_ident"), native("time", "sleep")
_PAUSE = 0.0002  # seconds between two looks at the calls of other native threads
_LOOKS = 2500  # of them; then it is taken away all the same, for a call may look up a name, or wait in libpq, for long

# Reentrant, for a finalizer that closes a connection may come at any moment. It is never held while anybody waits.
_guard = NativeRLock()
_calls: dict[int, int] = {}  # by native thread: how many calls are in psycopg2, and not in the callback


class Without:
    """The callback is away until this is over, or somebody ends it earlier; others may do the same meanwhile."""

    away = 0
    callback: Any = None

    def __init__(self, extensions: Any) -> None:
        self._extensions = extensions
        self._over = False

    def __enter__(self) -> Without:
        for _ in range(_LOOKS):
            if self._take_away(False):
                return self
            _sleep(_PAUSE)
        self._take_away(True)
        return self

    def _take_away(self, at_any_price: bool) -> bool:
        here = _get_ident()
        with _guard:
            if not Without.away:
                if not at_any_price and any(count for thread, count in _calls.items() if thread != here):
                    return False
                Without.callback = self._extensions.get_wait_callback()
            Without.away += 1
            self._extensions.set_wait_callback(None)
        return True

    def __exit__(self, *_: object) -> None:
        with _guard:
            if not self._over:
                self._over = True
                Without.away -= 1
                if not Without.away:
                    self._extensions.set_wait_callback(Without.callback)


def enter() -> None:
    """A call of this native thread begins that may wait by the callback, or goes on after it has waited."""
    with _guard:
        here = _get_ident()
        _calls[here] = _calls.get(here, 0) + 1


def leave() -> bool:
    """A call of this native thread is over, or is in the callback: then nothing hinders anybody from taking that away.

    :return: Whether one was counted.
    """
    with _guard:
        here = _get_ident()
        count = _calls.pop(here, 0)
        if count > 1:
            _calls[here] = count - 1
        return count > 0


def _in_child() -> None:
    """The other native threads are gone, and with them their calls."""
    global _guard
    _guard = NativeRLock()
    here = _calls.get(_get_ident(), 0)
    _calls.clear()
    if here:
        _calls[_get_ident()] = here


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
