"""How one waits in a queue of ours, and how it is opened; loaded when somebody has to.

Each who waits holds a *ticket* in one of the queue's three lines. Who is woken looks again, as with a condition. Who
leaves, whatever for, wakes the next one if there is something for it, so no wake-up is lost with who was killed.
"""

from __future__ import annotations

import sys
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any

from gevent._hub_local import get_hub_if_exists
from gevent.hub import Waiter, sleep

from .._gevent import native
from ._waits import hub_to_wait_in
from .queue_class import BUSY

if TYPE_CHECKING:
    from collections.abc import Callable

CONDITIONS = ("not_empty", "not_full", "all_tasks_done")


class _Ticket:
    """Of a greenlet, which any native thread may wake."""

    __slots__ = ("hub", "waiter")

    def __init__(self, hub: Any) -> None:
        self.hub = hub
        self.waiter: Any = Waiter(hub)

    def wait(self, end: float | None) -> None:
        """Until it is released, or the time *end* has come."""
        if end is None:
            self.waiter.get()
            return
        timer = self.hub.loop.timer(max(0.0, end - monotonic()))
        try:
            timer.start(self.waiter.switch, None)
            self.waiter.get()
        finally:
            timer.stop()
            timer.close()

    def release(self) -> None:
        """Have it go on."""
        loop = self.hub.loop
        if get_hub_if_exists() is self.hub:
            loop.run_callback(self.waiter.switch, None)
        else:
            loop.run_callback_threadsafe(self.waiter.switch, None)


class _NativeTicket:
    """Of a native thread without a hub."""

    __slots__ = ("lock", "release")

    def __init__(self) -> None:
        self.lock = native("_thread", "allocate_lock")()
        self.lock.acquire()
        self.release = self.lock.release

    def wait(self, end: float | None) -> None:
        self.lock.acquire(True, -1 if end is None else max(0.0, end - monotonic()))


def wait(queue: Any, line: str, is_ready: Callable[[], bool], end: float | None = None) -> bool:
    """Until it is worth to look again; False if the time *end* has come, or if who asks cannot wait."""
    hub = hub_to_wait_in()
    if hub is None and _in_hub():
        return False  # it must not wait for those whom it runs
    ticket: Any = _NativeTicket() if hub is None else _Ticket(hub)
    tickets = vars(queue).setdefault(line, deque())
    queue._slow += 1  # from now on all others look who waits
    tickets.append(ticket)
    try:
        if not (queue._opened or is_ready()):
            ticket.wait(end)
        return queue._opened or is_ready() or end is None or end > monotonic()
    except BaseException:
        _leave(tickets, ticket)
        wake_others(queue)
        raise
    finally:
        _leave(tickets, ticket)
        queue._slow -= 1


def _in_hub() -> bool:
    from greenlet import getcurrent

    return get_hub_if_exists() is getcurrent()


def _leave(tickets: deque[Any], ticket: Any) -> None:
    try:
        tickets.remove(ticket)
    except ValueError:  # it was woken
        pass


def wake(tickets: Any) -> None:
    """The first of those who wait there."""
    try:
        ticket = tickets.popleft()
    except IndexError:  # another native thread was faster
        return
    ticket.release()


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


def put(queue: Any, documented: Callable[..., None], item: Any, block: bool, timeout: float | None) -> None:
    """Put *item* in, and wait for room; in Python's own way if the queue is opened meanwhile."""
    end = _end(timeout) if block and queue.maxsize > 0 else None
    while not queue._opened:
        if queue._slow >= BUSY:
            _let_others_run()
        elif not queue._is_full():
            queue._store(item)
            wake_others(queue)
            return
        elif not (block and wait(queue, "_putters", lambda: not queue._is_full(), end)):
            _let_others_run()
            raise queue._full
    documented(item, block, timeout if end is None else max(0.0, end - monotonic()))


def get(queue: Any, documented: Callable[..., Any], block: bool, timeout: float | None) -> Any:
    """Take an item out, and wait for one; in Python's own way if the queue is opened meanwhile."""
    end = _end(timeout) if block else None
    while not queue._opened:
        if queue._slow >= BUSY:
            _let_others_run()
        elif queue.queue:
            item = queue._fetch()
            wake_others(queue)
            return item
        elif not (block and wait(queue, "_getters", lambda: bool(queue.queue), end)):
            _let_others_run()
            raise queue._empty
    return documented(block, timeout if end is None else max(0.0, end - monotonic()))


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


def _let_others_run() -> None:
    """As natively, a loop that only tries keeps nobody from making its wish come true."""
    if hub_to_wait_in() is not None:
        sleep()
    elif not _in_hub():
        native("time", "sleep")(0)


def open_for_good(queue: Any) -> None:
    """Make the lock and the conditions, and send there all who wait."""
    threading = sys.modules["threading"]
    while queue._slow >= BUSY:
        _let_others_run()
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
