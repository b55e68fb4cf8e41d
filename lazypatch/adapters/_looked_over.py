"""A third party's plan is looked over before any of it is made: it changes its own library, and what is there."""

from __future__ import annotations

from .._install import Change
from .._targets import TARGETS
from .changes import Put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def with_a_look(plan: Callable[[Any], Any]) -> Callable[[Any], list[Change]]:
    """*plan*, which raises ValueError where it gives what must not be made: the warning of a failure quotes it."""

    def looked_over(module: Any) -> list[Change]:
        changes = list(plan(module))
        for change in changes:
            wrong = "" if isinstance(change, Put) else _wrong(module, change)
            if wrong:
                raise ValueError(f"its plan {wrong}")
        return changes

    return looked_over


def _wrong(module: Any, change: Any) -> str:
    """What is wrong with *change*; nothing if it may be made."""
    if not isinstance(change, Change):
        return f"has {change!r} where a Change should be"
    owner = change.owner
    home = str(getattr(owner, "__module__" if isinstance(owner, type) else "__name__", ""))
    what = f"{getattr(owner, '__name__', 'a dict')}.{change.name}"
    if home.startswith("gevent.") or (home in TARGETS and home != module.__name__):
        return f"would change {what}, which lazypatch and gevent look after"
    there = change.name in owner if isinstance(owner, dict) else hasattr(owner, change.name)
    return "" if there else f"would change {what}, and there is none"
