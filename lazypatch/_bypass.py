"""A finder in front of ours hid a target: move back to the front, once, and say who it was."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ._errors import warn

if TYPE_CHECKING:
    from ._finder import Finder

_moved = False


def explain(finder: Finder, hidden: list[str]) -> None:
    """Warn of what happened to the targets *hidden*."""
    names = ", ".join(type(other).__name__ for other in _in_front(finder))
    by = f", by {names} in front of it on sys.meta_path" if names else ""
    warn(
        f"{', '.join(hidden)}: imported without lazypatch being asked{by}. Installed now; names that were taken out "
        "before still block. Arm lazypatch after whatever puts that finder there."
    )


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
