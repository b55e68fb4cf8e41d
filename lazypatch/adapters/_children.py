"""What os_wait puts into os: try without waiting, else let the others run until it is worth another try.

A child that has ended is kept by the kernel until somebody waits for it, and by nobody else; so statuses, usage and
ECHILD are as natively. One exception: what watchers of gevent's have reaped, gevent.os keeps for a minute.

Who waits for one child natively has it the moment that it ends, and whoever looks after that finds no child. A greenlet
has its turn later. So who looks for a child for which somebody waits leaves it to that one: ``Popen.send_signal()``
looks, and asyncio's thread that waited for the child would never learn its status.
"""

import os
import sys

from gevent import get_hub
from gevent.event import AsyncResult

from .._gevent import native
from . import polling
from ._waits import READ, hub_to_wait_in, try_until, wait_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

originals: "dict[str, Any]" = {}  # of the functions of os, given by os_wait
_close, _start_new_thread = native("os", "close"), native("_thread", "start_new_thread")
_kept: "dict[int, Any]" = sys.modules["gevent.os"]._watched_children
_usage: "dict[int, Any]" = {}  # of the children in _kept
_taken: "set[int]" = set()  # of those that a watcher watches, which were waited for before it saw their end
_NOT_ENDS = os.WUNTRACED | os.WCONTINUED
_waiting: "dict[int, int]" = {}  # a child -> how many wait for it alone
_left: "dict[int, Any]" = {}  # what was seen of such a child, for who waits
os.register_at_fork(after_in_child=_waiting.clear)  # it has none of its parent's children
os.register_at_fork(after_in_child=_left.clear)


def fork() -> int:
    """os.fork, without the watcher that gevent's starts for the child."""
    return int(sys.modules["gevent.os"].fork_gevent())


def forkpty() -> "tuple[int, int]":
    """os.forkpty, without the watcher that gevent's starts for the child."""
    found: "tuple[int, int]" = sys.modules["gevent.os"].forkpty_gevent()
    return found


def wait() -> "tuple[int, int]":
    """os.wait."""
    return waitpid(-1, 0)


def waitpid(pid: int, options: int, /) -> "tuple[int, int]":
    """os.waitpid."""
    found: "tuple[int, int]" = _child(pid, options, lambda flags: originals["waitpid"](pid, flags))[:2]
    return found


def wait3(options: int) -> "Any":
    """os.wait3."""
    return _child(-1, options, lambda flags: originals["wait4"](-1, flags))


def wait4(pid: int, options: int) -> "Any":
    """os.wait4."""
    return _child(pid, options, lambda flags: originals["wait4"](pid, flags))


def _child(pid: int, options: int, call: "Callable[[int], Any]") -> "Any":
    """What *call* gives for *options*: a child's id, its status, perhaps its usage."""

    def attempt() -> "Any":
        if pid > 0 or pid == -1:
            found = _keepsake(pid)
            if found is not None:
                return found
        if _waiting and not waits:
            _leave_to_who_waits(pid)
        try:
            found = call(options | os.WNOHANG)
        except ChildProcessError:
            found = _was_left(pid, waits)
            if found is None:
                raise
            return found
        if found[0]:
            _take(*found)
        return found if found[0] or options & os.WNOHANG else None

    waits = False
    polling.ask()
    found = attempt()
    if found is not None:
        return found
    hub = hub_to_wait_in()
    if hub is None:
        found = call(options)
        _take(*found)
        return found
    waits = pid > 0 and not options & _NOT_ENDS
    return _until(hub, attempt, pid if waits else 0)


def _leave_to_who_waits(pid: int) -> None:
    """Reap those of the children that waitpid() means by *pid* that have ended, and that others wait for."""
    look = originals.get("waitid")
    idtype = os.P_PID if pid > 0 else os.P_ALL if pid == -1 else os.P_PGID
    while look is not None and (pid <= 0 or pid in _waiting):
        try:
            seen = look(idtype, abs(pid) if pid != -1 else 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if seen is None or seen.si_pid not in _waiting:
                return
            found = originals["wait4"](seen.si_pid, os.WNOHANG)
        except ChildProcessError:
            return
        _left[found[0]] = found
        _take(*found)


def _was_left(pid: int, waits: bool) -> "Any":
    """What somebody has left of *pid* to who waits for it: to that one, or to anybody if that one was ended."""
    return _left.pop(pid, None) if waits or pid not in _waiting else None


def waitid(idtype: int, id: int, options: int, /) -> "Any":
    """os.waitid."""

    def attempt() -> "Any":
        if _waiting and not waits and not options & os.WNOWAIT:
            _leave_to_who_waits(id if idtype == os.P_PID else -1)
        try:
            found = originals["waitid"](idtype, id, options | os.WNOHANG)
        except ChildProcessError:
            kept = None
            if idtype == os.P_PID and options & os.WEXITED:
                kept = _keepsake(id, not options & os.WNOWAIT) or _was_left(id, waits)
            if kept is None:
                raise
            return _as_waitid_gives(*kept[:2])
        if found is not None and not options & os.WNOWAIT:
            _take(found.si_pid, _status(found))
        return found

    waits = False
    polling.ask()
    found = attempt()
    if found is not None or options & os.WNOHANG:
        return found
    hub = hub_to_wait_in()
    if hub is None:
        found = originals["waitid"](idtype, id, options)
        if found is not None and not options & os.WNOWAIT:
            _take(found.si_pid, _status(found))
        return found
    if options & (os.WSTOPPED | os.WCONTINUED):
        return try_until(attempt)
    waits = idtype == os.P_PID
    if idtype == getattr(os, "P_PIDFD", None):
        while found is None:
            wait_for(hub, id, READ)
            found = attempt()
        return found
    return _until(hub, attempt, id if waits else 0)


def _until(hub: "Any", attempt: "Callable[[], Any]", pid: int) -> "Any":
    """What *attempt* gives in the end; *pid* is the only child that it is about, or 0."""
    descriptor = open_pidfd(pid)
    if pid:
        _waiting[pid] = _waiting.get(pid, 0) + 1
    try:
        if descriptor < 0:
            return try_until(attempt)
        while True:
            found = attempt()  # once more: the id may have got another owner before the descriptor was made
            if found is not None:
                return found
            wait_for(hub, descriptor, READ)
    finally:
        if descriptor >= 0:
            _close(descriptor)
        others = _waiting.pop(pid, 1) - 1
        if others:
            _waiting[pid] = others


def open_pidfd(pid: int) -> int:
    """A descriptor that is readable when the child *pid* has ended; -1 if it cannot be had."""
    if pid > 0 and hasattr(os, "pidfd_open"):
        try:
            return os.pidfd_open(pid)
        except OSError:  # an old kernel, or no descriptor is free; or there is no such child, as a try will tell
            pass
    return -1


def _keepsake(pid: int, take: bool = True) -> "Any":
    """What watchers have reaped and nobody has waited for yet: of the child *pid*, of the oldest for -1."""
    for key in [key for key in _taken if isinstance(_kept.get(key, ()), tuple)]:  # its watcher has done its last
        _taken.discard(key)
        _kept.pop(key, None)
    if pid == -1:
        done = [(entry[2], key) for key, entry in _kept.items() if isinstance(entry, tuple)]
        pid = min(done)[1] if done else 0
    entry = _kept.get(pid)
    if entry is None or pid in _taken:
        return None
    if not isinstance(entry, tuple):
        # A watcher. Once it was told what it reaped, only its callback is to come, which puts a tuple here.
        entry = entry.rpid, entry.rstatus
        if not entry[0] or os.WIFSTOPPED(entry[1]) or os.WIFCONTINUED(entry[1]):
            return None
    usage = _usage.get(pid)
    if take:
        _taken.add(pid)
    return (*entry[:2], usage)


def _take(pid: int, status: int, usage: "Any" = None) -> None:
    """The child was waited for, or has stopped: nobody else will see that."""
    if pid in _kept and (os.WIFEXITED(status) or os.WIFSIGNALED(status)):
        _taken.add(pid)
    tell(pid, status)


def reap(pid: int, options: int) -> "tuple[int, int]":
    """Reap *pid* for a watcher, without waiting, and tell all watchers; the id is 0 if there is nothing to tell."""
    found = originals["wait4"](pid, options | os.WNOHANG)
    if found[0]:
        for gone in _usage.keys() - _kept.keys():
            del _usage[gone]
        _usage[found[0]] = found[2]
        tell(found[0], found[1])
    return (found[0], found[1])


def tell(pid: int, status: int) -> None:
    """Tell the watchers of a child what was seen of it: they cannot see it any more."""
    module: "Any" = sys.modules.get("lazypatch.adapters._child_watcher")
    if module is not None:
        module.tell(pid, status)


def _status(found: "Any") -> int:
    """The status of wait() that says what waitid() does."""
    if found.si_code == os.CLD_EXITED:
        return int(found.si_status) << 8
    if found.si_code == os.CLD_STOPPED:
        return int(found.si_status) << 8 | 0x7F
    if found.si_code == os.CLD_CONTINUED:
        return 0xFFFF
    return int(found.si_status) | (0x80 if found.si_code == os.CLD_DUMPED else 0)


def _as_waitid_gives(pid: int, status: int) -> "Any":
    import _signal  # type: ignore[import-not-found]

    if os.WIFEXITED(status):
        code, number = os.CLD_EXITED, os.WEXITSTATUS(status)
    else:
        code = os.CLD_DUMPED if os.WCOREDUMP(status) else os.CLD_KILLED
        number = os.WTERMSIG(status)
    return os.waitid_result((pid, os.getuid(), int(_signal.SIGCHLD), number, code))


def system(command: "Any") -> int:
    """os.system, in a native thread of its own: the hub's threadpool has ten, and one command may wait for another."""
    if hub_to_wait_in() is None:
        return int(originals["system"](command))
    result = AsyncResult()
    loop = get_hub().loop

    def set_result(status: "int | None", error: "BaseException | None") -> None:
        result.set(status) if error is None else result.set_exception(error)

    def run() -> None:
        outcome: "tuple[int | None, BaseException | None]"
        try:
            outcome = originals["system"](command), None
        except BaseException as error:
            outcome = None, error
        try:
            loop.run_callback_threadsafe(set_result, *outcome)
        except Exception:  # the hub is gone, and so is whoever waited
            pass

    # A loop that only waits for another thread is to wait.
    keep = loop.async_()
    keep.start(_nothing)
    try:
        _start_new_thread(run, ())
        return int(result.get())
    finally:
        keep.stop()
        keep.close()


def _nothing() -> None:
    pass
