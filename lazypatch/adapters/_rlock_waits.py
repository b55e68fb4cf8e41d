"""How one waits for an RLock of ours; loaded when somebody has to."""

from time import monotonic

from ._tickets import leave, let_others_run, new_ticket, wake

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def acquire(lock: "Any", me: int, blocking: bool, timeout: float) -> bool:
    """Whether *me* is the owner of *lock* now, which somebody else has had."""
    if not blocking:
        let_others_run()
        return False
    end = None if timeout == -1 else monotonic() + timeout
    tickets = lock._tickets
    while True:
        ticket = new_ticket()
        tickets.append(ticket)
        try:
            # Now that whoever lets go of it finds the ticket.
            if lock._held.setdefault(0, me) == me:
                return True
            ticket.wait(end)
            if lock._held.setdefault(0, me) == me:
                return True
            if end is not None and end <= monotonic():
                return False
        finally:
            # It is somebody else's turn if this one was woken, and was killed, or its time was over, before it ran.
            if not leave(tickets, ticket) and tickets and not lock._held:
                wake(tickets)
