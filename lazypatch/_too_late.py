"""What was too late: warned of once for each target, and in strict mode the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._importers import likely
from ._strict import check, could_block

if TYPE_CHECKING:
    from ._enable import Session
    from ._references import Reference


def look(session: Session) -> None:
    """After a step that may have found something too late. A late install where everything was mended says nothing."""
    if session.strict:
        check(session)
    left: dict[str, list[Reference]] = {}
    for reference in session.references:
        if could_block(reference):
            left.setdefault(reference.target, []).append(reference)
    for target, references in left.items():
        from . import _errors

        _errors.warn_once(_errors.too_late(target, likely(session, target), references))
