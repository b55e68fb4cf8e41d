"""The locks of _thread and threading.Event: RLock excludes greenlets, and native threads may share all of them.

What breaks. The native RLock knows its owner by the native thread, so all greenlets of a thread "own" it together.
gevent leaves it alone, and has ``threading.RLock()`` give the class written in Python: its module is ``threading``
(trio asserts that it is ``_thread``), and a signal handler that comes in the middle of its ``acquire`` waits for
ever. gevent's plain lock loses wake-ups, and its own assertion fails, where several native threads use it together:
those of a pool, of ``original("threading")``, of a library in C. Of its Event all but one of them get
InvalidThreadUseError.

What is replaced. ``_thread.RLock``, and with it what ``threading.RLock()`` gives. Who owns the lock is decided by one
call into C (``dict.setdefault``), and holds beyond the first are counted apart: so a handler that runs between any
two instructions, and lets go of what it took, changes nothing. gevent's plain lock stays the class of ``Lock()``, and
one call into C decides who has it. ``threading.Event`` is a subclass of gevent's. Who waits for any of them does so
with a *ticket*, which every native thread can honour. All say what they are, and what is wrong with arguments, as
Python's do. And they are pickled under Python's names: the class of a lock goes to a process of multiprocessing's, as a
manager's do, and gevent's in one that is not armed hung its native threads.

What stays. RLocks that were made before are native; importlib's, and those that lazypatch uses itself, have to be.
"""

import _thread
from functools import partial
from time import monotonic

from gevent.event import Event as GeventsEvent
from gevent.lock import BoundedSemaphore

from .._gevent import native
from .._install import Change
from .._originals import NativeRLock
from . import polling
from .changes import Put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_later: "Any" = None  # what is needed when somebody has to wait


def _waits() -> "Any":
    """It is kept here, because an import statement for each wait would cost as much as the wait."""
    global _later
    if _later is None:
        from . import _lock_waits as _later
    return _later


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
        if monotonic() >= polling.due:
            polling.asked()
        me, held = _thread.get_ident(), self._held
        if not held and held.setdefault(0, me) == me:
            return True
        if held.get(0) == me:
            self._again += 1
            return True
        try:
            return _waits().acquire(  # type: ignore[no-any-return]
                self._tickets, lambda: held.setdefault(0, me) == me, lambda: held, blocking, timeout
            )
        except BaseException as error:
            raise error.with_traceback(None)  # noqa: B904  # how it is waited tells nobody anything

    def release(self) -> None:
        if self._held.get(0) != _thread.get_ident():
            raise RuntimeError("cannot release un-acquired lock")
        if self._again:
            self._again -= 1
        else:
            self._held.clear()
            if self._tickets:
                _waits().wake(self._tickets)

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
            _waits().wake(self._tickets)
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
            if monotonic() >= polling.due:
                polling.asked()
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


_new_lock = native("_thread", "allocate_lock")
_take, _let_go, _reinit = BoundedSemaphore.acquire, BoundedSemaphore.release, BoundedSemaphore._at_fork_reinit
_is_locked = BoundedSemaphore.locked


class _Lock:
    """The methods that gevent's plain lock gets. Nothing is an instance of this."""

    _lazypatch_tickets: "Any" = ()  # of those who wait; a list from the first time that somebody does

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if blocking is not True or timeout != -1:
            _new_lock().acquire(blocking, timeout)  # is free, and has all errors of wrong arguments
        if _take(self, False):
            return True
        if not blocking and monotonic() >= polling.due and polling.asked() and _take(self, False):
            return True
        tickets = self._lazypatch_tickets or self.__dict__.setdefault("_lazypatch_tickets", [])
        try:
            return _waits().acquire(  # type: ignore[no-any-return]
                tickets, partial(_take, self, False), partial(_is_locked, self), blocking, timeout
            )
        except BaseException as error:
            raise error.with_traceback(None)  # noqa: B904  # how it is waited tells nobody anything

    __enter__ = acquire

    def release(self) -> None:
        try:
            _let_go(self)
        except RuntimeError:  # in gevent's words
            raise RuntimeError("release unlocked lock") from None
        if self._lazypatch_tickets:
            _waits().wake(self._lazypatch_tickets)

    def __exit__(self, *args: object) -> None:
        self.release()

    def _at_fork_reinit(self) -> None:
        self.__dict__.pop("_lazypatch_tickets", None)
        _reinit(self)

    def locked(self) -> bool:
        if monotonic() >= polling.due:
            polling.asked()
        return _is_locked(self)  # type: ignore[no-any-return]

    acquire_lock, release_lock, locked_lock = acquire, release, locked  # their old names

    def __repr__(self) -> str:
        return f"<{'locked' if _is_locked(self) else 'unlocked'} _thread.lock object at {id(self):#x}>"


_Lock.acquire.__annotations__ = {}
_METHODS = "acquire", "__enter__", "release", "__exit__", "_at_fork_reinit", "locked", "__repr__"
_OLD_NAMES = "acquire_lock", "release_lock", "locked_lock"


_set, _is_set, _reinit_event = GeventsEvent.set, GeventsEvent.is_set, GeventsEvent._at_fork_reinit


class Event(GeventsEvent):  # type: ignore[misc]  # gevent's types are not known here
    _lazypatch_tickets: "Any" = ()

    def set(self) -> None:
        _set(self)
        while self._lazypatch_tickets:
            _waits().wake(self._lazypatch_tickets)

    def is_set(self) -> bool:
        if monotonic() >= polling.due:
            polling.asked()
        return _is_set(self)  # type: ignore[no-any-return]

    def wait(self, timeout: "float | None" = None) -> bool:
        if _is_set(self):
            return True
        if timeout is not None and type(timeout) is not float and timeout > 0:
            _new_lock().acquire(True, timeout)  # is free, and says what is wrong with it
        tickets = self._lazypatch_tickets or self.__dict__.setdefault("_lazypatch_tickets", [])
        try:
            return _waits().wait(tickets, partial(_is_set, self), timeout)  # type: ignore[no-any-return]
        except BaseException as error:
            raise error.with_traceback(None)  # noqa: B904

    def _at_fork_reinit(self) -> None:
        self.__dict__.pop("_lazypatch_tickets", None)
        _reinit_event(self)

    if "_flag" not in vars(GeventsEvent):  # C's; with PURE_PYTHON it is a slot
        _flag = property(_is_set)
    # Python's own, which use no more than that; there is no __repr__ before 3.11.
    isSet = vars(native("threading", "Event"))["isSet"]
    __repr__ = vars(native("threading", "Event")).get("__repr__", object.__repr__)


Event.__module__ = "threading"


def plan(module: "Any") -> "list[Change]":
    """The class, where it is made, and where threading has it from; the methods of the other one; and the event."""
    if module.__name__ == "_thread":
        lock = module.LockType
        methods = (Change(lock, name, vars(_Lock)[name]) for name in ("_lazypatch_tickets", *_METHODS, *_OLD_NAMES))
        # By this one pickle finds it, and a lock can be made of what is found, in each process.
        name = "lock" if hasattr(module, "lock") else "allocate_lock"  # the first came with 3.13
        named = Put(partial(setattr, lock, "__qualname__"), lock.__qualname__, name)
        return [Change(module, "RLock", RLock), *methods, Change(lock, "__module__", "_thread"), named]
    # gevent has put None there, which is nobody's original.
    changes = [Change(vars(module), "_CRLock", RLock)]
    if module.Event is GeventsEvent:  # else it was not asked for
        changes.append(Change(module, "Event", Event))
    known = module._active_limbo_lock
    if type(known) is module._PyRLock and not known._count:  # where a signal's handler may come at any moment
        changes.append(Change(vars(module), "_active_limbo_lock", RLock()))
    return changes
