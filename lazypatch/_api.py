"""The public functions: gevent.monkey's specification, and what is ours beside it."""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING, Any

from . import _state
from ._enable import Session, session
from ._errors import LazyPatchError, warn
from ._originals import MISSING
from ._spec import parse, unmet_messages
from ._startup import main_interpreter
from ._targets import TARGETS, wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def patch_all(
    socket: bool = True,
    dns: bool = True,
    time: bool = True,
    select: bool = True,
    thread: bool = True,
    os: bool = True,
    ssl: bool = True,
    httplib: bool = False,
    subprocess: bool = True,
    sys: bool = False,
    aggressive: bool = True,
    Event: bool = False,
    builtins: bool = True,
    *,
    signal: bool = True,
    queue: bool = True,
    contextvars: bool = True,
    **kwargs: Any,
) -> bool:
    """Arm every target that is not switched off: install it now if it is loaded, else when it first loads.

    Specified by ``gevent.monkey.patch_all``. Calling it again adds, never removes. *sys*, *builtins* and
    *contextvars* do nothing on Python 3, as specified. *kwargs* are handed to subscribers of gevent's events.

    :param socket: arm :mod:`socket`; *dns* includes its look-up functions.
    :param select: arm :mod:`select` and :mod:`selectors`; *aggressive* removes their other blocking calls.
    :param thread: arm :mod:`threading`, ``_thread`` and ``_threading_local``; *Event* includes ``threading.Event``.
    :return: True, or False if a subscriber vetoed all of it (``gevent.events.DoNotPatch``).
    :raises ValueError: if *httplib* is true: gevent removed it in version 1.0, Python's ``http.client`` is
        cooperative by itself once socket is.
    """
    if httplib:
        raise ValueError(
            "patch_all(httplib=True) asks for something that does not exist since gevent 1.0; leave it out: "
            "http.client is cooperative once socket is"
        )
    switches = {
        "socket": socket, "time": time, "select": select, "thread": thread, "os": os, "ssl": ssl,
        "subprocess": subprocess, "signal": signal, "queue": queue,
    }  # fmt: skip
    options = {"dns": dns, "aggressive": aggressive, "Event": Event, "logging": True, "existing_locks": True}
    groups = frozenset(name for name, on in switches.items() if on)
    for message in unmet_messages(groups):
        warn(message)
    current = session()
    arguments = {**switches, **options, "sys": sys, "builtins": builtins, "contextvars": contextvars}
    if not _announced(current, arguments, kwargs):
        return False
    current.arm(wanted(groups, [name for name, on in options.items() if on]))
    return True


def _announced(current: Session, arguments: dict[str, bool], kwargs: dict[str, Any]) -> bool:
    """Tell gevent's subscribers, now if gevent is there, else when it is; False if one vetoed it now."""
    request = (arguments, kwargs, list[str]())
    current.requests.append(request)
    if "gevent" not in sys.modules or current.scheduler.truth.events is None:
        return True
    return current.scheduler.truth.events.announce(request)


def _patch(groups: Iterable[str], options: Iterable[str] = ()) -> bool:
    return session().arm(wanted(groups, options))


def patch_socket(dns: bool = True, aggressive: bool = True) -> bool:
    """Arm :mod:`socket`; *dns* includes its look-up functions. Specified by ``gevent.monkey.patch_socket``.

    *aggressive* is accepted and has no effect on Python 3, as specified.

    :return: True, or False if a subscriber vetoed it.
    """
    return _patch(["socket"], ["dns"] if dns else [])


def patch_dns() -> bool:
    """Arm the look-up functions of :mod:`socket` only. Specified by ``gevent.monkey.patch_dns``."""
    return _patch(["dns"])


def patch_ssl() -> bool:
    """Arm :mod:`ssl`; only useful together with :func:`patch_socket`. Specified by ``gevent.monkey.patch_ssl``."""
    return _patch(["ssl"])


def patch_os() -> bool:
    """Arm :mod:`os`: fork, forkpty, posix_spawn(p), and waitpid unless GEVENT_NOWAITPID is set.

    Specified by ``gevent.monkey.patch_os``. To be used with :func:`patch_signal`.
    """
    return _patch(["os"])


def patch_time() -> bool:
    """Arm :func:`time.sleep`. Specified by ``gevent.monkey.patch_time``."""
    return _patch(["time"])


def patch_select(aggressive: bool = True) -> bool:
    """Arm :mod:`select`; *aggressive* removes epoll, kqueue, kevent and devpoll.

    Specified by ``gevent.monkey.patch_select``.
    """
    return session().arm({"select": frozenset(["aggressive"] if aggressive else [])})


def patch_selectors(aggressive: bool = True) -> bool:
    """Arm :mod:`selectors`; *aggressive* removes EpollSelector, KqueueSelector and DevpollSelector.

    Specified by ``gevent.monkey.patch_selectors``.
    """
    return session().arm({"selectors": frozenset(["aggressive"] if aggressive else [])})


def patch_subprocess() -> bool:
    """Arm :mod:`subprocess`. Specified by ``gevent.monkey.patch_subprocess``.

    On macOS, and from Python 3.14 on elsewhere but Windows, multiprocessing then forks by default.
    """
    return _patch(["subprocess"])


def patch_thread(
    threading: bool = True,
    _threading_local: bool = True,
    Event: bool = False,
    logging: bool = True,
    existing_locks: bool = True,
) -> bool:
    """Arm ``_thread``, and what else is true. Specified by ``gevent.monkey.patch_thread``.

    :param threading: arm :mod:`threading` too; *Event* includes ``threading.Event``.
    :param _threading_local: arm ``_threading_local.local``.
    :param logging: renew the locks of :mod:`logging` and of its handlers.
    :param existing_locks: renew locks of the standard library that were made before. The import locks that are
        held are always kept valid, whatever this says.
    :return: True, or False if a subscriber vetoed it.
    """
    given = {"Event": Event, "logging": logging, "existing_locks": existing_locks}
    chosen = wanted(["thread"], [name for name, on in given.items() if on])
    if not threading:
        del chosen["threading"]
    if not _threading_local:
        del chosen["_threading_local"]
    return session().arm(chosen)


def patch_signal() -> bool:
    """Arm :func:`signal.signal` and its like. Specified by ``gevent.monkey.patch_signal``; use with patch_os."""
    return _patch(["signal"])


def patch_queue() -> bool:
    """Arm the classes of :mod:`queue`. Specified by ``gevent.monkey.patch_queue``."""
    return _patch(["queue"])


def patch_sys(stdin: bool = True, stdout: bool = True, stderr: bool = True) -> None:
    """Do nothing, as specified for Python 3 by ``gevent.monkey.patch_sys``."""


def patch_builtins() -> None:
    """Do nothing, as specified for Python 3 by ``gevent.monkey.patch_builtins``."""


def patch_contextvars() -> None:
    """Do nothing, as specified for Python 3.7 and later by ``gevent.monkey.patch_contextvars``."""


def patch_module(
    target: types.ModuleType | str, source: types.ModuleType | str, items: Iterable[str] | None = None
) -> bool:
    """Replace attributes of *target* with those of the same name of *source*, a third party's modules.

    Specified by ``gevent.monkey.patch_module``, with *source*'s ``__implements__``, ``_gevent_will_monkey_patch``
    and ``_gevent_did_monkey_patch``. Given names instead of modules it is lazy: *target* is changed when it first
    loads, and *source* is imported then.

    :param items: the names to replace; ``source.__implements__`` unless given.
    :return: True, or False if *source* or a subscriber vetoed it.
    :raises AttributeError: if *source* is a module and lacks ``__implements__`` or one of the names.
    """
    chosen = None if items is None else list(items)
    current = session()
    name = target if isinstance(target, str) else target.__name__
    if name in sys.modules:
        from ._foreign import patch_module as patch_now

        module = sys.modules[name] if isinstance(target, str) else target
        return patch_now(current.scheduler, module, source, chosen)
    current.foreign.setdefault(name, []).append((source, chosen))
    current.finder.names.add(name)
    current.finder.install()
    return True


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
