"""Stand in for objects of C whose class can be neither changed nor subclassed: what waits goes to native threads."""

from __future__ import annotations

import functools

from ._pool import LOCK, lock_of, one_by_one

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


class _Proxy:
    """Has whatever the native object has."""

    def __init__(self, native: Any, owner: object = None) -> None:
        """*owner* is an object of which one call at a time may be made, of this one or of that."""
        vars(self)["_native"] = native
        if owner is not None:
            vars(self)[LOCK] = lock_of(owner)

    def __getattr__(self, name: str) -> Any:
        return getattr(vars(self)["_native"], name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(vars(self)["_native"], name, value)


def proxied(kind: Any, waiting: Iterable[str]) -> Any:
    """A class whose objects stand for those of *kind*, and whose methods *waiting* are called in native threads."""
    space = {name: one_by_one(_passing(getattr(kind, name))) for name in waiting if hasattr(kind, name)}
    return type(kind.__name__, (_Proxy,), {"__module__": kind.__module__, "__doc__": kind.__doc__, **space})


def _passing(method: Any) -> Any:
    def of_the_native(self: Any, *args: Any, **kwargs: Any) -> Any:
        return method(vars(self)["_native"], *args, **kwargs)

    return functools.update_wrapper(of_the_native, method)
