"""What each source puts where: from a row of the table and its options to a list of changes."""

from __future__ import annotations

import os
import sys
import types
from typing import TYPE_CHECKING, Any

from ._install import REMOVED, Change
from ._targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Collection

    from ._targets import Wanted

    Plan = list[Change]


_DNS = ("getaddrinfo", "getfqdn", "gethostbyaddr", "gethostbyname", "gethostbyname_ex", "getnameinfo")


def plan(
    target: types.ModuleType, source: types.ModuleType, options: Collection[str], items: list[str] | None = None
) -> Plan:
    """The changes that make *target* cooperative. Raises AttributeError if *source* lacks one of its names."""
    if items is None:
        items = names(target.__name__, source, options)
    changes = [Change(target, name, getattr(source, name)) for name in items]
    return changes + (_EXTRA[target.__name__](target, options) if target.__name__ in _EXTRA else [])


def names(target: str, source: Any, options: Collection[str]) -> list[str]:
    """The names that *source* says it implements, those of them that *options* ask for."""
    implemented = getattr(source, "__implements__", None)
    # Sources that are written for another purpose too have no list.
    implemented = TARGETS[target].names.split() if implemented is None else list(implemented)
    if target == "socket":
        return [name for name in implemented if ("dns" if name in _DNS else "sockets") in options]
    if target == "queue" and not _queue_queue():
        implemented.remove("Queue")
    return implemented


def _queue_queue() -> bool:
    # gevent's own escape hatch, specified with gevent.monkey.patch_queue.
    value = os.environ.get("GEVENT_MONKEY_DISABLE_QUEUE_QUEUE")
    if value is None:
        return True
    from gevent._config import validate_bool

    return not validate_bool(value)


def _without(target: Any, blocking: Collection[str], options: Collection[str]) -> Plan:
    gone = blocking if "aggressive" in options else ()
    return [Change(target, name, REMOVED) for name in gone if hasattr(target, name)]


def _select(target: types.ModuleType, options: Collection[str]) -> Plan:
    return _without(target, ("epoll", "kqueue", "kevent", "devpoll"), options)


def _selectors(target: Any, options: Collection[str]) -> Plan:
    """The classes of selectors hold select's functions by value, taken when their bodies ran."""
    from gevent.select import poll, select

    changes = _without(target, ("EpollSelector", "KqueueSelector", "DevpollSelector"), options)
    held = vars(target.SelectSelector).get("_select")
    if isinstance(held, (types.BuiltinFunctionType, staticmethod)) or held is select:

        def _select(self: object, *args: Any, **kwargs: Any) -> Any:
            return select(*args, **kwargs)

        _select._gevent_monkey = True  # type: ignore[attr-defined]  # the mark that gevent's own tests look for
        changes.append(Change(target.SelectSelector, "_select", _select))
    if hasattr(target, "PollSelector") and hasattr(target.PollSelector, "_selector_cls"):
        changes.append(Change(target.PollSelector, "_selector_cls", poll))
    return changes


_EXTRA = {"select": _select, "selectors": _selectors}


def companions(name: str, module: Any, wanted: Wanted) -> Plan:
    """What changes in modules that are no targets, but hold something that a target supplied."""
    options = wanted.get("threading", ())
    if module is None or name not in ("concurrent.futures.thread", "logging", "multiprocessing.context"):
        return []
    if name == "concurrent.futures.thread":
        return shutdown_lock(module) if "existing_locks" in options else []
    if name == "logging":
        return logging_locks(module, sys.modules["threading"]) if "logging" in options else []
    return _fork_by_default(module) if "subprocess" in wanted else []


def _fork_by_default(context: Any) -> Plan:
    """gevent's choice on 3.14 and later (and on macOS): multiprocessing forks unless the program says otherwise.

    gevent.monkey sets the method itself, by force; here only the default changes, so a program that sets one
    still can. Specified with gevent.monkey.patch_subprocess.
    """
    if sys.platform != "darwin" and (sys.version_info < (3, 14) or sys.platform == "win32"):
        return []
    default = context._default_context
    if default._actual_context is not None:
        return []
    return [Change(vars(default), "_default_context", context._concrete_contexts["fork"])]


def shutdown_lock(module: Any) -> Plan:
    """A new lock for concurrent.futures.thread: os.fork() runs the old one's acquire, and must not wait for a greenlet.

    See gevent #1865.
    """
    import threading

    if not hasattr(module, "_global_shutdown_lock"):
        return []
    return [Change(vars(module), "_global_shutdown_lock", threading.Lock())]


def logging_locks(logging: Any, threading: Any) -> list[Change]:
    """New locks for logging and its handlers, made by a ``threading`` whose RLock is cooperative by now or will be."""
    from gevent.thread import allocate_lock

    def rlock() -> Any:
        # threading._RLock takes its lock and its idea of an owner from threading's globals, which may not be
        # changed yet; the first is replaced here, the second is looked up when the lock is taken.
        lock = threading._PyRLock()
        lock._block = allocate_lock()
        return lock

    if not hasattr(logging, "_lock") or not hasattr(logging, "_handlerList"):
        return []  # half imported by somebody else; its own end comes
    result = [Change(logging, "_lock", rlock())] if _is_native(logging._lock) else []
    for reference in list(logging._handlerList):
        handler = reference() if callable(reference) else reference
        if _is_native(getattr(handler, "lock", None)):
            result.append(Change(vars(handler), "lock", rlock()))
    return result


def _is_native(lock: Any) -> bool:
    import _thread

    return isinstance(lock, _thread.RLock)
