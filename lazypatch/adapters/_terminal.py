"""Waiting for a key at a terminal, inside C's input(): others run in the hook that C calls meanwhile.

**The hook.** readline.c waits in select() and calls PyOS_InputHook after it; without readline, C calls it before
fgets(). The hook lets others run until there is something to read. It is set while somebody waits, and put back.

**A tenth of a second.** With a hook set, readline.c gives its select() that long before it calls the hook, after each
key. All that time nobody else would run. So a native thread sends this one a signal (SIGURG, which nobody minds):
select() returns at once. It lives while input() does, and sleeps while the hook waits.

**Exceptions** (Ctrl-C while others run, Timeout, kill) arrive in the hook, and none can pass through C's code. The
way out that C has is a signal whose handler raises. So the hook keeps the exception, takes itself away, for else C
would run Python code before it looks for signals, and the same signal's handler raises it. readline.c then puts the
terminal in order, as after Ctrl-C.

Where the program has a handler for SIGURG itself, or this is not the main native thread, there is neither: the others
lose a tenth of a second after each key, and the exception is raised when the line is complete.

The prompt of 3.13 and later is Python code, and waits in one method, which is replaced.

A hook that somebody else has set (tkinter, matplotlib) is called first, and waits in its own way.
"""

import _signal  # type: ignore[import-not-found]  # the C module: what stands in signal is others' business
import _thread
import os
import sys

from gevent.thread import allocate_lock

from .._gevent import native as original
from ._waits import READ, hub_to_wait_in, is_main_native_thread, try_until, wait_for
from .changes import Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05  # seconds from C's start to wait until it is called out of it


class _Waker:
    """A native thread that calls the one that made it out of C's select(), by SIGURG."""

    def __init__(self, handler: "Callable[[int, FrameType | None], None]") -> None:
        self.process = os.getpid()
        self.is_wanted = False  # C may be in select(), and nobody has been called since
        self._ended = False
        self._gate = original("_thread", "allocate_lock")()
        self._gate.acquire()
        self._before = _signal.signal(_signal.SIGURG, handler)
        self._waiting_thread = original("_thread", "get_ident")()
        self._sleep = original("time", "sleep")
        original("_thread", "start_new_thread")(self._run, ())

    def call_out(self) -> None:
        """The caller goes into C: call it out in a moment, and again, until ``is_wanted`` is False."""
        self.is_wanted = True
        self._open()

    def end(self) -> None:
        """Leave, and the signal as it was found."""
        self._ended, self.is_wanted = True, False
        self._open()
        _signal.signal(_signal.SIGURG, self._before)

    def _open(self) -> None:
        if self._gate.locked():
            self._gate.release()

    def _run(self) -> None:
        while not self._ended:
            self._gate.acquire()
            pause = _FIRST_PAUSE
            while self.is_wanted:
                self._sleep(pause)
                if self.is_wanted:
                    _signal.pthread_kill(self._waiting_thread, _signal.SIGURG)
                pause = min(2 * pause, _LONGEST_PAUSE)


class _Terminal:
    """C's hook, and what it does; there is one."""

    def __init__(self) -> None:
        from ctypes import CFUNCTYPE, c_int, c_void_p, cast, pythonapi

        self._pointer = c_void_p.in_dll(pythonapi, "PyOS_InputHook")
        self._type = CFUNCTYPE(c_int)
        self._callback = self._type(self._hook)
        self._address = cast(self._callback, c_void_p).value
        self._previous: "int | None" = None
        self._waker: "_Waker | None" = None
        self._error: "BaseException | None" = None  # came while others ran, and has to be raised
        self._stays = False
        self._turn = allocate_lock()
        self._process = os.getpid()
        self._asking: "int | None" = None

    def ask(self, native: "Callable[..., Any]", prompt: "tuple[Any, ...]") -> "Any":
        """What *native*, the interpreter's input(), gives; it waits until nobody else asks."""
        if hub_to_wait_in() is None or not is_main_native_thread() or self._asking == _thread.get_ident():
            return native(*prompt)  # the last asks inside a question, which C refuses
        if self._process != os.getpid():  # whoever asked in the parent does not here
            self._process, self._turn = os.getpid(), allocate_lock()
        with self._turn:
            self._asking = _thread.get_ident()
            try:
                self._begin()
                return self._when_free(native, prompt)
            finally:
                self._asking = None
                self._end()

    def _when_free(self, native: "Callable[..., Any]", prompt: "tuple[Any, ...]") -> "Any":
        def attempt() -> "tuple[Any] | None":
            try:
                return (native(*prompt),)
            except RuntimeError as error:
                if "can't re-enter readline" not in str(error):
                    raise
                return None

        # The interpreter's own prompt waits in C, and takes no turn.
        return try_until(attempt)[0] if self._stays else native(*prompt)

    def stay(self) -> None:
        """Set the hook for good, for a prompt that C reads of itself."""
        self._stays = True
        self._begin()

    def leave(self) -> None:
        """Take it back."""
        self._stays = False
        self._end()

    def out_of_the_way(self, call: "Callable[[], Any]") -> "Any":
        """What *call* gives; it may set a hook where there is none, and does not find this one."""
        if self._pointer.value != self._address:
            return call()
        self._pointer.value = self._previous
        try:
            return call()
        finally:
            self._previous, self._pointer.value = self._pointer.value, self._address

    def _begin(self) -> None:
        if self._waker is not None and self._waker.process != os.getpid():
            self._waker = None  # its thread is in the parent
        if self._pointer.value != self._address:
            self._previous, self._pointer.value = self._pointer.value, self._address
        if hasattr(_signal.getsignal(_signal.SIGURG), "lazypatch_trap"):  # from the first Ctrl-C on: any other will do
            sys.modules[f"{__package__}._standing_still"].make_room(_signal.SIGURG)
        if self._waker is None and _signal.getsignal(_signal.SIGURG) in (_signal.SIG_DFL, _signal.SIG_IGN):
            self._waker = _Waker(self._on_signal)
        if self._waker is not None:
            self._waker.call_out()

    def _end(self) -> None:
        if not self._stays:
            if self._pointer.value == self._address:
                self._pointer.value = self._previous
            if self._waker is not None:
                self._waker.end()
                self._waker = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _hook(self) -> int:
        """C waits for a key: let others run until there is one. Nothing may be raised here."""
        if not is_main_native_thread():
            return 0
        waker, error = self._waker, None
        try:
            if waker is not None:
                waker.is_wanted = False
            if self._previous:
                self._type(self._previous)()
            if _is_pyrepl(sys._getframe().f_back):
                return 0
            hub = hub_to_wait_in()
            if hub is not None:
                wait_for(hub, 0, READ)
        except BaseException as caught:
            error = caught
            self._pointer.value = self._previous
        if waker is not None:
            waker.call_out()
        self._error = error
        return 0

    def _on_signal(self, number: int, frame: "FrameType | None") -> None:
        error = self._error
        if error is None or (frame is not None and frame.f_code is _Terminal._hook.__code__):
            return
        self._error = None
        if self._waker is not None:
            self._waker.is_wanted = False
        if self._stays:
            self._pointer.value = self._address
        raise error.with_traceback(None)  # which leads through the hub


def _is_pyrepl(frame: "FrameType | None") -> bool:
    """Whether the hook was called by the prompt of 3.13: it has keys of its own, and waits in pyrepl_wait().

    Where that cannot be used (TERM=dumb, PYTHON_BASIC_REPL), its main function calls C's prompt.
    """
    name = "" if frame is None else str(frame.f_globals.get("__name__"))
    return name.startswith("_pyrepl.") and name not in ("_pyrepl.main", "_pyrepl.__main__")


_made: "list[_Terminal | None]" = []


def _terminal() -> "_Terminal | None":
    if not _made:
        try:
            _made.append(_Terminal())
        except (ImportError, ValueError):  # no ctypes, or nothing that it can find the hook in
            _made.append(None)
    return _made[0]


def at_terminal(native: "Callable[..., Any]", prompt: "tuple[Any, ...]") -> "Any":
    """What *native*, the interpreter's input(), gives for *prompt*, while others run."""
    terminal = _terminal()
    return native(*prompt) if terminal is None else terminal.ask(native, prompt)


def without_the_hook(call: "Callable[[], Any]") -> "Any":
    """What *call* gives, which sets C's hook if nobody else has: it is set, and called before this one."""
    terminal = _made[0] if _made else None
    return call() if terminal is None else terminal.out_of_the_way(call)


def at_each_prompt() -> "list[Call]":
    """Set the hook for good, for the prompt of the interactive interpreter."""
    terminal = _terminal()
    return [] if terminal is None or not is_main_native_thread() else [Call(terminal.stay, terminal.leave)]


def pyrepl_wait(native: "Callable[..., bool]") -> "Callable[..., bool]":
    """What to put in the place of *native*, the method by which the prompt of 3.13 waits for a key."""

    def wait(self: "Any", timeout: "float | None" = None) -> bool:
        hub = hub_to_wait_in()
        if hub is None or native(self, 0):
            return hub is not None or native(self, timeout)
        wait_for(hub, self.input_fd, READ, None if timeout is None else timeout / 1000)
        return native(self, 0)

    wait.__doc__ = native.__doc__
    return wait
