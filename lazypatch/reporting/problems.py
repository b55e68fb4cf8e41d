"""What strict mode objects to, in words."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .. import _errors, _state
from .._targets import TARGETS
from ..late.catching_up import could_block
from ..late.importers import likely

if TYPE_CHECKING:
    from .._session import Session


def problems(session: Session) -> list[str]:
    """What strict mode objects to, one line each; nothing for a program in which everything was in time."""
    found = []
    selection = session.selection
    may_be = not selection.wanted or selection.expecting or "gevent" in sys.modules
    if not may_be and not _state.gevent_can_be_found():
        found.append(_errors.gevent_is_missing())
    for name in TARGETS:
        if name not in session.selection.wanted or name in session.selection.vetoed:
            continue
        if name in session.selection.early and not session.selection.forked:
            found.append(_errors.loaded_before(name, likely(session.selection, session.originals, name)))
        elif _state.state(session.selection, session.originals, name) == "failed":
            found.append(_errors.left_native(name))
    return found + [_errors.left(reference) for reference in session.selection.references if could_block(reference)]
