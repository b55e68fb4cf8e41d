"""A finder in front of ours hid a target: move back to the front, once, and say who it was."""

from __future__ import annotations

import sys

from .._errors import hidden as _hidden
from .._errors import users_line, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._finder import Finder
    from .._targets import Selection


def explain(selection: Selection, finder: Finder, hidden: list[str]) -> None:
    """Take the targets *hidden* for late, and warn of what happened to them."""
    selection.came_late(hidden)
    names = ", ".join((other if isinstance(other, type) else type(other)).__name__ for other in _in_front(finder))
    warn(_hidden(hidden, names, users_line()))


def _in_front(finder: Finder) -> list[object]:
    """The finders that are asked before *finder*; it moves to the front of them, once in a process."""
    finders: list[object] = list(sys.meta_path or ())
    ahead = finders[: finders.index(finder)] if finder in finders else finders
    if ahead and not finder.moved and sys.meta_path is not None:
        finder.moved = True
        # Insert first, remove afterwards: an import that iterates the list meanwhile sees us twice, never not once.
        sys.meta_path.insert(0, finder)
        if finder in sys.meta_path[1:]:
            del sys.meta_path[sys.meta_path.index(finder, 1)]
    return ahead
