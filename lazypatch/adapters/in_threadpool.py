"""Calls that the program names, of any library, are made in native threads (lazypatch.in_threadpool())."""

from __future__ import annotations

from ._named_calls import find
from ._pool import is_pooled, pooled
from .changes import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def plan(module: Any, names: list[str]) -> list[Change]:
    """An exchanged function for each of *names*, where the module or a class of it has it now."""
    changes = []
    for owner, name, raw in (find(module, each) for each in names):
        inner = getattr(raw, "__func__", raw)
        if not is_pooled(inner):
            changes.append(Change(owner, name, _of_the_same_kind(owner, raw)))
    return changes


def _of_the_same_kind(owner: Any, raw: Any) -> Any:
    if isinstance(raw, (staticmethod, classmethod)):
        return type(raw)(pooled(raw.__func__))
    # What does not bind, as a builtin function in a class does not, is not to be given the object.
    return staticmethod(pooled(raw)) if isinstance(owner, type) and not hasattr(raw, "__get__") else pooled(raw)
