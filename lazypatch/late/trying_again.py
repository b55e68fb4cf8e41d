"""What could not be done when it was due is done at the next import of anything, and when somebody asks.

Two things come to that: a target was loaded when gevent could not be found yet (a later .pth file brings it, or the
program that unpacks it), and somebody pressed Ctrl-C while gevent was being loaded or targets were being installed.
"""

from __future__ import annotations

import sys
from _thread import _count
from typing import TYPE_CHECKING

from .._import_again import complete
from .._look_up import half_imported
from .._state import gevent_can_be_found
from .._targets import STAND_INS

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from .._finder import Finder
    from .._protocols import Watcher
    from .._scheduler import Scheduler
    from .._targets import Selection

    class Host(Protocol):
        """What is asked of the session."""

        selection: Selection
        finder: Finder
        check: Callable[[], object] | None

        @property
        def made(self) -> object: ...  # true once there is a scheduler
        @property
        def scheduler(self) -> Scheduler: ...
        @property
        def unfinished(self) -> bool: ...
        def at_work(self) -> Watcher: ...


_AFTER_ALL_PTH_FILES = "sitecustomize"  # site looks for it when it has read them


class Watched(set[str]):
    """The names that the finder watches, and any other one at the moment to try again: that import is taken part in."""

    def __init__(self, host: Host) -> None:
        super().__init__(host.finder.names)
        self._host = host
        self._looked: list[object] = []  # sys.path and sys.meta_path as they were when gevent was looked for

    def __contains__(self, name: object) -> bool:
        if super().__contains__(name):
            return True
        if str(name).startswith("lazypatch") or not self.is_time(str(name)):
            return False
        if name == _AFTER_ALL_PTH_FILES:  # most likely there is none
            self._host.at_work().before(_AFTER_ALL_PTH_FILES)
            return False
        return not _count()

    def is_time(self, name: str = "") -> bool:
        """Whether to try again, at the import of *name*."""
        host, selection = self._host, self._host.selection
        if host.made and (host.scheduler.is_loading() or host.scheduler.busy):
            return False  # it is an import of ours
        if name == _AFTER_ALL_PTH_FILES:
            selection.expecting = False
        if selection.unfound:
            now: list[object] = [*sys.path, *(sys.meta_path or ())]
            if now == self._looked and name != _AFTER_ALL_PTH_FILES:
                return False
            self._looked = now
            if not gevent_can_be_found():
                if host.check is not None:
                    host.check()
                return False
        if native(selection):
            return True
        selection.unfound = False
        host.finder.names = set(self)
        return False


def try_later(host: Host) -> None:
    """From now on, until it is done."""
    if not host.unfinished:
        host.finder.names = Watched(host)


def when_asked(host: Host) -> None:
    """Somebody asks what is patched."""
    names = host.finder.names
    if isinstance(names, Watched) and names.is_time():
        host.at_work().before("")


def begin_strictly(host: Host) -> None:
    """Nothing is too late yet; but where gevent is missing, strict mode is to end before the program begins."""
    host.selection.unfound = not gevent_can_be_found()
    if host.selection.unfound:
        try_later(host)


def finish(host: Host) -> None:
    """Ctrl-C has stopped what was going on: bring it to its end, before the program sees the interrupt.

    A second Ctrl-C stops this as well; then the next import tries again.
    """
    try:
        if not _count():  # else another thread may wait for a module whose lock is held here
            host.at_work().catch_up(True)
            complete()
    except BaseException:
        pass
    # Such as select, which waits for selectors, whose import is what is stopped.
    recorded = host.scheduler.originals.recorded if host.made else bool
    rest = [name for name in native(host.selection) if not (recorded(sys.modules[name]) or half_imported(name))]
    if rest or not (host.made and host.scheduler.loaded):
        host.selection.came_late(rest)
        try_later(host)


def native(selection: Selection) -> list[str]:
    """The targets that are loaded, and that stand-ins do not look after."""
    return [name for name in selection.wanted if name in sys.modules and name not in STAND_INS]
