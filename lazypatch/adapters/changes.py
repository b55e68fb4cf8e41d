"""What a plan is made of: a change of a name, of a place that only a setter can set, or a call with its undo."""

from __future__ import annotations

from .._install import REMOVED, Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["REMOVED", "Call", "Change", "Put"]


class Put(Change):
    """A change of a place that only *setter* can set: a class's bases, an object's class, a cell."""

    __slots__ = ("_setter",)

    def __init__(self, setter: Any, old: object, value: object) -> None:
        self._setter = setter
        self.module = self.space = self.owner = None
        self.name = ""
        self.old = old
        self.value = value

    def make(self, value: object) -> None:
        self._setter(value)


class Call(Put):
    """A change that is a call: *do*, taken back by *undo*.

    A call that cannot be taken back has no *undo*. It is to stand last in its list, where nothing can fail after it.
    """

    __slots__ = ()

    def __init__(self, do: Callable[[], object], undo: Callable[[], object] | None = None) -> None:
        super().__init__(lambda wanted: do() if wanted else undo and undo(), False, True)
