"""What a native thread overslept: for the interpreter's lock, which others held, or because the process did not run.

Problem. C code that keeps the interpreter's lock stops the watching thread, too: it wakes up late, as it does when the
process was stopped (SIGSTOP), the machine slept, or there was no processor for it. The first is a stall; the others are
not the program's fault. Solution. Whoever waits for the lock asks for it again every sys.getswitchinterval(), and each
time the kernel counts a voluntary switch of that thread; a thread that is stopped, or has no processor, makes none.
"""

from __future__ import annotations

import sys
from time import monotonic, process_time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

try:
    import resource

    _usage: Any = resource.getrusage
    _thread: Any = getattr(resource, "RUSAGE_THREAD", None)
except ImportError:  # not a POSIX system
    _thread = None


_SLOW = 4  # how many times longer asking again may take where processors are scarce


class Overslept:
    """Says of one sleep after another how much too long it was, and why."""

    def __init__(self) -> None:
        self._begin = monotonic()
        self._before = self._count()

    @staticmethod
    def _count() -> float:
        """Voluntary switches of this thread; where they are not counted, seconds that the process computed."""
        return process_time() if _thread is None else float(_usage(_thread).ru_nvcsw)

    def begin(self) -> None:
        """A sleep begins now."""
        self._begin, self._before = monotonic(), self._count()

    def end(self, meant: float) -> tuple[float, float, float]:
        """It is over: the time now, the seconds that others held the lock, the seconds that the process did not get.

        *meant* is how long it should have been.
        """
        now = monotonic()
        late = max(now - self._begin - meant, 0.0)
        if late < 0.001:
            return now, 0.0, 0.0
        more = self._count() - self._before
        held = max(more if _thread is None else (more - 1) * sys.getswitchinterval(), 0.0)
        if held * _SLOW >= late:
            held = late
        return now, held, late - held


def starved(native: int) -> float:
    """Seconds that the native thread *native* has waited for a processor up to now; 0.0 where nobody says."""
    import _io

    try:
        with _io.FileIO(f"/proc/self/task/{native}/schedstat") as file:
            return int((file.read(64) or b"").split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0
