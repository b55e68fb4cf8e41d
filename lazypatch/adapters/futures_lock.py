"""os.fork() acquires a lock of concurrent.futures.thread's, which must not wait for a greenlet (gevent #1865)."""

from __future__ import annotations

from typing import Any

from .._install import Change
from .._threads import shutdown_lock


def plan(module: Any) -> list[Change]:
    """A new lock in the place of the native one."""
    return shutdown_lock(module)
