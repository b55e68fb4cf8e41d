"""What runs in the hub can wait there: the event loop goes on inside of the wait.

The hub runs the loop, so gevent refuses whatever would wait in it. But the interpreter calls finalizers wherever it
is: a ``__del__`` or a callback of a weak reference that takes a lock, joins a thread or sends its last words. The
loop may be run inside of one of its own callbacks. Whoever is ready goes on meanwhile, and wakes the one that waits
by the hub's own ``switch`` and ``throw``, as any greenlet: while it may wait, they are attributes of the hub.

What waits inside of such a wait is refused as before: nothing would tell the two apart.
"""

import os
import sys

from gevent.exceptions import LoopExit
from greenlet import getcurrent, greenlet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def let_wait(hub: "Any") -> bool:
    """Have *hub*, which is what runs, be able to wait until it comes back to its loop; False if it waits already."""
    here = vars(hub).get("_lazypatch_inside") or vars(hub).setdefault("_lazypatch_inside", _Inside(hub))
    if here.waits:
        return False
    if vars(hub).get("switch") != here.switch:
        here.begin()
        hub.loop.run_callback(here.end)
    return True


def active(loop: "Any") -> int:
    """How many watchers keep *loop* going; of libuv's, which does not count them, two if there is any."""
    if not hasattr(loop, "_queued_callbacks"):
        return loop.activecnt  # type: ignore[no-any-return]
    from gevent.libuv.loop import libuv

    return 2 if loop._queued_callbacks or libuv.uv_loop_alive(loop._ptr) else 0


class _Inside:
    """How one hub waits."""

    def __init__(self, hub: "Any") -> None:
        self._hub = hub
        self._plain = type(hub).switch.__get__(hub)
        self._outcome: "Any" = None  # what has arrived, called by who waits
        self.waits = 0  # the id of the process in which it began to, if it does

    def begin(self) -> None:
        space = vars(self._hub)
        space["switch"], space["throw"] = self.switch, self.throw

    def end(self) -> None:
        """Take it back, unless it is needed: this is called by the loop, maybe by the one inside."""
        if self.waits:
            return
        space, loops = vars(self._hub), self._loops()
        space.pop("throw", None)
        space.pop("switch", None)
        if loops is not None:
            space["switch"] = loops.switch

    def _loops(self) -> "Any":
        """What asyncio's adapter needs to know of each wait, if it does now."""
        loops = vars(self._hub).get("_lazypatch_loops")
        return loops if loops is not None and loops.running else None

    def switch(self, *value: "Any") -> "Any":
        """By a greenlet: wait in the hub. In the hub: wait; with a value, wake who waits."""
        if getcurrent() is not self._hub:
            loops = self._loops()
            return self._plain(*value) if loops is None else loops.switch()
        if value:
            self._outcome = self._outcome or (lambda: value[0] if len(value) == 1 else value)
            return None
        return self._plain() if self.waits else self._wait()

    def throw(self, *error: "Any") -> "Any":
        """In the hub: wake who waits, with an error."""
        if getcurrent() is not self._hub or not self.waits:
            return greenlet.throw(self._hub, *error)
        # Raised by what raises there natively, in whatever way it was given.
        self._outcome = self._outcome or (lambda: greenlet.throw(getcurrent(), *error))
        return None

    def _wait(self) -> "Any":
        loop, asyncio = self._hub.loop, sys.modules.get(f"{__package__}.asyncio")
        state = asyncio and asyncio.put_away()
        self.waits, self._outcome = os.getpid(), None
        try:
            # A forked child has one thread, the one that forked, and this is in the middle of what another one did.
            while self._outcome is None or os.getpid() != self.waits:
                if active(loop) or loop._callbacks:
                    loop.run(once=True)
                elif os.getpid() == self.waits:
                    raise LoopExit("This operation would block forever", self._hub)
                else:
                    self._hub.parent.throw(LoopExit("This operation would block forever", self._hub))
        finally:
            self.waits = 0
            loop.run_callback(self.end)
            if asyncio:
                asyncio.enter(state)
        outcome, self._outcome = self._outcome, None
        return outcome()
