"""os.lockf waits for a lock in turns with the others, as fcntl.lockf does (see fcntl.py beside this file).

With F_LOCK it waits in C; F_TLOCK is tried in its place, again and again. All other commands go straight through.
"""

import os

from .._install import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def plan(module: "Any") -> "list[Change]":
    """The one function, where the system has it."""
    if not hasattr(module, "lockf"):
        return []
    native = getattr(module.lockf, "_of", module.lockf)

    def lockf(fd: "Any", command: "Any", length: "Any", /) -> None:
        if command != os.F_LOCK:
            return native(fd, command, length)  # type: ignore[no-any-return]
        from .fcntl import wait

        return wait(lambda: native(fd, os.F_TLOCK, length), lambda: native(fd, command, length))  # type: ignore[no-any-return]

    lockf.__doc__ = native.__doc__
    lockf.__qualname__, lockf.__module__, lockf.__annotations__ = "lockf", native.__module__, {}
    lockf._of = native  # type: ignore[attr-defined]
    return [Change(module, "lockf", lockf)]
