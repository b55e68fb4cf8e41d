"""What was loaded before it was armed: installed late; what that missed is warned of or, in strict mode, the end."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .._targets import TARGETS

if TYPE_CHECKING:
    from .._session import Session
    from .._places import Reference
    from .._scheduler import Scheduler


def catch_up(scheduler: Scheduler, quiet: bool) -> None:
    """Something was armed late: load gevent if need be, and install all that is there."""
    wanted = scheduler.session.wanted
    if scheduler.loaded:
        scheduler.reopen(wanted)
    else:
        scheduler.load(quiet=quiet)
    alone = [row.after for row in TARGETS.values() if row.name in sys.modules and row.after in wanted]
    list(map(__import__, alone if scheduler.loaded else ()))  # what a late target waits for


def look(session: Session) -> None:
    """After a step that may have found something too late. A late install where everything was mended says nothing."""
    from .importers import likely
    from ..reporting.strict import check, could_block

    if session.strict:
        check(session)
    left: dict[str, list[Reference]] = {}
    for reference in session.references:
        if could_block(reference):
            left.setdefault(reference.target, []).append(reference)
    for target, references in left.items():
        from .. import _errors

        _errors.warn_once(_errors.too_late(target, likely(session, target), references))
