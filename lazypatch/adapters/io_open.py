"""Opening a FIFO, and reading and writing through file objects over pipes, FIFOs and terminals, lets the others run.

What waits. open() of a FIFO waits in C for the other end, and so does each read and write of a file object over a pipe,
a FIFO, a terminal or a socket.

gevent supplies FileObject for them, which nobody gets from open(), os.fdopen() or pathlib. Here ``open`` of
``builtins`` and ``io`` looks what a path or a descriptor is, with one stat; for what can wait it makes the same
objects over a FileIO that lets others run (_files.py). Everything else is opened by the interpreter's own function,
and is what that one gives: the very same classes, closed, collected and warned of as ever.

``io.FileIO(descriptor)`` itself stays native, because its class cannot be changed and another one in its place would
not be the class of the files that open() gives; so do ``_io.open``, which the interpreter's own C code and importlib
use, and an ``opener`` that waits.
"""

import os
import sys

from .._install import Change
from ._as_builtin import as_builtin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# FIFO, character device, socket: what stat.S_IFMT() gives for them.
_MAY_WAIT = frozenset((0o010000, 0o020000, 0o140000))
# Modules of the standard library that take builtins.open, each as _builtin_open. gevent's own import may load them.
_TAKERS = ("bz2", "tokenize")


_made: "dict[Any, Any]" = {}  # the native function -> ours


def plan(module: "Any") -> list[Change]:
    """One function in both modules, as it is natively, and in those that took it while gevent was loaded.

    From Python 3.14 on a program need not have loaded ``io``.
    """
    if sys.platform == "win32":  # gevent's loop watches sockets only there
        return []
    native = sys.modules["_io"].open
    if native not in _made:
        _made[native] = as_builtin(_cooperative(native), native, "io")
    function = _made[native]
    taken = [vars(sys.modules[name]) for name in _TAKERS if name in sys.modules]
    return [
        Change(module, "open", function),
        *(Change(space, "_builtin_open", function) for space in taken if space.get("_builtin_open") is native),
    ]


def _cooperative(native: "Any") -> "Any":
    # All that it needs is in its closure: a finalizer may call it when this module's names are gone already.
    stat, may_wait, is_finalizing = os.stat, _MAY_WAIT, sys.is_finalizing

    def open(
        home: "Any",
        /,
        file: "Any",
        mode: "Any" = "r",
        buffering: int = -1,
        encoding: "Any" = None,
        errors: "Any" = None,
        newline: "Any" = None,
        closefd: bool = True,
        opener: "Any" = None,
    ) -> "Any":
        try:
            kind = 0 if opener is not None else stat(file).st_mode & 0o170000
        except (OSError, TypeError, ValueError):
            pass  # what there is to say, the native one says, and without a context of ours
        else:
            if (kind in may_wait or not kind) and not is_finalizing():
                from ._files import open_special

                return open_special(native, kind, (file, mode, buffering, encoding, errors, newline, closefd, opener))
        return native(file, mode, buffering, encoding, errors, newline, closefd, opener)

    return open
