"""What lazypatch raises and warns with, and how a warning finds the user's line."""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


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


def one_line(error: BaseException) -> str:
    """*error* without line breaks."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def no_gevent(wanted: Iterable[str], error: BaseException) -> str:
    """gevent could not be loaded."""
    missing = isinstance(error, ModuleNotFoundError) and error.name == "gevent"
    found = "gevent is not installed" if missing else f"gevent cannot be imported ({one_line(error)})"
    return (
        f"could not make {', '.join(sorted(wanted))} cooperative: {found}. The program runs with the standard blocking "
        "modules. Install a working gevent for this Python, or switch lazypatch off."
    )


def not_installed(names: Iterable[str], error: BaseException) -> str:
    """An install failed and was taken back."""
    return (
        f"could not make {' and '.join(names)} cooperative: {one_line(error)}. It was left as it was, so it blocks. "
        "Please report this with your versions of Python, gevent and lazypatch."
    )


def subscriber_failed(error: BaseException) -> str:
    """Somebody who listens to gevent's events raised something."""
    return f"a subscriber of gevent's monkey-patching events failed: {one_line(error)}. Patching goes on."


def not_mended(error: BaseException) -> str:
    """Looking for raw references failed as a whole."""
    return (
        f"could not look for names that were taken before their module was made cooperative: {one_line(error)}. Those "
        "still block. Please report this with your versions of Python, gevent and lazypatch."
    )
