"""dump(): where every greenlet and every native thread is, as text; also for a signal while the hub is blocked.

A signal handler in Python would wait for the main thread. So faulthandler's, which is C, writes into a pipe, and a
native thread reads it: the stacks are taken even if the main thread waits in C for ever.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import os
import sys
from typing import TYPE_CHECKING, Any

from .._errors import complain, printable
from .._gevent import native
from .._session import session
from .._state import state
from .._targets import TARGETS
from .frames import Line, source
from .greenlets import Known, everybody
from .stderr import say

if TYPE_CHECKING:
    from typing import TextIO

_MOST = 100  # different stacks that are shown
_waiting: dict[int, tuple[int, int]] = {}  # signal -> the ends of its pipe


def dump(file: TextIO | None = None) -> None:
    """Write the stack of every greenlet and native thread to *file*, else to stderr. Imports and stops nothing."""
    (sys.stderr if file is None else file).write(text())


def text() -> str:
    """The same as text; those that are at the same place are told once."""
    same: dict[tuple[str, tuple[Line, ...]], list[Known]] = {}
    for one in everybody():
        same.setdefault((one.state, tuple(one.stack)), []).append(one)
    lines = [f"lazypatch: process {os.getpid()}, where every greenlet and native thread is", *_states(), ""]
    for (doing, stack), those in list(same.items())[:_MOST]:
        names = ", ".join(one.name for one in those[:5]) + (f" and {len(those) - 5} more" if len(those) > 5 else "")
        lines.append(printable(f"{names}: {doing}" + ("" if stack else ", nowhere in Python")))
        for line in reversed(stack):
            lines += _shown(line)
        lines.append("")
    if len(same) > _MOST:
        lines.append(f"and {len(same) - _MOST} more stacks")
    return "\n".join(lines) + "\n"


def _states() -> list[str]:
    """What became of each target, and what still holds an original."""
    current = session()
    words: dict[str, list[str]] = {}
    for name in TARGETS:
        words.setdefault(state(current.selection, current.originals, name), []).append(name)
    left = [one for one in current.selection.references if not one.mended]
    return [
        *(f"{word}: {', '.join(names)}" for word, names in words.items()),
        *(printable(f"raw reference: {one.place} = {one.target}.{one.name}") for one in left),
    ]


def _shown(line: Line) -> list[str]:
    where = line.place
    code = source(where.file, where.line).strip()
    first = printable(f'  File "{where.file}", line {where.line}, in {where.function}')
    return [first, printable(f"    {code}")] if code else [first]


def _name(number: int) -> str:
    return next(name for name in dir(_signal) if name[:3] == "SIG" and getattr(_signal, name) == number)


def refusal(number: int) -> str:
    """Why the signal *number* cannot be used for it; nothing if it can."""
    handler = _signal.getsignal(number)
    if handler is _signal.SIG_DFL or number in _waiting:
        return ""
    return "it is ignored" if handler is _signal.SIG_IGN else "the program handles it"


def on_signal(number: int) -> None:
    """Dump to stderr whenever the signal *number* comes; until gevent is loaded, threads alone, by faulthandler."""
    import faulthandler

    reason = refusal(number)
    if reason:
        complain(f"dump={_name(number)}: {reason}. Choose another signal. Nothing will be dumped")
    elif sys.stderr is not None and hasattr(faulthandler, "register"):
        faulthandler.register(number, 2, all_threads=True)
        _waiting[number] = (-1, -1)


def serve() -> None:
    """gevent is loaded: from now on a native thread answers the signals, with every greenlet."""
    import faulthandler

    for number, (_, writing) in _waiting.items():
        if writing != -1 or _signal.getsignal(number) is not _signal.SIG_DFL:
            continue  # served already, or the program has got a handler of its own meanwhile
        ends = os.pipe()
        _waiting[number] = ends
        faulthandler.register(number, ends[1], all_threads=False)
        # Not when this file is loaded: stand-ins are in their places then.
        native("_thread", "start_new_thread")(_answer, (ends[0], native("os", "read"), native("time", "sleep")))


def _answer(reading: int, read: Any, pause: Any) -> None:
    _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())  # they are the program's threads' to get
    while True:
        try:
            os.set_blocking(reading, True)
            if not read(reading, 65536):
                return
            pause(0.02)  # faulthandler writes a line at a time
            os.set_blocking(reading, False)
            read(reading, 65536)
        except BlockingIOError:
            pass
        except OSError:  # the program has closed it
            return
        say(text())


def _in_child() -> None:
    """A pipe of its own, or its signals would be answered by the parent."""
    for number, ends in list(_waiting.items()):
        if ends[1] != -1:
            for end in ends:
                try:
                    native("os", "close")(end)
                except OSError:
                    pass
            _waiting[number] = (-1, -1)
    serve()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
