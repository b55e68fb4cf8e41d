"""A finder in front of ours hid a target: move back to the front, once, and say who it was."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from .._errors import hidden as _hidden
from .._errors import users_line, warn

if TYPE_CHECKING:
    from .._session import Session

_moved = False


def explain(session: Session, hidden: list[str]) -> None:
    """Take the targets *hidden* for late, and warn of what happened to them."""
    session.came_late(hidden)
    in_front = _in_front(session.finder)
    names = ", ".join((other if isinstance(other, type) else type(other)).__name__ for other in in_front)
    warn(_hidden(hidden, names, users_line()))


def _in_front(finder: Any) -> list[object]:
    global _moved
    finders: list[object] = list(sys.meta_path or ())
    ahead = finders[: finders.index(finder)] if finder in finders else finders
    if ahead and not _moved and sys.meta_path is not None:
        _moved = True
        # Insert first, remove afterwards: an import that iterates the list meanwhile sees us twice, never not at all.
        sys.meta_path.insert(0, finder)
        if finder in sys.meta_path[1:]:
            del sys.meta_path[sys.meta_path.index(finder, 1)]
    return ahead
