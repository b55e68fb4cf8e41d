"""A native thread that notices when a hub does not come round, and takes the stack of whoever keeps it.

How. libev counts the rounds of a loop, and the interpreter tells where each native thread is. If at two looks a loop is
in the same round, and its thread was not waiting in Hub.run at either, something has kept it all the time in between.
So nothing is put in the way of a switch, and a program that is watched runs the code that it runs otherwise. gevent's
own monitor counts switches by greenlet.settrace(), which is its alone: both may be on.

What is not seen: a C function that the loop itself calls back; which of several native threads holds the interpreter's
lock. A time is never too long, and up to one pause between two looks too short.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import atexit
import os
import sys
import weakref
from typing import TYPE_CHECKING, Any

from .._gevent import native
from .clock import Overslept, starved
from .culprits import Culprits, headline
from .frames import Line, stack

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_allocate_lock, _get_ident = native("_thread", "allocate_lock"), native("_thread", "get_ident")
_start_new_thread: Any = native("_thread", "start_new_thread")
_get_native_id: Callable[[], int] = native("_thread", "get_native_id")
_monitors: weakref.WeakSet[Monitor] = weakref.WeakSet()


class Watched:
    """One hub, and since when it has not come round."""

    __slots__ = ("delay", "handle", "hub", "ident", "length", "native", "round", "since")

    def __init__(self, hub: Any) -> None:
        self.hub: Callable[[], Any] = weakref.ref(hub)
        self.ident, self.native = _get_ident(), _get_native_id()
        self.free()

    def free(self, round: int = -1, since: float | None = None) -> None:
        """It came round; *since* a moment it has been busy in the next *round*."""
        self.round, self.since = round, since
        self.delay: float | None = None
        self.handle: Any = None  # of the stall that goes on
        self.length = 0.0

    def away(self, now: float, limit: float) -> float:
        """The seconds that it has been busy in this round; those in which it had no processor do not count."""
        away = now - (now if self.since is None else self.since)
        if away >= limit / 2 and self.delay is None:
            self.delay = starved(self.native)
        return away - (starved(self.native) - self.delay if self.delay is not None and away >= limit else 0.0)


class Monitor:
    """One native thread, for one *limit* in seconds; hubs are given to it by their own threads.

    Each look costs who is at work a hand-over of the interpreter's lock, some 0.1 ms. So there are pauses of *rest*
    seconds, if that is more than a third of the limit, and shorter ones only where a loop may be in the same round.
    """

    def __init__(self, limit: float, log: Callable[[str], None] | None = None, rest: float = 0.0) -> None:
        self.limit = limit
        self.culprits = Culprits()
        self._pause = max(limit / 3, 0.004)
        self._rest = max(self._pause, rest)
        self._log = log
        self._hubs: list[Watched] = []
        self._thread: Any = None  # a lock that is held while the thread runs
        self._wake: Any = None
        _monitors.add(self)

    def watch(self, hub: Any) -> None:
        """Watch *hub*, which is the one of the calling thread; the native thread begins with the first of them."""
        if not any(known.hub() is hub for known in self._hubs):
            self._hubs.append(Watched(hub))
        if self._thread is None:
            self._begin()

    def _begin(self) -> None:
        self._wake, self._thread, begun = _allocate_lock(), _allocate_lock(), _allocate_lock()
        for lock in (self._wake, self._thread, begun):
            lock.acquire()
        try:
            _start_new_thread(self._run, (self._wake, self._thread, begun))
            begun.acquire(True, 1.0)  # it looks at what C code that keeps the interpreter's lock does next, too
        except RuntimeError:  # there can be no more threads
            self._thread = None

    def end(self) -> None:
        """Look once more, and be done. In the time that this takes no greenlet of the caller's thread runs."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._wake.release()
            thread.acquire(True, 1.0)

    def after_fork(self) -> None:
        """In the child, where only this thread is left, and nothing has happened yet."""
        was_running, self._thread = self._thread is not None, None
        self.culprits = Culprits()
        self._hubs = [
            Watched(hub) for hub in (known.hub() for known in self._hubs if known.ident == _get_ident()) if hub
        ]
        if was_running and self._hubs:
            self._begin()

    def _run(self, wake: Any, thread: Any, begun: Any) -> None:
        try:
            _signal.pthread_sigmask(
                _signal.SIG_BLOCK, _signal.valid_signals()
            )  # they are the program's threads' to get
        except (AttributeError, OSError, ValueError):  # Windows, or one that the C library keeps
            pass
        sleep, pause = Overslept(), self._rest
        try:
            while self._thread is thread:
                sleep.begin()
                if begun.locked():
                    begun.release()
                woken = wake.acquire(True, pause)
                is_busy, is_kept = self._look(*sleep.end(0.0 if woken else pause))
                # A round that has been seen once is looked for once more, soon.
                pause = self._pause if is_kept or (is_busy and pause == self._rest) else self._rest
            for known in self._hubs:
                self._close(known)
        finally:
            thread.release()

    def _look(self, now: float, held: float, lost: float) -> tuple[bool, bool]:
        """Whether a hub has come round since the last look, and whether one has not, and does not wait in its loop."""
        frames, is_busy = None, False
        for known in list(self._hubs):
            hub = known.hub()
            loop = None if hub is None or hub.dead else hub.loop
            if loop is None:
                self._close(known)
                self._hubs.remove(known)
                continue
            try:
                round = loop.iteration
            except Exception:  # it is being destroyed
                continue
            if round != known.round and held < self.limit:  # as nearly always in a program that is at work
                if known.handle is not None:
                    self._close(known)
                known.free(round)
                is_busy = True
                continue
            if frames is None:
                frames = sys._current_frames()
            self._look_at(known, round, frames.get(known.ident), (now, held, lost))
        return is_busy, any(known.since is not None for known in self._hubs)

    def _look_at(self, known: Watched, round: int, frame: FrameType | None, times: tuple[float, float, float]) -> None:
        now, held, lost = times
        if frame is not None and frame.f_code.co_name == "run" and frame.f_globals.get("__name__") == "gevent.hub":
            self._close(known)  # its thread waits in the loop
            known.free(round)
            return
        if round != known.round or known.since is None:
            self._close(known)
            known.free(round, now)
        elif lost:
            known.since = min(known.since + lost, now)
        if held >= self.limit and known.since is not None:  # no look was possible: C code kept the interpreter's lock
            known.since = min(known.since, now - held)
        away = known.away(now, self.limit)
        if away >= self.limit and _ends(frame):
            known.free(round)
        elif away >= self.limit:
            self._keeps(known, frame, away)

    def _keeps(self, known: Watched, frame: FrameType | None, away: float) -> None:
        if known.handle is None:
            known.handle = self.culprits.add(_stack(frame, known), away)
        else:
            self.culprits.prolong(known.handle, known.length, away)
        known.length = away

    def _close(self, known: Watched) -> None:
        """The stall of *known*, if there is one, is over."""
        if known.handle is not None and self._log is not None:
            one = Culprits()
            one.add(known.handle[1], known.length)
            self._log(headline(one.found()).replace("stalls: 1, longest", "a stall of at least", 1))


def _ends(frame: FrameType | None) -> bool:
    """Whether it is in the end of the interpreter, which waits for native threads natively."""
    while frame is not None:
        name = frame.f_globals.get("__name__")
        if frame.f_code.co_name == "_shutdown" and name in ("threading", "lazypatch._running_threads"):
            return True
        if name == "lazypatch._shutdown":
            return True
        frame = frame.f_back
    return False


def _stack(frame: FrameType | None, known: Watched) -> list[Line]:
    """Of *frame*; a greenlet that runs nothing but C code has none, and then it is where it was spawned."""
    if frame is not None:
        return stack(frame)
    from .greenlets import spawned

    return spawned(known.hub())


def _in_child() -> None:
    for monitor in list(_monitors):
        monitor.after_fork()


def _at_exit() -> None:
    for monitor in list(_monitors):
        monitor.end()


def _at_end_of_main() -> None:
    """Be the first of atexit's handlers, which are the program's to take their time."""
    atexit.unregister(_at_exit)
    atexit.register(_at_exit)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
atexit.register(_at_exit)
try:
    sys.modules["threading"]._register_atexit(_at_end_of_main)
except (AttributeError, KeyError, RuntimeError):  # it is not loaded, or the main thread has ended
    pass
