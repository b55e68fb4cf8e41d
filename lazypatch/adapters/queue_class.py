"""queue.Queue, LifoQueue and PriorityQueue are the classes that Python documents, at about the price of gevent's.

What breaks. gevent's have no ``mutex``, ``not_empty``, ``not_full`` and ``all_tasks_done``, their ``maxsize`` is None
for 0, they hold no lock while a subclass's ``_put`` and ``_get`` run, and ``shutdown()`` loses an item that was just
put. watchdog, and with it Flask's and Django's reloaders, fails on the first of these.

What does not work. Python's own classes over cooperative locks are right, and cost 20 times as much. A subclass of
gevent's class pays for each method that C code looks up in it, and what somebody took out of it is C code for good.

What is replaced. The three classes, by subclasses of Python's own. As long as nobody waits in a queue and nobody has
seen its lock, a put is an append and a get is a popleft, since nobody can tell the difference: Python switches
threads and runs signal handlers at calls and jumps backwards only, and there is none between the check and the
append. Who has to wait makes all others look first (``_slow``), and is woken by them. Who touches the mutex or a
condition, overrides ``_init``, ``_put``, ``_get`` or ``_qsize``, or calls ``shutdown()``, has that queue go Python's
own way for good: it is *opened*. All who wait in it are woken then, and go on waiting in its conditions.
``SimpleQueue`` is made in the same way: gevent's takes a negative timeout, and cannot be used between native threads.

What stays. A queue made before is Python's own, and right. One with a bound that several *native* threads put into may
hold an item more for each, until it is opened. gevent's ``peek`` and ``copy`` are gone.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from operator import attrgetter
from time import monotonic
from types import GenericAlias

from gevent._hub_local import get_hub_if_exists

from .._gevent import native
from .._install import TYPE_CHECKING, Change
from . import polling

if TYPE_CHECKING:
    from typing import Any

_BUSY = 1 << 20  # in _slow: a heap is being sorted, by items that compare themselves in Python and may let others run
_hooks_of = attrgetter("_init", "_qsize", "_put", "_get")
_later: Any = None  # what is needed when somebody has to wait


def _waits() -> Any:
    global _later
    if _later is None:
        from . import _queue_waits as _later
    return _later


def _part(name: str) -> property:
    """The lock or a condition; there is none before somebody asks for it, or sets it."""

    def get(self: Any) -> Any:
        if not self._opened:
            self._open()
        return vars(self)[name]

    def put(self: Any, value: object) -> None:
        if not self._opened:
            self._open()
        vars(self)[name] = value

    return property(get, put)


class _Waited:
    """What can be waited in."""

    # Of each instance (of the class, too, it would cost a quarter of a put): if it is not zero, look before you put or
    # get. It counts who waits, and is never zero again once the queue is opened.
    _slow: int
    _opened = False
    _getters: Any = ()  # who waits, once somebody has
    _putters: Any = ()
    _joiners: Any = ()
    queue: Any

    def _is_full(self) -> bool:
        return False

    def _is_busy(self) -> bool:
        return self._slow >= _BUSY

    def _fetch(self) -> Any:
        return self.queue.popleft()


class _Quick(_Waited):
    """What stands before Python's own class, :attr:`_of`."""

    _of: Any
    _init: Any
    maxsize: int
    unfinished_tasks: int
    _hooks: tuple[object, ...] = ()
    mutex = _part("mutex")
    not_empty = _part("not_empty")
    not_full = _part("not_full")
    all_tasks_done = _part("all_tasks_done")

    def __init__(self, maxsize: int = 0) -> None:
        if self._opened:  # somebody initializes it once more
            self._of.__init__(self, maxsize)
            return
        self.maxsize = maxsize
        self._init(maxsize)
        self.unfinished_tasks = 0
        self.is_shutdown = False
        self._slow = 0
        if _hooks_of(type(self)) != self._hooks:
            self._open()

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        if self._slow or 0 < self.maxsize <= len(self.queue) or (timeout is not None and timeout < 0):
            self._put_slowly(item, block, timeout)
            return
        self.unfinished_tasks += 1  # first: a native thread may take the item, and be done with it, at once
        self.queue.append(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        items = self.queue
        if self._slow or not items or (timeout is not None and timeout < 0):
            return self._get_slowly(block, timeout)
        return items.popleft()

    def qsize(self) -> int:
        monotonic() >= polling.due and polling.asked()
        return self._of.qsize(self) if self._opened else len(self.queue)

    def empty(self) -> bool:
        monotonic() >= polling.due and polling.asked()
        return self._of.empty(self) if self._opened else not self.queue

    def full(self) -> bool:
        monotonic() >= polling.due and polling.asked()
        return self._of.full(self) if self._opened else self._is_full()

    def task_done(self) -> None:
        if self._opened:
            self._of.task_done(self)
            return
        unfinished = self.unfinished_tasks - 1
        if unfinished < 0:
            raise ValueError("task_done() called too many times")
        self.unfinished_tasks = unfinished
        if not unfinished and self._joiners:
            _waits().wake_all(self._joiners)

    def join(self) -> None:
        if self.unfinished_tasks and not self._opened:
            _waits().join(self)
        if self._opened:
            self._of.join(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        self._open()  # the lock is what says that it cannot be pickled, and what a copy shares
        return super().__reduce_ex__(protocol)

    def _is_full(self) -> bool:
        return 0 < self.maxsize <= len(self.queue)

    def _store(self, item: Any) -> None:
        self.unfinished_tasks += 1
        self.queue.append(item)

    def _put_slowly(self, item: Any, block: bool, timeout: float | None) -> None:
        self._of.put(self, item, block, timeout) if self._opened else _waits().put(self, item, block, timeout)

    def _get_slowly(self, block: bool, timeout: float | None) -> Any:
        return self._of.get(self, block, timeout) if self._opened else _waits().get(self, block, timeout)

    def _open(self) -> None:
        """Have it go Python's own way from now on."""
        _waits().open_for_good(self)


class _QuickStack(_Quick):
    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        items = self.queue
        if self._slow or not items or (timeout is not None and timeout < 0):
            return self._get_slowly(block, timeout)
        return items.pop()

    def _fetch(self) -> Any:
        return self.queue.pop()


class _QuickHeap(_Quick):
    """Nobody else may look at the heap while its items compare themselves: they may be anything."""

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        if self._slow or 0 < self.maxsize <= len(self.queue) or (timeout is not None and timeout < 0):
            self._put_slowly(item, block, timeout)
            return
        self._slow = _BUSY  # it was zero, and nobody waits, or leaves, before it is again
        try:
            heappush(self.queue, item)
            self.unfinished_tasks += 1
        finally:
            self._slow = 0

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        items = self.queue
        if self._slow or not items or (timeout is not None and timeout < 0):
            return self._get_slowly(block, timeout)
        self._slow = _BUSY
        try:
            return heappop(items)
        finally:
            self._slow = 0

    def _store(self, item: Any) -> None:
        self._slow += _BUSY
        try:
            heappush(self.queue, item)
            self.unfinished_tasks += 1
        finally:
            self._slow -= _BUSY

    def _fetch(self) -> Any:
        self._slow += _BUSY
        try:
            return heappop(self.queue)
        finally:
            self._slow -= _BUSY


class _Simple(_Waited):
    """SimpleQueue: what is above without locks, bounds and tasks."""

    __class_getitem__: Any = classmethod(GenericAlias)

    def __init__(self) -> None:
        self.queue: deque[Any] = deque()
        self._slow = 0

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        self.queue.append(item)
        if self._slow:
            _waits().wake_others(self)

    def put_nowait(self, item: Any) -> None:
        self.put(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        items = self.queue
        if self._slow or not items or (timeout is not None and timeout < 0):
            return _waits().get(self, block, timeout)
        return items.popleft()

    def get_nowait(self) -> Any:
        return self.get(False)

    def empty(self) -> bool:
        monotonic() >= polling.due and polling.asked()
        return not self.queue

    def qsize(self) -> int:
        monotonic() >= polling.due and polling.asked()
        return len(self.queue)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(f"cannot pickle '_queue.{type(self).__name__}' object")


def plan(module: Any) -> list[Change]:
    """The classes, made anew of what this module had natively."""
    get_hub_if_exists() is None or _waits()  # else that is loaded with the hub; later, files may be out of reach
    plain = {name: _pythons_own(name) for name in ("Queue", "LifoQueue", "PriorityQueue")}
    made = [
        base := _made(plain["Queue"], _Quick),
        _made(plain["LifoQueue"], _QuickStack, base),
        _made(plain["PriorityQueue"], _QuickHeap, base),
        _named(_pythons_own("SimpleQueue"), (_Simple,), {"_said": {"Empty": module.Empty}}),
    ]
    changes = [Change(module, kind.__name__, kind) for kind in made]
    return [*changes, Change(__import__(made[-1].__module__), "SimpleQueue", made[-1])]  # _queue: pickle looks there


def _pythons_own(name: str) -> Any:
    found = native("queue", name)
    return vars(found).get("_of", found)


def _made(plain: Any, *before: type) -> Any:
    said = plain.put.__globals__  # where Python's methods look for what they raise, each time
    return _named(plain, (*before, plain), {"_hooks": _hooks_of(plain), "_said": said})


def _named(plain: Any, bases: tuple[type, ...], space: dict[str, object]) -> Any:
    """A class like *plain*, with its docstrings."""
    for kind in bases[:-1] or bases:
        for name, function in vars(kind).items():
            if not function.__doc__ and callable(function):
                function.__doc__ = getattr(plain, name, function).__doc__
                function.__annotations__ = {}  # Python has none, and signatures are compared
    space |= {"__module__": plain.__module__, "__doc__": plain.__doc__, "_of": plain}
    return type(plain.__name__, bases, space)
