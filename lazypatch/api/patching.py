"""The public functions that patch: gevent.monkey's specification."""

import sys

from .._session import session
from .._spec import unmet_messages
from .._targets import wanted
from .enabling import arm_in_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from collections.abc import Iterable
    from typing import Any

    from .._session import Session


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
    **kwargs: "Any",
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
        from .._errors import warn

        warn(message)
    current = session()
    arguments = {**switches, **options, "sys": sys, "builtins": builtins, "contextvars": contextvars}
    if not _announced(current, arguments, kwargs):
        return False
    arm_in_program(current, wanted(groups, [name for name, on in options.items() if on]))
    return True


def _announced(current: "Session", arguments: "dict[str, bool]", kwargs: "dict[str, Any]") -> bool:
    """Tell gevent's subscribers, now if gevent is there, else when it is; False if one vetoed it now."""
    request: "tuple[dict[str, bool], dict[str, Any], list[str]]" = (arguments, kwargs, [])
    current.selection.announcements.append(request)
    if "gevent" not in sys.modules or current.scheduler.truth.events is None:
        return True
    return current.scheduler.truth.events.announce(request)


def _patch(groups: "Iterable[str]", options: "Iterable[str]" = ()) -> bool:
    return arm_in_program(session(), wanted(groups, options))


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
    return arm_in_program(session(), {"select": frozenset(["aggressive"] if aggressive else [])})


def patch_selectors(aggressive: bool = True) -> bool:
    """Arm :mod:`selectors`; *aggressive* removes EpollSelector, KqueueSelector and DevpollSelector.

    Specified by ``gevent.monkey.patch_selectors``.
    """
    return arm_in_program(session(), {"selectors": frozenset(["aggressive"] if aggressive else [])})


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
    return arm_in_program(session(), chosen)


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
    target: "types.ModuleType | str", source: "types.ModuleType | str", items: "Iterable[str] | None" = None
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
    current.libraries.add(name)
    current.watch([name, "gevent", "wrapt"])
    if name in sys.modules:
        from ..peers.third_party import patch_now

        module = sys.modules[name] if isinstance(target, str) else target
        return patch_now(current.scheduler.truth, current.scheduler.commit, module, source, chosen)
    current.selection.third_party.setdefault(name, []).append((source, chosen))
    return True
