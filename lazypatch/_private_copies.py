"""Second copies of standard modules that somebody takes to keep them native: they stay so.

Problem. eventlet and pydevd take a module out of sys.modules, import it anew, and put the first one back. To us that is
an import like any other. What does not work: looking whether the old one comes back, which is later than the body's
end; taking every second module for a copy, since a program that cleans up sys.modules means to go on with the second.

Solution. Those who do it are known by name: which function is importing. What the body of a copy imports for the first
time is everybody's, and not a copy.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

# The functions, each with its module, that import a copy themselves.
_COPIERS = {("eventlet.patcher", "original"), ("eventlet.patcher", "inject")}
# The module of pydevd that does so while the function runs that took these out of sys.modules, all at once: so they are
# copies also where one of them imports another.
_PYDEVD = {
    ("_pydev_bundle._pydev_saved_modules", "<module>"),
    ("_pydevd_bundle.pydevd_constants", "protect_libraries_from_patching"),
}
_PYDEVDS = ("_thread", "queue", "select", "socket", "threading", "time")
_MACHINERY = ("lazypatch", "importlib", "_frozen_importlib", "_frozen_importlib_external")

_copies: list[ModuleSpec] = []  # alive as long as the process, as their modules are


def is_private(spec: ModuleSpec) -> bool:
    """Whether *spec* is, or is about to become, that of a copy which somebody keeps for himself."""
    if any(known is spec for known in _copies):
        return True
    if spec.name in sys.modules or not _is_being_copied(spec.name):
        return False
    _copies.append(spec)
    return True


def _is_being_copied(name: str) -> bool:
    frames = []
    frame = sys._getframe(1)
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        if module.partition(".")[0] not in _MACHINERY:
            frames.append((module, frame.f_code.co_name))
        frame = frame.f_back  # type: ignore[assignment]  # None at the bottom ends the loop
    return not _COPIERS.isdisjoint(frames[:1]) or (name in _PYDEVDS and _PYDEVD.issubset(frames))
