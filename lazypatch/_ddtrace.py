"""ddtrace's start: it imports what it needs and then takes all of that out of sys.modules again.

So, where gevent can be found, ``ddtrace-run`` and ``import ddtrace.auto`` keep native modules to themselves, and the
program gets modules of its own, to be patched. Nothing may be installed until then: what was would be ddtrace's, gevent
and half of this package would be taken out with the rest, and a second gevent would meet what is left of the first.

``time`` and ``_thread`` are taken out, too, so for once they are imported under our eyes, wherever the next one to need
them is: in the body of collections, say. They get stand-ins then, as at the start of any other process.
"""

from __future__ import annotations

import _frozen_importlib
import os
import sys
from typing import TYPE_CHECKING, Any

from ._targets import STAND_INS

if TYPE_CHECKING:
    import types

    from ._enable import Session

_bootstrap: Any = _frozen_importlib
_SITE = "ddtrace.bootstrap.sitecustomize"
_TAKEN_OUT = ("time", "_thread")


class _Meanwhile:
    """Stands for the session, for the finder, until the program's first import of another target."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def before(self, name: str, unlocked: Any = None) -> None:
        if name not in _TAKEN_OUT:
            self._session.before(name, unlocked)

    def after(self, name: str, module: types.ModuleType) -> None:
        if name not in _TAKEN_OUT:
            self._session.after(name, module)
        elif name in self._session.wanted and not is_starting():
            self._session.standins.put(module, STAND_INS[name])


def has_started(session: Session) -> bool:
    """Whether it is over, or never was; the first step of *session* is waiting for that."""
    if is_starting():
        for name in _TAKEN_OUT:
            session.standins.remove(name)
        session.finder.session = _Meanwhile(session)
        return False
    for name in _TAKEN_OUT:
        __import__(name)  # what does the step imports them, too
    session.finder.session = session
    return True


def is_starting() -> bool:
    """Whether somebody is in the middle of it."""
    unloads = os.environ.get("DD_UNLOAD_MODULES_FROM_SITECUSTOMIZE", "auto").lower() in ("auto", "true", "1")
    if not (unloads and getattr(sys.modules.get("ddtrace.bootstrap.cloning"), "enabled", True)):
        return False
    importing = _bootstrap._module_locks
    return "ddtrace.auto" in importing or _SITE in importing or ("sitecustomize" in importing and _site_is_ddtraces())


def _site_is_ddtraces() -> bool:
    origin = str(getattr(getattr(sys.modules.get("sitecustomize"), "__spec__", None), "origin", None))
    return origin.replace(os.sep, ".").endswith(f".{_SITE}.py")
