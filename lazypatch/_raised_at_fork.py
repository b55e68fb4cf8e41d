"""Raise in the program what a signal handler raised in an at-fork hook of ours, where the interpreter would drop it.

The handler ran in our hook by chance: without us, in the line that forks, or in the next one. It cannot be raised when
the hook ends, since other hooks may come, some of them with locks to release. So a native thread, which begins when the
program next lets others run, sends the signal of Ctrl-C, whose handler for this time raises what is owed.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the C module: what signal has may be gevent's
import _thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


def raise_soon(error: BaseException, start_new_thread: Any) -> None:
    """Have *error* raised in the main thread; *start_new_thread* is the original if it was replaced."""
    before, owed = _signal.getsignal(_signal.SIGINT), [error]

    def handler(*_: object) -> NoReturn:
        _signal.signal(_signal.SIGINT, before)
        raise owed.pop().with_traceback(None)

    def interrupt() -> None:
        if owed:  # else Ctrl-C was pressed again meanwhile
            _thread.interrupt_main()

    _signal.signal(_signal.SIGINT, handler)
    (start_new_thread or _thread.start_new_thread)(interrupt, ())
