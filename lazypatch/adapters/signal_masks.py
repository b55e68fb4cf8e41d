"""A signal mask belongs to a thread: one that blocks signals does not make the whole program deaf to them.

Problem. All greenlets share the mask of their native thread. A thread that blocks signals, as many do to leave them to
the main thread, blocks them for everybody: Ctrl-C and SIGTERM do nothing any more. And what another thread forks or
starts meanwhile is born deaf: multiprocessing blocks SIGTERM for a moment whenever it starts its resource tracker.

Solution. ``signal.pthread_sigmask()`` keeps a mask for each thread, which a new thread inherits from who starts it.
The system is to deliver a signal when one of them does not block it, so what the native thread blocks is what all of
them block. Who forks, and who starts a program by ``subprocess``, multiprocessing or ``os.posix_spawn()``, does so with
its own mask. A signal that is sent to a thread that blocks it waits for that one.

As long as all threads block the same, nothing is kept, and nothing costs anything.

What stays. ``os.system()`` gives its child what all threads block.
"""

from __future__ import annotations

import os
import sys
from functools import update_wrapper

from gevent._hub_local import get_hub_if_exists

from .._gevent import native
from .._threads import root_greenlet
from . import fork_threads
from ._as_builtin import as_builtin, as_builtin_of_os
from ._waits import is_main_native_thread
from .changes import Call, Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_own: dict[Any, frozenset[int]] = {}  # the masks of threads, unless all have the same
_others: frozenset[int] = frozenset()  # that of whoever is not among them
_directed: dict[Any, set[int]] = {}  # thread -> signals that were sent to it while it blocked them
_original: Any = None
_signal: Any = sys.modules["_signal"]
_mask: Any = getattr(_signal, "pthread_sigmask", None)  # C's
_BLOCK, _SET = getattr(_signal, "SIG_BLOCK", 0), getattr(_signal, "SIG_SETMASK", 0)
_made: dict[Any, Any] = {}
_hooks_are_in = False


def plan(module: Any) -> list[Change]:
    """The function; what starts programs; and what has to be done when threads begin and end, and at forks."""
    global _original
    if not hasattr(os, "fork"):
        return []
    if module.__name__ != "signal":
        name = "fork_exec" if module.__name__ == "_posixsubprocess" else "_fork_exec"  # from 3.11 on
        original = vars(module).get(name)
        if original is None or original in _made.values():
            return []
        if original not in _made:
            _made[original] = as_builtin(_with_my_mask(original), original, "_posixsubprocess")
        return [Change(module, name, _made[original])]
    original = native("signal", "pthread_sigmask")
    if original is not pthread_sigmask:
        _original = original
        update_wrapper(pthread_sigmask, original)
    return [*_of_os(), Change(module, "pthread_sigmask", pthread_sigmask), Call(_put_hooks_in)]


def _of_os() -> list[Change]:
    found = [(name, vars(os).get(name)) for name in ("posix_spawn", "posix_spawnp")]
    return [
        Change(os, name, as_builtin_of_os(_with_my_mask(original), original))
        for name, original in found
        if original is not None and not hasattr(original, "_lazypatch_masked")
    ]


def pthread_sigmask(how: Any, mask: Any) -> Any:
    hub = get_hub_if_exists()
    if hub is None or not (fork_threads.running or _own) or not is_main_native_thread():
        return _original(how, mask)
    if how not in (_signal.SIG_BLOCK, _signal.SIG_UNBLOCK, _signal.SIG_SETMASK):
        return _original(how, mask)  # says what is wrong
    signals = list(mask)
    _begin()
    before, me = _mask(_BLOCK, ()), _me()
    _original(_BLOCK, signals)  # the same for these; more is blocked for a moment
    _mask(_SET, before)
    old, given = _of(me), frozenset(map(int, signals)).difference((_signal.SIGKILL, _signal.SIGSTOP))
    if how == _signal.SIG_BLOCK:
        _own[me] = old | given
    else:
        _own[me] = given if how == _SET else old - given
    _directed.get(me, set()).intersection_update(_own[me])
    settle()
    names = {int(name): name for name in sys.modules["signal"].Signals}
    return {names.get(number, number) for number in old}


def sent(ident: int, number: int) -> None:
    """A signal is about to be sent to the thread *ident*: if that blocks it, and others do not, it waits for that."""
    for thread, mask in _own.items():
        if id(thread) == ident and number in mask:
            _directed.setdefault(thread, set()).add(number)
            settle()
            break


def taken(number: int) -> None:
    """The caller was waiting for a signal, and has it."""
    if _directed:
        _directed.get(_me(), set()).discard(number)
        settle()


def settle() -> None:
    """Have the native thread block what all threads block, and what somebody waits for."""
    threads = {root_greenlet(), *fork_threads.running}
    for known in (_own, _directed):
        for gone in known.keys() - threads:
            del known[gone]
    masks = {_of(thread) for thread in threads}
    blocked = frozenset.intersection(*masks)
    sent = [numbers & _of(thread) for thread, numbers in _directed.items()]
    if len(masks) == 1:
        _own.clear()
    _mask(_SET, blocked.union(_held(), *sent))


def mine() -> frozenset[int]:
    """The signals that the caller blocks."""
    _begin()
    return _of(_me())


def _begin() -> None:
    """As long as nothing is kept, all have what the native thread has."""
    global _others
    if not _own:
        _others = frozenset(_mask(_BLOCK, ())).difference(_held())


def are_kept() -> bool:
    """Whether threads have masks of their own."""
    return bool(_own)


def _held() -> Any:
    """The signals that are blocked only because somebody waits for them."""
    waits = sys.modules.get(f"{__package__}.signal_waits")
    return () if waits is None else waits.held


def _of(thread: Any) -> frozenset[int]:
    return _own.get(thread, _others)


def _me() -> Any:
    """The greenlet that stands for the thread of the caller; what stands for none belongs to the main thread."""
    me = sys.modules["gevent.thread"].getcurrent()
    return me if me in fork_threads.running else root_greenlet()


# --- when threads begin and end, and when others are forked


def _begins(thread: Any) -> None:
    if _own and (mask := _of(_me())) != _others:
        _own[thread] = mask


def _ends() -> None:
    if _own and is_main_native_thread():
        settle()


def _put_hooks_in() -> None:
    global _hooks_are_in
    fork_threads.begins, fork_threads.ends = _begins, _ends
    if not _hooks_are_in:
        _hooks_are_in = True
        os.register_at_fork(before=_put_mine, after_in_parent=_put_back, after_in_child=_alone)


def _put_mine() -> None:
    if (_own or _held()) and is_main_native_thread():
        _mask(_SET, mine())


def _put_back() -> None:
    if (_own or _held()) and is_main_native_thread():
        settle()


def _alone() -> None:
    _own.clear()
    _directed.clear()
    if _held():
        _held().clear()


def _with_my_mask(original: Callable[..., Any]) -> Callable[..., Any]:
    def start(_home: Any, *args: Any, **kwargs: Any) -> Any:
        if not _own and not _held():
            return original(*args, **kwargs)
        _put_mine()
        try:
            return original(*args, **kwargs)
        finally:
            _put_back()

    start._lazypatch_masked = True  # type: ignore[attr-defined]
    return start
