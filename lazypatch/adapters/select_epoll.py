"""select.epoll exists, and the others run while its poll() waits; and so does selectors.EpollSelector.

gevent.monkey removes both, because C's poll() stops every greenlet, and hopes that whoever looks for epoll finds
select instead: trio and curio do not start. But an epoll is itself a descriptor that is ready when it has something
to tell, so one that waits for its own descriptor in the hub is an epoll that cooperates. Here is that class; all but
the wait is the native object's. ``selectors.DefaultSelector`` stays gevent's. A poll() that has something to tell at
once, or is not to wait, does not go through the hub, except every few milliseconds: a program that always has
something to do would keep the others waiting, which the interpreter does not do to its threads either.

Two things differ from the native class: this one can be subclassed, and its ``poll`` ends with what closes it in
another thread. kqueue stays removed: nobody has tried this with it.
"""

from __future__ import annotations

import select
import sys
from time import monotonic

from .._gevent import native
from .._install import Change
from ._waits import READ, hub_to_wait_in, wait_for, with_a_turn_for_others

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

_native: Any = native("select", "epoll") if sys.platform == "linux" else None


class epoll:
    __slots__ = ("__weakref__", "_epoll", "_turn")
    __module__ = "select"

    def __init__(self, sizehint: int = -1, flags: int = 0) -> None:
        self._epoll = _native(sizehint, flags)
        self._turn = 0.0  # when the others had theirs

    @classmethod
    def fromfd(cls, fd: int, /) -> epoll:
        made = cls.__new__(cls)
        made._epoll = _native.fromfd(fd)
        made._turn = 0.0
        return made

    def close(self) -> None:
        hub = hub_to_wait_in()
        if hub is not None and hub.loop and not self._epoll.closed:
            hub.loop.closing_fd(self._epoll.fileno())  # who polls it wakes up, and finds it closed
        self._epoll.close()

    @property
    def closed(self) -> bool:
        """True if the epoll handler is closed"""
        return self._epoll.closed  # type: ignore[no-any-return]

    def fileno(self) -> int:
        return self._epoll.fileno()  # type: ignore[no-any-return]

    def register(self, fd: Any, *args: Any, **kwargs: Any) -> None:
        self._epoll.register(fd, *args, **kwargs)

    def modify(self, fd: Any, eventmask: int) -> None:
        self._epoll.modify(fd, eventmask)

    def unregister(self, fd: Any) -> None:
        self._epoll.unregister(fd)

    def poll(self, timeout: Any = None, maxevents: int = -1) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = self._epoll.poll(0, maxevents)
        if found or timeout == 0:
            self._turn = with_a_turn_for_others(self._turn)
            return found
        hub = hub_to_wait_in()
        if hub is None or not (timeout is None or isinstance(timeout, (int, float))):
            return self._epoll.poll(timeout, maxevents)  # type: ignore[no-any-return]
        end = None if timeout is None or timeout < 0 else monotonic() + timeout
        while not found:
            left = None if end is None else end - monotonic()
            if left is not None and left <= 0:
                break
            wait_for(hub, self._epoll.fileno(), READ, left)
            found = self._epoll.poll(0, maxevents)
        self._turn = monotonic()
        return found

    def __enter__(self) -> epoll:
        self._epoll.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def _documented() -> type:
    epoll.__doc__ = _native.__doc__
    for name in ("close", "fileno", "register", "modify", "unregister", "poll", "fromfd"):
        function = vars(epoll)[name]
        getattr(function, "__func__", function).__doc__ = getattr(_native, name).__doc__
    return epoll


def plan(module: Any) -> list[Change]:
    """The class for select; for selectors, the selector that was removed, on that class."""
    if _native is None:
        return []
    if module is select:
        return [Change(module, "epoll", _documented())]
    selector = native("selectors", "EpollSelector")
    changes = [Change(selector, "_selector_cls", epoll)]
    return changes if hasattr(module, "EpollSelector") else [*changes, Change(module, "EpollSelector", selector)]
