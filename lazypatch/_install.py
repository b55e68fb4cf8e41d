"""Make a prepared list of changes all at once, or none of them, with the originals on record first."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

from ._originals import MISSING, Originals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

REMOVED = object()


class Change:
    """``owner.name`` is to become *value*; an owner is a module, a class, an object's dict or any dict."""

    __slots__ = ("name", "old", "owner", "value")

    def __init__(self, owner: Any, name: Any, value: object) -> None:
        self.owner = owner
        self.name = name
        self.value = value
        space = _space(owner)
        self.old = vars(owner).get(name, MISSING) if space is None else space.get(name, MISSING)

    @property
    def module(self) -> types.ModuleType | None:
        """The owner, if it is a module: only those have originals on record."""
        return self.owner if isinstance(self.owner, types.ModuleType) else None

    def make(self, value: object) -> None:
        """Set one name, or take it away."""
        space = _space(self.owner)
        gone = value is REMOVED or value is MISSING
        if space is None:
            delattr(self.owner, self.name) if gone else setattr(self.owner, self.name, value)
        elif gone:
            space.pop(self.name, None)
        else:
            space[self.name] = value


def _space(owner: Any) -> dict[Any, Any] | None:
    """The dict behind *owner*; None where the attribute protocol has to be used (a class)."""
    if isinstance(owner, dict):
        return owner
    return vars(owner) if isinstance(owner, types.ModuleType) else None


def commit(
    changes: Iterable[Change], originals: Originals, behind: Callable[[object], object], late: bool = False
) -> None:
    """Make all *changes* or, when anything is raised meanwhile, none; whatever was raised goes on.

    Originals are recorded before they are replaced, so nobody can ask for one and get its replacement.
    *behind* tells the original behind a value of ours (a stand-in, a replacement seen through another module).
    """
    changes = list(changes)
    todo = [change for change in changes if _differs(change)]
    modules = {id(change.owner): change.module for change in changes if change.module is not None}
    snapshots = [(module, originals.snapshot(module)) for module in modules.values()]
    try:
        for module in modules.values():
            mine = [change for change in changes if change.owner is module]
            originals.record(module, _pairs(module, mine, originals, behind), late)
        _make_all(todo)
    except BaseException:
        _put_back(todo, lambda: [originals.restore(*snapshot) for snapshot in snapshots])
        raise


def _differs(change: Change) -> bool:
    return change.old is not change.value and not (change.value is REMOVED and change.old is MISSING)


def _pairs(
    module: types.ModuleType, changes: list[Change], originals: Originals, behind: Callable[[object], object]
) -> dict[str, tuple[object, object]]:
    pairs = {}
    for change in changes:
        if change.old is MISSING:
            continue  # there was nothing: get_original then reads the module, as gevent's does
        original = change.old
        if original is change.value or behind(original) is not MISSING:
            # One of ours stands there already: a reload or a second copy of the module took it from elsewhere.
            known = originals.original(module, change.name)
            original = behind(original) if known is MISSING else known
        if original is not MISSING:
            pairs[change.name] = (original, change.value)
    return pairs


def _make_all(changes: list[Change]) -> None:
    spaces: dict[int, tuple[dict[Any, Any], dict[Any, Any]]] = {}
    rest = []
    for change in changes:
        space = _space(change.owner)
        if space is None or change.value is REMOVED:
            rest.append(change)
        else:
            spaces.setdefault(id(space), (space, {}))[1][change.name] = change.value
    for change in rest:
        change.make(change.value)
    for space, new in spaces.values():
        space.update(new)  # one call into C: no signal handler and no other thread sees half of it


def _put_back(changes: list[Change], forget: Callable[[], object]) -> None:
    # A second Ctrl-C may arrive while the first is being served: every step can be repeated, so start again.
    while True:
        try:
            for change in changes:
                change.make(change.old)
            forget()
        except KeyboardInterrupt:
            continue
        return
