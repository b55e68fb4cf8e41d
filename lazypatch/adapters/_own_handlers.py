"""Whether what the system calls for a signal is Python's: a program that embeds Python may have put its own over it.

uWSGI does so in its workers, to end: Python goes on believing that Ctrl-C's handler is its own, and whoever exchanges
that would have it put in the place of uWSGI's. Only C can be asked what is there.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_signal: "Any" = sys.modules["_signal"]


def are_equal(number: int) -> bool:
    """Whether the handler of *number* that Python knows is the one that is called. Asked in the main thread."""
    spare: "Any" = getattr(_signal, "SIGRTMAX", 0)
    if not spare or _signal.getsignal(spare) is not _signal.SIG_DFL:
        return True
    try:
        import ctypes

        there = ctypes.CDLL(None).sigaction
    except (ImportError, OSError, AttributeError):
        return True

    def called_for(signal: int) -> "int | None":
        found = (ctypes.c_void_p * 64)()  # a struct that begins with the handler
        there(signal, None, found)
        return found[0]

    _signal.signal(spare, _signal.default_int_handler)
    try:
        return called_for(number) == called_for(spare)
    finally:
        _signal.signal(spare, _signal.SIG_DFL)
