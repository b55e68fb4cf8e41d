"""The main thread stands still while its handler runs, whatever wakes it; code that stands for C is not interrupted.

Problem. What wakes the main thread is the loop, or another greenlet, by ``switch``: a method in C, of an object that
everybody holds already.

What does not work. A Hub.switch of our own: a fifth more for every switch, also while there is no signal. Holding the
main thread back where greenlet's trace function shows that it was woken: who has been woken for a lock is about to
take it, and somebody else does if it does not at once; gevent then asserts, or gives the lock to two.

Solution. The trace function, set only while a handler runs, *springs the trap*: a signal is raised in the interpreter
alone, whose handler the interpreter calls as soon as it is back between two instructions of Python. When the call that
waited is over, its byte is in hand, and the main thread stands still there until the handler's end. A lock that it has
got is let go again meanwhile, and one for which it was woken is the next one's: the handler may want it, and natively
would find it free.

The same trap puts off a handler that would interrupt gevent's Python code, or ours, or an RLock's. Natively that is C,
which no handler interrupts, and a lock or a byte would be lost.

What still fails. An exception that gevent throws into a main thread that stands still (Timeout, kill) may have it run a
few instructions first. A lock that was waited for with a timeout and was let go again is waited for until it is free.
"""

import _signal  # type: ignore[import-not-found]
import sys
from _thread import interrupt_main

from gevent._hub_local import get_hub_if_exists
from gevent.thread import LockType
from greenlet import getcurrent, gettrace, settrace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

    Signal = tuple[int, Any]  # its number, and its handler

handle: "Any" = None  # what to call for a signal that was put off
_still: "set[Any]" = set()  # greenlets that must not go on
_standing: "set[Any]" = set()  # those of them that have been woken, and stand between two instructions
_woken: "dict[Any, tuple[FrameType, int]]" = {}  # those that are not there yet, and what they were calling
_errors: "dict[Any, BaseException]" = {}  # to be raised in these, as soon as nothing is lost by it
_put_off: "list[Signal]" = []  # signals for which the code that runs must first come to an end


def stands(me: "Any") -> bool:
    """Whether *me* stands still now, and waits for nothing else."""
    return me in _standing


def begin(below: "Any") -> None:
    """A handler is about to run on top of *below*. Another signal may call this in the middle of itself."""
    set_trap()
    first = not _still
    _still.add(below)
    if first:
        _trace()


def end(below: "Any", error: "BaseException | None") -> None:
    """The handler that ran on top of *below* has come to its end, with *error*. Called by the loop."""
    _still.discard(below)
    if not _still:
        _trace_no_more()
    if below in _standing:
        if error is not None:
            _errors[below] = error
        below.switch()
    elif error is not None:
        below.throw(type(error), error, error.__traceback__)


def forget() -> None:
    """Nobody is here any more who stood still."""
    _still.clear()
    _standing.clear()
    _trace_no_more()


def forget_put_off() -> None:
    """No signal is put off in this process, which has just been forked."""
    _put_off.clear()


# --- who has been woken

_before: "Any" = None  # the trace function that was there


def _trace() -> None:
    global _before
    if gettrace() is not _switched:
        before = settrace(_switched)
        if before is not _switched:
            _before = before


def _trace_no_more() -> None:
    global _before
    if gettrace() is _switched:  # else somebody else's is there and calls this one, which then does nothing
        before, _before = _before, None
        settrace(before)
        if _still:  # a signal has come just now
            _trace()


def _switched(event: str, args: "tuple[Any, Any]") -> None:
    """Called by greenlet after each switch, in the greenlet that it has gone to."""
    if _before is not None:
        _before(event, args)
    target = args[1]
    if target in _still and target not in _standing and _trap is not None:
        frame = sys._getframe(1)
        if frame.f_globals.get("__name__") == "lazypatch.adapters.asyncio" and frame.f_back is not None:
            frame = frame.f_back  # the hub's own switch there is in the middle of the call that waits
        _woken[target] = frame, frame.f_lasti
        _trap.spring  # and nothing after it


def _has_returned(me: "Any", frame: "FrameType | None") -> bool:
    """Whether the call in which *me* was woken is over; it may run Python code of gevent's before it is."""
    caller, instruction = _woken.get(me, (None, -1))
    if frame is caller:
        return True
    goes_on = caller is None or caller.f_lasti == instruction
    while frame is not None:
        if frame.f_code is _SWITCHED or (goes_on and frame is caller):
            return False
        frame = frame.f_back
    return True


_SWITCHED = _switched.__code__


def _stand(me: "Any", hub: "Any", frame: "FrameType | None") -> None:
    """Until the handler on top of this greenlet is done, whatever wakes it."""
    _standing.add(me)
    while _put_off:
        handle(hub, *_put_off.pop(0), frame)  # it waits, so they are not put off again
    lock = frame.f_locals["self"] if frame is not None and frame.f_code is _ACQUIRE else None
    if lock is not None:
        lock.release()
    elif (locks := sys.modules.get("lazypatch.adapters._lock_waits")) is not None:
        locks.stand_back(frame)
    waits = vars(hub).get("_lazypatch_waits")
    joins = waits is not None and not waits.ref
    if joins:  # it is at the end of Hub.join(), and the handler may have only a signal to wait for
        waits.ref = True
    try:
        while me in _still:
            try:
                hub.switch()
            except BaseException as error:
                _errors[me] = error
    finally:
        _standing.discard(me)
        if joins:
            waits.ref = False
    if lock is not None and me not in _errors:
        lock.acquire()


_ACQUIRE = LockType.acquire.__code__


# --- what is not interrupted


def is_put_off(frame: "FrameType | None", signal: "Signal") -> bool:
    """Whether what runs now must come to an end first; *signal* is then handled as soon as it has."""
    if not _is_inside(frame) or not set_trap() or _trap is None:
        return False
    _put_off.append(signal)
    _trap.spring
    return True


def _is_inside(frame: "FrameType | None") -> bool:
    """Whether *frame* is of code that stands for what natively is C."""
    if frame is None:
        return False
    name = frame.f_globals.get("__name__")
    return str(name).startswith(("gevent.", "lazypatch.adapters.")) or frame.f_code in _RLOCK


_RLOCK = {method.__code__ for method in vars(sys.modules["threading"]._PyRLock).values() if hasattr(method, "__code__")}


# --- the trap


class _Trap(int):
    """A signal's number.

    The trap springs when an attribute is read: after a call, the interpreter would look for signals right there.
    """

    spring = property(interrupt_main)


_trap: "_Trap | None" = None  # once it is set it stays: a signal that has been raised must find its handler


def set_trap(but: int = 0) -> bool:
    """Have a signal that nobody uses, and that is ignored by default; False if there is none."""
    global _trap
    if _trap is None:
        for name in ("SIGURG", "SIGWINCH", "SIGCONT"):
            number = getattr(_signal, name)
            if number != but and _signal.getsignal(number) == _signal.SIG_DFL:
                _signal.signal(number, _sprung)
                _trap = _Trap(number)
                break
    return _trap is not None


def make_room(number: int) -> None:
    """The program is about to use this signal itself."""
    global _trap
    if number == _trap:
        _signal.signal(number, _signal.SIG_DFL)
        _trap = None
        if set_trap(but=number) and _trap is not None:
            _trap.spring


def _sprung(number: int, frame: "FrameType | None") -> None:
    """The trap's handler, in whatever greenlet runs: the one that it was meant for, or who came after it."""
    me, hub = getcurrent(), get_hub_if_exists()
    if _trap is None or me in _standing:
        return
    its_wait = False
    if me in _still:
        if not _has_returned(me, frame):
            _trap.spring
            return
        its_wait = _woken.pop(me, (None,))[0] is frame
        _stand(me, hub, frame)
    # What is raised where the wait has just returned is as if it had been thrown into the wait.
    if me is hub or (its_wait and me in _errors) or not _is_inside(frame):
        _catch_up(me, hub, frame)
    elif _put_off or me in _errors:
        _trap.spring


_sprung.lazypatch_trap = True  # type: ignore[attr-defined]  # by which getsignal() knows it


def _catch_up(me: "Any", hub: "Any", frame: "FrameType | None") -> None:
    """Do what was put off until now."""
    error = _errors.pop(me, None)
    try:
        if error is not None:
            raise error
        if _put_off:
            handle(hub, *_put_off.pop(0), frame)
    finally:
        if _put_off and _trap is not None:
            _trap.spring
