"""assert_cooperative(): a block of code in which nothing may stop the others for longer than it is allowed to."""

from __future__ import annotations

from contextlib import ContextDecorator
from typing import TYPE_CHECKING

from .._places import place

if TYPE_CHECKING:
    from typing import Any

    from .culprits import Stall
    from .monitor import Monitor


class assert_cooperative(ContextDecorator):  # it reads as the statement that it is
    """``with assert_cooperative(50):`` fails if its block keeps the hub from coming round for 50 ms or longer.

    What is measured is the hub of the calling native thread, whoever keeps it, and whether or not anything is patched:
    a call that waits natively stops every greenlet. Also a decorator of functions.

    :param max_ms: what is allowed, in milliseconds; below 10 a busy machine is what fails.
    :raises AssertionError: at the end of the block, with each line that stopped the others, and its stack.
    """

    def __init__(self, max_ms: float = 100) -> None:
        if not max_ms > 0:
            from .._errors import LazyPatchError

            raise LazyPatchError(f"assert_cooperative() takes milliseconds, more than 0; it was given {max_ms!r}")
        self.max_ms = max_ms
        self._open: list[Monitor] = []

    def _recreate_cm(self) -> assert_cooperative:
        return type(self)(self.max_ms)  # for a decorated function, which several threads may call

    def __enter__(self) -> assert_cooperative:
        from gevent import get_hub

        from .monitor import Monitor

        monitor = Monitor(self.max_ms / 1e3)
        monitor.watch(get_hub())
        self._open.append(monitor)
        return self

    def __exit__(self, kind: Any, value: Any, traceback: Any) -> None:
        monitor = self._open.pop()
        monitor.end()
        stalls = monitor.culprits.found()
        if stalls and kind is None:
            raise AssertionError("\n".join(_lines(stalls, self.max_ms)))


def _lines(stalls: list[Stall], max_ms: float) -> list[str]:
    count = sum(stall.times for stall in stalls)
    what = f"{count} time{'s' if count > 1 else ''} something stopped all greenlets for {max_ms:g} ms or longer"
    lines = [f"this was to be cooperative, and {what}:"]
    for stall in stalls:
        times = f", {stall.times} times" if stall.times > 1 else ""
        lines.append(f"  {stall.longest_ms:.0f} ms{times}: {stall}")
        lines += [f"      in {place(where)}" for where in stall.stack[: stall.stack.index(stall.culprit)]
                  if stall.culprit in stall.stack]  # fmt: skip
    lines.append("Make that call cooperative (docs/stalls.md), split the work up, or allow more with max_ms.")
    return lines
