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


def is_namespace(one: object) -> bool:
    """Whether *one* is a loaded module's, found without a look at the other modules, which would write to each."""
    if type(one) is not dict or "__spec__" not in one or "__name__" not in one:
        return False
    names = one["__name__"], getattr(one["__spec__"], "name", None)
    return any(_of(sys.modules.get(name)) is one for name in names if type(name) is str)


def _of(module: object) -> Any:
    # isinstance() would believe what an object says. Reading a _LazyModule would run its body.
    if not issubclass(type(module), types.ModuleType) or type(module).__name__ == "_LazyModule":
        return None
    return object.__getattribute__(module, "__dict__")
