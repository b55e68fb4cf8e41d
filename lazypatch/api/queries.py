"""The public questions: what is patched, what became of it, what stood there before."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from .. import _state
from .._adapters import ADAPTERS, theirs
from .._errors import LazyPatchError
from .._originals import MISSING
from .._session import Session, session
from .._targets import TARGETS

if TYPE_CHECKING:
    import types
    from collections.abc import Iterable, Sequence

    from .._places import State


def get_original(mod_name: str | Sequence[str], item_name: str | Sequence[str]) -> Any:
    """The object that stood in a module before; what stands there now if nothing was replaced.

    Specified by ``gevent.monkey.get_original``. Imports the module if need be.

    :param mod_name: a module's name, or a sequence of names, of which the first that can be imported counts.
    :param item_name: a name in that module, or a sequence of them.
    :return: the original, or a list of them for a sequence.
    :raises ImportError: if no module can be imported. :raises AttributeError: if the module has no such name.
    """
    _remember_who_asks()
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
    if current.originals is not None:
        found = current.originals.of(name).get(item, MISSING)
        if found is not MISSING:
            return found
    cell = current.standins.cells.get((name, item))
    if cell is not None:
        return cell.original
    from .._gevent import native

    return native(name, item)


def is_module_patched(mod_name: str) -> bool:
    """Whether whoever imports *mod_name* from now on gets a cooperative module, installed or still waiting.

    Specified by ``gevent.monkey.is_module_patched``.
    """
    current = _up_to_date()
    waits = mod_name in current.selection.third_party and mod_name not in sys.modules
    recorded = current.originals is not None and bool(current.originals.of(mod_name))
    return (
        _state.will_be_cooperative(current.selection, current.originals, mod_name)
        or waits
        or recorded
        or mod_name in _gevents_record()
    )


def is_object_patched(mod_name: str, item_name: str) -> bool:
    """Whether whoever uses *item_name* of *mod_name* from now on gets the cooperative one.

    Specified by ``gevent.monkey.is_object_patched``.
    """
    current = _up_to_date()
    installed = current.originals.of(mod_name) if current.originals is not None else {}
    if installed:
        return item_name in installed
    if _state.will_be_cooperative(current.selection, current.originals, mod_name):
        return _state.will_replace(current.selection, mod_name, item_name)
    waiting = current.selection.third_party.get(mod_name, ()) if mod_name not in sys.modules else ()
    if any(item_name in _items_of(source, items) for source, items in waiting):
        return True
    return item_name in _gevents_record().get(mod_name, ())


def _up_to_date() -> Session:
    """The session, when it has tried again what could not be done before."""
    current = session()
    if current.unfinished:
        from ..late.trying_again import when_asked

        when_asked(current)
    return current


def _items_of(source: Any, items: list[str] | None) -> Iterable[str]:
    if items is not None:
        return items
    supply = importlib.import_module(source) if isinstance(source, str) else source
    return list(supply.__implements__)


def _gevents_record() -> dict[str, Any]:
    return getattr(sys.modules.get("gevent.monkey"), "saved", {})


def state(name: str) -> State:
    """What became of the target, or the adapter, *name*.

    :param name: a target's name, such as ``socket``, or an adapter's word, such as ``os-close``.
    :return: ``waiting`` (armed, not loaded), ``installed`` (during its first load), ``late`` (it was loaded before
        it was armed), ``failed`` (it could not be installed and is native), ``gevent`` (gevent.monkey has patched it,
        and lazypatch was not asked to), or ``skipped`` (not asked for, or vetoed).
    :raises LazyPatchError: if there is no such target or adapter.
    """
    current = _up_to_date()
    if name not in TARGETS:
        waiting = current.scheduler.adapters if current.made else None
        words = ["in_threadpool", *(row.word for row in ADAPTERS), *([] if waiting is None else waiting.words())]
        if name not in words and name not in (row.word for row in theirs()):
            raise LazyPatchError(
                f"{name!r} is neither a target nor an adapter; the targets are {', '.join(TARGETS)}, the adapters "
                f"{', '.join(dict.fromkeys(words))}"
            )
        return _state.adapter_state(current.selection, waiting, name)
    return _state.state(current.selection, current.originals, name)


def original(name: str) -> types.ModuleType:
    """A read-only view of the whole module *name* as it was before anything was replaced.

    ``original("threading").Thread`` starts a native thread, ``original("socket").socket`` blocks it, and they keep
    doing so whatever is installed later. Modules written in Python are executed once more for it, privately, on
    top of each other's originals; exceptions are the same classes as everywhere.

    :param name: a target's name, or any other module's, which is given as it is.
    :raises ImportError: if there is no such module.
    """
    _remember_who_asks()
    from .unpatched import view

    return view(name, session())


def _remember_who_asks() -> None:
    """Late repair leaves modules alone that asked for originals."""
    session().selection.asked.add(str(sys._getframe(2).f_globals.get("__name__")))


def exclude(*names: str) -> None:
    """Have late repair change nothing in these modules, nor in what is below them or was defined there.

    For modules that need the originals which they hold. Say it before ``patch_all()``; what is mended stays so.
    Modules that call :func:`get_original` or :func:`original` at their top are left alone without this.

    :param names: full names of modules or packages, loaded or not; a warning names one that cannot be found.
    :raises LazyPatchError: for what is not a string.
    """
    from .._errors import nobody_to_exclude, warn

    for name in names:
        if not isinstance(name, str):
            raise LazyPatchError(f"exclude() takes full names of modules, as strings; it was given {name!r}")
        if not _can_be_found(name):
            warn(nobody_to_exclude(name))
    session().selection.excluded.update(names)


def _can_be_found(name: str) -> bool:
    top = name.partition(".")[0]
    if top in sys.modules:
        return True
    from importlib.util import find_spec

    try:
        return find_spec(top) is not None
    except ValueError:  # not a name at all
        return False
