"""The namespaces of modules, read below whatever a module does when it is read."""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def namespaces() -> Iterator[tuple[str, Any]]:
    """Of all modules that are loaded, with their names."""
    for name, module in list(sys.modules.items()):
        space = _of(module)
        if space is not None:
            yield name, space


def name_of(one: object) -> str:
    """The name under which *one* is a loaded module's, else "": found with no look at the others."""
    if type(one) is not dict or "__spec__" not in one or "__name__" not in one:
        return ""
    names = getattr(one["__spec__"], "name", None), one["__name__"]  # that of _io calls itself io
    return next((name for name in names if type(name) is str and _of(sys.modules.get(name)) is one), "")


def _of(module: object) -> Any:
    # isinstance() would believe what an object says. Reading a _LazyModule would run its body.
    if not issubclass(type(module), types.ModuleType) or type(module).__name__ == "_LazyModule":
        return None
    return object.__getattribute__(module, "__dict__")
