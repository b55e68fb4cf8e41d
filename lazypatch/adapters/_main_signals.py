"""A signal's handler runs in the place of the main thread, which stands still meanwhile, wherever it is waiting.

Problem. A signal comes while the hub waits or a worker computes, and the main thread waits somewhere in the middle of
a call. Its handler may itself wait, and has to be finished before the main thread does anything else.

What does not work. Running the handler on the main thread's own stack: the wake-ups of the wait below it arrive in the
handler's, and nothing tells them apart. Calling it in whatever greenlet runs, or in the hub: see signal_main.py.

Solution. The handler runs in a greenlet of its own, *on top* of the main thread, with the main thread's identity
(_main_identity.py), and the main thread stands still until its end (_standing_still.py). A second signal's handler runs
on top of the first. What a handler raises is thrown into the wait of whom it ran on top of. Where the main thread, or
the topmost handler, is what runs anyway when the signal comes, the handler is simply called.

What still fails. A worker that computes and never waits is interrupted once, for a handler that does not wait, and for
what it raises; one that waits goes on when the worker first does. Where a program waits in a greenlet that it made
below the main one by itself, without gevent, what a handler raises comes out of the main one.
"""

import os
import sys

from greenlet import getcurrent, greenlet

from . import _main_identity, _standing_still
from ._standing_still import is_put_off, stands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

_runs: "list[_Run]" = []  # handlers that run in greenlets of their own; the last is what the main thread is doing
_waiting: "list[Any]" = []  # waiters for the end of the next handler, whichever


class _Run(greenlet):  # type: ignore[misc]  # greenlet's types are not known here
    """One handler, on top of the main thread or of another handler."""

    def __init__(self, hub: "Any", number: int, handler: "Callable[..., object]") -> None:
        super().__init__(None, hub)
        self.hub = hub
        self.process = os.getpid()
        self.number = number
        self.handler = handler
        self.below: "Any" = None
        self.held: "Any" = None  # who stands still from the signal on, before the handler begins
        self.frame: "FrameType | None" = None
        self.error: "BaseException | None" = None
        self.waited = False  # whether it did not come to its end at once
        self.deadlock = False  # whether nothing but this signal could have woken anybody

    def run(self) -> None:
        """Its whole life."""
        loops = sys.modules.get("lazypatch.adapters.asyncio")
        try:
            if loops is not None:
                loops.share(self.below)
            self.handler(self.number, self.frame)
        except BaseException as error:
            self.error = error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
        if loops is not None:
            loops.put_away()
        if self.waited:
            self.hub.loop.run_callback(_ended, self)


def arrived(hub: "Any", number: int, handler: "Callable[..., object]", frame: "FrameType | None") -> None:
    """A signal is to be handled. *frame* is what runs now, in whatever greenlet."""
    me = getcurrent()
    waits = me is hub or stands(me)
    if not waits and is_put_off(frame, (number, handler)):
        return
    if not waits and _belongs_to(me, _top(), hub):
        try:
            handler(number, frame)
        finally:
            _handled(hub)
        return
    run = _Run(hub, number, handler)
    # In the hub the loop is between two callbacks, or in one that waits for nobody.
    run.deadlock = me is hub and hub.loop.activecnt <= 1 and not hub.loop._callbacks
    # Where a worker computes, the main thread may have been woken long ago, and natively would be elsewhere by now.
    top = _top()
    if me is hub and not _runs:
        run.held = top
        _standing_still.begin(top)
    hub.loop.run_callback(_start, run)
    if not waits:
        _interrupt(hub, me)


_standing_still.handle = arrived


def _top() -> "Any":
    """What the main thread is doing: the greenlet of a handler, or the main thread's own."""
    main = _main_identity.main_greenlet()
    if _runs and _runs[0].below is not main:  # a child that was forked by a thread: another one is the main thread now
        _forget()
    return _runs[-1] if _runs else main


def _forget() -> None:
    _runs.clear()
    _standing_still.forget()
    _main_identity.take_back()


def after_fork(line: "list[Any]") -> None:
    """In a forked child: signals that had come are the parent's, and so are their handlers, unless one of them forked.

    :param line: the greenlet that forked, its parent, and so on.
    """
    _standing_still.forget_put_off()
    if _runs and not any(run in line for run in _runs):
        _forget()


def _belongs_to(me: "Any", top: "Any", hub: "Any") -> bool:
    """Whether *me* is *top*, or a greenlet that the program made below it by itself, without gevent."""
    while me is not None and me is not hub:
        if me is top:
            return True
        me = me.parent
    return False


# --- a worker that computes


def _interrupt(hub: "Any", me: "Any") -> None:
    """Interrupt this greenlet, which may be computing for ever; it goes on when the others have had their turn."""
    later = hub.loop.timer(0.02)
    back = hub.loop.run_callback(_go_on, me, sys.modules["threading"].get_ident(), later)
    try:
        hub.switch()
    finally:
        back.stop()
        later.stop()
        later.close()


def _go_on(me: "Any", ident: int, later: "Any") -> None:
    """Not at once if it is a daemon and the main thread is at its end: natively the program would end now."""
    threading: "Any" = sys.modules["threading"]
    thread = threading._active.get(ident)
    if thread is None or not thread.daemon or threading.main_thread().is_alive():
        me.switch()
    else:
        later.start(me.switch)


# --- the life of a handler: both are called by the loop


def _start(run: _Run) -> None:
    if run.process != os.getpid():  # the signal came to the parent, and this one was forked before the loop ran
        if run.held is not None and not _runs:
            _standing_still.end(run.held, None)
        return
    below = run.below = _top()
    if not _runs:
        _main_identity.lend()
    _runs.append(run)
    _standing_still.begin(below)
    _main_identity.share(below, run)
    run.frame = _main_identity.frame_of(below)
    run.switch()
    run.waited = True
    if run.dead:  # its end is to be heard of before a worker that was interrupted for it goes on, perhaps for ever
        _ended(run)


def _ended(run: _Run) -> None:
    if run not in _runs:
        return
    below, error = run.below, run.error
    _runs.remove(run)
    _main_identity.hand_back(run, below)
    if not _runs:
        _main_identity.take_back()
    _handled(run.hub)
    if type(error) is KeyboardInterrupt:
        _prepare_traceback(error, below if run.deadlock else None)
    _standing_still.end(below, error)


def _prepare_traceback(error: KeyboardInterrupt, deadlocked: "Any") -> None:
    # What prints a traceback into a pipe imports select, which makes a namedtuple, by eval(); and up to 3.12 a program
    # that has been ended by Ctrl-C and compiles anything after that forgets to exit as if by the signal.
    import select  # noqa: F401

    if deadlocked is not None:
        from ._deadlock import explain

        explain(error, deadlocked)


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
