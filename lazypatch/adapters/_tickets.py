"""A ticket is what one waits with until another one says so, whatever either runs in: a greenlet, or a native thread.

It costs half of what gevent's locks do for this, and one of them can wake a greenlet of another native thread, too.
"""

import os
import sys
from time import monotonic

from gevent._hub_local import get_hub_if_exists
from gevent.hub import Waiter, sleep
from greenlet import getcurrent

from .._gevent import native
from ._waits import can_wait_itself, hub_to_wait_in
from .fork_threads import native_count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Here, because finalizers may come when sys.modules is empty.
_new_lock, _sleep = native("_thread", "allocate_lock"), native("time", "sleep")

left: "set[int]" = set()  # in a forked child: ids of the greenlets that are gone, and wait for nothing any more
_generation = 0  # how many forks this process is away from the first one


def _count_forks() -> None:
    global _generation
    _generation += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_count_forks)


class _Ticket(Waiter):  # type: ignore[misc]  # gevent's types are not known here
    """Of a greenlet, which any native thread may wake."""

    __slots__ = ("generation",)
    if TYPE_CHECKING:
        generation: int

    def wait(self, end: "float | None") -> None:
        """Until it is released, or the time *end* has come."""
        # Another native thread may be who releases it: until then the loop must not find that nobody can.
        alone = not native_count() or "_lazypatch_waits" in self.hub.__dict__
        if alone and end is None:
            self.get()
            return
        loop, watchers = self.hub.loop, []
        if end is not None:
            watchers.append(loop.timer(max(0.0, end - monotonic())))
        if not alone:
            watchers.append(loop.async_())
        try:
            for watcher in watchers:
                watcher.start(self.switch, None)
            self.get()
        finally:
            for watcher in watchers:
                watcher.stop()
                watcher.close()

    def release(self) -> "bool | None":
        """Have it go on; False if it never will: its native thread has come to its end, or stayed in the parent."""
        hub = self.hub
        loop = hub.loop
        if get_hub_if_exists() is hub:
            if left and id(self.greenlet) in left:
                return False
            loop.run_callback(self.switch, None)
        elif loop is None or hub.dead or self.generation != _generation:
            return False
        else:
            loop.run_callback_threadsafe(self.switch, None)
        return None


class _NativeTicket:
    """Of a native thread without a hub."""

    __slots__ = ("generation", "lock")
    if TYPE_CHECKING:
        generation: int

    def __init__(self) -> None:
        self.lock = _new_lock()
        self.lock.acquire()

    def release(self) -> "bool | None":
        if self.generation != _generation:
            return False
        self.lock.release()
        return None

    def wait(self, end: "float | None") -> None:
        self.lock.acquire(True, -1 if end is None else max(0.0, end - monotonic()))


def new_ticket() -> "Any":
    """For the caller. In the hub, where that waits already, waiting with it raises what gevent raises there."""
    hub = None if sys.is_finalizing() else get_hub_if_exists() or hub_to_wait_in()
    if hub is getcurrent():
        can_wait_itself(hub)
    ticket: "Any" = _NativeTicket() if hub is None else _Ticket(hub)
    ticket.generation = _generation
    return ticket


def wake(tickets: "Any") -> None:
    """The first of those who wait there."""
    while tickets:
        try:
            ticket = tickets.pop(0)
        except IndexError:  # another native thread was faster
            return
        if ticket.release() is not False:
            return


def leave(tickets: "Any", ticket: "Any") -> bool:
    """Whether it had still to be taken out: nobody has woken it."""
    if ticket not in tickets:  # as nearly always
        return False
    try:
        tickets.remove(ticket)
    except ValueError:
        return False
    return True


def let_others_run() -> None:
    """As natively, a loop that only tries keeps nobody from making its wish come true."""
    hub = None if sys.is_finalizing() else get_hub_if_exists()
    if hub is getcurrent():
        return
    if hub is not None or hub_to_wait_in() is not None:
        sleep()
    else:
        _sleep(0)
