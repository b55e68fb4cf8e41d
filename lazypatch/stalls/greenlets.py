"""Every greenlet that lives: whose it is, what it waits in, where it was spawned."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from .._places import Place
from .frames import Line, stack

if TYPE_CHECKING:
    from types import FrameType


class Known(NamedTuple):
    """A greenlet, or a native thread that has none, at a moment."""

    name: str
    state: str  # running, waiting, not started
    stack: list[Line]  # innermost first


def living() -> list[Any]:
    """All greenlets that have not ended, the collector's way: nobody keeps a list of them."""
    import gc

    kind: Any = getattr(sys.modules.get("greenlet"), "greenlet", None)
    # By its type: isinstance() asks what passes for another class which one, and runs code of the program's.
    return [] if kind is None else [one for one in gc.get_objects() if issubclass(type(one), kind) and not one.dead]


def _is_running(greenlet: Any) -> bool:
    """Whether it is the current one of its native thread, as far as others can see that."""
    return bool(greenlet) and greenlet.gr_frame is None


def spawned(hub: Any) -> list[Line]:
    """Where the greenlet was spawned that runs in *hub*'s thread: it is all C, and has no line of its own."""
    for greenlet in living():
        if greenlet is not hub and greenlet.parent is hub and _is_running(greenlet):
            frame: Any = getattr(greenlet, "spawning_stack", None)
            lines: list[Line] = []
            while frame is not None:  # gevent's copies of frames, which have no namespace
                code = frame.f_code
                lines.append(Line(Place("", code.co_filename, frame.f_lineno or 0, f"<spawn in {code.co_name}>"), None))
                frame = frame.f_back
            return lines
    return []


def everybody() -> list[Known]:
    """Greenlets and native threads, those that run first; without the native threads that watch."""
    frames: dict[int, Any] = {ident: frame for ident, frame in sys._current_frames().items() if not _watches(frame)}
    threads, everyone = _names(), living()
    hubs = [one for one in everyone if hasattr(one, "loop") and hasattr(one, "thread_ident")]
    hub_of = {id(one): one for one in hubs} | {id(one.parent): one for one in hubs}
    found = []
    for greenlet in everyone:
        hub = hub_of.get(id(greenlet)) or hub_of.get(id(greenlet.parent))
        running = _is_running(greenlet)
        if running and greenlet.parent is None and hub is None:
            continue  # the root of a native thread without a hub, which is told below
        state = "running" if running else "waiting" if greenlet else "not started"
        frame = frames.pop(getattr(hub, "thread_ident", -1), None) if running else greenlet.gr_frame
        found.append(Known(_name(greenlet, greenlet in hubs, threads), state, stack(frame)))
    found += [
        Known(f"native thread {threads.get(ident, ident)}", "running", stack(frame)) for ident, frame in frames.items()
    ]
    return sorted(found, key=lambda one: one.state != "running")


def _watches(frame: FrameType | None) -> bool:
    """Whether it is a native thread of this folder's."""
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    return frame is not None and str(frame.f_globals.get("__name__")).startswith(__name__.rpartition(".")[0])


def _names() -> dict[int, str]:
    """Threads by ident, which is that of their greenlet where they are greenlets."""
    active: dict[int, Any] = getattr(sys.modules.get("threading"), "_active", {})
    return {ident: str(thread.name) for ident, thread in list(active.items())}


def _name(greenlet: Any, is_hub: bool, threads: dict[int, str]) -> str:
    if is_hub:
        return f"hub of native thread {greenlet.thread_ident}"
    thread = threads.get(id(greenlet))
    if thread is not None:
        return f"thread {thread}"
    own = getattr(greenlet, "name", None)
    return f"greenlet {own if isinstance(own, str) else hex(id(greenlet))}"
