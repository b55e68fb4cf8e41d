"""What each source puts where: from a row of the table and its options to a list of changes."""

import os
import sys
import types
from collections.abc import Callable, Collection
from typing import Any

from ._install import REMOVED, Change
from ._targets import BLOCKING_SELECT, BLOCKING_SELECTORS, DNS, Target, no_waitpid

Plan = list[Change]


def plan(
    target: types.ModuleType, source: types.ModuleType, options: Collection[str], items: "list[str] | None" = None
) -> Plan:
    """The changes that make *target* cooperative. Raises AttributeError if *source* lacks one of its names."""
    if items is None:
        items = names(target.__name__, source, options)
    changes = [Change(target, name, getattr(source, name)) for name in items]
    return changes + _EXTRA.get(target.__name__, _nothing)(target, source, options)


def names(target: str, source: Any, options: Collection[str]) -> list[str]:
    """The names that *source* says it implements, those of them that *options* ask for."""
    if target == "_threading_local":
        return ["local"]  # its source is written for another purpose too and has no list
    implemented: list[str] = list(source.__implements__)
    if target == "socket":
        return [name for name in implemented if ("dns" if name in DNS else "sockets") in options]
    if target == "queue" and not _queue_queue():
        implemented.remove("Queue")
    return implemented


def will_replace(row: Target, options: Collection[str], item: str) -> bool:
    """Whether *item* is among what the target of *row* will have replaced or removed, asked before gevent is loaded."""
    if item in _will_be_removed(row.name, options) or (row.name == "threading" and item == "Event"):
        return item != "Event" or "Event" in options
    if row.name == "os" and no_waitpid() and item in ("waitpid", "posix_spawn", "posix_spawnp"):
        return False
    return item in names(row.name, types.SimpleNamespace(__implements__=row.names), options)


def _will_be_removed(name: str, options: Collection[str]) -> tuple[str, ...]:
    if "aggressive" not in options or name not in ("select", "selectors"):
        return ()
    blocking = BLOCKING_SELECT if name == "select" else BLOCKING_SELECTORS
    if sys.platform == "linux":
        return blocking[:1]
    return blocking[1:-1] if sys.platform == "darwin" or "bsd" in sys.platform else ()


def _queue_queue() -> bool:
    # gevent's own escape hatch, specified with gevent.monkey.patch_queue.
    value = os.environ.get("GEVENT_MONKEY_DISABLE_QUEUE_QUEUE")
    if value is None:
        return True
    from gevent._config import validate_bool

    return not validate_bool(value)


def _nothing(target: types.ModuleType, source: Any, options: Collection[str]) -> Plan:
    return []


def _without(target: Any, blocking: Collection[str], options: Collection[str]) -> Plan:
    gone = blocking if "aggressive" in options else []
    return [Change(target, name, REMOVED) for name in gone if hasattr(target, name)]


def _select(target: types.ModuleType, source: Any, options: Collection[str]) -> Plan:
    return _without(target, BLOCKING_SELECT, options)


def _selectors(target: Any, source: Any, options: Collection[str]) -> Plan:
    """The classes of selectors hold select's functions by value, taken when their bodies ran."""
    from gevent.select import poll, select

    changes = _without(target, BLOCKING_SELECTORS, options)
    held = vars(target.SelectSelector).get("_select")
    if isinstance(held, (types.BuiltinFunctionType, staticmethod)) or held is select:

        def _select(self: object, *args: Any, **kwargs: Any) -> Any:
            return select(*args, **kwargs)

        _select._gevent_monkey = True  # type: ignore[attr-defined]  # the mark that gevent's own tests look for
        changes.append(Change(target.SelectSelector, "_select", _select))
    if hasattr(target, "PollSelector") and hasattr(target.PollSelector, "_selector_cls"):
        changes.append(Change(target.PollSelector, "_selector_cls", poll))
    return changes


_EXTRA: dict[str, Callable[[types.ModuleType, Any, Collection[str]], Plan]] = {
    "select": _select,
    "selectors": _selectors,
}


def fork_by_default(context: Any) -> Plan:
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
