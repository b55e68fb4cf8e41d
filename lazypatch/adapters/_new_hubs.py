"""What adapters do with each hub when it is made: Hub.__init__ is replaced once for all of them."""

from gevent.hub import Hub

from .changes import Call, Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_init = Hub.__init__
_steps: "list[Callable[[Any], object]]" = []


def __init__(hub: "Any", *args: "Any", **options: "Any") -> None:
    _init(hub, *args, **options)
    for step in _steps:
        step(hub)


__init__.__doc__, __init__.__module__ = _init.__doc__, _init.__module__
__init__.__wrapped__ = _init  # type: ignore[attr-defined]


def told(step: "Callable[[Any], object]") -> "list[Change]":
    """What has *step* called with each hub that is made from now on, in the hub's native thread."""
    changes: "list[Change]" = [] if step in _steps else [Call(lambda: _steps.append(step), lambda: _steps.remove(step))]
    found: "Any" = Hub.__init__
    while found not in (None, __init__):  # perhaps behind that of another adapter
        found = getattr(found, "__wrapped__", None)
    return changes if found is not None else [*changes, Change(Hub, "__init__", __init__)]
