"""What a table cannot say about the thread group: the main thread's identity, its end, and locks that exist already.

Problem. gevent knows a thread by its greenlet. ``threading`` was executed under native idents: its main thread
is filed in ``_active`` under a number that nobody will ever have again, is joined through a lock (3.13: a handle)
that only the interpreter releases, and ends in a ``_shutdown`` that waits natively for greenlets.

What does not work. Doing this by calling ``gevent.monkey.patch_thread``: it swaps ``get_ident`` before it is done
importing, searches the whole heap for locks, and imports importlib.metadata. Using the *current* greenlet as the
main thread: the first import may happen in another one, and the process then never ends (3.10 to 3.12).

Solution. Every change is prepared as data and committed at once, so that an error anywhere leaves the thread
group native. The main thread is the root greenlet of the thread that is installing, whichever greenlet runs. The
end state is that of ``gevent.monkey.patch_thread``.

What still fails. Installed from a thread that is not the main one, the main thread keeps its native identity
(gevent's limit too; a warning says so). A C-level RLock made earlier never excludes greenlets.
"""

from __future__ import annotations

import os
import sys

from gevent._hub_local import get_hub_if_exists

from ._install import REMOVED, Change, plan
from ._look_up import half_imported
from ._originals import NativeRLock, at_end, whole_end
from ._targets import TARGETS
from ._targets import in_main_interpreter as on_main_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from typing import Any

    from ._gevent import Truth
    from ._progress import Progress
    from ._targets import Selection, Target, Wanted

_HANDLES = sys.version_info >= (3, 13)
_fork_hooks_registered = False


def install(
    done: str, selection: Selection, truth: Truth, progress: Progress, commit: Callable[[list[Change], bool], object]
) -> list[Target]:
    """Install the group whole: ``_thread`` and ``threading``, whichever of them are wanted. Gives what is installed."""
    threading: Any = sys.modules.get("threading")
    rows = [row for row in TARGETS.values() if row.group and row.name in selection.wanted]
    if threading is None or (done != "_thread" and half_imported("_thread")):
        return []
    if not any(progress.is_open(row.name) for row in rows):
        return []  # another thread has been faster
    items = {row.name: truth.asked(row, truth.supply(row.source, "")) for row in rows}
    moves = moves_main_thread(threading)
    commit(changes(items, selection.wanted, threading), "threading" in selection.early)
    finish(threading, moves, truth.host.at_once)
    return rows


def changes(targets: Mapping[str, list[str] | None], wanted: Wanted, threading: Any) -> list[Change]:
    """Everything that installing the thread group changes.

    *targets* are those to change, of ``_thread`` and ``threading``, each with its names, None for all of them; the
    main thread of the module *threading* is looked after in either case.
    """
    import gevent.thread
    import gevent.threading

    result = []
    if "_thread" in targets:
        result += plan(sys.modules["_thread"], gevent.thread, wanted["_thread"], targets["_thread"])
    if "threading" in targets:
        result += plan(threading, gevent.threading, wanted["threading"], targets["threading"])
        result += _existing(threading, wanted["threading"])
    if _is_cooperative(threading._shutdown):
        return result
    if not on_main_thread():
        from ._errors import warn, wrong_thread

        warn(wrong_thread())
    if moves_main_thread(threading):
        result += _main_thread(threading, "threading" in targets)
    else:
        from ._running_threads import end_from_elsewhere

        result.append(_marked(threading, end_from_elsewhere(threading)))
    others = [thread for thread in list(threading._active.values()) if thread is not threading.main_thread()]
    if "threading" in targets and others:
        from ._running_threads import joins

        result += joins(threading, others)
    return result


def moves_main_thread(threading: Any) -> bool:
    """Whether an install now gives the main thread its cooperative identity: not elsewhere, and not twice."""
    if _is_cooperative(threading._shutdown):
        return False
    # From 3.13 on threading knows the main thread whoever imports it; after a reload, only under its native ident.
    return on_main_thread() if _HANDLES else threading.current_thread() is threading.main_thread()


def finish(threading: Any, main_thread_moved: bool, at_once: Callable[..., object]) -> None:
    """What cannot be taken back, after the commit: at-fork handlers, and the main thread among the dangling."""
    import gevent.threading

    global _fork_hooks_registered
    _with_first_hub(gevent.config.settings["format_context"], lambda: load_for_the_end(at_once))
    at_end.append(_let_finalizers_wait)
    if main_thread_moved:
        threading._dangling.discard(threading.main_thread())
    hooks = getattr(gevent.threading, "_fork_hooks", None)
    if not _fork_hooks_registered and main_thread_moved and hooks is not None and hasattr(os, "register_at_fork"):
        _fork_hooks_registered = True
        os.register_at_fork(before=hooks.before_fork_in_parent, after_in_child=hooks.after_fork_in_child)


def _let_finalizers_wait() -> None:
    from . import _shutdown  # mostly loaded with the hub

    _shutdown.let_finalizers_wait()


def _with_first_hub(setting: Any, call: Callable[[], object]) -> None:
    """Take a step when the first hub is made: each one asks for this *setting* then."""
    if get_hub_if_exists() is not None:
        call()
        return
    get = setting.get

    def first() -> Any:
        setting.get = get
        call()
        return get()

    setting.get = first


_loaded: list[object] = []  # keeps them, whoever clears sys.modules


def load_for_the_end(at_once: Callable[..., object]) -> None:
    """Load what is needed when the program ends or something goes wrong: later these files may be out of reach.

    A daemon changes its root or gives up its rights; an upgrade in place takes files away.
    """
    with_adapters: Any = sys.modules.get("lazypatch.adapters")
    wait_for = with_adapters.AT_FIRST_WAIT.items() if with_adapters else ()
    here = [files for adapter, files in wait_for if f"lazypatch.adapters.{adapter}" in sys.modules]
    names = dict.fromkeys("adapters." + file for files in here for file in files.split())
    try:
        at_once("_errors", "_failure", "_shutdown", "_turns", *names)
        from . import _errors, _failure, _shutdown, _turns

        _loaded[:] = _errors, _failure, _shutdown, _turns
        _loaded.extend(__import__("lazypatch." + name, fromlist=["plan"]) for name in names)
    except Exception:  # they are out of reach already
        return


def root_greenlet() -> Any:
    """The greenlet in which this native thread began."""
    from greenlet import getcurrent

    current = getcurrent()
    while current.parent is not None:
        current = current.parent
    return current


def _is_cooperative(function: object) -> bool:
    return getattr(function, "_lazypatch", False) or getattr(function, "__module__", "").startswith("gevent.")


def _existing(threading: Any, options: Collection[str]) -> list[Change]:
    """Locks that were made before: those that everybody goes through, where nobody can be holding them."""
    from gevent.event import Event

    result = []
    if "Event" in options:
        result.append(Change(threading, "Event", Event))
    if "existing_locks" in options and len(threading._active) + len(threading._limbo) == 1:
        result.append(Change(vars(threading), "_active_limbo_lock", _rlock(threading)))
        futures = sys.modules.get("concurrent.futures.thread")
        result += shutdown_lock(futures) if futures is not None else []
    # gevent's own import has loaded it. It takes a class that nobody replaces in _thread; up to 3.11 cached_property
    # uses it, and let greenlets in that another one's computation keeps out.
    functools: Any = sys.modules.get("functools")
    if getattr(functools, "RLock", None) is NativeRLock:
        result.append(Change(vars(functools), "RLock", threading.RLock))
    if "logging" in options and "logging" in sys.modules:
        result += logging_locks(sys.modules["logging"], threading)
    return result


def _rlock(threading: Any) -> Any:
    """A lock made by a ``threading`` whose RLock is cooperative by now or will be."""
    from gevent.thread import allocate_lock

    # threading._RLock takes its lock and its idea of an owner from threading's globals, which may not be
    # changed yet; the first is replaced here, the second is looked up when the lock is taken.
    lock = threading._PyRLock()
    lock._block = allocate_lock()
    return lock


def logging_locks(logging: Any, threading: Any) -> list[Change]:
    """New locks for logging and its handlers."""
    if not hasattr(logging, "_lock") or not hasattr(logging, "_handlerList"):
        return []  # half imported by somebody else; its own end comes
    result = [Change(logging, "_lock", _rlock(threading))] if _is_native(logging._lock) else []
    for reference in list(logging._handlerList):
        handler = reference() if callable(reference) else reference
        if _is_native(getattr(handler, "lock", None)):
            result.append(Change(vars(handler), "lock", _rlock(threading)))
    return result


def _is_native(lock: Any) -> bool:
    return isinstance(lock, NativeRLock)


def shutdown_lock(module: Any) -> list[Change]:
    """A new lock for concurrent.futures.thread: os.fork() runs the old one's acquire, and must not wait for a greenlet.

    See gevent #1865.
    """
    from gevent.thread import allocate_lock

    if not hasattr(module, "_global_shutdown_lock"):
        return []
    return [Change(vars(module), "_global_shutdown_lock", allocate_lock())]


def _main_thread(threading: Any, with_handle: bool) -> list[Change]:
    """File the main thread under its greenlet, and let greenlets join it."""
    from gevent.thread import allocate_lock, get_ident

    main, root = threading.main_thread(), root_greenlet()
    # Alone, threading keeps its native idents and locks.
    ident = get_ident(root) if with_handle else main.ident
    result = [Change(vars(main), "_ident", ident), Change(vars(main), "_greenlet", root)]
    if ident != main.ident:
        result += [Change(threading._active, ident, main), Change(threading._active, main.ident, REMOVED)]
    if _HANDLES:
        # 3.14 renamed it.
        attribute = "_os_thread_handle" if hasattr(main, "_os_thread_handle") else "_handle"
        result += _handle(main, attribute, root) if with_handle else []
        return [*result, _end_later("by_handle", threading, {attribute: getattr(main, attribute)})]
    held = allocate_lock() if with_handle else threading.Lock()
    held.acquire()
    # The interpreter keeps the real one and releases it when the thread state goes; greenlets join the other.
    result += [
        Change(vars(main), "_gevent_real_tstate_lock", main._tstate_lock),
        Change(vars(main), "_tstate_lock", held),
    ]
    return [*result, _end_later("by_lock", threading, {"_tstate_lock": main._tstate_lock})]


def _end_later(how: str, threading: Any, keep: dict[str, object]) -> Change:
    """A ``_shutdown`` that ends the main thread; *keep* is what the main thread had natively."""
    original, main = threading._shutdown, threading.main_thread()

    def _shutdown() -> None:
        if main._greenlet.dead:  # while its thread runs; not even an import may ask greenlet now
            whole_end[-1]()
            from . import _shutdown

            _shutdown.in_exit_of_c(threading, main, keep)
            original()
        elif get_hub_if_exists() is None:  # no greenlet waits here: a hub made only to end it costs half of a start
            vars(main).update(keep)
            threading._shutdown = original
            if not _HANDLES:  # in a forked child a lock may be left that no thread has any more
                threading._shutdown_locks.intersection_update([x._tstate_lock for x in threading.enumerate()])
            original()
        else:
            from . import _shutdown  # loaded with the hub

            getattr(_shutdown, how)(threading, main, original)

    return _marked(threading, _shutdown)


def _marked(threading: Any, function: Any) -> Change:
    function._lazypatch = True
    return Change(threading, "_shutdown", function)


def _handle(main: Any, attribute: str, root: Any) -> list[Change]:
    from gevent.thread import _ThreadHandle

    handle = _ThreadHandle()
    handle._set_greenlet(root)
    return [
        Change(vars(main), attribute, handle),
        Change(vars(main), "_after_fork", lambda new_ident=None: new_ident),
    ]
