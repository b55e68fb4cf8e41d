"""What lazypatch raises and warns with, and how a warning finds the user's line."""

from __future__ import annotations

import sys
import types


class LazyPatchError(ValueError):
    """Something was asked of lazypatch that it cannot do: says what was asked, what was found, what to do."""


class LazyPatchWarning(RuntimeWarning):
    """Something will not be cooperative, or not safely so; the program goes on."""


_OURS = ("lazypatch", "gevent", "importlib", "wrapt", "runpy", "site")


def warn(message: str) -> None:
    """Issue a :class:`LazyPatchWarning` on the user's line. Never raises, whatever the warning filters say.

    Under ``-W error`` the line goes to stderr instead: an import must not fail because of us.
    """
    import warnings

    frame = _users_frame()
    try:
        if frame is None:
            warnings.warn(message, LazyPatchWarning, stacklevel=2)
        else:
            warnings.warn_explicit(
                message,
                LazyPatchWarning,
                frame.f_code.co_filename,
                frame.f_lineno,
                registry=frame.f_globals.setdefault("__warningregistry__", {}),
            )
    except LazyPatchWarning:
        complain(message)


def _users_frame() -> "types.FrameType | None":
    frame: "types.FrameType | None" = sys._getframe(1)
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        internal = frame.f_code.co_filename.startswith("<frozen")
        if not internal and name.partition(".")[0] not in _OURS:
            return frame
        frame = frame.f_back
    return None


def complain(message: str) -> None:
    """One line on stderr, if there is one."""
    if sys.stderr is not None:
        sys.stderr.write(f"lazypatch: {message}\n")
