"""uvloop's event loop is asyncio's own, which lets the threads of the program run while it waits.

Problem. uvloop waits in C, in libuv, and cannot be told of another loop that has something to do. So the threads of the
program, which are greenlets, never run while it does: ``asyncio.to_thread()``, and with it every ``def`` endpoint of
FastAPI, waits for ever. It is also written in C who the main thread is, so ``add_signal_handler()`` refuses.

What does not work. A native thread for the loop beside a hub: every call from one to the other is then one between
threads. Native threads for the program: whatever they wait for is cooperative, and ends with LoopExit.

What is replaced. ``uvloop.Loop``, from which ``new_event_loop()``, ``run()``, ``install()`` and the policy make their
loops, by a subclass of ``asyncio.SelectorEventLoop``: the same functions with the same results, at asyncio's speed. Up
to Python 3.13 the policy also gets the watcher of child processes that asyncio's loop asks it for.

What stays. A loop that was made before is uvloop's. So is ``uvloop.loop.Loop``, for who takes that by its own name.
"""

import asyncio
import sys

from .changes import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


def plan(module: "ModuleType") -> "list[Change]":
    """The class, and who watches its children."""
    native: "Any" = getattr(module, "Loop", None)
    if native is None or issubclass(native, asyncio.SelectorEventLoop):
        return []
    changes = [Change(module, "Loop", _made_for(native))]
    if sys.version_info < (3, 14):
        policy: "Any" = module.EventLoopPolicy  # made when it is first asked for
        changes.append(Change(policy, "get_child_watcher", _child_watcher))
    return changes


def _made_for(native: "Any") -> type:
    class Loop(asyncio.SelectorEventLoop):
        def __repr__(self) -> str:
            return f"<uvloop.Loop running={self.is_running()} closed={self.is_closed()} debug={self.get_debug()}>"

    Loop.__module__, Loop.__qualname__, Loop.__doc__ = "uvloop", "Loop", native.__doc__
    return Loop


_watcher: "Any" = None


def _child_watcher(policy: object) -> "Any":
    """What asyncio's own policy gives; uvloop's loop needs none, so uvloop's policy has none."""
    global _watcher
    if _watcher is None:
        _watcher = asyncio.ThreadedChildWatcher()  # type: ignore[attr-defined,unused-ignore]  # gone in 3.14
    return _watcher
