"""Whose an error is that leaves a step of ours: the program's, which is to have it, or that step's."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def is_veto(error: BaseException) -> bool:
    """Whether it is gevent's DoNotPatch, which is no Exception."""
    return type(error).__name__ == "DoNotPatch"


def is_users(error: BaseException) -> bool:
    """Whether it goes on to the user: it has come from outside, as by a signal, and not from what we were doing."""
    return not is_veto(error) and (not isinstance(error, Exception) or _is_of_a_handler(error))


def _is_of_a_handler(error: BaseException) -> bool:
    """Whether it came out of a function that is some signal's handler now."""
    signal: Any = sys.modules["_signal"]
    adapter: Any = sys.modules.get("lazypatch.adapters.signal_main")
    handlers = [*map(signal.getsignal, signal.valid_signals()), *(adapter.handlers.values() if adapter else ())]
    codes = {getattr(getattr(each, "__func__", each), "__code__", None) for each in handlers if not _is_ours(each)}
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code not in codes:
        trace = trace.tb_next
    return trace is not None


def _is_ours(handler: object) -> bool:
    return str(getattr(handler, "__module__", "")).startswith("lazypatch.")
