"""Who keeps originals on purpose: modules in which late repair changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._targets import Selection

# A package, or a module of one, with everything below it -> why mending it would be wrong.
LEFT_ALONE = {
    "gevent": "is made of the originals",
    "greenlet": "is made of the originals",
    "zope": "is called by gevent while it patches",
    "lazypatch": "keeps the originals for those who ask",
    "importlib": "has its own view of _thread, which knows greenlets already",
    "_frozen_importlib": "has its own view of _thread, which knows greenlets already",
    "_frozen_importlib_external": "is importlib",
    "_socket": "supplies originals",
    "_ssl": "supplies originals",
    "posix": "supplies originals",
    "nt": "supplies originals",
    "pydevd": "a debugger has to run while the program stands still",
    "debugpy": "a debugger has to run while the program stands still",
    "_pydevd_bundle": "a debugger has to run while the program stands still",
    "_pydevd_frame_eval": "a debugger has to run while the program stands still",
    "_pydev_bundle": "a debugger has to run while the program stands still",
    "_pydev_runfiles": "a debugger has to run while the program stands still",
    "pydev_ipython": "a debugger has to run while the program stands still",
    "coverage": "is called for every line of the program, and must not switch greenlets there",
    "pyinstrument": "a profiler is called in the middle of everything, and must not switch greenlets there",
    "yappi": "a profiler is called in the middle of everything, and must not switch greenlets there",
    "pytest_timeout": "a watchdog has to fire while the hub hangs",
    "execnet": "its receiver threads run natively already, and it has its own switch for gevent",
    "ipykernel": "its threads run natively already and feed the prompt while a cell blocks",
    "IPython.core.history": "its thread runs natively already, and writes while the prompt blocks",
    "ddtrace": "keeps private native modules on purpose, and has its own switch for gevent",
    "eventlet": "keeps originals for its own hub",
    "trio": "is a hub of its own: it needs real threads and the real epoll",
    "curio": "is a hub of its own: it needs real threads and the real epoll",
}

# What is right as it is, native, in a module that is mended otherwise -> why.
RIGHT_AS_IT_IS = {
    "multiprocessing.resource_tracker._fork_intent": "is set and reset around a fork, in which nobody else has a turn",
}


class LeftAlone:
    """Decides by a module's name, once per name."""

    def __init__(self, selection: Selection) -> None:
        self._names = {*LEFT_ALONE, *TARGETS, *selection.excluded, *selection.asked}
        if "logging" not in selection.wanted.get("threading", ()):  # the option that says so
            self._names.add("logging")
        self._known: dict[str, bool] = {}

    def __call__(self, name: object) -> bool:
        """Whether the module *name*, or one of its packages, keeps what it has."""
        if not isinstance(name, str):
            return False
        known = self._known.get(name)
        if known is None:
            parts = name.split(".")
            known = any(".".join(parts[:end]) in self._names for end in range(1, len(parts) + 1))
            self._known[name] = known
        return known

    def asks(self, name: str, space: Mapping[str, object]) -> bool:
        """The same for a module that is there: one that imported a ``get_original`` uses what that gives it."""
        function = space.get("get_original")
        return self(name) or (function is not None and self(getattr(function, "__module__", None)))
