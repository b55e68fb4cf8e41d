"""Somebody called gevent.monkey: do what was asked for, say what gevent says then, note for the report who it was."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ..api import patching

if TYPE_CHECKING:
    from .._session import Session
    from .._gevent import Truth


def called(truth: Truth, function: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Somebody called gevent.monkey's *function*."""
    _say_again(truth, function.removeprefix("patch_"))
    _note(truth.session, function)
    kwargs.pop("_warnings", None)
    kwargs.pop("_first_time", None)
    if function == "patch_thread" and len(args) < 3:
        kwargs.setdefault("Event", True)  # gevent's default
    return getattr(_api, function)(*args, **kwargs)


def _say_again(truth: Truth, word: str) -> None:
    """Tell the subscribers, as gevent does, what is patched already."""
    word = "socket" if word == "dns" else word
    repeated = word in truth.called
    truth.called.add(word)
    if truth.events is not None:
        truth.events.again(word, repeated)


def _note(session: Session, function: str) -> None:
    """Write down that *function* was called, or the one of gevent.monkey's functions that called it."""
    frame = sys._getframe(1)
    while frame.f_back is not None and _is_between(str(frame.f_globals.get("__name__"))):
        name = frame.f_code.co_name
        if name.startswith("patch_"):
            function = name  # the outermost is what the program called
        frame = frame.f_back
    session.note("foreign", (function,), frame)


def _is_between(module: str) -> bool:
    return module.partition(".")[0] in ("gevent", "lazypatch")
