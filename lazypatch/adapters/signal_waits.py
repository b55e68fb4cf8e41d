"""signal.sigwait, sigwaitinfo, sigtimedwait and pause let the other threads run.

They wait in C. What is waited for has no descriptor that the standard library can give, so the first three look again
and again, at growing intervals: a signal is heard of 50 ms late at most. Natively a signal with a handler goes to who
waits for it, blocked or not; so those that are not blocked are blocked while somebody waits. pause() waits for the end
of the next handler, as _main_signals.py runs them.

Not done: who waits is not told from the other threads, which share one native thread's pending signals. A signal that
is not blocked in a native thread of gevent's threadpool may be delivered there, and its handler runs. Without the
adapter signal-main, pause() waits in C.
"""

import sys

from .._gevent import native
from ._waits import hub_to_wait_in, try_until
from .changes import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType
    from typing import Any

held: "dict[int, int]" = {}  # signals that are blocked only because somebody waits for them, and how many do


def plan(signal: "ModuleType") -> "list[Change]":
    """Those of the four that this system has."""
    from functools import update_wrapper

    changes = []
    for function in (sigwait, sigwaitinfo, sigtimedwait, pause):
        if hasattr(signal, "sigtimedwait") and hasattr(signal, "pthread_sigmask"):  # macOS lacks the first
            original = native("signal", function.__name__)
            if original is not function:
                update_wrapper(function, original)
                function.__module__ = "signal"  # the original of pause is C's
            changes.append(Change(signal, function.__name__, function))
    return changes


def _original(function: "Any") -> "Any":
    return function.__wrapped__


def sigwait(sigset: "Iterable[int]", /) -> "Any":
    """See signal.sigwait."""
    if hub_to_wait_in() is None:
        return _original(sigwait)(sigset)
    number = _wait(sigset, None).si_signo
    try:
        return sys.modules["signal"].Signals(number)
    except ValueError:
        return number


def sigwaitinfo(sigset: "Iterable[int]", /) -> "Any":
    """See signal.sigwaitinfo."""
    return _original(sigwaitinfo)(sigset) if hub_to_wait_in() is None else _wait(sigset, None)


def sigtimedwait(sigset: "Iterable[int]", timeout: "Any", /) -> "Any":
    """See signal.sigtimedwait."""
    now = _original(sigtimedwait)
    if hub_to_wait_in() is None or not timeout or timeout < 0:  # which raises what it raises
        return now(sigset, timeout)
    return _wait(sigset, timeout)


def _wait(sigset: "Iterable[int]", timeout: "Any") -> "Any":
    signals = list(sigset)
    now, masks = _original(sigtimedwait), sys.modules.get(f"{__package__}.signal_masks")
    found = now(signals, 0)
    if found is None:
        mine = _hold(signals, masks)
        try:
            found = try_until(lambda: now(signals, 0), timeout)
        finally:
            _let_go(mine, masks)
    if masks is not None and found is not None:
        masks.taken(found.si_signo)
    return found


def _hold(signals: "list[int]", masks: "Any") -> "list[int]":
    """Block those of *signals* that are not, or only for somebody else who waits; gives them.

    One without a handler, such as SIGTERM, ends the program natively, too, if it is waited for and not blocked.
    """
    signal: "Any" = sys.modules["signal"]
    mine = () if masks is None else masks.mine()
    wanted = [number for number in set(signals) if number in mine or signal.getsignal(number) != signal.SIG_DFL]
    blocked = sys.modules["_signal"].pthread_sigmask(signal.SIG_BLOCK, wanted)
    found = [number for number in wanted if number not in blocked or number in held]
    for number in found:
        held[number] = held.get(number, 0) + 1
    return found


def _let_go(mine: "list[int]", masks: "Any") -> None:
    signal: "Any" = sys.modules["signal"]
    free = []
    for number in mine:
        held[number] -= 1
        if not held[number]:
            del held[number]
            free.append(number)
    if masks is not None and masks.are_kept():
        masks.settle()
    else:
        sys.modules["_signal"].pthread_sigmask(signal.SIG_UNBLOCK, free)


def pause() -> None:
    """See signal.pause."""
    hub, signals = hub_to_wait_in(), sys.modules.get("lazypatch.adapters.signal_main")
    if hub is None or signals is None or "pthread_kill" not in vars(signals)["_originals"]:
        return _original(pause)()  # type: ignore[no-any-return]
    from ._main_signals import wait_for_a_handler

    return wait_for_a_handler(hub)
