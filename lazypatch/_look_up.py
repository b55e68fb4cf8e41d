"""Which module a name means to us: the standard library's, gevent's own, or the program's that stands in the way."""

import os
import sys

from ._targets import ADAPTED, COPIERS, GEVENT_IS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

ONCE = ("gevent", "greenlet", "zope", "lazypatch")  # packages that must not be loaded twice


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


def in_the_way(armed: "list[str]") -> "list[tuple[str, str]]":
    """Names that gevent is made of, and files of the program that have them; *armed* is sys.path before the program."""
    return [
        (name, file)
        for folder in dict.fromkeys(own_folders(armed))
        if folder in sys.path
        for name in GEVENT_IS
        for file in (os.path.join(folder, name + ".py"), os.path.join(folder, name, "__init__.py"))
        if os.access(file, os.R_OK) and file != origin(name)
    ]


def origin(name: str) -> str:
    """The file of the loaded module *name*, or its folder."""
    module: "Any" = sys.modules.get(name)
    return getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), name)


_STDLIB = os.path.dirname(getattr(os, "__file__", "")) + os.sep
_PACKAGES = "-packages" + os.sep


def is_standard(spec: "ModuleSpec") -> bool:
    """Whether *spec* is of the standard library, and not of somebody's module that has such a name, or of a copy."""
    if not COPIERS.isdisjoint(sys.modules):
        from ._private_copies import is_private

        if is_private(spec):
            return False
    origin = spec.origin or ""
    if origin.startswith(_STDLIB) and _PACKAGES not in origin[len(_STDLIB) :]:
        return True
    if origin in ("built-in", "frozen") or len(_STDLIB) <= 1:
        return True
    return os.path.basename(os.path.dirname(origin)) in ("lib-dynload", "DLLs")


def known_spec(packages: "dict[str, ModuleType]", name: str) -> "ModuleSpec | None":
    """The way to the module *name* of *packages* that was loaded already and is not in sys.modules; None if none was.

    A program that puts sys.modules back to an earlier state would get a second gevent otherwise, with a hub, locks and
    threads of its own. A package keeps its submodules as attributes, so they can be found; the others are put back too.
    """
    package = packages[name.partition(".")[0]]
    found: "Any" = package
    kind = type(sys)
    for part in name.split(".")[1:]:
        found = vars(found).get(part) if isinstance(found, kind) else None
    real = getattr(found, "__spec__", None)
    # A module's own name may be that of its twin in C, which gevent copies into it.
    if real is None or not isinstance(found, kind) or not found.__name__.startswith(package.__name__):
        return None

    def create_module(spec: "ModuleSpec") -> "ModuleType":
        # Not while its finder is asked: importlib would take what it finds in sys.modules then for a failed import.
        for root, each in packages.items():
            _put_back(root, each)
        return found

    def exec_module(module: "ModuleType") -> None:
        module.__spec__ = real

    loader: "Any" = type(sys.implementation)
    spec: "ModuleSpec" = type(real)(name, loader(create_module=create_module, exec_module=exec_module))
    return spec


def _put_back(name: str, module: "ModuleType") -> None:
    sys.modules.setdefault(name, module)
    unread = getattr(sys.modules.get("lazypatch._unread"), "Unread", None)  # those are put back by their import
    for part, inner in list(vars(module).items()) if hasattr(module, "__path__") else ():
        if type(inner) is not unread and isinstance(inner, type(sys)) and inner.__name__ == f"{name}.{part}":
            _put_back(inner.__name__, inner)


def is_meant(spec: "ModuleSpec") -> bool:
    """Whether *spec* is of what its name says to us, and not of a user's own module of that name."""
    name = spec.name
    if name == "gevent":
        return spec.submodule_search_locations is not None
    if is_standard(spec) or name.startswith(("gevent.", "wrapt")):
        return True
    return name in ADAPTED and name.partition(".")[0] not in sys.stdlib_module_names


def half_imported(name: str) -> bool:
    """Whether the body of *name* is running now, in any thread, or is put off until somebody uses the module."""
    module = sys.modules.get(name)
    if type(module).__name__ == "_LazyModule":  # importlib.util.LazyLoader's: reading any attribute would run the body
        return True
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))
