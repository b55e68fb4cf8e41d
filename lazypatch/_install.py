"""Prepare what a source puts where as a list of changes; make all of them at once or none, with originals on record.

They are on record before they are replaced, so nobody can ask for one and get its replacement.
"""

from __future__ import annotations

import os
import types

from ._originals import MISSING
from ._targets import TARGETS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from ._originals import Originals

REMOVED = object()


class Change:
    """``owner.name`` is to become *value*; an owner is a module, a class or a dict."""

    __slots__ = ("module", "name", "old", "owner", "space", "value")

    def __init__(self, owner: Any, name: Any, value: object) -> None:
        self.owner = owner
        self.name = name
        self.value = value
        # Only modules have originals on record.
        self.module: types.ModuleType | None = owner if isinstance(owner, types.ModuleType) else None
        # The dict behind the owner; none where the attribute protocol has to be used (a class).
        space: Any = owner.__dict__ if self.module is not None else owner if isinstance(owner, dict) else None
        self.space = space
        self.old = (vars(owner) if space is None else space).get(name, MISSING)

    def make(self, value: object) -> None:
        """Set one name, or take it away."""
        gone = value is REMOVED or value is MISSING
        if self.space is None:
            delattr(self.owner, self.name) if gone else setattr(self.owner, self.name, value)
        elif gone:
            self.space.pop(self.name, None)
        else:
            self.space[self.name] = value


def commit(changes: list[Change], originals: Originals, late: bool = False) -> None:
    """Make all *changes* or, when anything is raised meanwhile, none; whatever was raised goes on."""
    by_module: dict[types.ModuleType, list[Change]] = {}
    by_space: dict[int, list[Change]] = {}
    for change in changes:
        by_space.setdefault(id(change.owner if change.space is None else change.space), []).append(change)
        if change.module is not None:
            by_module.setdefault(change.module, []).append(change)
    snapshots = {module: originals.snapshot(module) for module in by_module}
    try:
        for module, mine in by_module.items():
            originals.record(module, _pairs(module, mine, originals, snapshots[module]), late)
        for mine in by_space.values():
            _make(mine)
    except BaseException:
        _put_back(changes, originals, [*snapshots.items()])
        raise


def _pairs(
    module: types.ModuleType, changes: list[Change], originals: Originals, record: Any
) -> dict[str, tuple[object, object]]:
    pairs, behind = {}, originals.known_behind
    mine = {} if record is None else record.replacements
    for change in changes:
        if change.old is MISSING:
            continue  # there was nothing: get_original then reads the module, as gevent's does
        original = change.old
        known = behind.get(id(original))
        found: object = MISSING if known is None or known[0] is not original else known[1]
        if original is change.value or found is not MISSING or mine.get(change.name, MISSING) is original:
            # One of ours stands there already: a stand-in, or a reload or a second copy of the module took it.
            first = originals.original(module, change.name)
            found = found if first is MISSING else first
            original = original if found is MISSING else found  # the same object in both, such as a module
        pairs[change.name] = (original, change.value)
    return pairs


def _make(changes: list[Change]) -> None:
    space = changes[0].space
    new = {}
    for change in changes:
        if space is None or change.value is REMOVED:
            change.make(change.value)
        else:
            new[change.name] = change.value
    if new:
        space.update(new)  # one call into C: no signal handler and no other thread sees half of it


def _put_back(changes: list[Change], originals: Originals, snapshots: list[tuple[types.ModuleType, Any]]) -> None:
    # A second Ctrl-C may arrive while the first is being served: every step can be repeated, so start again.
    while True:
        try:
            for change in changes:
                change.make(change.old)
            for module, snapshot in snapshots:
                originals.restore(module, snapshot)
        except KeyboardInterrupt:
            continue
        return


# An exception of each target that its source raises: if they are not the same, the target's body has run again.
_SAMPLES = {"queue": "Full", "subprocess": "CalledProcessError", "ssl": "SSLWantReadError"}
_DNS = ("getaddrinfo", "getfqdn", "gethostbyaddr", "gethostbyname", "gethostbyname_ex", "getnameinfo")


def plan(
    target: types.ModuleType, source: types.ModuleType, options: Collection[str], items: list[str] | None = None
) -> list[Change]:
    """The changes that make *target* cooperative. Raises AttributeError if *source* lacks one of its names."""
    if items is None:
        items = names(target.__name__, source, options)
    changes = [Change(target, name, getattr(source, name)) for name in items]
    sample = _SAMPLES.get(target.__name__, "")
    if sample and getattr(source, sample) is not getattr(target, sample):
        from ._second_modules import shared

        changes += [Change(vars(target), name, value) for name, value in shared(target, source).items()]
    return changes + (_EXTRA[target.__name__](target, options) if target.__name__ in _EXTRA else [])


def names(target: str, source: Any, options: Collection[str]) -> list[str]:
    """The names that *source* says it implements, those of them that *options* ask for."""
    implemented = getattr(source, "__implements__", None)
    # Sources that are written for another purpose too have no list.
    implemented = TARGETS[target].names.split() if implemented is None else list(implemented)
    if target == "socket":
        return [name for name in implemented if ("dns" if name in _DNS else "sockets") in options]
    if target == "queue" and not _queue_queue():
        implemented.remove("Queue")
    return implemented


def _queue_queue() -> bool:
    # gevent's own escape hatch, specified with gevent.monkey.patch_queue.
    value = os.environ.get("GEVENT_MONKEY_DISABLE_QUEUE_QUEUE")
    if value is None:
        return True
    from gevent._config import validate_bool

    return not validate_bool(value)


def _without(target: Any, blocking: Collection[str], options: Collection[str]) -> list[Change]:
    gone = blocking if "aggressive" in options else ()
    return [Change(target, name, REMOVED) for name in gone if hasattr(target, name)]


def _select(target: types.ModuleType, options: Collection[str]) -> list[Change]:
    return _without(target, ("epoll", "kqueue", "kevent", "devpoll"), options)


def _selectors(target: Any, options: Collection[str]) -> list[Change]:
    """The classes of selectors hold select's functions by value, taken when their bodies ran."""
    from gevent.select import poll, select

    changes = _without(target, ("EpollSelector", "KqueueSelector", "DevpollSelector"), options)
    held = vars(target.SelectSelector).get("_select")
    if isinstance(held, (types.BuiltinFunctionType, staticmethod)) or held is select:

        def _select(self: object, *args: Any, **kwargs: Any) -> Any:
            return select(*args, **kwargs)

        _select._gevent_monkey = True  # type: ignore[attr-defined]  # the mark that gevent's own tests look for
        changes.append(Change(target.SelectSelector, "_select", _select))
    if hasattr(target, "PollSelector") and hasattr(target.PollSelector, "_selector_cls"):
        changes.append(Change(target.PollSelector, "_selector_cls", poll))
    return changes


_EXTRA = {"select": _select, "selectors": _selectors}
