"""Ctrl-C belongs to the main thread, and a wait for nothing but a signal is one, whether or not signal is imported.

Problem. Most programs never import ``signal``, and have its one handler all the same: Ctrl-C raises KeyboardInterrupt.
gevent raises it in whatever greenlet runs: a worker that computes ends of it, and where the hub waits it is printed
before it reaches the main thread. And a main thread that waits for nothing else gets LoopExit.

What does not work. To import ``signal`` for every program, which is a quarter of what arming costs: it needs enum.

What is replaced. The methods ``run`` and ``join`` of gevent's Hub: a hub of the main thread's keeps a timer, and so
looks for signals at least once a second, as it does on libuv anyway. And when the first of them is made
(_new_hubs.py), the handler of SIGINT is exchanged for one that imports ``signal`` at the first Ctrl-C. That installs
signal-main (``signal_main.py``), which then does what is to be done. Not when it first runs: what a handler raises at
the very beginning of that would be the hub's end.

What stays. Without signal-main, Ctrl-C is as gevent has it.
"""

import sys

from gevent._hub_local import get_hub_if_exists
from gevent.hub import Hub
from greenlet import getcurrent, greenlet

from .._originals import at_end
from ._new_hubs import told
from ._waits import is_main_native_thread
from .changes import Call, Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, ModuleType
    from typing import Any

_signal: "Any" = sys.modules["_signal"]
_originals: "dict[str, Callable[..., Any]]" = {}
_importing = False
adopt: "Callable[[], None]"  # sees to the handlers when a hub is made; signal_main.py has a better one


def plan(module: "ModuleType") -> "list[Change]":
    """The methods; a hub that runs already goes on in the new way."""
    if not hasattr(module, "pthread_kill"):
        return []
    changes = [_change(run), _change(join), *told(_made)]
    hub = get_hub_if_exists()
    if hub and is_main_native_thread():  # it is past the beginning of its run()
        changes.append(Call(lambda: _begin(hub), lambda: _end(hub)))
    return changes


def _change(function: "Any") -> Change:
    name = function.__name__
    original = getattr(Hub, name)
    if original is not function:
        _originals[name] = original
        function.__doc__, function.__wrapped__, function.__module__ = original.__doc__, original, Hub.__module__
    return Change(Hub, name, function)


def _made(hub: "Any") -> None:
    if is_main_native_thread():
        adopt()


def run(hub: "Any") -> "Any":
    if not is_main_native_thread():
        return _originals["run"](hub)
    _begin(hub)
    try:
        return _originals["run"](hub)
    finally:
        _end(hub)


def join(hub: "Any", timeout: "Any" = None) -> "Any":
    # This is gevent's way to run until there is nothing left to do, for which a signal does not count.
    waits = vars(hub).get("_lazypatch_waits")
    if waits is None:
        return _originals["join"](hub, timeout)
    waits.ref = False
    try:
        return _originals["join"](hub, timeout)
    finally:
        waits.ref = True


def _begin(hub: "Any") -> None:
    """Have the loop go on while there is nothing but a signal to wait for, and handlers run as the main thread."""
    adopt()
    if "_lazypatch_waits" not in vars(hub):
        # A timer, because every other watcher that works by itself takes descriptors. It ends each second because a
        # signal that comes after the loop has looked for signals, and before it waits in C, does not end that wait.
        waits = hub._lazypatch_waits = hub.loop.timer(1, 1)
        waits.start(bool)


def _end(hub: "Any") -> None:
    waits = vars(hub).pop("_lazypatch_waits", None)
    if waits is not None:
        waits.stop()
        waits.close()


def _be_the_first() -> None:
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler and is_pythons(_signal.SIGINT):
        _signal.signal(_signal.SIGINT, first)
        at_end.append(give_back)


adopt = _be_the_first


def is_pythons(number: int) -> bool:
    """Whether the handler of *number* that Python knows is called at all: a program in C may have its own over it."""
    if sys.orig_argv:  # this is Python's own program
        return True
    from ._own_handlers import are_equal

    return are_equal(number)


def give_back() -> None:
    """Put the interpreter's own handler of SIGINT in the place of ours."""
    if _signal.getsignal(_signal.SIGINT) is first:
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)


def first(number: int, frame: "FrameType | None") -> None:
    """What the interpreter calls for Ctrl-C while nobody has imported signal."""
    hub, me = get_hub_if_exists(), getcurrent()
    if hub is None or me.parent is None or sys.is_finalizing():  # it is the main thread that runs
        _signal.default_int_handler(number, frame)
    elif _importing:  # for another Ctrl-C, of which this one will be a part
        return
    elif me is hub:
        _in_the_hub(hub, number, frame)
    else:
        _import()
        _deliver(number, frame)


def _in_the_hub(hub: "Any", number: int, frame: "FrameType | None") -> None:
    """Which cannot wait, as an import may have to; nearly always it has not, and the main thread has no turn before."""
    waited: "list[bool]" = []

    def load() -> None:
        _import()
        if waited:
            hub.loop.run_callback(_deliver, number, frame)

    importer = greenlet(load, hub)
    importer.switch()
    if importer.dead:
        _deliver(number, frame)
    else:
        waited.append(True)


def _import() -> None:
    global _importing
    _importing = True
    try:
        import signal  # noqa: F401
    except Exception:  # the program has changed its root, or its rights
        pass
    finally:
        _importing = False


def _deliver(number: int, frame: "FrameType | None") -> None:
    """Have the signal handled by who has the handler now."""
    give_back()  # if it is still ours: signal-main is not there
    _signal.getsignal(number)(number, frame)
