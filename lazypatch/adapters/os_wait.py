"""os.wait, wait3, wait4, waitid, waitpid and system let the others run, and children belong to whoever waits for them.

Problem. libev's handler of SIGCHLD reaps every child of the process with ``waitpid(-1)``, as soon as anything of
gevent's has watched one child. What os.wait(), os.waitpid() of somebody else's child and os.system() wait for is then
gone: they fail with ECHILD, or wait in C for as long as it takes. gevent can mend neither: its loop has no other way
to watch a child. A program's own handler of SIGCHLD is called only for children that gevent forked, by the hub.

What is replaced. Hubs get a loop whose watchers of children watch one child each, by a pidfd, and reap that one alone
(``_child_watcher``). libev's handler of SIGCHLD is never put in place, so handlers of SIGCHLD are ordinary ones.
The functions of os try without waiting, and let the others run until it is worth trying again (``_children``).
os.fork, forkpty and posix_spawn no longer watch what they make; gevent.os.fork_and_watch and gevent.subprocess do.

What it does not do. Where a hub exists when os is armed, its watchers of children are libev's already, and everything
stays as gevent has it; so it does where GEVENT_NOWAITPID tells gevent to leave children alone. There is no descriptor
for a wait for any child, for one of a process group, or for its stopping: it looks again after
``_waits.LONGEST_PAUSE`` at most.
"""

import _signal  # type: ignore[import-not-found]
import os
import sys

from gevent._hub_local import get_hub_if_exists
from gevent.hub import Hub

from .._gevent import native
from .._install import Change
from .._standins import no_waitpid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_WAIT = ("wait", "wait3", "wait4", "waitid", "waitpid", "system", "fork", "forkpty")
_PLAIN = ("posix_spawn", "posix_spawnp")
originals: "dict[str, Any]" = {}  # of the functions that are replaced
_new: "dict[str, Any]" = {}  # what is put in their places, the same ones in each module object
_classes: "dict[Any, Any]" = {}  # a class of loops -> the one made of it


def plan(module: "Any") -> "list[Change]":
    """For os its functions and the loop; for signal, that SIGCHLD is a signal like the others."""
    if module.__name__ == "signal":
        return _sigchld() if _may_be() else []
    if not _may_be():
        return []
    gevents = sys.modules["gevent.os"]
    for name in _WAIT + _PLAIN:
        if hasattr(module, name) and name not in _new:
            originals[name] = native("os", name)
            _new[name] = originals[name] if name in _PLAIN else _forwarding(name, originals[name])
    changes = [Change(module, name, _new[name]) for name in _new]
    if not is_installed():
        changes.append(Change(Hub, "loop_class", _LoopClass(vars(Hub)["loop_class"])))
    return [*changes, Change(gevents, "waitpid", _new["waitpid"])]


def _may_be() -> bool:
    return hasattr(os, "fork") and not no_waitpid() and (is_installed() or get_hub_if_exists() is None)


def is_installed() -> bool:
    """Whether loops watch each child by itself."""
    return isinstance(vars(Hub).get("loop_class"), _LoopClass)


class _LoopClass(property):
    """``Hub.loop_class``: made of the configured class when the first hub is made."""

    def __init__(self, configured: "Any") -> None:
        super().__init__(lambda hub: _made_of(configured.__get__(hub)))


def _made_of(base: "Any") -> "Any":
    if base not in _classes:
        body = {"__slots__": (), "__module__": base.__module__, "__doc__": base.__doc__}
        body.update(__init__=_init, child=child, install_sigchld=_nothing, reset_sigchld=_nothing)
        _classes[base] = type(base.__name__, (base,), body)
    return _classes[base]


def _init(self: "Any", *args: "Any", **kwargs: "Any") -> None:
    # gevent keeps libev from handling SIGCHLD when the first default loop is made, but not when another one is, after
    # the first was destroyed.
    super(type(self), self).__init__(*args, **kwargs)
    handler = _signal.getsignal(_signal.SIGCHLD)
    if self.default and handler is not None:
        try:
            _signal.signal(_signal.SIGCHLD, handler)
        except ValueError:  # not in the main thread
            pass


def child(self: "Any", pid: int, trace: int = 0, ref: bool = True) -> "Any":
    """A watcher of the child *pid*, of any child if that is 0; with *trace*, also of its stopping and going on."""
    _children()
    from ._child_watcher import ChildWatcher

    return ChildWatcher(self, pid, bool(trace), ref)


def _nothing(self: "Any") -> None:
    """Nothing: watchers of children do without SIGCHLD, which belongs to the program."""


def _forwarding(name: str, original: "Any") -> "Callable[..., Any]":
    """A function that looks like *original*; what it leads to is loaded by the first call."""
    is_finalizing = sys.is_finalizing

    def function(*args: "Any", **kwargs: "Any") -> "Any":
        if is_finalizing():  # nothing can be imported, and nobody else will run
            return original(*args, **kwargs)
        return getattr(_children(), name)(*args, **kwargs)

    function.__name__ = function.__qualname__ = name
    function.__module__ = "os"
    function.__doc__ = original.__doc__
    function.__wrapped__ = original  # type: ignore[attr-defined]  # which inspect.signature() reads
    return function


def _children() -> "Any":
    from . import _children as module

    if not module.originals:
        module.originals.update(originals)
    return module


class _Signals:
    """The signal module with its originals, as gevent.signal is to see it; none of its signals is SIGCHLD.

    gevent.signal asks ``_signal.SIGCHLD`` which signal it is to handle by itself. With these answers it handles none,
    whoever holds its functions.
    """

    SIGCHLD = object()

    def __getattr__(self, name: str) -> "Any":
        return native("signal", name)


def _sigchld() -> "list[Change]":
    import gevent.signal

    return [Change(gevent.signal, "_signal", _Signals())]
