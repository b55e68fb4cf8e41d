"""What could not be done when it was due is done at the next import of anything, and when somebody asks.

Two things come to that: a target was loaded when gevent could not be found yet (a later .pth file brings it, or the
program that unpacks it), and somebody pressed Ctrl-C while gevent was being loaded or targets were being installed.
"""

from __future__ import annotations

import sys
from _thread import _count
from typing import TYPE_CHECKING

from .._state import gevent_can_be_found
from .._targets import STAND_INS

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from .._finder import Finder
    from .._scheduler import Scheduler
    from .._targets import Selection

    class Host(Protocol):
        """What is asked of the session."""

        selection: Selection
        finder: Finder
        check: Callable[[], object] | None

        @property
        def started(self) -> bool: ...
        @property
        def scheduler(self) -> Scheduler: ...
        def catch_up(self, quiet: bool) -> None: ...
        def also(self, name: str) -> bool: ...
        def before(self, name: str) -> None: ...


_AFTER_ALL_PTH_FILES = "sitecustomize"  # site looks for it when it has read them
_looked: list[object] = []  # sys.path and sys.meta_path as they were when gevent was looked for


def is_time(host: Host, name: str) -> bool:
    """Whether the import of *name*, which nobody waits for, is the moment to try again."""
    selection = host.selection
    if host.started and (host.scheduler.is_loading() or host.scheduler.busy):
        return False  # it is an import of ours
    if name == _AFTER_ALL_PTH_FILES:
        selection.expecting = False
    if not selection.unfound:
        return True
    now: list[object] = [*sys.path, *(sys.meta_path or ())]
    if now == _looked and name != _AFTER_ALL_PTH_FILES:
        return False
    _looked[:] = now
    if not gevent_can_be_found():
        if host.check is not None:
            host.check()
        return False
    if native(selection):
        return True
    host.finder.also, selection.unfound = None, False
    return False


def native(selection: Selection) -> list[str]:
    """The targets that are loaded, and that stand-ins do not look after."""
    return [name for name in selection.wanted if name in sys.modules and name not in STAND_INS]


def when_asked(host: Host) -> None:
    """The same for somebody who asks what is patched."""
    if is_time(host, ""):
        host.before("")


def finish(host: Host) -> None:
    """Ctrl-C has stopped what was going on: bring it to its end, before the program sees the interrupt.

    A second Ctrl-C stops this as well; then the next import tries again.
    """
    try:
        if not _count():  # else another thread may wait for a module whose lock is held here
            host.catch_up(True)
            return
    except BaseException:
        pass
    host.selection.came_late(native(host.selection))
    host.finder.also = host.also
