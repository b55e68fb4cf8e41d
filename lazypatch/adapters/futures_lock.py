"""os.fork() acquires a lock of concurrent.futures.thread's, which must not wait for a greenlet (gevent #1865)."""

from __future__ import annotations

from .._install import Change
from .._threads import shutdown_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def plan(module: Any) -> list[Change]:
    """A new lock in the place of the native one."""
    return shutdown_lock(module)
