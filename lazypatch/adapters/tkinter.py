"""Tk's event loop lets the others run: mainloop(), wait_window(), wait_variable(), dialogs, after(ms), the prompt.

What waits. Tcl, in C, for the next event; natively other threads run meanwhile. Greenlets do not, so a window whose
work is done in threads stands still for ever.

What is done. Tcl calls back when the event loop of gevent has something to do (its descriptor is one of Tcl's), and
each 3 ms for gevent's timers (each 20 where nobody
was ready for a while): then the others run until none is ready, or 5 ms are over. That is so in every loop of
Tcl's, and in the hook by which tkinter keeps windows alive at the prompt.

Threads. One Tcl has one thread. What another calls is run by the thread that made it, in its loop, and raises "main
thread is not in main loop" where there is none for a second, as natively. So two stacks of C never meet in one Tcl.
Calls of a native thread are passed on by ``_tkinter`` itself.

Replaced: ``_tkinter.create()``, which gives an object that stands for the native one, ``Tk.tk``. What was made before
gevent was loaded stays native, as does what is made in a native thread without a hub.

What still differs. An exception for a thread that waits in wait_window() and its like (Ctrl-C, a Timeout, a kill) is
raised when that is over. Two threads that each have windows of their own wait in one loop of Tcl's, one on top of the
other. ``dooneevent()`` may return for what is not the program's.
"""

from __future__ import annotations

import _thread
import sys
from collections import deque
from weakref import WeakSet

from gevent._waiter import Waiter
from gevent.event import AsyncResult
from gevent.hub import sleep

from .._gevent import native
from ._as_builtin import as_builtin
from ._stands_for import StandsFor
from ._waits import hub_to_wait_in
from .changes import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

_READABLE = 2  # Tcl's word for it
_MOST_DESCRIPTORS = 1024  # Tcl's select() takes no other, and ends the process
_SOON, _LATER = 3, 20  # milliseconds between two looks at gevent's timers: where others ran lately, and did not
_LATELY = 20  # how many looks
_LONGEST = 0.005  # seconds that the others have, where one of them is always ready
_LOOKS, _PAUSE = 10, 0.1  # how often, and how many seconds apart, it is looked for a main loop: as _tkinter does
# What _tkinter passes on to the thread that made the object, and what it refuses to others.
_PASSED_ON = "getvar setvar unsetvar globalgetvar globalsetvar globalunsetvar createcommand deletecommand"
_REFUSED = (
    "adderrorinfo eval evalfile exprboolean exprdouble exprlong exprstring loadtk record createfilehandler "
    "deletefilehandler createtimerhandler dooneevent"
)
_native_ident = native("_thread", "get_ident")


def plan(tkinter: ModuleType) -> list[Change]:
    """The maker of all that Tcl is called through."""
    create: Any = tkinter.create

    def make(_: object, *args: Any) -> Any:
        terminal = sys.modules.get(f"{__package__}._terminal")  # only if somebody has been asked for a line
        app = create(*args) if terminal is None else terminal.without_the_hook(lambda: create(*args))
        return app if hub_to_wait_in() is None else App(app)

    return [Change(tkinter, "create", as_builtin(make, create, "_tkinter"))]


class App(StandsFor):
    """For a ``_tkinter.tkapp``."""

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self._owner, self._thread = _thread.get_ident(), _native_ident()
        self._calls: deque[tuple[AsyncResult, Callable[..., Any], tuple[Any, ...]]] = deque()
        self._dispatching = False
        self._inside = 0  # how many calls of Tcl are on the owner's stack
        self._error: BaseException | None = None  # came while others ran, and could not be raised at once
        _turns.setdefault(self._thread, _Turns()).begin(self)

    def call(self, *args: Any) -> Any:
        """Nearly everything that tkinter does is one of this."""
        if _thread.get_ident() != self._owner:
            return self.pass_on(self._native.call, args)
        if len(args) == 2 and args[0] == "after" and type(args[1]) is int and hub_to_wait_in() is not None:
            sleep(max(0, args[1]) / 1000)
            return ""
        return self.run(self._native.call, args)

    def mainloop(self, threshold: int = 0) -> None:
        if _thread.get_ident() != self._owner:
            self.refuse(self._native.mainloop, (threshold,))
            return
        before, self._dispatching = self._dispatching, True
        try:
            self._native.mainloop(threshold)
        finally:
            self._dispatching = before
            self.run_calls()

    def willdispatch(self) -> None:
        self._dispatching = True
        self._native.willdispatch()

    def run(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """In the owner."""
        self._inside += 1
        try:
            return function(*args)
        finally:
            self._inside -= 1
            if self._error is not None and not self._inside:
                error, self._error = self._error, None
                raise error

    def pass_on(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """In another thread: have the owner call it, as ``_tkinter`` does."""
        # The hub's own callbacks cannot wait, nor can finalizers at the end.
        if _native_ident() != self._thread or hub_to_wait_in() is None:
            return function(*args)
        for _ in range(_LOOKS):
            if self._dispatching:
                break
            sleep(_PAUSE)
        if not self._dispatching:
            raise RuntimeError("main thread is not in main loop")
        call = AsyncResult(), function, args
        self._calls.append(call)
        try:
            return call[0].get()
        finally:
            if call in self._calls:
                self._calls.remove(call)

    def refuse(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """In another thread, what ``_tkinter`` passes on to nobody."""
        if _native_ident() != self._thread or hub_to_wait_in() is None:
            return function(*args)
        raise RuntimeError("Calling Tcl from different apartment")

    def run_calls(self) -> None:
        """Those of other threads, in the owner."""
        while self._calls and _thread.get_ident() == self._owner:
            result, function, args = self._calls.popleft()
            try:
                result.set(function(*args))
            except Exception as error:
                result.set_exception(error, sys.exc_info())

    def keep(self, error: BaseException) -> bool:
        """Whether *error* is raised when Tcl returns to the owner; a main loop can raise it at once."""
        if self._dispatching or not self._inside or _thread.get_ident() != self._owner:
            return False
        self._error = error
        return True

    def watch(self, descriptor: int, function: Callable[..., object]) -> None:
        self._native.createfilehandler(descriptor, _READABLE, function)

    def watch_no_longer(self, descriptor: int) -> None:
        self._native.deletefilehandler(descriptor)

    def call_later(self, delay: int, function: Callable[[], object]) -> None:
        self._native.createtimerhandler(delay, function)


def _method(name: str, otherwise: Any) -> Any:
    def method(self: Any, *args: Any) -> Any:
        function = getattr(self._native, name)
        return self.run(function, args) if _thread.get_ident() == self._owner else otherwise(self, function, args)

    method.__name__, method.__qualname__ = name, f"tkapp.{name}"
    return method


App.__name__, App.__qualname__, App.__module__ = "tkapp", "tkapp", "_tkinter"  # as messages have it
for _names, _otherwise in ((_PASSED_ON, App.pass_on), (_REFUSED, App.refuse)):
    for _name in _names.split():
        setattr(App, _name, _method(_name, _otherwise))


class _Turns:
    """What Tcl calls in one native thread, so that the others run."""

    def __init__(self) -> None:
        self._apps: WeakSet[App] = WeakSet()
        self._descriptor: int | None = None
        self._is_armed = False
        self._in_vain = 0  # looks since others had something to do

    def begin(self, app: App) -> None:
        """Tcl's loop is one for the native thread, and anybody's app can set it up."""
        self._apps.add(app)
        self._look_at_descriptor(hub_to_wait_in())
        self._arm()

    def _arm(self) -> None:
        for app in self._apps if not self._is_armed else ():
            self._is_armed = True
            app.call_later(_SOON if self._in_vain < _LATELY else _LATER, self._on_timer)
            break

    def _look_at_descriptor(self, hub: Any) -> None:
        """There is another one in a forked child."""
        new = hub.loop.fileno()
        for app in self._apps if new != self._descriptor else ():
            if self._descriptor is not None:
                app.watch_no_longer(self._descriptor)
            self._descriptor = new
            if new is not None and new < _MOST_DESCRIPTORS:
                app.watch(new, self._on_descriptor)
            break

    def _on_timer(self) -> None:
        self._is_armed = False
        try:
            self._let_others_run()
        finally:
            self._arm()

    def _on_descriptor(self, *_: object) -> None:
        self._let_others_run()

    def _let_others_run(self) -> None:
        hub = hub_to_wait_in()
        if hub is None:
            return
        try:
            self._look_at_descriptor(hub)
            self._run_calls()
            self._in_vain = 0 if _until_nobody_is_ready(hub) else self._in_vain + 1
            self._run_calls()
        except BaseException as error:
            if not any(app.keep(error) for app in self._apps):
                raise

    def _run_calls(self) -> None:
        for app in list(self._apps):
            app.run_calls()


def _until_nobody_is_ready(hub: Any) -> bool:
    """Whether anybody was; libuv does not tell."""
    waiter, before = Waiter(hub), getattr(hub.loop, "iteration", None)
    with hub.loop.idle() as idle, hub.loop.timer(_LONGEST) as timer:
        idle.start(waiter.switch, None)
        timer.start(waiter.switch, None)
        waiter.get()
    return before is None or hub.loop.iteration > before + 1


_turns: dict[int, _Turns] = {}  # by native thread
