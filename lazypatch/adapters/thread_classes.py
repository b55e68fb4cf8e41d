"""The main thread is a threading.Thread, _thread.exit() raises SystemExit, and a thread that has not begun is not over.

What differs in gevent's. `threading.Thread` is a subclass of Python's, but the classes of the main thread and of those
that threading does not know are made of Python's own: ``isinstance(threading.main_thread(), threading.Thread)`` is
False. ``_thread.exit()`` raises GreenletExit, which ``except SystemExit`` does not see. From 3.13 on ``repr()`` says of
a thread that has not been started that it has stopped.

What is replaced. The base of the two classes, by gevent's Thread, but for the one method that this has; the
function, by Python's own; and ``is_done()`` of gevent's handles.
"""

from __future__ import annotations

import sys

from .._gevent import native
from .changes import Change, Put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def plan(module: Any) -> list[Change]:
    """The bases for threading; for _thread, the function and the handles."""
    if module.__name__ == "threading":
        plain = native("threading", "Thread")
        kinds = [module._MainThread, native("threading", "_DummyThread")]
        found = [kind for kind in kinds if kind.__bases__ == (plain,) and module.Thread.__bases__ == (plain,)]
        bases: list[Change] = [Put(_setter(kind), (plain,), (module.Thread,)) for kind in found]
        # Up to 3.12 gevent's has another one, which is for greenlets that it has made itself.
        name, space = "_set_tstate_lock", vars(plain)
        return [Change(kind, name, space[name]) for kind in found if name in space] + bases
    changes = [Change(module, "exit", native("_thread", "exit"))]
    handle = getattr(sys.modules["gevent.thread"], "_ThreadHandle", None)
    if hasattr(module, "_ThreadHandle") and handle is not None and not hasattr(handle.is_done, "_of"):
        changes.append(Change(handle, "is_done", _is_done_of(handle.is_done)))
    return changes


def _setter(kind: Any) -> Any:
    return lambda bases: setattr(kind, "__bases__", bases)


def _is_done_of(original: Any) -> Any:
    def is_done(self: Any) -> bool:
        return bool(self._had_greenlet and original(self))

    is_done._of = original  # type: ignore[attr-defined]
    return is_done
