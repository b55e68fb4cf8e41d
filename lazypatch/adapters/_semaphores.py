"""How one waits for a lock of multiprocessing's."""

from time import monotonic

from gevent.hub import sleep

from . import polling
from ._hub_waits import active
from ._tickets import leave, let_others_run, new_ticket, wake
from ._waits import FIRST_PAUSE, LONGEST_PAUSE, hub_to_wait_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def wait(lock: "Any", block: "Any", timeout: "float | None") -> bool:
    """Whether the caller has *lock* now, which it could not have at once."""
    if not block or (timeout is not None and timeout <= 0):
        # Each try has asked, which is better: the caller may hold what another one needs to make its wish come true.
        if not polling.is_on():
            let_others_run()
        return False
    hub = hub_to_wait_in()
    if hub is None:
        return lock._attempt(True, timeout)  # type: ignore[no-any-return]
    begun = monotonic()
    end = None if timeout is None else begun + float(timeout)
    while end is None or monotonic() < end:
        if _has_nobody_else(hub):
            if lock._attempt(True, LONGEST_PAUSE if end is None else min(LONGEST_PAUSE, end - monotonic())):
                return True
            sleep(0)  # for what another native thread wants the loop to do
        elif _wait_once(lock, begun, end):
            return True
    return False


def _has_nobody_else(hub: "Any") -> bool:
    """Whether there is nothing in the loop that another greenlet could wait for, and none that is to run."""
    loop, waits = hub.loop, vars(hub).get("_lazypatch_waits")  # what keeps a wait for a signal from being a deadlock
    return active(loop) <= (waits is not None and waits.ref) and not loop._callbacks


def _wait_once(lock: "Any", begun: float, end: "float | None") -> bool:
    """Whether the caller has *lock*, after waiting until it was let go of in this process once, or the time *end*."""
    tickets, ticket = lock._tickets, new_ticket()
    tickets.append(ticket)
    try:
        # Now that whoever lets go of it in this process finds the ticket.
        while not lock._attempt():
            now = monotonic()
            if ticket not in tickets or (end is not None and now >= end):
                return False
            look = now + min(max((now - begun) / 10, FIRST_PAUSE), LONGEST_PAUSE)
            ticket.wait(look if end is None else min(look, end))
        return True
    finally:
        # It is somebody else's turn if this one was woken, and was killed, or its time was over, before it ran.
        if not leave(tickets, ticket) and tickets and not lock._is_zero():
            wake(tickets)
