"""How one waits in a queue of ours, and how it is opened; loaded when somebody has to.

Each who waits holds a *ticket* in one of the queue's three lines. Who is woken looks again, as with a condition. Who
leaves, whatever for, wakes the next one if there is something for it, so no wake-up is lost with who was killed.
"""

from __future__ import annotations

import sys
from time import monotonic

from ._tickets import leave, let_others_run, new_ticket, wake

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

CONDITIONS = ("not_empty", "not_full", "all_tasks_done")


def wait(queue: Any, line: str, is_ready: Callable[[], bool], end: float | None = None) -> bool:
    """Until it is worth to look again; False if the time *end* has come, or if who asks cannot wait."""
    ticket = new_ticket()
    tickets = vars(queue).setdefault(line, [])
    counted = line != "_joiners"  # task_done() looks for these by itself
    queue._slow += counted  # from now on all others look who waits
    tickets.append(ticket)
    try:
        if not (queue._opened or is_ready()):
            ticket.wait(end)
        return queue._opened or is_ready() or end is None or end > monotonic()
    except BaseException:
        leave(tickets, ticket)
        wake_others(queue)
        raise
    finally:
        leave(tickets, ticket)
        queue._slow -= counted


def wake_others(queue: Any) -> None:
    """One for whom there is an item, and one for whom there is room."""
    if queue._getters and queue.queue:
        wake(queue._getters)
    if queue._putters and not queue._is_full():
        wake(queue._putters)


def wake_all(tickets: Any) -> None:
    """All who wait there."""
    while tickets:
        wake(tickets)


def put(queue: Any, item: Any, block: bool, timeout: float | None) -> None:
    """Put *item* in, and wait for room; in Python's own way if the queue is opened meanwhile."""
    end = _end(timeout) if block and queue.maxsize > 0 else None
    while not queue._opened:
        if queue._is_busy():
            let_others_run()
        elif not queue._is_full():
            queue._store(item)
            wake_others(queue)
            return
        elif not (block and wait(queue, "_putters", lambda: not queue._is_full(), end)):
            let_others_run()
            raise queue._said["Full"]
    queue._of.put(queue, item, block, timeout if end is None else max(0.0, end - monotonic()))


def get(queue: Any, block: bool, timeout: float | None) -> Any:
    """Take an item out, and wait for one; in Python's own way if the queue is opened meanwhile."""
    end = _end(timeout) if block else None
    while not queue._opened:
        if queue._is_busy():
            let_others_run()
        elif queue.queue:
            try:
                item = queue._fetch()
            except IndexError:
                if queue.queue:
                    raise  # the items' own, which compare themselves
                continue  # a native thread was faster
            wake_others(queue)
            return item
        elif not (block and wait(queue, "_getters", lambda: bool(queue.queue), end)):
            let_others_run()
            raise queue._said["Empty"]
    return queue._of.get(queue, block, timeout if end is None else max(0.0, end - monotonic()))


def join(queue: Any) -> None:
    """Until all tasks are done, or the queue is opened."""
    while queue.unfinished_tasks and not queue._opened:
        if not wait(queue, "_joiners", lambda: not queue.unfinished_tasks):
            return


def _end(timeout: float | None) -> float | None:
    if timeout is None:
        return None
    if timeout < 0:
        raise ValueError("'timeout' must be a non-negative number")
    return monotonic() + timeout


def open_for_good(queue: Any) -> None:
    """Make the lock and the conditions, and send there all who wait."""
    threading = sys.modules["threading"]
    while queue._is_busy():
        let_others_run()
    queue._slow += 1  # before anything else: from now on nobody passes
    space = vars(queue)
    mutex = space.setdefault("mutex", threading.Lock())
    for name in CONDITIONS:
        condition = threading.Condition(mutex)
        # What it would do by itself, trying to take the lock, lets others run each time; the answer is the same.
        condition._is_owned = mutex.locked
        space.setdefault(name, condition)
    queue._opened = True
    for tickets in (queue._getters, queue._putters, queue._joiners):
        wake_all(tickets)
