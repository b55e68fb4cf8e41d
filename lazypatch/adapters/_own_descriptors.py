"""Which descriptors are an event loop's own: what it opens while it is made.

libev tells the number of its epoll descriptor, also when a fork's child has got another one, but not
that of the eventfd by which it wakes itself, which never changes. libuv has half a dozen, and others in a fork's child.

The system gives the lowest free numbers. So before a loop is made it is seen which these are, and afterwards which of
them are open. (Comparing lists of all open descriptors costs more with each that is open, and opens one itself.)
"""

import os
import sys
from _weakref import ref

from .._gevent import native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_MOST = 12  # that any loop opens
_close, _dup, _pipe = native("os", "close"), os.dup, os.pipe
_hubs: "list[ref[Any]]" = []
_numbers: "dict[int, set[int]]" = {}  # id of a loop -> descriptors


def opens(hub: "Any", step: "Callable[[], None]") -> None:
    """Take *step*, in which the loop of *hub* opens its descriptors."""
    candidates = _lowest_free() | _numbers.get(id(getattr(hub, "loop", None)), set())
    step()
    if hub.loop is None:
        return
    # The number of the one that the loop tells is free again some time after a fork, when it has got another one.
    mine = {fd for fd in candidates if fd != hub.loop.fileno() and _may_be_a_loops(fd)}
    if mine or id(hub.loop) not in _numbers:  # a new hub may go on with an old one's loop
        _numbers[id(hub.loop)] = mine
    _remember(hub)


def found(hub: "Any") -> None:
    """*hub* was there before anybody looked: its eventfd is taken to be the first that its loop watches."""
    _remember(hub)
    watched = []
    try:
        with open(f"/proc/self/fdinfo/{hub.loop.fileno()}", encoding="ascii") as file:
            watched = [int(line.split()[1]) for line in file if line.startswith("tfd:")]
    except OSError:
        pass
    _numbers[id(hub.loop)] = set([fd for fd in sorted(watched) if _link(fd) == "anon_inode:[eventfd]"][:1])


def _remember(hub: "Any") -> None:
    _hubs[:] = [known for known in _hubs if known() not in (None, hub)] + [ref(hub)]


def _lowest_free() -> "set[int]":
    taken: "list[int]" = []
    try:
        taken += _pipe()
        while len(taken) < _MOST:
            taken.append(_dup(taken[0]))
    except OSError:  # no more are free, and the loop will get no more either
        pass
    for fd in taken:
        _close(fd)
    return {*taken}


def _may_be_a_loops(fd: int) -> bool:
    """Whether it is open, and not a file that another native thread opened meanwhile."""
    if sys.platform == "linux":
        return _link(fd).startswith(("anon_inode:", "pipe:"))
    try:
        os.get_inheritable(fd)
    except OSError:
        return False
    return True


def _link(fd: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""


def is_own(fd: "Any") -> bool:
    """Whether *fd* is the number of a loop's own descriptor."""
    for known in _hubs:
        loop = getattr(known(), "loop", None)
        if loop is not None and (fd in _numbers[id(loop)] or fd == loop.fileno()):
            return True
    return False


def within(low: int, high: int) -> "list[int]":
    """All of them that are in the range, in order."""
    own: "set[Any]" = set()
    for known in _hubs:
        loop = getattr(known(), "loop", None)
        if loop is not None:
            own.update(_numbers[id(loop)], [loop.fileno()])
    return sorted(fd for fd in own if fd is not None and low <= fd < high)
