"""The options ``monitor``, ``monitor_log`` and ``dump`` of a spec: from the spec to a watched program."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._session import Session
    from .monitor import Monitor

_running: list[Monitor] = []  # the one that the spec asks for
_running_options: dict[str, Any] = {}
_REST = 0.05  # seconds between looks at a program that is at work: more of them would cost it more than 1 %


def begin(session: Session, options: Mapping[str, Any]) -> None:
    """Do what *options* ask for, once gevent is there: until then no hub can be late, and no greenlet exists."""
    if "dump" in options:
        from .dumping import on_signal

        on_signal(options["dump"])
    _running_options.update(options)
    known: Any = sys.modules.get("gevent.hub")
    if hasattr(known, "Hub"):
        _gevent_is_there(known)
    else:
        session.hooks.setdefault("gevent.hub", []).append(_gevent_is_there)
        session.libraries.add("gevent.hub")
        session.watch(["gevent.hub"])


def _gevent_is_there(module: Any) -> None:
    """Be told of each hub that begins to run, in its own native thread; and of the one that runs here already."""
    original = module.Hub.start_periodic_monitoring_thread
    if not hasattr(original, "_lazypatch"):

        def start_periodic_monitoring_thread(self: Any) -> Any:
            _runs(self)
            return original(self)

        start_periodic_monitoring_thread.__doc__ = original.__doc__
        start_periodic_monitoring_thread._lazypatch = True  # type: ignore[attr-defined]
        module.Hub.start_periodic_monitoring_thread = start_periodic_monitoring_thread
    hub = getattr(sys.modules.get("gevent._hub_local"), "get_hub_if_exists", bool)()
    if hub:  # a hub that has never run is false
        _runs(hub)


def _runs(hub: Any) -> None:
    """What is raised here would end the hub."""
    try:
        if "dump" in _running_options:
            from .dumping import serve

            serve()
        if "monitor" in _running_options:
            _monitor().watch(hub)
    except Exception as error:
        from .._errors import complain, one_line

        complain(f"could not watch a hub: {one_line(error)}. The program goes on, and nothing of it is watched")


def _monitor() -> Monitor:
    limit = _running_options["monitor"] / 1e3
    if not _running:
        from .monitor import Monitor
        from .stderr import say

        log = (lambda line: say(f"lazypatch: {line}\n")) if _running_options.get("monitor_log") else None
        _running.append(Monitor(limit, log, _REST))
    return _running[0]


def stalls() -> tuple[float, list[Any]]:
    """The limit in milliseconds, 0.0 if nobody watches, and what has been found."""
    if not _running:
        return 0.0, []
    return _running[0].limit * 1e3, _running[0].culprits.found()
