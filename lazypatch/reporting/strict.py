"""Strict mode: what is too late ends the process, with the report on stderr and exit status 3."""

from __future__ import annotations

import atexit
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from .. import _errors, _state
from ..late.importers import likely
from .._targets import TARGETS

if TYPE_CHECKING:
    from .._session import Session
    from .._places import Reference

STATUS = 3

# Names whose originals neither block nor mix up what belongs to a greenlet.
_HARMLESS = {
    ("_thread", "get_ident"), ("_thread", "exit"), ("_thread", "stack_size"), ("_thread", "LockType"),
    ("_thread", "lock"), ("threading", "get_ident"), ("subprocess", "CompletedProcess"),
}  # fmt: skip


def could_block(reference: Reference) -> bool:
    """Whether *reference* was left and holds something that may block all greenlets."""
    return not reference.mended and (reference.target, reference.name) not in _HARMLESS


def problems(session: Session) -> list[str]:
    """What strict mode objects to, one line each; nothing for a program in which everything was in time."""
    found = []
    for name in TARGETS:
        if name not in session.wanted or name in session.vetoed:
            continue
        if name in session.early:
            found.append(_errors.loaded_before(name, likely(session, name)))
        elif _state.state(session, name) == "failed":
            found.append(_errors.left_native(name))
    return found + [_errors.left(reference) for reference in session.references if could_block(reference)]


def begin(session: Session) -> None:
    """From now on *session* is strict, up to the end of the process."""
    if not session.strict:
        session.strict = True
        session.unrepaired = True  # what was taken out of os and time before, too
        atexit.register(_at_exit, session)


def _at_exit(session: Session) -> None:
    """Nothing may have been taken by a way that nobody noticed."""
    from ..late.repair import scan

    found = problems(session) or [_errors.left(one) for one in scan(session) if could_block(one)]
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
