"""ddtrace's start: it imports what it needs and then takes all of that out of sys.modules again.

So, where gevent can be found, ``ddtrace-run`` and ``import ddtrace.auto`` keep native modules to themselves, and the
program gets modules of its own, to be patched. Nothing may be installed until then: what was would be ddtrace's, gevent
and half of this package would be taken out with the rest, and a second gevent would meet what is left of the first.
"""

from __future__ import annotations

import _frozen_importlib
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._standins import StandIns

_bootstrap: Any = _frozen_importlib
_SITE = "ddtrace.bootstrap.sitecustomize"


def has_started(standins: StandIns) -> bool:
    """Whether that is over, or never was; the first step of ours is waiting for it."""
    unloads = os.environ.get("DD_UNLOAD_MODULES_FROM_SITECUSTOMIZE", "auto").lower() in ("auto", "true", "1")
    if not (unloads and getattr(sys.modules.get("ddtrace.bootstrap.cloning"), "enabled", True) and _is_starting()):
        return True
    for name in ("time", "_thread"):  # will be ddtrace's own; os stays
        standins.remove(name)
    return False


def _is_starting() -> bool:
    importing = _bootstrap._module_locks
    return "ddtrace.auto" in importing or _SITE in importing or ("sitecustomize" in importing and _site_is_ddtraces())


def _site_is_ddtraces() -> bool:
    origin = str(getattr(getattr(sys.modules.get("sitecustomize"), "__spec__", None), "origin", None))
    return origin.replace(os.sep, ".").endswith(f".{_SITE}.py")
