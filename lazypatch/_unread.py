"""Modules whose import has not happened yet, for those who hold them already: who asks anything of one imports it.

An :class:`Unread` is the module object that an import is going to fill: whoever asks it for anything runs an ordinary
first import, to which the finder gives this very object. So who holds it holds the module, now and later, and nothing
has to be found and exchanged. What was taken *out* of one meanwhile is a :class:`Later`; the module that keeps it is
*veiled*: it shows it to nobody but its own code, which reads its globals; everybody else gets what it stands for.

What does not work. importlib.util.LazyLoader: it has to find each module first, which is a third of an import, and
leaves it in sys.modules, so that the program's own import of it is not the first one any more. Rebinding every name
that holds a placeholder once the real module is there: who copied one keeps it.
"""

import _frozen_importlib
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any
else:
    ModuleType = type(sys)

_bootstrap: "Any" = _frozen_importlib
_members: "Any" = ModuleType.__dict__
space: "Any" = _members["__dict__"].__get__  # the dict of a module, whatever its class says
_plain: "Any" = ModuleType.__getattribute__

# What is given without an import, by (module, name): to some while the module stands in sys.modules unread (a function
# may say no, by None), to all where its import fails.
MEANWHILE: "dict[tuple[str, str], Callable[[ModuleType, str], Any]]" = {}
INSTEAD: "dict[tuple[str, str], Any]" = {}


def name_of(module: ModuleType) -> str:
    """The name of any module, without asking it."""
    return space(module)["__name__"]  # type: ignore[no-any-return]


def stands_in(module: ModuleType) -> bool:
    """Whether this unread module is in sys.modules, and nobody has begun to import it."""
    return sys.modules.get(name_of(module)) is module and "__spec__" not in space(module)


class Unread(ModuleType):
    """A module object whose body has not run."""

    __module__ = "builtins"
    __slots__ = ()
    __dict__ = property(lambda self: space(_whole(self)))
    __doc__ = property(lambda self: space(_whole(self)).get("__doc__"))

    def __getattr__(self, name: str) -> "Any":
        key, waits = (name_of(self), name), stands_in(self)
        # An import statement asks for these. But who imports a submodule has its place asked for by importlib: another
        # thread, one that had been started, and had not run yet, when nobody else was seen.
        if waits and (name == "__spec__" or (name == "__path__" and not _is_for_a_submodule(sys._getframe(1)))):
            raise AttributeError(name)
        taken = MEANWHILE[key](self, name) if waits and key in MEANWHILE else None
        if taken is not None:
            return taken
        if _is_mine(key[0]):
            return _plain(self, name)  # raises what a module raises
        try:
            if key in INSTEAD:
                _do_not_wait()
            module = _read(self)
        except Exception:
            if key not in INSTEAD:
                raise
            return INSTEAD[key]
        return _plain(module, name) if module is self else getattr(module, name)

    def __setattr__(self, name: str, value: object) -> None:
        ModuleType.__setattr__(_whole(self), name, value)

    def __delattr__(self, name: str) -> None:
        ModuleType.__delattr__(_whole(self), name)


Unread.__name__ = Unread.__qualname__ = "module"


def new(name: str) -> ModuleType:
    """The unread module *name*."""
    return empty(Unread(name), __name__=name)


def empty(unread: ModuleType, **items: object) -> ModuleType:
    """Take out of it what an import that failed has left."""
    space(unread).clear()
    space(unread).update(items)
    return unread


def is_read(unread: ModuleType) -> None:
    """Its body has run: from now on it is a module as any other."""
    if type(unread) is Unread:
        object.__setattr__(unread, "__class__", ModuleType)


def exchange(unread: ModuleType, module: ModuleType) -> None:
    """Our finder was not asked for *module*: have gevent's modules hold it in place of *unread*."""
    for name, holder in list(sys.modules.items()):
        if name.startswith("gevent.") and issubclass(type(holder), ModuleType):  # cffi has objects that only say so
            for key, value in list(space(holder).items()):
                if value is unread:
                    space(holder)[key] = module


def _is_for_a_submodule(frame: "Any") -> bool:
    return frame.f_code.co_name == "_find_and_load_unlocked"  # type: ignore[no-any-return]


def _is_mine(name: str) -> bool:
    """Whether this thread is importing the module *name*: it holds the import lock."""
    lock = _bootstrap._module_locks.get(name, lambda: None)()
    return lock is not None and lock.owner == _bootstrap._thread.get_ident()


def _whole(unread: ModuleType) -> ModuleType:
    return unread if _is_mine(name_of(unread)) else _read(unread)


def _read(unread: ModuleType) -> ModuleType:
    """Import it, or wait for who does. What comes is another object only if our finder was not asked."""
    name = name_of(unread)
    if stands_in(unread):
        del sys.modules[name]
    __import__(name)
    return sys.modules.get(name, unread)


def _do_not_wait() -> None:
    """Raise an ImportError where the hub would wait for an import that another greenlet of its thread is at."""
    local: Any = sys.modules.get("gevent._hub_local")
    hub = local.get_hub_if_exists() if hasattr(local, "get_hub_if_exists") else None
    if hub is not None and _bootstrap._thread.get_ident() == id(hub):
        locks = [reference() for reference in list(_bootstrap._module_locks.values())]
        if any(getattr(lock, "owner", None) not in (None, id(hub)) for lock in locks):
            raise ImportError("another greenlet is importing")


class Later:
    """What was taken out of an unread module: a name, or what a call of it will give."""

    __slots__ = ("_args", "_calls", "_module", "_name")

    def __init__(self, module: ModuleType, name: str, args: "Any" = None, calls: "Any" = None) -> None:
        self._module = module
        self._name = name
        self._args = args
        self._calls = calls  # a list, to which calls go as long as the module stands in sys.modules

    def _made(self) -> "Any":
        value = getattr(self._module, self._name)
        return value if self._args is None else value(*self._args)

    def __call__(self, *args: "Any", **kwargs: "Any") -> "Any":
        if self._calls is not None and stands_in(self._module):
            return self._calls.append(args)
        return self._made()(*args, **kwargs)

    def __getattr__(self, name: str) -> "Any":
        return getattr(self._made(), name)


class Veil:
    """Hides each :class:`Later` that the modules of *kept* hold under the names that it says."""

    def __init__(self, kept: "dict[str, tuple[str, ...]]") -> None:
        self._kept = kept
        names = {name for each in kept.values() for name in each}
        members = {"__module__": "builtins", "__slots__": (), "__dict__": property(self._everything)}
        self._veiled: Any = type("module", (ModuleType,), {**members, **{name: self._hidden(name) for name in names}})

    def cover(self) -> None:
        """Hide what there is."""
        for holder in self._kept:
            module: Any = sys.modules.get(holder)
            if type(module) is ModuleType and Later in map(type, space(module).values()):
                module.__class__ = self._veiled

    def show(self, module: ModuleType, name: str) -> "Any":
        """What *module* has under *name*, which from now on is no Later."""
        value = space(module)[name]
        if type(value) is Later:
            value = space(module)[name] = value._made()
            self._lift(module)
        return value

    def settle(self, unread: ModuleType) -> None:
        """Show all that was taken out of *unread*, which has been imported."""
        for holder, names in self._kept.items():
            module: Any = sys.modules.get(holder)
            for name in names if issubclass(type(module), ModuleType) else ():
                value = space(module).get(name)
                if type(value) is Later and value._module is unread:
                    self.show(module, name)

    def _lift(self, module: "Any") -> None:
        if type(module) is self._veiled and Later not in map(type, space(module).values()):
            module.__class__ = ModuleType

    def _everything(self, module: ModuleType) -> "Any":
        for name in self._kept[name_of(module)]:
            try:
                self.show(module, name)
            except Exception:  # cannot be imported, or is not there; who asks for it by name is told
                continue
        return space(module)

    def _hidden(self, name: str) -> property:
        def get(module: ModuleType) -> "Any":
            if name not in space(module):
                raise AttributeError(f"module {name_of(module)!r} has no attribute {name!r}")
            return self.show(module, name)

        def put(module: ModuleType, value: object) -> None:
            space(module)[name] = value
            self._lift(module)

        def delete(module: ModuleType) -> None:
            get(module)
            del space(module)[name]

        return property(get, put, delete)
