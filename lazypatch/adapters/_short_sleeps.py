"""Sleeps that are shorter than a millisecond, which is the least that the event loop tells apart.

Problem. libev and libuv give the system whole milliseconds to wait, rounded up. A program that sleeps for a tenth of
one between two looks, as pexpect does after each read, takes ten times as long.

What is done. While somebody sleeps so shortly, the loop does not wait: it looks after everybody else, and then this
native thread sleeps until the first of these sleeps is over, but never longer than for a piece of one. So nobody else
waits for more than that, and the timers end in time.
"""

from __future__ import annotations

from heapq import heappop, heappush
from time import monotonic

from .._gevent import native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PIECE = 0.0001  # seconds
_sleep: Any = native("time", "sleep")


class _Sleeps:
    """Those of one hub."""

    def __init__(self, hub: Any) -> None:
        self._ends: list[float] = []
        self._idle = hub.loop.idle()  # called when the loop would wait; while it is active, the loop does not

    def add(self, end: float) -> None:
        heappush(self._ends, end)
        if not self._idle.active:
            self._idle.start(self._sleep)

    def _sleep(self) -> None:
        # Who has been killed meanwhile, or is not there any more in a forked child, is not asked.
        ends, now = self._ends, monotonic()
        while ends and ends[0] <= now:
            heappop(ends)
        if ends:
            _sleep(min(ends[0] - now, _PIECE))
        else:
            self._idle.stop()


def sleep(hub: Any, seconds: float) -> None:
    """Sleep for *seconds*, and let the others run."""
    sleeps = vars(hub).get("_lazypatch_short_sleeps")
    if sleeps is None:
        sleeps = hub._lazypatch_short_sleeps = _Sleeps(hub)
    loop = hub.loop
    with loop.timer(seconds) as timer:
        loop.update_now()
        sleeps.add(monotonic() + seconds)
        hub.wait(timer)
