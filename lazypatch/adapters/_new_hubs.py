"""What adapters do with each hub when it is made: Hub.__init__ is replaced once for all of them."""

from functools import partial

from gevent.hub import Hub

from .changes import Call, Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_init = Hub.__init__
_steps: "list[Callable[[Any], object]]" = []
_around: "list[Callable[[Any, Callable[[], None]], None]]" = []


def __init__(hub: "Any", *args: "Any", **options: "Any") -> None:
    make = partial(_init, hub, *args, **options)
    for wrap in _around:
        make = partial(wrap, hub, make)
    make()
    for step in _steps:
        step(hub)


__init__.__doc__, __init__.__module__ = _init.__doc__, _init.__module__
__init__.__wrapped__ = _init  # type: ignore[attr-defined]


def told(step: "Callable[[Any], object]") -> "list[Change]":
    """What has *step* called with each hub that is made from now on, in the hub's native thread."""
    return _with(step, _steps)


def around(step: "Callable[[Any, Callable[[], None]], None]") -> "list[Change]":
    """What has *step* called with each hub that is to be made from now on, and with what makes it, which it calls."""
    return _with(step, _around)


def _with(step: "Any", steps: "list[Any]") -> "list[Change]":
    changes: "list[Change]" = [] if step in steps else [Call(lambda: steps.append(step), lambda: steps.remove(step))]
    found: "Any" = Hub.__init__
    while found not in (None, __init__):  # perhaps behind somebody else's
        found = getattr(found, "__wrapped__", None)
    return changes if found is not None else [*changes, Change(Hub, "__init__", __init__)]
