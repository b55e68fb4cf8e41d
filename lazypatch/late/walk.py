"""Go through the namespaces of modules, and of what is defined in them, for places that hold one of certain things.

Modules, their classes (nested ones too), functions with their defaults and closures, partials, and one level of
containers and of instances' attributes. The cost is that of the namespaces: the heap is never searched, and containers
with more members than a table written by hand has are data and not looked into.
"""

from __future__ import annotations

import functools
import types
from collections import OrderedDict, defaultdict
from typing import TYPE_CHECKING, Any

from .namespaces import name_of, namespaces
from .places import Attribute, Cell, Defaults, Inside, Item, Key, Keyword, Member, Part, SetMember, Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterator, Mapping

    from .._places import PlaceKind
    from .keepers import LeftAlone

LARGEST_TABLE = 4096
# Data. Looked at first, because nearly all of a namespace is one of these.
_PLAIN = frozenset(
    {str, bytes, int, float, complex, bool, type(None), type(Ellipsis), type(NotImplemented), types.CodeType}
)
_DICTS = (dict, OrderedDict, defaultdict)
_Builtin = types.BuiltinFunctionType


class Walker:
    """Collects slots whose value is one of *things* (by id) or whose value's type is one of *types*.

    A bound method of an instance of *types* counts as one. *left_alone* tells for a module's name whether to keep out
    of it and of what it defined. Instances of *opened* are looked into wherever they are. *leading*: ids; only in what
    has one of these can there be anything.
    """

    def __init__(
        self,
        things: Container[int],
        kinds: Collection[type],
        opened: Container[type],
        left_alone: LeftAlone,
        leading: Mapping[int, Any] | None = None,
    ) -> None:
        self._things = things
        self._kinds = frozenset(kinds)
        self._opened = opened
        self._left_alone = left_alone
        self._leading = leading
        self._seen: set[int] = set()
        self._spaces: set[int] = set()
        self._dicts: dict[type, Any] = {}  # type -> its descriptor of __dict__
        self._enter: dict[type, Callable[[Slot, Any], None]] = {
            types.FunctionType: self._function,
            staticmethod: self._wrapped,
            classmethod: self._wrapped,
            property: self._property,
            functools.partial: self._partial,
            tuple: self._tuple,
            list: self._list,
            set: self._set,
            frozenset: self._set,
            **dict.fromkeys(_DICTS, self._dict),
        }
        self._further: list[tuple[Slot, Any]] = []  # instances in instances, and what is looked for in these
        self.further_kinds: Container[type] = ()
        self.found: list[Slot] = []

    def walk(self) -> list[Slot]:
        """All slots in all loaded modules."""
        kept: dict[int, Any] = {}
        for name, space in namespaces() if self._leading is None else self._leading_namespaces():
            self._spaces.add(id(space))
            if self._left_alone.asks(name, space):
                self._keep_out(space)
            else:
                kept.setdefault(id(space), (name, space))
        for name, space in kept.values():
            self._space(name, name, space)
        for slot, value in self._further:  # which grows meanwhile, if it is known what leads on
            self._instance(slot, value) if self._leading is not None else self._inner_instance(slot, value)
        return self.found

    def _leading_namespaces(self) -> Iterator[tuple[str, Any]]:
        return ((name_of(space), space) for space in (self._leading or {}).values() if space is not None)

    def _keep_out(self, space: Mapping[str, Any]) -> None:
        """Whoever else holds these, they are not theirs."""
        for value in list(space.values()):
            if type(value) in self._enter or type(value) not in _PLAIN:
                self._seen.add(id(value))
                if type(value) in _DICTS:
                    self._seen.update(map(id, list(value.values())))

    def _is_one(self, value: Any) -> bool:
        """Whether *value* is what is looked for. Types and builtin functions are the only ones that can be."""
        kind = type(value)
        return (
            id(value) in self._things
            or kind in self._kinds
            or (kind is _Builtin and type(value.__self__) in self._kinds)
        )

    def _space(self, module: str, text: str, space: Any, kind: PlaceKind = "global") -> None:
        for name, value in list(space.items()):
            if self._matters(value) and name != "__builtins__" and isinstance(name, str):
                self._value(Item(module, f"{text}.{name}", kind, space, name), value)

    def _matters(self, value: Any) -> bool:
        """Whether there may be something in *value*: what nearly everything is that is not, first."""
        kind = type(value)
        if kind in _PLAIN:
            return False
        if id(value) in self._things or kind in self._kinds:
            return True
        if self._leading is not None and id(value) not in self._leading:
            return False
        if kind is types.FunctionType:
            bare = not (value.__defaults__ or value.__closure__ or value.__kwdefaults__ or value.__dict__)
            if bare and id(value.__globals__) in self._spaces:
                return False
        return id(value) not in self._seen

    def _value(self, slot: Slot, value: Any) -> None:
        if self._is_one(value):
            if getattr(value, "__module__", "") != slot.module:  # where it is at home it stays
                self.found.append(slot)
        elif type(value) in self._enter:
            self._enter[type(value)](slot, value)
        elif issubclass(type(value), type):
            self._class(slot, value)
        elif type(value) not in _PLAIN and not issubclass(type(value), types.ModuleType):
            self._instance(slot, value)

    def _first_time(self, value: object) -> bool:
        count = len(self._seen)
        self._seen.add(id(value))
        return len(self._seen) > count

    def _class(self, slot: Slot, value: type) -> None:
        if not self._first_time(value) or not value.__flags__ & (1 << 9):  # only heap types can be changed
            return
        space = vars(value)
        module = space.get("__module__")
        if self._left_alone(module):
            return
        module = module if isinstance(module, str) else slot.module
        text = f"{module}.{value.__qualname__}"
        for name, member in list(space.items()):
            if type(member) is not types.GetSetDescriptorType and self._matters(member):
                self._value(Attribute(module, f"{text}.{name}", "class attribute", value, name), member)
        fields = space.get("__dataclass_fields__")
        for field in list(fields.values()) if type(fields) is dict else ():
            for part in ("default", "default_factory"):
                if self._is_one(getattr(field, part, None)):
                    where = f"{text}.__dataclass_fields__[{field.name!r}].{part}"
                    self.found.append(Attribute(module, where, "class attribute", field, part))

    def _function(self, slot: Slot, value: types.FunctionType) -> None:
        if not self._first_time(value) or self._left_alone(value.__module__):
            return
        space = value.__globals__
        module = space.get("__name__", slot.module)
        if self._left_alone(module):
            return
        if id(space) not in self._spaces and (self._leading is None or id(space) in self._leading):
            # Executed from a string, as dataclasses' and attrs' methods are.
            self._spaces.add(id(space))
            for name, held in list(space.items()):
                if name != "__builtins__" and self._is_one(held):
                    self.found.append(Item(slot.module, f"{slot.text}.__globals__[{name!r}]", "global", space, name))
        self._defaults(slot, value)
        inside = vars(value).get("__wrapped__")
        if type(inside) is types.FunctionType:
            self._function(Item(slot.module, f"{slot.text}.__wrapped__", slot.kind, vars(value), "__wrapped__"), inside)
        for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=False):
            if self._first_time(cell):
                inner = Cell(slot.module, f"{slot.text}, closure variable {name}", cell, name)
                self._value(inner, inner.get())

    def _defaults(self, slot: Slot, value: types.FunctionType) -> None:
        defaults, code = value.__defaults__ or (), value.__code__
        if not (defaults or value.__kwdefaults__):
            return
        names = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
        outer = Defaults(slot.module, slot.text, value)
        for index, held in enumerate(defaults):
            if type(held) not in _PLAIN:
                name = names[index] if index < len(names) else str(index)
                self._value(Member(outer, index, f"{slot.text}, default of {name}"), held)
        for name, held in list((value.__kwdefaults__ or {}).items()):
            if type(held) not in _PLAIN:
                text = f"{slot.text}, default of {name}"
                self._value(Item(slot.module, text, "default argument", value.__kwdefaults__, name), held)

    def _wrapped(self, slot: Slot, value: Any) -> None:
        self._value(Inside(slot), value.__func__)

    def _property(self, slot: Slot, value: property) -> None:
        for function in (value.fget, value.fset, value.fdel):
            if type(function) is types.FunctionType:
                self._function(slot, function)

    def _partial(self, slot: Slot, value: functools.partial[Any]) -> None:
        if not self._first_time(value):
            return
        self._value(Part(slot.module, slot.text, value, 0), value.func)
        args = Part(slot.module, slot.text, value, 1)
        for index, held in enumerate(value.args):
            if self._is_one(held):
                self.found.append(Member(args, index))
        for key, held in list(value.keywords.items()):
            if self._is_one(held):
                self.found.append(Keyword(slot.module, slot.text, value, key))

    # Containers: one level.

    def _dict(self, slot: Slot, value: Any) -> None:
        if len(value) <= LARGEST_TABLE and self._first_time(value) and id(value) not in self._spaces:
            for key, held in list(value.items()):
                if id(key) in self._things:
                    self.found.append(Key(slot, key, value))
                if type(held) not in _PLAIN:
                    self._member(Item(slot.module, f"{slot.text}[{key!r:.60}]", slot.kind, value, key), held)

    def _list(self, slot: Slot, value: list[Any]) -> None:
        if len(value) <= LARGEST_TABLE and self._first_time(value):
            for index, held in enumerate(list(value)):
                if type(held) not in _PLAIN:
                    self._member(Item(slot.module, f"{slot.text}[{index}]", slot.kind, value, index), held)

    def _tuple(self, slot: Slot, value: tuple[Any, ...]) -> None:
        # Not marked as seen: the same tuple is put into every slot that holds it.
        if len(value) <= LARGEST_TABLE:
            for index, held in enumerate(value):
                if type(held) not in _PLAIN:
                    self._member(Member(slot, index), held)

    def _set(self, slot: Slot, value: Any) -> None:
        if len(value) <= LARGEST_TABLE and self._first_time(value):
            self.found += [SetMember(slot, held) for held in list(value) if id(held) in self._things]

    def _member(self, slot: Slot, value: Any) -> None:
        if self._is_one(value):
            self.found.append(slot)
        elif type(value) is types.FunctionType:
            self._function(slot, value)
        elif type(value) is functools.partial:
            self._partial(slot, value)
        elif type(value) in self._opened:
            self._instance(slot, value)

    # Instances: their own attributes, one level; two for locals of threads, all where it is known what leads on.

    def _instance(self, slot: Slot, value: Any) -> None:
        space = self._dict_of(value)
        if space is None or not self._first_time(value) or len(space) > LARGEST_TABLE:
            return
        if type(value) not in self._opened and self._left_alone(type(value).__module__):
            return
        for name, held in list(space.items()):
            if type(held) in _PLAIN:
                continue
            inner = Item(slot.module, f"{slot.text}.{name}", "instance", space, name)
            if self._is_one(held):  # which is not kept: its references are counted
                self.found.append(inner)
            elif self._leading is None or id(held) in self._leading:
                self._further.append((inner, held))
            if type(held) in self._opened:
                self._instance(inner, held)
            elif type(held) is types.FunctionType:  # a decorator that is a class keeps what it decorates
                self._function(inner, held)
            elif type(held) is functools.partial:
                self._partial(inner, held)

    def _inner_instance(self, slot: Slot, value: Any) -> None:
        kind = type(value)
        other = kind in self._enter or issubclass(kind, (type, types.ModuleType)) or id(value) in self._seen
        space = {} if other or self._left_alone(kind.__module__) else self._dict_of(value) or {}
        for name, held in list(space.items()) if len(space) <= LARGEST_TABLE else ():
            if type(held) in self.further_kinds:
                self.found.append(Item(slot.module, f"{slot.text}.{name}", "instance", space, name))

    def _dict_of(self, value: Any) -> Any:
        """The dict of *value*'s attributes, read below whatever its type does (a proxy would show another object's)."""
        kind = type(value)
        if kind not in self._dicts:
            owners = [vars(base)["__dict__"] for base in kind.__mro__ if "__dict__" in vars(base)]
            real = owners and type(owners[0]) is types.GetSetDescriptorType
            self._dicts[kind] = owners[0] if real else None
        descriptor = self._dicts[kind]
        try:
            space = None if descriptor is None else descriptor.__get__(value)
        except Exception:
            return None
        return space if type(space) is dict else None
