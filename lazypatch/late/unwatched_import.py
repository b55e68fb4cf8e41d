"""Be called at the end of an import that began before its module was watched: the body is running already.

importlib's last step with a module sets ``_initializing`` of its spec to False, after the body and before anybody
has the module. The spec gets a class for the rest of the import in which that attribute is a property. What does not
work: exchanging the loader, which has been called already, and waiting for the next import, which may never come.
"""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


class _Ending(ModuleSpec):
    """The spec of a module whose body is running."""

    _call: Callable[[], None]

    @property
    def _initializing(self) -> bool:
        return bool(vars(self).get("_initializing"))

    @_initializing.setter
    def _initializing(self, value: bool) -> None:
        vars(self)["_initializing"] = value
        if not value:
            self.__class__ = ModuleSpec  # type: ignore[assignment]  # nothing of ours is left in it
            vars(self).pop("_call")()


def call_at_end(module: ModuleType, call: Callable[[], None]) -> bool:
    """Have *call* called when *module*'s body is over, or has failed. False if its spec is of somebody's own class."""
    spec = module.__spec__
    if type(spec) is not ModuleSpec:
        return False
    vars(spec)["_call"] = call
    spec.__class__ = _Ending
    return True
