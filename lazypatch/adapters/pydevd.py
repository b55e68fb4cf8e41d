"""The debugger pydevd (debugpy, VS Code, PyCharm) stops in every thread: it is told that threads are greenlets.

Problem. greenlet takes a thread's trace function away with each switch, and pydevd waits with objects that were
replaced: after the first breakpoint it stops in no other thread. It can live with gevent, and prints a request to set
GEVENT_SUPPORT=True for that, which it reads once, when its constants are loaded. It then keeps native modules to
itself, and traces each greenlet.

Solution. The variable is in os.environ while these constants are loaded, and only then: children that are debugged
have adapters of their own if they are armed, and if not, must not be told so. Whoever has set it is obeyed.

What stays. Where pydevd is loaded before lazypatch is armed, it is too late for that.
"""

from __future__ import annotations

import os

from .changes import Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_VARIABLE = "GEVENT_SUPPORT"
_is_ours = False


def _say() -> None:
    global _is_ours
    if _VARIABLE not in os.environ:
        os.environ[_VARIABLE] = "True"
        _is_ours = True


def _be_silent() -> None:
    global _is_ours
    if _is_ours:
        _is_ours = False
        os.environ.pop(_VARIABLE, None)


def plan(module: Any) -> list[Call]:
    """For pydevd's package, whose body runs just before that of its constants; and for these."""
    if module.__name__ == "_pydevd_bundle":
        return [] if hasattr(module, "pydevd_constants") else [Call(_say, _be_silent)]
    return [Call(_be_silent)]
