"""Who called gevent.monkey: looked up when somebody does, for the report."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._enable import Session


def note(session: Session, function: str) -> None:
    """Write down that *function* of gevent.monkey was called, or the one of its functions that called it."""
    frame = sys._getframe(1)
    while frame.f_back is not None and _is_between(str(frame.f_globals.get("__name__"))):
        name = frame.f_code.co_name
        if name.startswith("patch_"):
            function = name  # the outermost is what the program called
        frame = frame.f_back
    session.note("foreign", (function,), frame)


def _is_between(module: str) -> bool:
    return module.partition(".")[0] in ("gevent", "lazypatch")
