"""What was loaded before it was armed: installed late; what that missed is warned of or, in strict mode, the end."""

from __future__ import annotations

import atexit
import sys
from typing import TYPE_CHECKING

from .._targets import STAND_INS, TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._originals import Originals
    from .._places import Reference
    from .._scheduler import Scheduler
    from .._targets import Selection


def catch_up(scheduler: Scheduler, selection: Selection, quiet: bool) -> None:
    """Something was armed late: load gevent if need be, and install all that is there."""
    wanted = selection.wanted
    if scheduler.loaded:
        scheduler.reopen()
    else:
        scheduler.load(quiet=quiet)
    alone = [row.after for row in TARGETS.values() if row.name in sys.modules and row.after in wanted]
    list(map(__import__, alone if scheduler.loaded else ()))  # what a late target waits for
    if selection.unfound and not _at_exit:
        _at_exit.append(atexit.register(_tell, selection))


_at_exit: list[object] = []


def _tell(selection: Selection) -> None:
    """Nothing else has told it: the program imported no target of its own."""
    loaded = [name for name in selection.wanted if name in sys.modules and name not in STAND_INS]
    if selection.unfound and loaded:
        from .. import _errors

        _errors.complain(_errors.no_gevent(loaded, ModuleNotFoundError(name="gevent")))


# Names whose originals neither block nor mix up what belongs to a greenlet.
_HARMLESS = {
    ("_thread", "get_ident"), ("_thread", "exit"), ("_thread", "stack_size"), ("_thread", "LockType"),
    ("_thread", "lock"), ("threading", "get_ident"), ("subprocess", "CompletedProcess"),
}  # fmt: skip


def could_block(reference: Reference) -> bool:
    """Whether *reference* was left and holds something that may block all greenlets."""
    return not reference.mended and (reference.target, reference.name) not in _HARMLESS


def look(selection: Selection, originals: Originals | None, check: Callable[[], object] | None) -> None:
    """After a step that may have found something too late. A late install where everything was mended says nothing.

    *check* is strict mode's.
    """
    if check is not None:
        check()
    left = [one for one in selection.references if could_block(one) and (one.target, one.place) not in selection.told]
    if left:
        from .._errors import warn
        from .words import too_late

        selection.told.update((reference.target, reference.place) for reference in left)
        warn(too_late(selection, originals, left))
