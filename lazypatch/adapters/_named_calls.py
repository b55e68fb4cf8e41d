"""Find the call that ``module:Class.method`` names, where it stands, and say why if it cannot be exchanged."""

from __future__ import annotations

import types

from .._errors import LazyPatchError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_HEAP_TYPE, _IMMUTABLE = 1 << 9, 1 << 8  # of a class's __flags__
# Of a function's code: its call only makes an object, and what waits comes later.
_COROUTINE, _GENERATOR, _ASYNC_GENERATOR = 0x80, 0x20, 0x200


def find(module: Any, name: str) -> tuple[Any, str, Any]:
    """Where *name* stands, its last part, and what is there, as it is kept in its class.

    :raises LazyPatchError: if there is nothing of that name, or nothing that can be exchanged.
    """
    *path, last = name.split(".")
    owner = module
    for part in path:
        owner = getattr(owner, part, None)
    spaces = owner.__mro__ if isinstance(owner, type) else [owner]
    raw = next((vars(space)[last] for space in spaces if last in getattr(space, "__dict__", ())), None)
    problem = _problem(owner, raw)
    if problem:
        raise LazyPatchError(f"in_threadpool={module.__name__}:{name} was asked for, and {problem}")
    return owner, last, raw


def _problem(owner: Any, raw: Any) -> str:
    """Why *raw* of *owner* cannot be exchanged for a function; empty if it can."""
    function = raw.__func__ if isinstance(raw, (staticmethod, classmethod)) else raw
    code = getattr(function, "__code__", None)
    if function is None or not callable(function):
        return "there is no such call. Correct the name, or leave it out"
    if isinstance(function, type):
        return "that is a class. Name its __init__, or the methods that wait"
    if isinstance(owner, type) and (not owner.__flags__ & _HEAP_TYPE or owner.__flags__ & _IMMUTABLE):
        return (
            f"{owner.__name__} is a class of C, which nobody can change. Name functions of the module, or make the "
            "call by gevent.get_hub().threadpool.apply()"
        )
    if not isinstance(owner, (type, types.ModuleType)):
        return "that is neither in a module nor in a class"
    if code is not None and code.co_flags & (_COROUTINE | _GENERATOR | _ASYNC_GENERATOR):
        return "it gives a coroutine or a generator, and does not wait itself. Name what waits"
    return ""
