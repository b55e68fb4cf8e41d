"""What stands for an object whose class is C's, can be neither changed nor subclassed: it passes for that object."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class StandsFor:
    """For *native*: has its attributes, but for those that a subclass has itself."""

    def __new__(cls, *native: Any) -> Any:
        if not native:  # a program has type(it)
            raise TypeError(f"cannot create '{cls.__module__}.{cls.__name__}' instances")
        return super().__new__(cls)

    def __init__(self, native: Any) -> None:
        self._native = native
        for name in dir(native):
            if not hasattr(type(self), name):
                setattr(self, name, getattr(native, name))

    @property  # type: ignore[misc]  # of object it can be set
    def __class__(self) -> Any:
        return type(self._native)

    def __repr__(self) -> str:
        return repr(self._native)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._native.__reduce_ex__(protocol)  # which says that it cannot be pickled
