"""A finder in front of ours hid a target: move back to the front, once, and say who it was."""

from __future__ import annotations

from .._errors import hidden as _hidden
from .._errors import users_line, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._finder import Finder
    from .._targets import Selection


def explain(selection: Selection, finder: Finder, hidden: list[str]) -> None:
    """Take the targets *hidden* for late, and warn of what happened to them."""
    selection.came_late(hidden)
    names = ", ".join((other if isinstance(other, type) else type(other)).__name__ for other in finder.in_front())
    warn(_hidden(hidden, names, users_line()))
