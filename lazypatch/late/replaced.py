"""Every original that a name elsewhere could hold, with what took its place."""

from __future__ import annotations

import sys
import types
from typing import Any

from .._install import REMOVED
from .._originals import Originals

_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType)


class Original:
    """One name of one target, what stood there and what does now."""

    __slots__ = ("item", "new", "old", "target")

    def __init__(self, target: str, item: str, old: object, new: object) -> None:
        self.target = target
        self.item = item
        self.old = old
        self.new = new

    def is_lost(self) -> bool:
        """Whether nothing took its place."""
        return self.new is REMOVED


def replaced_originals(known: Originals) -> list[Original]:
    """Every original that a name elsewhere could hold, the ones with something in their place first."""
    found = []
    for target in known.names():
        module: Any = sys.modules.get(target)
        for item, old in known.of(target).items() if module is not None else ():
            new = known.replacement(module, item)
            function = isinstance(old, _FUNCTIONS) or type(old).__name__ == "cython_function_or_method"
            if (function or isinstance(old, type)) and old is not new and new:
                found.append(Original(target, item, old, new))
    return sorted(found, key=Original.is_lost)
