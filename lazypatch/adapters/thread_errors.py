"""What is raised in a thread of _thread.start_new_thread() ends that thread, and is told by sys.unraisablehook.

What breaks. To gevent such a thread is one more greenlet: ``sys.exit()`` in it ends the whole program, where natively
it ends the thread in silence; so does a KeyboardInterrupt that it raises itself. Anything else is printed in gevent's
words, and a ``sys.unraisablehook`` that the program, or pytest, has set never hears of it.

What is replaced. ``handle_error`` of gevent's Hub, for greenlets that stand for threads. ``threading`` has an answer of
its own to exceptions, so its threads do not come here; what a program spawns with gevent is gevent's business.

The name of a thread. From Python 3.14 on a thread tells the system its name when it starts, by ``_thread.set_name``.
For a greenlet that would be the name of the native thread in which all of them run, which is the process's, in ``ps``
and ``/proc/self/comm``. So the main thread's name goes there, and a greenlet's goes nowhere.
"""

from __future__ import annotations

import sys

from gevent import thread  # its getcurrent() gives the greenlet that stands for the thread
from gevent.hub import Hub

from .._install import Change
from .fork_threads import running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

_handle_error: Any = Hub.handle_error
_SAID = "Exception ignored in thread started by"


def handle_error(self: Any, context: Any, type: Any, value: Any, tb: Any) -> None:
    try:
        is_thread = context in running
    except TypeError:  # cannot be hashed
        is_thread = False
    if not is_thread:
        _handle_error(self, context, type, value, tb)
    elif not issubclass(type, SystemExit):
        _tell(context._run, value if isinstance(value, BaseException) else type(value), _of_the_program(tb))


def _of_the_program(tb: TracebackType | None) -> TracebackType | None:
    """*tb* without the frame in which gevent called the thread's function."""
    while tb is not None and tb.tb_frame.f_code.co_filename.endswith("gevent/greenlet.py"):
        tb = tb.tb_next
    return tb


def _tell(function: Any, value: BaseException, tb: TracebackType | None) -> None:
    value = value.with_traceback(tb)
    kind = _kind_of_arguments()
    told = (_SAID, function) if sys.version_info < (3, 13) else (f"{_SAID} {function!r}", None)
    try:
        sys.unraisablehook(kind((type(value), value, tb, *told)))
    except Exception:
        sys.__unraisablehook__(kind((type(value), value, tb, *told)))


def _kind_of_arguments() -> Any:
    """The class of what the hook is given, which has no name in Python: one that was given once tells it."""
    taken: list[Any] = []

    class Raising:
        def __del__(self) -> None:
            raise ValueError

    hook, sys.unraisablehook = sys.unraisablehook, taken.append
    try:
        Raising()
    finally:
        sys.unraisablehook = hook
    return type(taken[0])


def plan(module: Any) -> list[Change]:
    """One method of gevent's hub, and the function for names, where there is one."""
    handle_error.__doc__ = _handle_error.__doc__
    return [Change(Hub, "handle_error", handle_error), *(_names(module) if hasattr(module, "set_name") else [])]


def _names(module: Any) -> list[Change]:
    from ._as_builtin import as_builtin

    native, threading = module.set_name, sys.modules["threading"]

    def set_name(_thread: Any, name: str) -> None:
        me = thread.getcurrent()
        # The second is the thread that forked, in its child.
        if me.parent is None or id(me) == threading.main_thread().ident or not isinstance(name, str):
            native(name)

    made = as_builtin(set_name, native, "_thread")
    return [Change(module, "set_name", made), Change(threading, "_set_name", made)]
