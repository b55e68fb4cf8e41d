"""Which objects lead to certain ones, found without a write to any other: in a forked child memory stays shared.

Problem. Whoever looks at an object from Python counts a reference, in the object: its page of memory, until then shared
with the parent, is copied. A walk through all namespaces so copies most of what a server had loaded before it forked.

Solution. The garbage collector can tell who refers to an object, and only reads to do so. From the objects that are
looked for it is asked again and again for the holders of the holders, up to the namespaces of modules. What is not
among these is not walked through.

What it does not see. What the program has frozen (``gc.freeze``), and locks that the collector does not know. Then
there is no answer, and all is walked through.
"""

from __future__ import annotations

import gc
import types
from typing import TYPE_CHECKING, Any

from .._gevent import native
from .namespaces import name_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# What keeps something without being a place that is mended, or leads everywhere.
_PASSED_OVER = (
    types.BuiltinMethodType,
    types.FrameType,
    types.GeneratorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.MethodDescriptorType,
    types.ModuleType,
    types.WrapperDescriptorType,
)
_DEEPEST = 8  # namespace, class, its dict, function, closure, cell, partial, its arguments
_FROZEN_BY_PYTHON = 1000  # 3.12 freezes some hundred objects of its own when it starts


def leading_to(originals: Mapping[int, list[Any]], kinds: Collection[type]) -> dict[int, Any] | None:
    """The ids of all that hold one of *originals*, or are of *kinds*, and of their holders; None if it cannot tell.

    The namespaces of modules are the values, None elsewhere.
    """
    if gc.get_freeze_count() > _FROZEN_BY_PYTHON or not gc.is_tracked(native("_thread", "allocate_lock")()):
        return None
    found: dict[int, Any] = {}
    asked: list[Any] = [*(rows[0].old for rows in originals.values()), *kinds]
    for _ in range(_DEEPEST):
        holders = gc.get_referrers(*asked)
        found[id(holders)] = found[id(asked)] = None
        asked = [one for one in holders if id(one) not in found and not _is_passed_over(one)]
        found.update((id(one), one if name_of(one) else None) for one in asked)
        asked = [one for one in asked if found[id(one)] is None]
        if not asked:
            break
    return found


def _is_passed_over(one: object) -> bool:
    kind = type(one)
    if kind is types.BuiltinMethodType and type(one.__self__) is not types.ModuleType:  # type: ignore[attr-defined]
        return False  # lock.acquire
    return kind in _PASSED_OVER or str(kind.__module__).startswith("lazypatch")
