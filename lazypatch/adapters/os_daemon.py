"""A daemon may close every descriptor: those of the event loop are not the program's, and stay.

Problem. "Close all descriptors" is what a classic daemon does in its child, by os.closerange(), by a loop of
os.close(), or by os.dup2() over each. Natively only the program's own are open. Under gevent the loop's are, too; libev
finds them gone, or to be something else, and aborts the process. gevent cannot tell its own descriptors from others:
libev names one of them, and finds out too late.

What is replaced. os.close(), os.closerange() and os.dup2() treat the loop's descriptors as if they were not there:
close() fails with EBADF, closerange() passes them over, dup2() leaves what it should have replaced. They are known by
number: which ones a loop takes is looked at when it is made, in ``_own_descriptors``, and when a child starts it anew.
What the functions do otherwise is what they did before, os-close's work or gevent's.

What it does not do. Code that closes descriptors in C is not seen. After ``os.dup2(fd, n)``, where n was the loop's, n
is still the loop's: there is no way to move it. ``os.posix_spawn`` and ``subprocess`` need none of this: exec() closes
the loop's descriptors.
"""

import os

from gevent._hub_local import get_hub_if_exists

from .._gevent import native
from .._install import Change
from ._as_builtin import as_builtin_of_os
from ._new_hubs import around

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_BAD = 9  # errno.EBADF
_made: "dict[str, Any]" = {}  # what is put in their places
below: "dict[str, Any]" = {}  # what each function leads to
_known: "Any" = None  # _own_descriptors, once there is a hub


def plan(module: "Any") -> "list[Change]":
    """The three functions; and the places where a loop opens its descriptors."""
    if not hasattr(os, "fork"):
        return []
    import gevent.os

    if get_hub_if_exists() is not None:
        _own_descriptors().found(get_hub_if_exists())
    changes = []
    if not below:
        changes = [
            *around(_opens),
            Change(gevent.os, "reinit", _again(gevent.os.reinit)),
        ]
    for function in close, closerange, dup2:
        name = function.__name__
        if name not in _made:
            _made[name] = as_builtin_of_os(function, native("os", name))
        if getattr(module, name) is not _made[name]:  # a reload may have left ours there
            below[name] = getattr(module, name)
        changes.append(Change(module, name, _made[name]))
    return changes


def _own_descriptors() -> "Any":
    global _known
    if _known is None:
        from . import _own_descriptors as module

        _known = module
    return _known


def _opens(hub: "Any", make: "Callable[[], None]") -> None:
    _own_descriptors().opens(hub, make)


def _again(reinit: "Callable[..., None]") -> "Callable[..., None]":
    def function(hub: "Any" = None) -> None:
        mine = get_hub_if_exists() if hub is None else hub
        if mine is not None:
            _own_descriptors().opens(mine, lambda: reinit(hub))

    function.__name__ = function.__qualname__ = "reinit"
    function.__doc__, function.__module__ = reinit.__doc__, reinit.__module__
    return function


def close(_os: "Any", /, fd: "Any") -> None:
    if _known is not None and _known.is_own(fd):
        raise OSError(_BAD, os.strerror(_BAD))
    below["close"](fd)


def closerange(_os: "Any", fd_low: "Any", fd_high: "Any", /) -> None:
    own = _known.within(fd_low, fd_high) if _known is not None else ()
    for fd in own:
        below["closerange"](fd_low, fd)
        fd_low = fd + 1
    below["closerange"](fd_low, fd_high)


def dup2(_os: "Any", /, fd: "Any", fd2: "Any", inheritable: bool = True) -> int:
    if _known is not None and _known.is_own(fd2):
        os.get_inheritable(fd)  # raises what is to be raised if it is not open
        return int(fd2)
    return int(below["dup2"](fd, fd2, inheritable))
