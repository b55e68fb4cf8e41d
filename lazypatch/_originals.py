"""The registry: what stood in each module before it was replaced, and stands there again at the interpreter's end."""

from __future__ import annotations

import _thread
import sys
import types
from weakref import ref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ._protocols import Record
else:
    Record = types.SimpleNamespace  # each class costs something on the way to the first target

MISSING = object()
NativeRLock = _thread.RLock  # an adapter replaces it
_WHOSE = ("gevent", "lazypatch")
at_end: list[Callable[[], object]] = []  # what adapters do when the interpreter ends
whole_end: list[Callable[[], object]] = []  # the last of atexit's handlers, for an end that cannot wait for it


class Originals:
    """Originals by module object. Readers never block: every write publishes a new dict in one store.

    The lock is a native, re-entrant one made before anything is patched, held for dict operations only:
    never across a call into other code, an import or a greenlet switch.
    """

    def __init__(self, behind: dict[int, tuple[object, object]]) -> None:
        self._records: dict[int, Record] = {}
        self._latest: dict[str, Record] = {}
        self.known_behind = behind  # id of a replacement, or of a stand-in -> it, and its original
        self._lock = NativeRLock()

    def after_fork(self) -> None:
        """In the child, where nobody holds the lock."""
        self._lock = NativeRLock()

    def _find(self, module: types.ModuleType | None) -> Record | None:
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
                new = Record(module=ref(module), late=late, items={}, replacements={})
            else:
                new = Record(module=old.module, late=old.late, items={**old.items}, replacements={**old.replacements})
            for name, (original, replacement) in items.items():
                new.items[name] = original
                new.replacements[name] = replacement
                if replacement is not original and replacement is not None and type(replacement) is not bool:
                    self.known_behind.setdefault(id(replacement), (replacement, original))
            self._publish(module, new)

    def restore(self, module: types.ModuleType, snapshot: Record | None) -> None:
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

    def _publish(self, module: types.ModuleType, record: Record) -> None:
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

    def put_back(self) -> None:
        """The interpreter ends: what finalizers call has to work without greenlets, which cannot run any more."""
        for record in self._records.values():
            module = record.module()
            names = {} if module is None else vars(module)
            for name, original in record.items.items():
                taken = record.replacements[name]
                if names.get(name, MISSING) is taken:
                    names[name] = original
                if taken is not original and type(taken) in _LED:
                    _lead(getattr(taken, "__func__", taken), original, _LED[type(taken)])
        while at_end:
            try:
                at_end.pop(0)()
            except Exception:  # its file is out of reach by now, say; there is nobody left to tell
                continue


def _lead(function: Any, original: object, by: Any) -> None:
    """Whoever has taken *function*, if it is gevent's or ours, calls *original*, in the way of *by*."""
    if function.__closure__ is not None or function.__globals__["__name__"].partition(".")[0] not in _WHOSE:
        return
    function.__code__, function.__defaults__ = by.__code__, None
    function.__kwdefaults__ = {"_original": original}


def _call(*args: object, _original: Any, **options: object) -> object:
    return _original(*args, **options)


def _call_without_module(_: object, *args: object, _original: Any, **options: object) -> object:
    return _original(*args, **options)


# What passes for a builtin function is a method of the module (adapters/_as_builtin.py).
_LED: dict[type, Any] = {types.FunctionType: _call, types.MethodType: _call_without_module}
