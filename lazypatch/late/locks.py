"""Native locks, and the like, that somebody made before: new ones in their place where nobody can tell.

A lock can be exchanged if it is free, this is the only native thread, and every reference to it is a place that was
found: then all of those get the new one, in one commit. That the places are all is read off the reference count.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ..adapters.changes import Put

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._install import Change
    from .places import Slot


def the_thing(value: Any, kinds: frozenset[type]) -> Any:
    """*value* if it is of one of *kinds*, else what it is a bound method of."""
    # Another thread may have put something else into the place meanwhile.
    return value if type(value) in kinds else getattr(value, "__self__", value)


class Exchange:
    """All places of one native object, and how a new one is made."""

    def __init__(self, slots: list[Slot], kinds: frozenset[type], make: Callable[[Any], object]) -> None:
        self.slots = slots
        self._kinds = kinds
        self._make = make

    def _get(self) -> Any:
        return the_thing(self.slots[0].get(), self._kinds)

    def obstacle(self) -> str:
        """Why it cannot be exchanged, or nothing."""
        if len(sys._current_frames()) > 1:
            return "other native threads are running, and may be using it"
        if not _is_free(self._get()):
            return "it is in use"
        alone = _alone()
        methods = [slot for slot in self.slots if type(slot.get()) not in self._kinds]
        if any(_references(slot.get) != alone + 1 for slot in methods) or (
            _references(self._get) != alone + len(self.slots)
        ):
            return "it is held by something else, too, that cannot be found"
        return ""

    def changes(self) -> list[Change]:
        """Put a new one in every place."""
        new = self._make(self._get())
        changes: list[Change] = []
        for slot in self.slots:
            old = slot.get()
            value = new if type(old) in self._kinds else getattr(new, old.__name__)
            changes.append(Put(slot.set, old, value))
        return changes


def _is_free(thing: Any) -> bool:
    if hasattr(thing, "locked"):
        return not thing.locked()
    if hasattr(thing, "empty"):
        return bool(thing.empty())
    if hasattr(thing, "acquire"):  # an RLock up to 3.13: only its repr tells, its own thread could take it again
        return repr(thing).startswith("<unlocked")
    return True


def _references(get: Callable[[], Any]) -> int:
    value = get()
    return sys.getrefcount(value)


def _alone() -> int:
    """What :func:`_references` says of an object in no place at all; differs between Pythons."""
    box = [object()]
    return _references(lambda: box[0]) - 1
