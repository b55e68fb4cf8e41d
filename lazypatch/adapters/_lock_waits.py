"""How one waits for a lock, an RLock or an event of ours; loaded when somebody has to."""

from time import monotonic

from ._tickets import leave, let_others_run, new_ticket, wake

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any


def acquire(
    tickets: "Any", take: "Callable[[], object]", is_held: "Callable[[], object]", blocking: bool, timeout: float
) -> bool:
    """Whether the caller has a lock now that somebody else has had: *take* tries to get it, without waiting.

    :param tickets: of those who wait for it.
    """
    if not blocking:
        let_others_run()
        return False
    end = None if timeout == -1 else monotonic() + float(timeout)
    place = len(tickets)
    while True:
        ticket = new_ticket()
        tickets.insert(place, ticket)
        place = 0  # who was woken, and came too late, stays the first
        try:
            # Now that whoever lets go of it finds the ticket.
            if take():
                return True
            ticket.wait(end)
            if take():
                return True
            if end is not None and end <= monotonic():
                return False
        finally:
            # It is somebody else's turn if this one was woken, and was killed, or its time was over, before it ran.
            if not leave(tickets, ticket) and tickets and not is_held():
                wake(tickets)


_ACQUIRE = acquire.__code__


def stand_back(frame: "FrameType | None") -> None:
    """Who waits for a lock in *frame* stands still from now on: it is the turn of the next, perhaps the handler's."""
    for each in (frame, frame and frame.f_back):
        if each is not None and each.f_code is _ACQUIRE:
            found = each.f_locals
            leave(found["tickets"], found["ticket"])
            if found["tickets"] and not found["is_held"]():
                wake(found["tickets"])


def wait(tickets: "Any", is_set: "Callable[[], bool]", timeout: "float | None") -> bool:
    """Whether an event was set, be it that somebody has cleared it since, before *timeout* seconds were over."""
    end = None if timeout is None else monotonic() + float(timeout)
    ticket = new_ticket()
    tickets.append(ticket)
    try:
        if not is_set():  # now that whoever sets it finds the ticket
            ticket.wait(end)
    finally:
        woken = not leave(tickets, ticket)
    return woken or is_set()
