"""The public questions and switches: what is patched, what stood there before, enable and its handle."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from . import _state
from ._enable import Session, session
from ._errors import LazyPatchError, warn
from ._originals import MISSING
from ._spec import parse
from ._startup import main_interpreter
from ._targets import TARGETS

if TYPE_CHECKING:
    import types
    from collections.abc import Iterable, Sequence


def get_original(mod_name: str | Sequence[str], item_name: str | Sequence[str]) -> Any:
    """The object that stood in a module before; what stands there now if nothing was replaced.

    Specified by ``gevent.monkey.get_original``. Imports the module if need be.

    :param mod_name: a module's name, or a sequence of names, of which the first that can be imported counts.
    :param item_name: a name in that module, or a sequence of them.
    :return: the original, or a list of them for a sequence.
    :raises ImportError: if no module can be imported. :raises AttributeError: if the module has no such name.
    """
    modules = [mod_name] if isinstance(mod_name, str) else list(mod_name)
    items = [item_name] if isinstance(item_name, str) else list(item_name)
    for name in modules:
        try:
            found = [_original(name, item) for item in items]
        except ImportError:
            if name == modules[-1]:
                raise
        else:
            return found[0] if isinstance(item_name, str) else found
    raise ImportError("get_original() was given no module name")


def _original(name: str, item: str) -> Any:
    current = session()
    __import__(name)
    if current.started:
        found = current.scheduler.originals.of(name).get(item, MISSING)
        if found is not MISSING:
            return found
    cell = current.standins.cells.get((name, item))
    if cell is not None:
        return cell.original
    saved = getattr(sys.modules.get("gevent.monkey"), "saved", {})
    return saved[name][item] if item in saved.get(name, ()) else getattr(sys.modules[name], item)


def is_module_patched(mod_name: str) -> bool:
    """Whether whoever imports *mod_name* from now on gets a cooperative module, installed or still waiting.

    Specified by ``gevent.monkey.is_module_patched``.
    """
    return _state.will_be_cooperative(session(), mod_name) or mod_name in _gevents_record()


def is_object_patched(mod_name: str, item_name: str) -> bool:
    """Whether whoever uses *item_name* of *mod_name* from now on gets the cooperative one.

    Specified by ``gevent.monkey.is_object_patched``.
    """
    current = session()
    installed = current.scheduler.originals.of(mod_name) if current.started else {}
    if installed:
        return item_name in installed
    if _state.will_be_cooperative(current, mod_name):
        return _state.will_replace(current, mod_name, item_name)
    return item_name in _gevents_record().get(mod_name, ())


def _gevents_record() -> dict[str, Any]:
    return getattr(sys.modules.get("gevent.monkey"), "saved", {})


class Handle:
    """What :func:`enable` returns; also a context manager that cancels on its way out."""

    def __init__(self, current: Session, names: Iterable[str]) -> None:
        self._session = current
        self._names = frozenset(names)

    def cancel(self) -> None:
        """Stop waiting for targets that are not loaded yet. What is installed stays installed."""
        current = self._session
        waiting = [name for name in self._names if _state.state(current, name) == "waiting"]
        current.wanted = {name: options for name, options in current.wanted.items() if name not in waiting}
        for name in waiting:
            current.standins.remove(name)
            if current.started:
                current.scheduler.truth.forget(name)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.cancel()


def enable(spec: str = "all") -> Handle:
    """Arm what *spec* says, as ``PYTHONCOOPPATCH=spec`` would; enabling again adds.

    :param spec: ``all``, or groups separated by commas, ``-GROUP`` and ``OPTION=0``; see docs/reference.md.
    :return: a handle whose ``cancel()`` stops waiting for what is not loaded yet; also a context manager.
    :raises LazyPatchError: for a word that is not of the spec language.
    """
    chosen, warnings = parse(spec)
    for message in warnings:
        warn(message)
    current = session()
    if not chosen or not _can_work_here():
        return Handle(current, ())
    current.arm(chosen)
    return Handle(current, chosen)


def _can_work_here() -> bool:
    import _thread

    known = getattr(_thread, "_is_main_interpreter", None)
    return known() if known is not None else _main_by_import()


def _main_by_import() -> bool:
    if main_interpreter():
        return True
    try:  # 3.10 and 3.11, in a thread that is not the main one
        import _xxsubinterpreters as interpreters
    except ImportError:
        return True
    return bool(interpreters.get_current() == interpreters.get_main())


def state(name: str) -> str:
    """What became of the target *name*.

    :return: ``waiting`` (armed, not loaded), ``installed`` (during its first load), ``late`` (it was loaded before
        it was armed), ``failed`` (it could not be installed and is native), or ``skipped`` (not asked for, or
        vetoed).
    :raises LazyPatchError: if there is no such target.
    """
    if name not in TARGETS:
        raise LazyPatchError(f"{name!r} is not a target; the targets are {', '.join(TARGETS)}")
    return _state.state(session(), name)


def original(name: str) -> types.ModuleType:
    """A read-only view of the whole module *name* as it was before anything was replaced.

    ``original("threading").Thread`` starts a native thread, ``original("socket").socket`` blocks it, and they keep
    doing so whatever is installed later. Modules written in Python are executed once more for it, privately, on
    top of each other's originals; exceptions are the same classes as everywhere.

    :param name: a target's name, or any other module's, which is given as it is.
    :raises ImportError: if there is no such module.
    """
    from ._native import view

    return view(name, session())
