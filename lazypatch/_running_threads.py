"""What an install of the thread group finds when there are other threads: native ones, or that it is in one of them."""

from __future__ import annotations

from ._install import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def end_from_elsewhere(threading: Any) -> Callable[[], None]:
    """A ``_shutdown`` after an install in another thread than the main one, whose native ident nobody has any more."""
    original, native_ident = threading._shutdown, threading.get_ident

    def _shutdown() -> None:
        from ._shutdown import end, greenlets_have_ended, in_exit_of_c  # loaded with the hub

        main = threading.main_thread()
        if greenlets_have_ended():
            in_exit_of_c(threading, main, {})
            original()
            return
        if main._ident == native_ident():
            # Only the thread that bears the main thread's ident may end it, or its lock is never released. (If another
            # thread was the first to import threading, before 3.13, that one is taken for the main thread: leave it.)
            main._ident = threading.get_ident()
        end(threading, original)

    return _shutdown


def joins(threading: Any, others: list[Any]) -> list[Change]:
    """Native threads that run already, *others*, can only be joined by looking again and again."""
    return [Change(vars(thread), "join", _polling_join(threading, thread)) for thread in others]


def _polling_join(threading: Any, thread: Any) -> Callable[..., None]:
    from time import monotonic

    from gevent.hub import sleep

    def join(timeout: float | None = None) -> None:
        if threading.current_thread() is thread:
            raise RuntimeError("Cannot join current thread")
        end = None if timeout is None else monotonic() + timeout
        while thread.is_alive() and (end is None or monotonic() < end):
            sleep(0.01)

    return join
