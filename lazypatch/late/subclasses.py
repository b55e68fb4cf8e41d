"""Subclasses that were made of an original class: which are fine, which get the new base, which keep the old one.

Problem. ``class Worker(Thread)`` goes on having the native Thread as its base. Its own methods may call that base by a
name in its module (``Thread.__init__(self)``), so that name must lead to a class that the subclass really has.

Solution. Where the replacement has the same layout and is a subclass of the original itself, the base is exchanged
(``__bases__``): instances that are alive become cooperative with it. Otherwise the subclass keeps its base, and
a name by which its methods call it keeps the original.
"""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING, Any

from ..adapters.changes import Put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .._install import Change
    from .places import Slot

    Row = tuple[Any, type, "Callable[[], list[Change]] | None", str]

_REBASED = {("threading", "Thread"), ("threading", "Timer"), ("ssl", "SSLContext")}
# Written in Python, and everything that they do they look up in their module, where it is cooperative.
_FINE = {
    ("threading", "Event"),
    ("queue", "Queue"),
    ("queue", "LifoQueue"),
    ("queue", "PriorityQueue"),
    ("subprocess", "CompletedProcess"),
    ("threading", "_DummyThread"),
}
_WHY = {
    ("_thread", "RLock"): "its native base takes all greenlets of a thread for one owner",
    ("_thread", "_local"): "its native base gives all greenlets of a thread the same values",
    ("ssl", "SSLContext"): "it makes sockets of a native class of its own, which block",
}
# Nobody waits in them: an event loop belongs to a native thread, whatever greenlet asks for it.
_UNMENTIONED = {"asyncio.events"}
_HEAP_TYPE = 1 << 9
_BLOCKS = "its native base blocks, and gevent's is made differently"


class Subclasses:
    """The subclasses of *originals* (id of a class -> its rows) outside of the modules that are left alone."""

    def __init__(self, originals: Mapping[int, list[Any]], left_alone: Callable[[object], bool]) -> None:
        self._left_alone = left_alone
        self._bases: dict[int, Any] = {}
        for rows in originals.values():
            row = min(rows, key=_rank)
            if isinstance(row.old, type) and isinstance(row.new, type):
                self._bases[id(row.old)] = row
        # (module name, name there) -> the class, and who calls it by that name
        self._needed: dict[tuple[str, str], tuple[Any, str]] = {}

    def rows(self) -> Iterator[Row]:
        """Each direct subclass with what is to be done with it; a fine one is not mentioned."""
        for row in self._bases.values():
            for subclass in type.__subclasses__(row.old):
                if subclass is not row.new and not self._is_theirs(subclass):
                    yield from self._one(row, subclass)

    def _is_theirs(self, subclass: type) -> bool:
        module = subclass.__module__
        if not subclass.__flags__ & _HEAP_TYPE:  # of C, where its base comes from, too
            return True
        return id(subclass) in self._bases or module in _UNMENTIONED or self._left_alone(module)

    def _one(self, row: Any, subclass: type) -> Iterator[Row]:
        key = (row.target, row.item)
        if key in _REBASED and _may_be_rebased(row, subclass):
            bases = subclass.__bases__
            new = tuple(row.new if base is row.old else base for base in bases)
            yield row, subclass, lambda: [Put(_set_bases(subclass), bases, new)], ""
            return
        called = self._note_names(row, subclass)
        if key not in _FINE:
            yield row, subclass, None, _WHY.get(key, _BLOCKS)
        elif called:
            why = f"{called} calls its base as {row.target}.{row.item}, which is another class now; super() would do"
            yield row, subclass, None, why

    def _note_names(self, row: Any, subclass: type) -> str:
        """Remember the names that methods of *subclass*, and of its own subclasses, use for the original class."""
        through_module = ""
        for kind in (subclass, *_all_below(subclass)):
            for function in _methods(kind):
                for name in _names(function.__code__):
                    held = function.__globals__.get(name)
                    if held is row.old:
                        place = str(function.__globals__.get("__name__")), name
                        self._needed.setdefault(place, (row.old, kind.__qualname__))
                    elif held is sys.modules.get(row.target) and row.item in _names(function.__code__):
                        through_module = f"{function.__qualname__}()"
        return through_module

    def who_needs(self, slot: Slot, value: object) -> str:
        """Why the original class *value* has to stay in *slot*, or nothing."""
        if slot.kind != "global":
            return ""
        original, name = self._needed.get((slot.module, str(slot.name)), (None, ""))
        return f"{name}, which is made of the original, calls it by this name" if original is value else ""


def _rank(row: Any) -> bool:
    return (row.target, row.item) not in _REBASED | _FINE | _WHY.keys()


def _may_be_rebased(row: Any, subclass: type) -> bool:
    if row.target != "ssl":
        return True
    from ..adapters.ssl_classes import can_be_rebased

    return can_be_rebased(subclass, vars(row.old)["sslsocket_class"])


def _set_bases(subclass: Any) -> Callable[[Any], None]:
    def set_bases(bases: Any) -> None:
        type.__dict__["__bases__"].__set__(subclass, bases)

    return set_bases


def _all_below(kind: type) -> Iterator[type]:
    subclasses: list[type] = type.__subclasses__(kind)
    for subclass in subclasses:
        yield subclass
        yield from _all_below(subclass)


def _methods(kind: type) -> Iterator[types.FunctionType]:
    for member in list(vars(kind).values()):
        function = getattr(member, "__func__", member)
        if isinstance(function, types.FunctionType):
            yield function


def _names(code: types.CodeType) -> set[str]:
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _names(constant)
    return found
