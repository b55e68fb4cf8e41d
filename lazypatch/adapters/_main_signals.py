"""A signal's handler runs in the place of the main thread, which stands still meanwhile, wherever it is waiting.

Problem. A signal comes while the hub waits or a worker computes, and the main thread waits somewhere in the middle of
a call. Its handler may itself wait, and must be finished before the main thread does anything else.

What does not work. Running the handler on the main thread's own stack: the wake-ups of the wait below it arrive in the
handler's, and nothing tells them apart. Holding a woken main thread back *before* its wait returns: whoever has
been woken for a lock is about to take it, and if it does not at once, somebody else does. A Hub.switch of our own: a
fifth more for every switch, also while there is no signal.

Solution. The handler runs in a greenlet of its own, which has the main thread's identity (_main_identity.py). greenlet's
trace function, set only while a handler runs, tells when something wakes the main thread. It *springs the trap*: a
signal, raised in the interpreter alone, whose handler the interpreter calls as soon as it is back between two
instructions of Python. There the wait is over, its lock is taken, its byte is in hand, and the main thread stands still
until the handler's end. What the handler raises is thrown into the wait, or raised where the main thread stands.

The same trap puts off a handler that would interrupt gevent's Python code, or ours, or an RLock's: natively that is C,
which no handler interrupts, and a lock or a byte would be lost.

A handler runs *on top* of the main thread; a second signal runs one on top of the first. Where the main thread, or the
topmost handler, is what runs anyway, its handler is simply called.

What still fails. A worker that computes and never waits is interrupted once, so that the main thread gets what the
handler raises; a handler that waits then goes on when the worker first waits. An exception that gevent throws into a
main thread that stands still (Timeout, kill) may have it run a few instructions. While a program waits in a greenlet
that it made itself below the main one, without gevent, what a handler raises comes out of the main one.
"""

import _signal
import sys
from _thread import interrupt_main

from gevent._hub_local import get_hub_if_exists
from gevent.thread import LockType
from greenlet import getcurrent, gettrace, greenlet, settrace

from . import _main_identity, signal_main

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

_runs: "list[_Run]" = []  # handlers that run in greenlets of their own; the last is what the main thread is doing
_still: "set[greenlet]" = set()  # whom they run on top of: must not go on
_standing: "set[greenlet]" = set()  # those of them that have been woken, and stand between two instructions
_woken: "dict[greenlet, tuple[FrameType, int]]" = {}  # those that are not there yet, and what they were calling
_errors: "dict[greenlet, BaseException]" = {}  # to be raised in those, as soon as nothing is lost by it
_put_off: "list[int]" = []  # signals for which the code that runs must first come to an end
_waiting: "list[Any]" = []  # waiters for the end of the next handler, whichever


class _Run(greenlet):
    """One handler, on top of the main thread or of another handler."""

    def __init__(self, hub: "Any", number: int) -> None:
        super().__init__(None, hub)
        self.hub = hub
        self.number = number
        self.handler = signal_main.handlers.get(number)
        self.below: "Any" = None
        self.frame: "FrameType | None" = None
        self.error: "BaseException | None" = None
        self.waited = False  # whether it did not come to its end at once
        self.deadlock = False  # whether nothing but this signal could have woken anybody

    def run(self) -> None:
        """Its whole life."""
        try:
            if self.handler is not None:
                self.handler(self.number, self.frame)
        except BaseException as error:
            self.error = error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
        if self.waited:
            self.hub.loop.run_callback(_ended, self)


def arrived(hub: "Any", number: int, frame: "FrameType | None") -> None:
    """A signal is to be handled. *frame* is what runs now, in whatever greenlet."""
    me = getcurrent()
    waits = me is hub or me in _standing
    if not waits and _is_inside(frame) and _set_trap():
        _put_off.append(number)
        _trap.spring
    elif not waits and _belongs_to(me, _top(), hub):
        try:
            signal_main.call(number, frame)
        finally:
            _handled(hub)
    else:
        run = _Run(hub, number)
        # In the hub the loop is between two callbacks, or in one that waits for nobody.
        run.deadlock = me is hub and hub.loop.activecnt <= 1 and not hub.loop._callbacks
        hub.loop.run_callback(_start, run)
        if not waits:
            _let_it_run(hub, me)


def _let_it_run(hub: "Any", me: "Any") -> None:
    """Interrupt this greenlet, which may be computing for ever; it goes on when the others have had their turn."""
    back, later = hub.loop.run_callback(_go_on, hub, me), hub.loop.timer(0.02)
    _later[me] = later
    try:
        hub.switch()
    finally:
        del _later[me]
        back.stop()
        later.stop()
        later.close()


_later: "dict[greenlet, Any]" = {}  # those that are interrupted, and a timer for each


def _go_on(hub: "Any", me: "Any") -> None:
    """Not at once if it is a daemon and the main thread is at its end: natively the program would end now."""
    threading: "Any" = sys.modules["threading"]
    thread = threading._active.get(id(me))
    if thread is None or not thread.daemon or threading.main_thread().is_alive():
        me.switch()
    else:
        _later[me].start(me.switch)


def _top() -> "Any":
    """What the main thread is doing: the greenlet of a handler, or the main thread's own."""
    return _runs[-1] if _runs else _main_identity.main_greenlet()


def _belongs_to(me: "Any", top: "Any", hub: "Any") -> bool:
    """Whether *me* is *top*, or a greenlet that the program made below it by itself, without gevent."""
    while me is not None and me is not hub:
        if me is top:
            return True
        me = me.parent
    return False


def _is_inside(frame: "FrameType | None") -> bool:
    """Whether *frame* is of code that stands for what natively is C."""
    if frame is None:
        return False
    name = frame.f_globals.get("__name__")
    return str(name).startswith(("gevent.", "lazypatch.adapters.")) or frame.f_code in _RLOCK


_RLOCK = {
    method.__code__
    for method in vars(sys.modules["threading"]._PyRLock).values()  # type: ignore[attr-defined]
    if hasattr(method, "__code__")
}


# --- the life of a handler: both are called by the loop


def _start(run: _Run) -> None:
    below = run.below = _top()
    if not _runs:
        _set_trap()
        _main_identity.lend()
        _follow_switches()
    _runs.append(run)
    _still.add(below)
    _main_identity.share(below, run)
    run.frame = _main_identity.frame_of(below)
    run.switch()
    run.waited = True
    if run.dead:  # its end is to be heard of before a worker that was interrupted for it goes on, perhaps for ever
        _ended(run)


def _ended(run: _Run) -> None:
    below, error = run.below, run.error
    _runs.remove(run)
    _still.discard(below)
    _main_identity.hand_back(run, below)
    if not _runs:
        _follow_no_switches()
        _main_identity.take_back()
    _handled(run.hub)
    if run.deadlock and type(error) is KeyboardInterrupt:
        from ._deadlock import explain

        explain(error, below)
    while below.dead and isinstance(below, _Run):  # a handler whose end is still to be heard of
        below = below.below
    if below in _standing:
        if error is not None:
            _errors[below] = error
        below.switch()
    elif error is not None:
        below.throw(type(error), error, error.__traceback__)


def _handled(hub: "Any") -> None:
    while _waiting:
        hub.loop.run_callback(_waiting.pop().switch, None)


def wait_for_a_handler(hub: "Any") -> None:
    """Wait until some handler has run."""
    from gevent.hub import Waiter

    waiter: "Any" = Waiter(hub)
    _waiting.append(waiter)
    try:
        waiter.get()
    finally:
        if waiter in _waiting:
            _waiting.remove(waiter)


# --- who must stand still


_before: "Any" = None  # the trace function that was there


def _follow_switches() -> None:
    global _before
    _before = settrace(_switched)


def _follow_no_switches() -> None:
    global _before
    if gettrace() is _switched:  # else somebody else's is there and calls this one, which then does nothing
        settrace(_before)
        _before = None


def _switched(event: str, args: "tuple[Any, Any]") -> None:
    """Called by greenlet after each switch, in the greenlet that it has gone to."""
    if _before is not None:
        _before(event, args)
    target = args[1]
    if target in _still and target not in _standing and _trap is not None:
        frame = sys._getframe(1)
        _woken[target] = frame, frame.f_lasti
        _trap.spring  # and nothing after it


def _has_returned(me: "Any", frame: "FrameType | None") -> bool:
    """Whether the call in which *me* was woken is over; it may run Python code of gevent's before it is."""
    caller, instruction = _woken.get(me, (None, -1))
    if frame is caller:
        return True
    running = caller is None or caller.f_lasti == instruction
    while frame is not None:
        if frame.f_code is _SWITCHED or (running and frame is caller):
            return False
        frame = frame.f_back
    return True


def _stand(me: "Any", hub: "Any", frame: "FrameType | None") -> None:
    """Until the handler on top of this greenlet is done, whatever wakes it."""
    _woken.pop(me, None)
    _standing.add(me)
    while _put_off:
        arrived(hub, _put_off.pop(0), frame)
    # A handler that wants the lock for which the main thread waits must find it free, if its owner has let it go.
    lock = frame.f_locals["self"] if frame is not None and frame.f_code is _ACQUIRE else None
    if lock is not None:
        lock.release()
    try:
        while me in _still:
            try:
                hub.switch()
            except BaseException as error:
                _errors[me] = error
    finally:
        _standing.discard(me)
    if lock is not None and me not in _errors:
        lock.acquire()


_ACQUIRE = LockType.acquire.__code__
_SWITCHED = _switched.__code__


# --- the trap


class _Trap(int):
    """A signal's number.

    It springs when an attribute is read: after a call, the interpreter would look for signals at once, right here.
    """

    spring = property(interrupt_main)


_trap: "_Trap | None" = None  # once it is set it stays: a signal that has been raised must find its handler


def _set_trap(but: int = 0) -> bool:
    """Have a signal that nobody uses, and that is ignored by default; whether there is one."""
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
    if _trap is not None and number == _trap:
        _signal.signal(_trap, _signal.SIG_DFL)
        _trap = None
        _set_trap(but=number)
        if _trap is not None:
            _trap.spring


def _sprung(number: int, frame: "FrameType | None") -> None:
    """The trap's handler, in whatever greenlet runs: the one that it was meant for, or who came after it."""
    me, hub = getcurrent(), get_hub_if_exists()
    if _trap is None or me in _standing:
        return
    if me in _still:
        if not _has_returned(me, frame):
            _trap.spring
            return
        its_wait = _woken.get(me, (None,))[0] is frame
        _stand(me, hub, frame)
        if its_wait and me in _errors:  # as if it had been thrown into the wait itself
            _catch_up(me, hub, frame)
    if me is hub or not _is_inside(frame):
        _catch_up(me, hub, frame)
    elif _put_off or me in _errors:
        _trap.spring


def _catch_up(me: "Any", hub: "Any", frame: "FrameType | None") -> None:
    """Do what was put off until now."""
    error = _errors.pop(me, None)
    try:
        if error is not None:
            raise error
        if _put_off:
            arrived(hub, _put_off.pop(0), frame)
    finally:
        if _put_off and _trap is not None:
            _trap.spring


_sprung.lazypatch_trap = True  # type: ignore[attr-defined]  # by which getsignal() knows it
