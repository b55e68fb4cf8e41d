"""Mend raw references: what took an original, or made something native, before its target was installed late.

Problem. Whoever did ``from time import sleep`` before threads were cooperative blocks everybody for ever after.

What does not work. Searching the heap (gc.get_referrers): the cost grows with the program's data, and much of what is
found is meant to be native. Mending whatever is found: classes have subclasses that call them by name, locks are held.

Solution. The namespaces of modules and what is defined in them are walked (`walk.py`). Each place is mended by
itself, wholly or not at all, through the same commit as an install; what cannot be is put on record with the reason.

What still fails. Names in local variables, in instances further away than a module's own, and in C.
"""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING, Any

from .._errors import one_line
from .._originals import Originals
from .._places import Reference
from .._state import state
from ..adapters.changes import Put
from .holders import leading_to
from .keepers import RIGHT_AS_IT_IS, LeftAlone
from .local_classes import remade
from .locks import Exchange, the_thing
from .replaced import Original, replaced_originals
from .subclasses import Subclasses
from .walk import Walker

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec

    from .._install import Change
    from .._places import PlaceKind
    from .._targets import Selection
    from .places import Slot

# Originals in Python that look everything up in their patched module: their instances are made of cooperative parts.
_OPENED = {
    "threading": ("Condition", "Event", "Semaphore", "BoundedSemaphore", "Barrier", "_RLock"),
    "queue": ("Queue", "LifoQueue", "PriorityQueue"),
}
# Classes whose instances block, or mix up greenlets, for as long as they live.
_ALIVE = {
    ("socket", "socket"): "it was made before socket was cooperative, and blocks",
    ("ssl", "SSLSocket"): "it was made before ssl was cooperative, and blocks",
    ("subprocess", "Popen"): "it was made before subprocess was cooperative; waiting for it blocks",
    ("selectors", "DefaultSelector"): "it was made before selectors was cooperative, and blocks",
}
# They make RLocks of the class of _thread, which does not tell greenlets apart; elsewhere it is for isinstance().
_MAKES_RLOCKS = ("functools",)


class Finding:
    """References that are mended together, or not at all."""

    __slots__ = ("changes", "references")

    def __init__(self, references: list[Reference], changes: Callable[[], list[Change]] | None) -> None:
        self.references = references
        self.changes = changes


def scan(selection: Selection, originals: Originals | None) -> list[Reference]:
    """Find raw references and change nothing: those that could be mended say no reason why they are not."""
    if originals is None:
        return []
    return [reference for finding in _Survey(selection, originals).findings() for reference in finding.references]


def repair(
    selection: Selection,
    originals: Originals,
    commit: Callable[[list[Change]], object],
    accepts: Callable[[ModuleSpec], bool],
) -> list[Reference]:
    """Mend what can be mended and put all on record in ``selection.references``. What is mended stays so.

    Raises nothing but what is the user's own (Ctrl-C), and then goes on where it was the next time.
    """
    selection.unrepaired = any(_is_to_come(selection, originals, accepts, name) for name in selection.early)
    mended: list[Reference] = []
    left: list[Reference] = []
    try:
        for step in (_Survey.native_classes, _Survey.findings):
            for finding in step(_Survey(selection, originals)):
                reason = _try(commit, finding)
                for reference in finding.references:
                    if finding.changes is not None and not reason:
                        mended.append(reference._replace(mended=True))
                    else:
                        left.append(reference._replace(why=reference.why or reason))
    except Exception as error:
        from .. import _errors

        _errors.warn_once(_errors.not_mended(error))
    except BaseException:
        selection.unrepaired = True
        raise
    finally:
        selection.references[:] = [*(known for known in selection.references if known.mended), *mended, *left]
    return selection.references


def _is_to_come(selection: Selection, originals: Originals, accepts: Callable[[ModuleSpec], bool], name: str) -> bool:
    """Whether the target *name* is there and will be installed later; what others took out of it is mended then."""
    module = sys.modules.get(name)
    if module is None or state(selection, originals, name) != "waiting":
        return False
    spec = getattr(module, "__spec__", None)
    return spec is None or accepts(spec)


def _try(commit: Callable[[list[Change]], object], finding: Finding) -> str:
    if finding.changes is None:
        return ""
    try:
        commit(finding.changes())
    except Exception as error:
        return one_line(error)
    return ""


class _Survey:
    """One look at everything."""

    def __init__(self, selection: Selection, known: Originals) -> None:
        self._selection = selection
        self._known = known
        self._left_alone = LeftAlone(selection)
        self._originals: dict[int, list[Original]] = {}
        for original in replaced_originals(known):
            self._originals.setdefault(id(original.old), []).append(original)
        # Without the adapter for RLocks there is no class to put in its place.
        self._spared = rlock = None if self._native("_thread", "RLock") else self._native("threading", "_CRLock")
        if rlock is not None:
            row = Original("_thread", "RLock", rlock, sys.modules["threading"].RLock)
            self._originals.setdefault(id(rlock), []).append(row)
        self._makers = self._locks_to_make()
        self._alive = {
            type_: (*key, why) for key, why in _ALIVE.items() if isinstance(type_ := self._native(*key), type)
        }
        self._subclasses = Subclasses(self._originals, self._left_alone)

    def _native(self, target: str, item: str) -> Any:
        return self._known.of(target).get(item)

    def _locks_to_make(self) -> dict[type, Callable[[Any], object]]:
        """The native kinds that can be exchanged, and what makes a new one like the given."""
        thread, threading = sys.modules["_thread"], sys.modules.get("threading")
        makers: dict[type, Callable[[Any], object]] = {}
        options = self._selection.wanted.get("threading", ())
        allocate, local = self._native("_thread", "allocate_lock"), self._native("_thread", "_local")
        if allocate is not None and "existing_locks" in options:
            makers[type(allocate())] = lambda old: thread.allocate_lock()
            if self._native("threading", "_CRLock") is not None:
                makers[self._native("threading", "_CRLock")] = lambda old: threading.RLock()  # type: ignore[union-attr]
        if isinstance(local, type):
            makers[local] = _same_local
        simple = self._native("queue", "SimpleQueue")
        if isinstance(simple, type):
            makers[simple] = lambda old: sys.modules["queue"].SimpleQueue()
        return makers

    def native_classes(self) -> list[Finding]:
        """Of ssl, subprocess, multiprocessing: no name of anybody's, but what those that stay raw lead to."""
        found = []
        context, made = self._native("ssl", "SSLContext"), self._native("ssl", "SSLSocket")
        if context is not None and made is not None:
            from ..adapters.ssl_classes import is_mended, native_classes

            if not is_mended(context):
                found.append(Finding([], lambda: native_classes(sys.modules["ssl"], context, made)))
        if self._native("subprocess", "Popen") is not None:
            from .native_popen import native_popen

            found.append(Finding([], lambda: native_popen(sys.modules["subprocess"], self._known.of("subprocess"))))
        if local := self._native("_thread", "_local"):
            found.append(Finding([], lambda: [*remade(local)]))
        return found

    def findings(self) -> list[Finding]:
        """All there is, subclasses first: whether a name can be changed depends on them."""
        found = [self._of_subclass(*row) for row in self._subclasses.rows()]
        opened = {
            kind
            for module, names in _OPENED.items()
            for name in names
            if isinstance(kind := self._native(module, name) or vars(sys.modules.get(module, types)).get(name), type)
        }
        kinds = frozenset({*self._makers, *self._alive, *self._contexts()})
        leading = leading_to(self._originals, kinds) if self._selection.sharing else None
        walker = Walker(self._originals, kinds, opened, self._left_alone, leading)
        walker.further_kinds = {kind for kind in self._makers if kind is self._native("_thread", "_local")}
        slots = walker.walk()
        exchanges: dict[int, tuple[type, list[Slot]]] = {}
        for slot in slots:
            value = slot.get()
            if id(value) in self._originals:
                if slot.module in _MAKES_RLOCKS or value is not self._spared:
                    found.append(self._raw(slot, value))
            elif type(value) in self._contexts():
                found.append(self._context(slot, value))
            elif type(value) in self._alive:
                target, item, why = self._alive[type(value)]
                found.append(Finding([_reference(target, item, slot, "instance", why)], None))
            elif slot.text in RIGHT_AS_IT_IS:
                continue
            elif (kind := type(the_thing(value, kinds))) in self._makers:  # else it has changed meanwhile
                exchanges.setdefault(id(the_thing(value, kinds)), (kind, []))[1].append(slot)
            del value  # its references are counted
        return [*found, *(self._exchange(*group) for group in exchanges.values())]

    def _raw(self, slot: Slot, value: Any) -> Finding:
        rows = self._originals[id(value)]
        original = next((row for row in rows if row.item == slot.name), rows[0])
        target = next((row for row in rows if not row.is_lost()), None)
        if target is None:
            why = "gevent has nothing that could take its place; aggressive=0 keeps it, and it blocks"
        else:
            why = slot.fixed or self._subclasses.who_needs(slot, value)
        reference = _reference(original.target, original.item, slot, slot.kind, why)
        if why or target is None:
            return Finding([reference], None)
        new = original.new if not original.is_lost() else target.new
        return Finding([reference], lambda: [Put(slot.set, value, new)] if slot.get() is value else [])

    def _contexts(self) -> frozenset[type]:
        context = self._native("ssl", "SSLContext")
        return frozenset() if context is None else frozenset({context})

    def _context(self, slot: Slot, value: Any) -> Finding:
        from ..adapters.ssl_classes import become

        new = sys.modules["ssl"].SSLContext
        reference = _reference("ssl", "SSLContext", slot, "instance", "")
        return Finding([reference], lambda: [Put(lambda kind: become(value, kind), type(value), new)])

    def _of_subclass(self, original: Original, subclass: type, changes: Any, why: str) -> Finding:
        module = subclass.__module__
        place = f"{module}.{subclass.__qualname__}"
        return Finding([Reference(original.target, original.item, module, place, "subclass", False, why)], changes)

    def _exchange(self, kind: type, slots: list[Slot]) -> Finding:
        exchange = Exchange(slots, frozenset(self._makers), self._makers[kind])
        why = exchange.obstacle()
        target, item, word = self._named(kind)
        # A lock's methods that a Condition keeps are exchanged with it, and not worth a word.
        shown = [slot for slot in slots if type(slot.get()) is kind] or slots
        references = [_reference(target, item, slot, word, why) for slot in shown]
        return Finding(references, None if why else exchange.changes)

    def _named(self, kind: type) -> tuple[str, str, PlaceKind]:
        if kind is self._native("queue", "SimpleQueue"):
            return "queue", "SimpleQueue", "instance"
        if kind is self._native("_thread", "_local"):
            return "_thread", "_local", "instance"
        return "_thread", "RLock" if kind is self._native("threading", "_CRLock") else "allocate_lock", "lock"


def _reference(target: str, item: str, slot: Slot, kind: PlaceKind, why: str) -> Reference:
    return Reference(target, item, slot.module, slot.text, kind, False, why)


def _same_local(old: Any) -> Any:
    """A cooperative local with what this thread had in *old*."""
    new = sys.modules["_thread"]._local()
    for name, value in vars(old).items():
        setattr(new, name, value)
    return new
