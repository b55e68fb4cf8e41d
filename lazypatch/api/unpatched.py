"""Whole unpatched modules: read-only views whose classes and functions go on working natively.

An original class alone is not enough: ``threading.Thread.start`` looks up ``_start_new_thread`` in its module, and
finds gevent's there. So a target written in Python is executed once more, privately, importing the originals of
other targets instead of the targets. It must not have the real name: ``enum`` would write into the real module.
"""

from __future__ import annotations

import builtins
import importlib
import sys
import types
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any, NoReturn

from .._originals import MISSING
from .._targets import TARGETS

if TYPE_CHECKING:
    from .._session import Session

# In C, or too much entangled with the interpreter to exist twice.
_VIEWED_ONLY = ("_thread", "time", "select", "os", "signal")


class _View(types.ModuleType):
    """A module that can be read only."""

    def __init__(self, name: str, real: types.ModuleType, source: Any) -> None:
        super().__init__(name, real.__doc__)  # which on 3.10 makes the dict
        vars(self).update(_real=real, _source=source)

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("__") and name not in ("__all__", "__file__", "__doc__"):
            return super().__getattribute__(name)
        known = super().__getattribute__("__dict__")
        found = known["_source"](name)
        return getattr(known["_real"], name) if found is MISSING else found

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"original({self.__name__!r}) is read-only; set {name} in the module itself")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"original({self.__name__!r}) is read-only; delete {name} in the module itself")

    def __dir__(self) -> list[str]:
        return dir(super().__getattribute__("__dict__")["_real"])


_views: dict[str, types.ModuleType] = {}


def view(name: str, session: Session) -> types.ModuleType:
    """The view of the target *name*; any other module is given as it is."""
    if name not in TARGETS:
        return importlib.import_module(name)
    if name not in _views:
        real = importlib.import_module(name)
        if name in _VIEWED_ONLY:
            made = _View(name, real, lambda item: _recorded(session, name, item))
        else:
            copy = _copy(name, real, session)
            made = _View(name, copy, lambda item: vars(copy).get(item, MISSING))
        _views.setdefault(name, made)
    return _views[name]


def _recorded(session: Session, name: str, item: str) -> object:
    cell = session.standins.cells.get((name, item))
    if cell is not None:
        return cell.original
    known = session.originals.of(name) if session.originals is not None else {}
    # gevent.monkey may have been faster, and lazypatch not armed.
    gevents = getattr(sys.modules.get("gevent.monkey"), "saved", {}).get(name, {})
    return known[item] if item in known else gevents.get(item, MISSING)


def _copy(name: str, real: types.ModuleType, session: Session) -> types.ModuleType:
    spec = PathFinder.find_spec(name)
    if spec is None or not hasattr(spec.loader, "get_code"):
        raise ImportError(f"the code of {name!r} cannot be found, so there is no second copy of it to give", name=name)
    module = types.ModuleType(f"{__name__}.{name}", real.__doc__)
    module.__file__ = spec.origin
    vars(module)["__builtins__"] = {**vars(builtins), "__import__": _importer(session)}
    sys.modules[module.__name__] = module
    exec(spec.loader.get_code(name), vars(module))  # type: ignore[union-attr]
    _share_exceptions(module, real)
    if name == "threading" and sys.version_info < (3, 13):
        # From 3.13 on the interpreter itself waits for every non-daemon thread.
        real._register_atexit(module._shutdown)
    return module


def _importer(session: Session) -> Any:
    def import_originals(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        if level == 0 and name in TARGETS:
            return view(name, session)
        return __import__(name, globals, locals, fromlist, level)

    return import_originals


def _share_exceptions(copy: types.ModuleType, real: types.ModuleType) -> None:
    """``except queue.Full`` is to catch what the copy raises."""
    for name, value in list(vars(copy).items()):
        theirs = getattr(real, name, None)
        if isinstance(value, type) and issubclass(value, BaseException) and isinstance(theirs, type):
            setattr(copy, name, theirs)
