"""How a call waits without stopping the others: in the hub if there is one to wait in, else natively.

Three ways, from the best to the last resort: for a descriptor, by a watcher of gevent's; for a call that can also be
tried without waiting, by trying again and again with growing pauses; for any other, in the hub's threadpool.
"""

import os
import sys
from _thread import get_native_id
from time import monotonic

from gevent._hub_local import get_hub_if_exists
from gevent.hub import get_hub
from greenlet import getcurrent

from .._gevent import native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

FIRST_PAUSE, LONGEST_PAUSE = 0.0005, 0.05  # seconds
READ, WRITE = 1, 2


def hub_to_wait_in() -> "Any":
    """The hub in which the caller may wait; None where it has to wait natively.

    That is at the interpreter's end, in the hub itself while that waits already, and in a native thread that has no
    hub: it was started with ``original("threading")``, or by C code, and nobody but itself waits when it does.
    """
    if sys.is_finalizing():
        return None
    hub = get_hub_if_exists()
    if hub is None and not is_main_native_thread():
        return None
    hub = hub or get_hub()
    return hub if getcurrent() is not hub or can_wait_itself(hub) else None


def can_wait_itself(hub: "Any") -> bool:
    from ._hub_waits import let_wait

    return let_wait(hub)


def is_main_native_thread() -> bool:
    """Whether the caller runs in the process's first native thread, or in the one that forked."""
    if sys.platform == "linux":
        return get_native_id() == os.getpid()
    main: "Any" = sys.modules["threading"].main_thread()
    return bool(main.native_id == get_native_id())


def wait_for(
    hub: "Any", descriptor: int, events: int, timeout: "float | None" = None, known: "list[Any] | None" = None
) -> bool:
    """Let the others run until *descriptor* is ready for *events*, READ or WRITE; it is watched anew for each caller.

    :param timeout: seconds after which False is given; None for no limit.
    :param known: where to keep (hub, watcher) meanwhile, for whoever closes the descriptor, and ends the wait.
    :raises OSError: where it cannot be watched, as a regular file with epoll.
    """
    watcher = hub.loop.io(descriptor, events)
    entry = (hub, watcher)
    if known is not None:
        known.append(entry)
    try:
        if timeout is None:
            hub.wait(watcher)
            return True
        from gevent import Timeout

        with Timeout(timeout, False):
            hub.wait(watcher)
            return True
        return False
    finally:
        if known is not None and entry in known:
            known.remove(entry)
        watcher.stop()
        watcher.close()


def poller(descriptor: int, events: int) -> "Callable[[int], list[Any]]":
    """What tells, called with 0, whether reading it, or writing a little to it, would not wait, or would fail."""
    import select  # noqa: F401  # loaded, so that there is an original

    made = native("select", "poll")()
    made.register(descriptor, 1 if events == READ else 4)
    poll: "Callable[[int], list[Any]]" = made.poll
    return poll


def try_until(attempt: "Callable[[], Any]", timeout: "float | None" = None) -> "Any":
    """Call *attempt* until it gives something else than None, with growing pauses in which the others run.

    :param timeout: seconds after which None is given; None for no limit.
    """
    from gevent import sleep

    end = None if timeout is None else monotonic() + float(timeout)
    pause = FIRST_PAUSE
    while True:
        found = attempt()
        if found is not None:
            return found
        if end is not None:
            left = end - monotonic()
            if left <= 0:
                return None
            sleep(min(pause, left))
        else:
            sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def kind_of_watchers(loop: "Any") -> "Any":
    """The class of all watchers of *loop*, which has its name in libev's module and in libuv's."""
    with loop.timer(0) as one:
        return next(kind for kind in type(one).__mro__ if kind.__name__ == "watcher")


def with_a_turn_for_others(since: float) -> float:
    """The time at which the others ran last, which was *since*: they do now if that is long ago, and they can."""
    now = monotonic()
    if now - since <= sys.getswitchinterval():
        return since
    hub = hub_to_wait_in()
    if hub is not None:
        one_round(hub)
    return monotonic()


def one_round(hub: "Any") -> None:
    """Return when the loop of *hub* has come round, and all who are ready have had a turn."""
    # gevent.sleep(0) would not do: up to a thousand of them are one round of the loop, and no timer ends.
    with hub.loop.timer(0) as timer:
        hub.wait(timer)


def in_threadpool(hub: "Any", call: "Callable[..., Any]", *args: "Any") -> "Any":
    """What *call* gives, run in a native thread while the others run."""
    return hub.threadpool.apply(call, args)
