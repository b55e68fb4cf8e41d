"""A handler's greenlet is the main thread for everybody who asks: idents, locals, context variables, the frame.

gevent knows a thread by ``greenlet.getcurrent()``. While a handler runs, the modules in which threads are told apart
get one that gives the main thread's greenlet in a handler's: ``get_ident`` follows, and with it ``current_thread()``
and who owns an RLock. ``threading.local`` asks greenlet in C, so each gets the main thread's values under the handler's
greenlet, too. A context is lent, and changed in place.

What is not the main thread's: the frames below the handler, except the one that it is given, and the exception that is
being handled there.
"""

import gc
import sys
from contextvars import Context

from greenlet import getcurrent, greenlet

from . import thread_local
from .thread_local import ASK, LOCAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import Any

_bearers: "set[Any]" = set()


def main_greenlet() -> "Any":
    """The main thread's greenlet: the root, and after a fork in another thread, that thread's."""
    global _main
    threading: "Any" = sys.modules["threading"]
    ident = threading.main_thread().ident
    if id(_main) != ident:
        _main = _find(ident)
    return _main


def _find(ident: int) -> "Any":
    current: "Any" = getcurrent()
    while current is not None and id(current) != ident:
        root, current = current, current.parent
    if current is not None:
        return current
    found = [each for each in gc.get_objects() if id(each) == ident and isinstance(each, greenlet)]
    # Installed from another thread, the main one keeps its native ident.
    return found[0] if found else root


_main: "Any" = None


def _current() -> "Any":
    current = thread_local.current()
    return main_greenlet() if current in _bearers else current


def _otherwise(name: str) -> "Any":
    """What the module *name* asks for the current greenlet while no handler runs."""
    return thread_local.current if name in ASK else getcurrent


def lend() -> None:
    """The first handler is about to run."""
    for name in (*ASK, "gevent.lock"):
        module = sys.modules.get(name)
        if module is not None and vars(module).get("getcurrent") is _otherwise(name):
            vars(module)["getcurrent"] = _current


def take_back() -> None:
    """None runs any more."""
    for name in (*ASK, "gevent.lock"):
        module = sys.modules.get(name)
        if module is not None and vars(module).get("getcurrent") is _current:
            vars(module)["getcurrent"] = _otherwise(name)


def bearers() -> "list[Any]":
    """The greenlets of handlers that run."""
    return list(_bearers)


def share(below: "Any", run: "Any") -> None:
    """What is *below*'s is *run*'s, too."""
    _bearers.add(run)
    for _, values in _locals(below):
        if id(below) in values:
            values[id(run)] = values[id(below)]
    if below.gr_context is None:
        below.gr_context = Context()
    run.gr_context = below.gr_context


def hand_back(run: "Any", below: "Any") -> None:
    """Nothing is *run*'s any more; what it made is *below*'s."""
    _bearers.discard(run)
    for key, values in _locals(run):
        if id(run) in values:
            values.setdefault(id(below), values[id(run)])
            vars(below)[key] = vars(run)[key]
    for _, values in _locals(below):
        values.pop(id(run), None)


def _locals(of: "Any") -> "Iterator[tuple[str, dict[int, Any]]]":
    """Each thread-local object that has values for the greenlet *of*: its key there, and its values for all.

    Those are in an object of gevent's that is compiled and shows nothing; the collector knows what it holds.
    """
    for key, reference in list(vars(of).items()):
        implementation = reference() if key.startswith(LOCAL) else None
        for held in gc.get_referents(implementation) if implementation is not None else ():
            if type(held).__name__ == "_wrefdict":
                yield key, held


def frame_of(below: "Any") -> "FrameType | None":
    """The frame in which it waits, as the program sees it: natively a wait has none of its own."""
    frame = below.gr_frame
    while frame is not None and str(frame.f_globals.get("__name__")).startswith(("gevent.", "lazypatch.")):
        frame = frame.f_back
    return frame or below.gr_frame  # type: ignore[no-any-return]
