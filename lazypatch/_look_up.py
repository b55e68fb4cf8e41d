"""Which module a name means to us: the standard library's, gevent's own, or the program's that stands in the way."""

import sys

from ._targets import COPIERS, GEVENT_IS, os  # os may be what is looked for, taken out of sys.modules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec


def own_folders(armed: "list[str]") -> "list[str]":
    """Where the program itself is, as entries of sys.path; *armed* is what that was before the program began."""
    try:
        own = ["", os.getcwd()]
    except OSError:  # it was removed
        own = [""]
    return own + [folder for folder in sys.path[:1] if folder not in armed]


def look_elsewhere(ask: "Callable[..., ModuleSpec | None]", name: str, armed: "list[str]") -> "ModuleSpec | None":
    """The spec of what gevent is made of; None for anything else, or if only the program's own folder has it."""
    if name not in GEVENT_IS:
        return None
    own = own_folders(armed)
    spec = ask(name, None, None, [folder for folder in dict.fromkeys((*armed, *sys.path)) if folder not in own])
    if spec is None or spec.origin or not any(os.access(os.path.join(folder, name), os.R_OK) for folder in own):
        return spec
    usual = ask(name, None, None)  # another part of a namespace
    return usual if usual is not None and not usual.origin else spec


_STDLIB = os.path.dirname(getattr(os, "__file__", "")) + os.sep
_PACKAGES = "-packages" + os.sep


def is_standard(spec: "ModuleSpec") -> bool:
    """Whether *spec* is of the standard library, and not of somebody's module that has such a name, or of a copy."""
    if not sys.modules.keys().isdisjoint(COPIERS):
        from ._private_copies import is_private

        if is_private(spec):
            return False
    origin = spec.origin or ""
    if origin.startswith(_STDLIB) and _PACKAGES not in origin[len(_STDLIB) :]:
        return True
    if origin in ("built-in", "frozen") or len(_STDLIB) <= 1:
        return True
    return os.path.basename(os.path.dirname(origin)) in ("lib-dynload", "DLLs")


def is_meant(spec: "ModuleSpec") -> bool:
    """Whether *spec* is of what its name says to us, and not of a user's own module of that name."""
    name = spec.name
    if name == "gevent":
        return spec.submodule_search_locations is not None
    return is_standard(spec) or name.startswith(("gevent.", "wrapt", "_pydevd_bundle."))


def half_imported(name: str) -> bool:
    """Whether the body of *name* is running now, in any thread, or is put off until somebody uses the module."""
    module = sys.modules.get(name)
    if type(module).__name__ == "_LazyModule":  # importlib.util.LazyLoader's: reading any attribute would run the body
        return True
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))
