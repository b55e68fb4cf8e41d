"""_thread.RLock excludes greenlets, whoever uses it: threading.RLock(), functools up to 3.11, other libraries.

What breaks. The native class knows its owner by the native thread, so all greenlets of a thread "own" it together.
gevent leaves it alone, and has ``threading.RLock()`` give the class written in Python: its module is ``threading``
(trio asserts that it is ``_thread``), and a signal handler that comes in the middle of its ``acquire`` waits for
ever.

What is replaced. ``_thread.RLock``, and with it what ``threading.RLock()`` gives. Who owns the lock is decided by one
call into C (``dict.setdefault``), and holds beyond the first are counted apart: so a handler that runs between any
two instructions, and lets go of what it took, changes nothing. And gevent's plain lock says what it is as Python's
does.

What stays. RLocks that were made before are native; importlib's, and those that lazypatch uses itself, have to be.
"""

import _thread

from .._install import Change
from .._originals import NativeRLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class RLock:
    __slots__ = ("__weakref__", "_again", "_held", "_tickets")
    if TYPE_CHECKING:
        _again: int
        _held: dict[int, int]
        _tickets: list[Any]

    def __new__(cls, *args: "Any", **kwargs: "Any") -> "RLock":  # subclasses need not call __init__()
        if args or kwargs:
            NativeRLock(*args, **kwargs)  # says, depending on the Python, that it takes none
        self = object.__new__(cls)
        self._at_fork_reinit()
        return self

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if blocking is not True or timeout != -1:
            NativeRLock().acquire(blocking, timeout)  # is free, and has all errors of wrong arguments
        me, held = _thread.get_ident(), self._held
        if not held and held.setdefault(0, me) == me:
            return True
        if held.get(0) == me:
            self._again += 1
            return True
        from ._rlock_waits import acquire

        return acquire(self, me, blocking, timeout)

    def release(self) -> None:
        if self._held.get(0) != _thread.get_ident():
            raise RuntimeError("cannot release un-acquired lock")
        if self._again:
            self._again -= 1
        else:
            self._held.clear()
            if self._tickets:
                self._wake()

    def _wake(self) -> None:
        from ._tickets import wake

        wake(self._tickets)

    __enter__ = acquire

    def __exit__(self, *args: object) -> None:
        self.release()

    def _is_owned(self) -> bool:
        return self._held.get(0) == _thread.get_ident()

    def _release_save(self) -> "tuple[int, int]":
        if not self._held:
            raise RuntimeError("cannot release un-acquired lock")
        state = self._again + 1, self._held[0]
        self._again = 0
        self._held.clear()
        if self._tickets:
            self._wake()
        return state

    def _acquire_restore(self, state: "tuple[int, int]") -> None:
        count, owner = state
        self.acquire()
        self._held[0] = owner
        self._again = count - 1

    if hasattr(NativeRLock, "_recursion_count"):

        def _recursion_count(self) -> int:
            return self._again + 1 if self._is_owned() else 0

    if hasattr(NativeRLock, "locked"):

        def locked(self) -> bool:
            return bool(self._held)

    def _at_fork_reinit(self) -> None:
        self._held = {}  # 0 -> the owner's ident
        self._again = 0  # how often it is held beyond the first
        self._tickets = []  # of those who wait

    def __repr__(self) -> str:
        owner = self._held.get(0, 0)
        name = "_thread.RLock" if type(self) is RLock else type(self).__name__
        count = self._again + 1 if owner else 0
        return f"<{'locked' if owner else 'unlocked'} {name} object owner={owner} count={count} at {id(self):#x}>"

    def __reduce_ex__(self, protocol: object) -> "Any":
        raise TypeError(f"cannot pickle {'_thread.RLock' if type(self) is RLock else type(self).__name__!r} object")


RLock.__module__ = "_thread"
RLock.acquire.__annotations__ = {}  # signatures are compared


def _of_lock(self: "Any") -> str:
    return f"<{'locked' if self.locked() else 'unlocked'} _thread.lock object at {id(self):#x}>"


def plan(module: "Any") -> "list[Change]":
    """The class, where it is made, and where threading has it from."""
    if module.__name__ == "_thread":
        return [Change(module, "RLock", RLock), Change(module.LockType, "__repr__", _of_lock)]
    # gevent has put None there, which is nobody's original.
    return [Change(vars(module), "_CRLock", RLock)]
