"""A Python function that passes for a builtin one: no descriptor, the same name, text and signature, pickled by name.

A builtin function that stands in a class body stays what it is, and a plain function there would become a method. A
bound method stays what it is, too, and costs no more to call than a function; so the replacement is one, bound to an
object that stands for the module. (An object with ``__call__`` would cost 0.05 us more a call.)
"""

import os
from types import MethodType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class _Home:
    """Stands for *module*; pickled and copied as the module itself cannot be, and found by *name* then."""

    __slots__ = ("__name__", "_module")

    def __init__(self, name: str, module: object) -> None:
        self.__name__ = name
        self._module = module

    def __repr__(self) -> str:
        return repr(self._module)

    def __reduce__(self) -> "tuple[Callable[..., Any], tuple[str]]":
        return __import__, (self.__name__,)

    def __deepcopy__(self, memo: object) -> "_Home":
        return self


def as_builtin(function: "Callable[..., Any]", original: "Any", home: str) -> "Any":
    """What to put in the place of *original*: *function*, whose first argument is not passed by callers.

    :param home: the module in which others look for it, and to which pickle refers.
    """
    function.__name__ = function.__qualname__ = original.__name__
    if original.__module__ == home:
        # Where dill and cloudpickle find the function itself. They would take it apart otherwise, and find that the
        # original cannot be pickled, whose name leads to this one.
        function.__qualname__ += ".__func__"
    function.__module__, function.__doc__ = original.__module__, original.__doc__
    function.__annotations__ = {}  # which inspect.signature() would show
    return MethodType(function, _Home(home, original.__self__))


def as_builtin_of_os(function: "Callable[..., Any]", original: "Any") -> "Any":
    """The same for a function of os, which says of itself that it is one of posix, where another may stand."""
    name = original.__name__
    function.__name__, function.__qualname__ = name, name + ".__func__"
    function.__module__, function.__doc__, function.__annotations__ = "os", original.__doc__, {}
    return MethodType(function, _Home("os", os))
