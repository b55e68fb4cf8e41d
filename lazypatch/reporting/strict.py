"""Strict mode: what is too late ends the process, with the report on stderr and exit status 3."""

from __future__ import annotations

import atexit
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from .. import _errors
from ..late.catching_up import could_block
from ..late.repair import scan
from .problems import problems

if TYPE_CHECKING:
    from .._session import Session

STATUS = 3


def begin(session: Session) -> None:
    """From now on *session* is strict, up to the end of the process."""
    if session.check is None:
        session.check = lambda: check(session)
        session.selection.unrepaired = True  # what was taken out of os and time before, too
        atexit.register(_at_exit, session)


def _at_exit(session: Session) -> None:
    """Nothing may have been taken by a way that nobody noticed."""
    # A table has its mended keys beside those that were there, so that one is found again.
    mended = {(one.target, one.place) for one in session.selection.references if one.mended}
    found = problems(session) or [
        _errors.left(one)
        for one in scan(session.selection, session.originals)
        if could_block(one) and (one.target, one.place) not in mended
    ]
    if found:
        stop(session, found)


def check(session: Session) -> None:
    """End the process if there is anything to object to."""
    found = problems(session)
    if found:
        stop(session, found)


def stop(session: Session, found: list[str]) -> NoReturn:
    """The report on stderr, then the end: at once, whatever runs, in whichever thread.

    Not by SystemExit: site would make a failure of it, a thread would end alone, and an import inside ``try`` would
    go on.
    """
    try:
        from .requests import stopped

        stopped(session, found)
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    finally:
        os._exit(STATUS)
