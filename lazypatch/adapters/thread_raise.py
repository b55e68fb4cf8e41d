"""ctypes.pythonapi.PyThreadState_SetAsyncExc() raises an exception in the thread whose ident it is given.

What breaks. It is how one thread ends another one: the time limits of rq and dramatiq, and many programs' own ways to
stop a thread. C looks for the native thread with that ident. Threads that are greenlets have idents of their own, so
it finds none and gives 0, and the thread goes on for ever.

What is replaced. That function of ``ctypes.pythonapi``, by one of the same kind, with ``argtypes`` and all. Natively
the exception is raised when the thread runs Python code again: one that waits in C is not woken. So here the exception
is raised when the wait of the greenlet is over: what wakes it up is its ``switch``, which fork-threads has made an
object that can lead elsewhere (see fork_threads.py beside this file). In the thread that calls, it is raised at once.

What stays native. The idents of native threads; whoever finds the function by another way than ``ctypes.pythonapi``.
"""

from __future__ import annotations

import ctypes
from functools import partial

from gevent import thread

from .._gevent import native
from .._threads import root_greenlet
from . import fork_threads
from .changes import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NAME = "PyThreadState_SetAsyncExc"
_native_ident: Any = native("_thread", "get_ident")
_NOTHING = object()


def plan(module: Any) -> list[Change]:
    """One attribute of pythonapi, which is there from when somebody has asked for it first."""
    library = module.pythonapi
    original = getattr(library, _NAME)

    class SetAsyncExc(library._FuncPtr):  # type: ignore[misc,name-defined]
        _flags_, _restype_ = library._FuncPtr._flags_, library._FuncPtr._restype_  # each class has to say them itself

        def __call__(self, *args: Any) -> Any:
            error = _error_of(args, self.argtypes)
            who = None if error is _NOTHING else _greenlet_of(args[0])
            if who is None:
                return super().__call__(*args)
            if who is thread.getcurrent():
                return super().__call__(ctypes.c_ulong(_native_ident()), *args[1:])
            _raise_in(who, error)
            return 1

    made = SetAsyncExc((_NAME, library))
    made.__name__ = original.__name__
    return [Change(vars(library), _NAME, made)]


def _error_of(args: tuple[Any, ...], are_converted: Any) -> Any:
    """What is to be raised; None for what takes an exception back; _NOTHING if C is to say what is wrong."""
    if len(args) != 2:
        return _NOTHING
    given = args[1]
    if isinstance(given, ctypes.py_object):
        try:
            return given.value
        except ValueError:  # a null pointer
            return None
    if isinstance(given, int) or given is None:
        return None if not given else _NOTHING
    return given if are_converted else _NOTHING


def _greenlet_of(given: Any) -> Any:
    """The greenlet that stands for the thread with the ident *given*, a number or one of C's."""
    ident = getattr(given, "value", given)
    if not isinstance(ident, int):
        return None
    for greenlet in (*fork_threads.running, root_greenlet()):
        if id(greenlet) == ident and type(vars(greenlet).get("switch")) is partial:
            return greenlet
    return None


def _raise_in(greenlet: Any, error: Any) -> None:
    """Raise *error* when the wait of *greenlet* is over; None: raise nothing."""
    switch = vars(greenlet)["switch"]
    wake: Any = getattr(switch.func, "wake", switch.func)

    def raises(*_: object, **__: object) -> Any:
        switch.__setstate__((wake, (), {}, vars(switch)))
        return greenlet.throw(error)

    raises.wake = wake  # type: ignore[attr-defined]
    switch.__setstate__((wake if error is None else raises, (), {}, vars(switch)))
