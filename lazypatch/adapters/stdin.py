"""sys.stdin waits in C, and print() does where nobody reads the pipe behind sys.stdout.

The interpreter makes these files before anybody can choose their classes, and others hold them, or their buffers,
already. So they stay, with all that they have read ahead; but C calls the methods of the raw file below by name, and
in an object a name can be taken. Reading is mended in any case, because a program may put a pipe on descriptor 0
later; writing where the descriptor is a pipe, a terminal or a socket now: a write to a file, the usual case
otherwise, costs what it did.

Nothing of it is loaded before the first read or write. input() that is not at a terminal reads sys.stdin.
"""

import os
import sys
from _io import FileIO, TextIOWrapper

from gevent._hub_local import get_hub_if_exists

from .._install import Change
from .._originals import at_end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_READING, _WRITING = ("readinto", "read", "readall"), ("write",)


def plan(module: "Any") -> list[Change]:
    """Other methods in the raw files of the standard streams: those of the program's start, and those of now."""
    changes: list[Change] = []
    if sys.platform == "win32":  # gevent's loop watches sockets only there
        return changes
    for name in ("stdin", "stdout", "stderr"):
        for stream in {getattr(module, "__" + name + "__"), getattr(module, name)}:
            if type(stream) is TextIOWrapper and not stream.closed:  # what the program put there is its own affair
                buffer: "Any" = stream.buffer
                raw = getattr(buffer, "raw", buffer)
                if type(raw) is FileIO and "write" not in vars(raw) and (name == "stdin" or _may_wait(raw)):
                    methods = _READING if name == "stdin" else _WRITING
                    changes += [Change(raw, method, _later(raw, buffer, method)) for method in methods]
                    at_end.append(lambda raw=raw: _give_back(raw))  # type: ignore[misc]
    return changes


def _give_back(raw: "Any") -> None:
    """Finalizers print as well, and what is in the buffers is written after all of them: C does that by itself."""
    for method in (*_READING, *_WRITING):
        vars(raw).pop(method, None)


def _may_wait(raw: "Any") -> bool:
    kind = os.fstat(raw.fileno()).st_mode & 0o170000
    return kind in (0o010000, 0o140000) or raw.isatty()  # FIFO, socket


def _later(raw: "Any", buffer: "Any", name: str) -> "Callable[..., Any]":
    native = getattr(raw, name)

    def method(*args: "Any") -> "Any":
        # Without a hub there is nobody to let run. And up to 3.12 a program that is ended by Ctrl-C forgets to exit as
        # if by the signal if anything is compiled, as loading what follows does, while that is printed.
        if get_hub_if_exists() is None:
            return native(*args)
        from ._raw import mend

        mend(raw, None if buffer is raw else buffer)
        return getattr(raw, name)(*args)

    return method
