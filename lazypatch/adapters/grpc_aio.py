"""grpc.aio hears of its answers from a thread that waits in C: that one is a native thread, or nobody else ever runs.

What waits. All channels and servers of grpc.aio share one poller, which is a thread that waits for grpc's core and
wakes asyncio's loops through a socket. As a greenlet it stops all others for ever, with ``init_gevent()``, too.

What is replaced. ``__init__`` of channels and servers: the first of them makes the poller, and finds a ``threading``
there whose Thread is native. Nothing else is done in it that uses threads.
"""

from __future__ import annotations

import functools

from .._gevent import native
from .changes import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Thread:
    """What the poller needs of a native thread."""

    def __init__(self, target: Callable[[], object], daemon: bool = True) -> None:
        self._target = target
        self._runs = native("_thread", "allocate_lock")()

    def start(self) -> None:
        """Begin, as a daemon does: the interpreter does not wait for it."""
        self._runs.acquire()
        native("_thread", "start_new_thread")(self._run, ())

    def _run(self) -> None:
        try:
            self._target()
        finally:
            self._runs.release()

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end, natively."""
        if self._runs.acquire(True, -1 if timeout is None else timeout):
            self._runs.release()


class _Threading:
    """The module's names, but for Thread."""

    def __init__(self, threading: Any) -> None:
        self._threading = threading
        self.Thread = Thread

    def __getattr__(self, name: str) -> Any:
        return getattr(self._threading, name)


def plan(aio: Any) -> list[Change]:
    """For the two classes that begin everything."""
    kinds = [aio._channel.Channel, aio._server.Server]
    return [Change(kind, "__init__", _beginning(kind.__init__)) for kind in kinds]


def _beginning(begin: Any) -> Any:
    from grpc._cython import cygrpc  # type: ignore[import-not-found,import-untyped,unused-ignore]

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        known = cygrpc.threading
        cygrpc.threading = _Threading(known)
        try:
            begin(self, *args, **kwargs)
        finally:
            cygrpc.threading = known

    return functools.update_wrapper(__init__, begin)
