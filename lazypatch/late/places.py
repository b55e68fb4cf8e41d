"""The kinds of places that hold a value, each with a way to read it and to put another one there.

A slot never holds the value: whether anybody else does is read off its reference count. Slots nest: the member of a
tuple is changed by putting a new tuple into the slot that holds the tuple.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._originals import MISSING

if TYPE_CHECKING:
    import functools
    import types

    from .._places import PlaceKind


_LOOKED_UP = "it is a key, by which something may be looked up that was made before"


class Slot:
    """A place in *module*, written as *text*; *name* is its own last name."""

    __slots__ = ("kind", "module", "name", "text")

    fixed: str = ""  # why it cannot be set

    def __init__(self, module: str, text: str, kind: PlaceKind, name: object = "") -> None:
        self.module = module
        self.text = text
        self.kind = kind
        self.name = name

    def get(self) -> Any:
        """What is there now; MISSING if the place is gone."""
        raise NotImplementedError

    def set(self, value: Any) -> None:
        """Put *value* there."""
        raise NotImplementedError


class Item(Slot):
    """A key of a dict, or an index of a list."""

    __slots__ = ("owner",)

    def __init__(self, module: str, text: str, kind: PlaceKind, owner: Any, key: object) -> None:
        super().__init__(module, text, kind, key)
        self.owner = owner

    def get(self) -> Any:
        try:
            return self.owner[self.name]
        except LookupError:
            return MISSING

    def set(self, value: Any) -> None:
        self.owner[self.name] = value


class Key(Slot):
    """A key of a dict, which stays, since something may be looked up by it that was made before.

    Where it is a class, what belongs to it belongs to the new one, too: tables of how to pickle, or to show, a thing.
    """

    __slots__ = ("added", "fixed", "key", "table")

    def __init__(self, outer: Slot, key: object, table: dict[Any, Any]) -> None:
        super().__init__(outer.module, f"a key of {outer.text}", outer.kind)
        self.key = key
        self.table = table
        self.added: object = key
        self.fixed = "" if isinstance(key, type) else _LOOKED_UP

    def get(self) -> Any:
        return self.key

    def set(self, value: Any) -> None:
        if value is self.key:  # taken back
            if self.added is not self.key:
                self.table.pop(self.added, None)
        elif value not in self.table and self.key in self.table:
            self.added = value
            self.table[value] = self.table[self.key]


class Attribute(Slot):
    """An attribute of a class, or a slot of an instance: set below whatever ``__setattr__`` its type has."""

    __slots__ = ("owner",)

    def __init__(self, module: str, text: str, kind: PlaceKind, owner: Any, name: str) -> None:
        super().__init__(module, text, kind, name)
        self.owner = owner

    def get(self) -> Any:
        if isinstance(self.owner, type):
            return vars(self.owner).get(str(self.name), MISSING)
        return getattr(self.owner, str(self.name), MISSING)

    def set(self, value: Any) -> None:
        if isinstance(self.owner, type):
            # A builtin function is no descriptor, and its replacement is: it must not become a method.
            if not hasattr(type(self.get()), "__get__") and hasattr(type(value), "__get__"):
                value = staticmethod(value)
            type.__setattr__(self.owner, str(self.name), value)
        else:
            object.__setattr__(self.owner, str(self.name), value)


class Inside(Slot):
    """What a staticmethod or classmethod in another slot holds."""

    __slots__ = ("outer",)

    def __init__(self, outer: Slot) -> None:
        super().__init__(outer.module, outer.text, outer.kind, outer.name)
        self.outer = outer

    def get(self) -> Any:
        return getattr(self.outer.get(), "__func__", MISSING)

    def set(self, value: Any) -> None:
        self.outer.set(type(self.outer.get())(value))


class Member(Slot):
    """One member of a tuple or frozenset in another slot, or of a set."""

    __slots__ = ("member", "outer")

    def __init__(self, outer: Slot, index: int, name: str = "") -> None:
        super().__init__(outer.module, name or f"{outer.text}[{index}]", outer.kind, name)
        self.outer = outer
        self.member = index

    def get(self) -> Any:
        values = self.outer.get()
        return values[self.member] if isinstance(values, tuple) and self.member < len(values) else MISSING

    def set(self, value: Any) -> None:
        values = list(self.outer.get())
        values[self.member] = value
        self.outer.set(tuple(values))


class SetMember(Slot):
    """A member of a set, or of a frozenset, in another slot; *was* is none whose references are counted."""

    __slots__ = ("now", "outer")

    def __init__(self, outer: Slot, was: object) -> None:
        super().__init__(outer.module, f"{{...}} in {outer.text}", outer.kind)
        self.outer = outer
        self.now = was

    def get(self) -> Any:
        members = self.outer.get()
        return self.now if isinstance(members, (set, frozenset)) and self.now in members else MISSING

    def set(self, value: Any) -> None:
        members = self.outer.get()
        if isinstance(members, set):
            members.discard(self.now)
            members.add(value)
        else:
            self.outer.set(frozenset(value if member is self.now else member for member in members))
        self.now = value


class Cell(Slot):
    """A closure's cell."""

    __slots__ = ("cell",)

    def __init__(self, module: str, text: str, cell: types.CellType, name: str) -> None:
        super().__init__(module, text, "closure", name)
        self.cell = cell

    def get(self) -> Any:
        try:
            return self.cell.cell_contents
        except ValueError:  # empty
            return MISSING

    def set(self, value: Any) -> None:
        self.cell.cell_contents = value


class Defaults(Slot):
    """The tuple of a function's defaults, for the :class:`Member` slots in it."""

    __slots__ = ("function",)

    def __init__(self, module: str, text: str, function: types.FunctionType) -> None:
        super().__init__(module, text, "default argument")
        self.function = function

    def get(self) -> Any:
        return self.function.__defaults__ or ()

    def set(self, value: Any) -> None:
        self.function.__defaults__ = value


class Part(Slot):
    """A part of a functools.partial: 0 its function, 1 its arguments; changed in place, as unpickling would."""

    __slots__ = ("part", "partial")

    def __init__(self, module: str, text: str, partial: functools.partial[Any], part: int) -> None:
        super().__init__(module, text + (".args" if part else ".func"), "partial")
        self.partial = partial
        self.part = part

    def get(self) -> Any:
        return self.partial.args if self.part else self.partial.func

    def set(self, value: Any) -> None:
        partial = self.partial
        function, args = (partial.func, value) if self.part else (value, partial.args)
        partial.__setstate__((function, args, dict(partial.keywords), dict(vars(partial))))  # type: ignore[attr-defined]


class Keyword(Slot):
    """A keyword of a functools.partial."""

    __slots__ = ("partial",)

    def __init__(self, module: str, text: str, partial: functools.partial[Any], key: str) -> None:
        super().__init__(module, f"{text}.keywords[{key!r}]", "partial", key)
        self.partial = partial

    def get(self) -> Any:
        return self.partial.keywords.get(str(self.name), MISSING)

    def set(self, value: Any) -> None:
        partial = self.partial
        keywords = {**partial.keywords, str(self.name): value}
        partial.__setstate__((partial.func, partial.args, keywords, dict(vars(partial))))  # type: ignore[attr-defined]
