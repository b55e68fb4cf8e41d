"""multiprocessing's locks let the others run while they wait, and exclude greenlets as well as processes.

Problem. Lock, RLock and Semaphore of multiprocessing are one class in C, ``_multiprocessing.SemLock``, around a
semaphore of the system. It waits in C, so every greenlet stops, and if one of them holds the lock, for ever: Pool has
threads that wait for each other so, and hangs. And it knows an RLock's owner by the native thread, so all greenlets of
a thread "own" it together. Condition, Event, Barrier, Value, Array and the queues are made of these.

What does not work. No descriptor becomes ready when a semaphore does, so there is nothing to watch. A native thread
that waits in C cannot be called back: after Ctrl-C, a Timeout or a kill it would take a semaphore that nobody wants,
and a process that ends meanwhile would take it along.

What is replaced. ``_multiprocessing.SemLock``, by a subclass. Who cannot have the semaphore at once is woken by
whoever lets go of it in this process, and looks by itself for what other processes do, after pauses of a tenth of the
time that it has waited. Where nobody else has anything to wait for, as in most workers of a Pool, it waits in C
(``_semaphores``). An RLock belongs to a greenlet that stands for a thread. Taking it, and noting whose it is, are one
call into C, and so is letting go of it: a signal handler that comes between any two instructions changes nothing.

The resource tracker, a process that only reads one pipe, is started as plain Python: it would load gevent for nothing.
And the thread that hands descriptors to other processes no longer blocks all signals: they would be blocked for all
greenlets, so also in processes that are forked later, and no Process.terminate() would end these.

What stays native. Connections, pipes and queues read and write by os.read and os.write, processes are waited for by
os.waitpid and selectors: ``os-read``, ``os-wait`` and ``fork-threads`` are for those. Locks that were made before
stay what they are, and Windows has other locks.
"""

import os
from itertools import compress, repeat
from time import monotonic

from gevent import thread  # its getcurrent() gives the greenlet that stands for the thread

from .._install import Change
from . import polling
from ._semaphores import wait
from ._tickets import wake

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_RECURSIVE_MUTEX, _SEMAPHORE = 0, 1


def plan(module: "ModuleType") -> "list[Change]":
    """The class that multiprocessing.synchronize asks for by its name; what its two helpers see of other modules."""
    name = module.__name__
    if os.name != "posix":
        return []
    if name != "_multiprocessing":
        return [_seen_by(module, "util" if name.endswith("tracker") else "signal")]
    native: "Any" = getattr(module, "SemLock", None)
    if native is None:
        return []
    return [Change(module, "SemLock", native if hasattr(native, "_attempt") else _made_of(native))]


def _seen_by(module: "Any", name: str) -> Change:
    found = getattr(module, name)
    return Change(module, name, found if isinstance(found, _View) else _View(found))


class _View:
    """multiprocessing.util as the resource tracker is to see it, and signal as resource_sharer is."""

    def __init__(self, module: "Any") -> None:
        self._module = module

    def __getattr__(self, name: str) -> "Any":
        return getattr(self._module, name)

    def spawnv_passfds(self, path: "Any", args: "list[Any]", passfds: "Any") -> "Any":
        """Start the tracker as plain Python."""
        return self._module.spawnv_passfds(path, [*args[:1], "-X", "cooppatch=", *args[1:]], passfds)

    def pthread_sigmask(self, how: object, mask: object) -> None:
        """Nothing: the mask would be the main thread's."""


def _made_of(native: "Any") -> "Any":
    """A subclass of *native*, which gives a _RecursiveLock where that is asked for."""
    take, give = native.acquire, native.release

    class SemLock(native):  # type: ignore[misc]
        """Semaphore/Mutex type"""

        __slots__ = ("_owner", "_tickets")

        def __new__(cls, kind: int, *args: "Any", **kwargs: "Any") -> "Any":
            if kind == _RECURSIVE_MUTEX:
                return _RecursiveLock(native(_SEMAPHORE, *args, **kwargs))
            return native.__new__(cls, kind, *args, **kwargs)._begin()

        @classmethod
        def _rebuild(cls, handle: int, kind: int, *args: "Any") -> "Any":
            if kind == _RECURSIVE_MUTEX:
                return _RecursiveLock(native._rebuild(handle, _SEMAPHORE, *args))
            return super()._rebuild(handle, kind, *args)._begin()

        def _begin(self) -> "Any":
            self._owner = 0  # who took it last
            self._tickets: "list[Any]" = []  # of those who wait
            return self

        def acquire(self, block: bool = True, timeout: "float | None" = None) -> bool:
            """Acquire the semaphore/lock."""
            if monotonic() >= polling.due:
                polling.asked()
            if take(self, False) if timeout is None else take(self, False, timeout):
                self._owner = id(thread.getcurrent())
                return True
            return wait(self, block, timeout)

        def _attempt(self, block: bool = False, timeout: "float | None" = None) -> bool:
            """Take it at once, or with *block* by a wait in C."""
            if take(self, block, timeout):
                self._owner = id(thread.getcurrent())
                return True
            return False

        def release(self) -> None:
            """Release the semaphore/lock."""
            give(self)
            if self._tickets:
                wake(self._tickets)

        __enter__ = acquire

        def __exit__(self, *args: object) -> None:
            give(self)
            if self._tickets:
                wake(self._tickets)

        def _is_mine(self) -> bool:
            """Whether the lock is owned by this thread."""
            return self._count() > 0 and self._owner == id(thread.getcurrent())

        def _after_fork(self) -> None:
            """Rezero the net acquisition count after fork()."""
            super()._after_fork()
            self._begin()

    SemLock.__qualname__, SemLock.__module__ = "SemLock", "_multiprocessing"
    _RecursiveLock.SEM_VALUE_MAX, _RecursiveLock._rebuild = native.SEM_VALUE_MAX, SemLock._rebuild
    return SemLock


class _RecursiveLock:
    """For C it is a semaphore; whose it is, and how often, is decided here."""

    __slots__ = (
        "_again", "_get_value", "_held", "_is_zero", "_let_go", "_take", "_tickets", "_tries",
        "handle", "maxvalue", "name",
    )  # fmt: skip
    __module__, __qualname__ = "_multiprocessing", "SemLock"
    kind, SEM_VALUE_MAX = _RECURSIVE_MUTEX, 0
    _rebuild: "Any"

    def __init__(self, semaphore: "Any") -> None:
        self.handle, self.maxvalue, self.name = semaphore.handle, semaphore.maxvalue, semaphore.name
        self._get_value, self._is_zero, self._take = semaphore._get_value, semaphore._is_zero, semaphore.acquire
        self._again = 0  # how often it is held beyond the first
        self._held: "list[int]" = []  # the owner's ident
        self._tickets: "list[Any]" = []  # of those who wait
        self._tries = map(semaphore.acquire, repeat(False))  # each step is one
        # The owner is popped and handed to what lets go of the semaphore, whatever it is given.
        self._let_go = map(semaphore.__exit__, iter(self._held.pop, None)).__next__

    def acquire(self, block: bool = True, timeout: "float | None" = None) -> bool:
        """Acquire the semaphore/lock."""
        if monotonic() >= polling.due:
            polling.asked()
        me, held = id(thread.getcurrent()), self._held
        if me in held:
            self._again += 1
            return True
        held.extend(compress((me,), self._tries if timeout is None else map(self._take, (False,), (timeout,))))
        return me in held or wait(self, block, timeout)

    __enter__ = acquire

    def _attempt(self, block: bool = False, timeout: "float | None" = None) -> bool:
        me = id(thread.getcurrent())
        self._held.extend(compress((me,), map(self._take, (block,), (timeout,))))
        return me in self._held

    def release(self) -> None:
        """Release the semaphore/lock."""
        if id(thread.getcurrent()) not in self._held:
            raise AssertionError("attempt to release recursive lock not owned by thread")
        if self._again:
            self._again -= 1
            return
        self._let_go()
        if self._tickets:
            wake(self._tickets)

    def __exit__(self, *args: object) -> None:
        self.release()

    def _count(self) -> int:
        """Num of `acquire()`s minus num of `release()`s for this process."""
        return len(self._held) + self._again

    def _is_mine(self) -> bool:
        """Whether the lock is owned by this thread."""
        return id(thread.getcurrent()) in self._held

    def _after_fork(self) -> None:
        """Rezero the net acquisition count after fork()."""
        self._held.clear()
        self._again = 0
        self._tickets = []
