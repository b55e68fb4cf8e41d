"""multiprocessing forks on 3.14 and later (and on macOS) unless the program says otherwise, as gevent chose.

Specified with ``gevent.monkey.patch_subprocess``. gevent.monkey sets the method itself, by force; here only the default
changes, so a program that sets one still can. With the adapter ``multiprocessing``, so with ``all``, the default stays
what Python documents: there all methods work.
"""

from __future__ import annotations

import sys

from .._install import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def plan(context: Any) -> list[Change]:
    """Another default context, unless the program has chosen one already."""
    if sys.platform != "darwin" and (sys.version_info < (3, 14) or sys.platform == "win32"):
        return []
    default = context._default_context
    if default._actual_context is not None:
        return []
    return [Change(vars(default), "_default_context", context._concrete_contexts["fork"])]
