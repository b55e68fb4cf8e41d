"""Somebody called gevent.monkey: do what was asked for, say what gevent says then, note for the report who it was."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from .gevent_events import Events

    class Bridge(Protocol):
        """Our side: who listens, and what was called already."""

        called: set[str]
        note: Any

        @property
        def events(self) -> Events | None: ...


def called(bridge: Bridge, function: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Somebody called gevent.monkey's *function*."""
    _say_again(bridge, function.removeprefix("patch_"))
    _note(bridge, function)
    kwargs.pop("_warnings", None)
    kwargs.pop("_first_time", None)
    if function == "patch_thread" and len(args) < 3:
        kwargs.setdefault("Event", True)  # gevent's default
    # Back in at the front door, which is above this file.
    return getattr(sys.modules[__name__.partition(".")[0]], function)(*args, **kwargs)


def _say_again(bridge: Bridge, word: str) -> None:
    """Tell the subscribers, as gevent does, what is patched already."""
    word = "socket" if word == "dns" else word
    repeated = word in bridge.called
    bridge.called.add(word)
    if bridge.events is not None:
        bridge.events.again(word, repeated)


def _note(bridge: Bridge, function: str) -> None:
    """Write down that *function* was called, or the one of gevent.monkey's functions that called it."""
    frame = sys._getframe(1)
    while frame.f_back is not None and _is_between(str(frame.f_globals.get("__name__"))):
        name = frame.f_code.co_name
        if name.startswith("patch_"):
            function = name  # the outermost is what the program called
        frame = frame.f_back
    bridge.note("foreign", (function,), frame)


def _is_between(module: str) -> bool:
    return module.partition(".")[0] in ("gevent", "lazypatch")
