"""Modules that are no targets, but hold something that a target supplied: a lock, a default."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from .._install import Change
from .._threads import logging_locks, shutdown_lock

if TYPE_CHECKING:
    from .._targets import Wanted


def changes(name: str, wanted: Wanted) -> list[Change]:
    """What changes in the module *name*, which is loaded."""
    module, options = sys.modules[name], wanted.get("threading", ())
    if name == "concurrent.futures.thread":
        return shutdown_lock(module) if "existing_locks" in options else []
    if name == "logging":
        return logging_locks(module, sys.modules["threading"]) if "logging" in options else []
    return _fork_by_default(module) if "subprocess" in wanted else []


def _fork_by_default(context: Any) -> list[Change]:
    """gevent's choice on 3.14 and later (and on macOS): multiprocessing forks unless the program says otherwise.

    gevent.monkey sets the method itself, by force; here only the default changes, so a program that sets one
    still can. Specified with gevent.monkey.patch_subprocess.
    """
    if sys.platform != "darwin" and (sys.version_info < (3, 14) or sys.platform == "win32"):
        return []
    default = context._default_context
    if default._actual_context is not None:
        return []
    return [Change(vars(default), "_default_context", context._concrete_contexts["fork"])]
