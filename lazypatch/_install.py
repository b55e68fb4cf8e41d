"""Prepare what a source puts where as a list of changes; make all of them at once or none, with originals on record.

They are on record before they are replaced, so nobody can ask for one and get its replacement.
"""

from __future__ import annotations

import _thread
import os
import sys
import types
from weakref import ref

from ._targets import TARGETS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    class _Record:
        """What is known of one module object."""

        module: ref[types.ModuleType]
        late: bool
        items: dict[str, object]
        replacements: dict[str, object]

        def __init__(self, **values: object) -> None: ...
else:
    _Record = types.SimpleNamespace  # each class costs something on the way to the first target

MISSING = object()
NativeRLock = _thread.RLock  # an adapter replaces it
REMOVED = object()


class Originals:
    """Originals by module object. Readers never block: every write publishes a new dict in one store.

    The lock is a native, re-entrant one made before anything is patched, held for dict operations only:
    never across a call into other code, an import or a greenlet switch.
    """

    def __init__(self, behind: dict[int, tuple[object, object]]) -> None:
        self._records: dict[int, _Record] = {}
        self._latest: dict[str, _Record] = {}
        self.known_behind = behind  # id of a replacement, or of a stand-in -> it, and its original
        self._lock = NativeRLock()

    def after_fork(self) -> None:
        """In the child, where nobody holds the lock."""
        self._lock = NativeRLock()

    def _find(self, module: types.ModuleType | None) -> _Record | None:
        record = self._records.get(id(module))
        return record if record is not None and record.module() is module else None

    def record(self, module: types.ModuleType, items: Mapping[str, tuple[object, object]], late: bool = False) -> None:
        """Add *items*, name to (original, replacement), to what is known of *module*.

        A name recorded before keeps its place; its original changes only because the caller saw a new one
        (a reload made it). *late* counts for the first record of a module object.
        """
        with self._lock:
            old = self._find(module)
            if old is None:
                new = _Record(module=ref(module), late=late, items={}, replacements={})
            else:
                new = _Record(module=old.module, late=old.late, items={**old.items}, replacements={**old.replacements})
            for name, (original, replacement) in items.items():
                new.items[name] = original
                new.replacements[name] = replacement
                if replacement is not original and replacement is not None and type(replacement) is not bool:
                    self.known_behind.setdefault(id(replacement), (replacement, original))
            self._publish(module, new)

    def restore(self, module: types.ModuleType, snapshot: _Record | None) -> None:
        """Take *module* back to *snapshot*, as :meth:`snapshot` gave it."""
        with self._lock:
            if snapshot is not None:
                self._publish(module, snapshot)
                return
            records = dict(self._records)
            records.pop(id(module), None)
            self._records = records
            latest = dict(self._latest)
            latest.pop(module.__name__, None)
            self._latest = latest

    def _publish(self, module: types.ModuleType, record: _Record) -> None:
        known = self._records
        if len(known) > 2 * len(self._latest):  # most are of modules that are gone
            known = {key: value for key, value in known.items() if value.module() is not None}
        self._records = {**known, id(module): record}
        self._latest = {**self._latest, module.__name__: record}

    snapshot = _find  # what is recorded of a module now, for restore()

    def of(self, name: str) -> dict[str, object]:
        """The originals of the module that is called *name* now, else of the last one that was."""
        record = self._find(sys.modules.get(name)) or self._latest.get(name)
        return dict(record.items) if record is not None else {}

    def original(self, module: types.ModuleType, name: str) -> object:
        """The original of *name* in *module*, else in an earlier module of the same name, else MISSING."""
        for record in (self._find(module), self._latest.get(module.__name__)):
            if record is not None and name in record.items:
                return record.items[name]
        return MISSING

    def behind(self, value: object) -> object:
        """The original that *value*, a replacement or a stand-in, stands for in any module, else MISSING."""
        found = self.known_behind.get(id(value))
        return found[1] if found is not None and found[0] is value else MISSING

    def replacement(self, module: types.ModuleType, name: str) -> object:
        """What was put in place of *name* in *module*, else None."""
        record = self._find(module)
        return None if record is None else record.replacements.get(name)

    def names(self) -> list[str]:
        """The modules that something is recorded of."""
        return list(self._latest)

    def pairs(self, name: str) -> list[tuple[object, object]]:
        """Each original of the module *name* with its replacement."""
        record = self._find(sys.modules.get(name))
        return [] if record is None else [(record.items[item], record.replacements[item]) for item in record.items]

    def recorded(self, module: types.ModuleType | None) -> bool:
        """Whether something was installed in this module object."""
        return self._find(module) is not None

    def late(self, module: types.ModuleType | None) -> bool:
        """Whether this module object was loaded before it was armed."""
        record = self._find(module)
        return record is not None and record.late


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
    snapshots = [(module, originals.snapshot(module)) for module in by_module]
    try:
        for module, mine in by_module.items():
            originals.record(module, _pairs(module, mine, originals), late)
        for mine in by_space.values():
            _make(mine)
    except BaseException:
        _put_back(changes, originals, snapshots)
        raise


def _pairs(module: types.ModuleType, changes: list[Change], originals: Originals) -> dict[str, tuple[object, object]]:
    pairs = {}
    behind, record = originals.known_behind, originals.snapshot(module)
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
