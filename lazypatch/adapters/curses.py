"""A key, in curses, is waited for while the others run: getch(), get_wch(), getkey(), and napms().

What waits. The library, in C. The class of windows belongs to C and can be neither changed nor subclassed.

What is done. initscr(), newwin() and what else makes a window give one that stands for it and passes for it; so do
panels, which are asked for their windows. Before it reads, a window waits for the terminal by gevent; nodelay(),
timeout() and halfdelay() are kept. A byte that may begin an escape sequence is read in gevent's threadpool, because
the library waits for the others (``ESCDELAY``, a second).

What stays native. getstr() waits for its first key while the others run, and for the rest of the line in C. What was
made before gevent was loaded.
"""

from __future__ import annotations

import fcntl
import os
import stat
import struct
import termios
from time import monotonic
from weakref import WeakValueDictionary

from gevent.hub import sleep

from ._as_builtin import as_builtin
from ._stands_for import StandsFor
from ._waits import READ, hub_to_wait_in, in_threadpool, poller, wait_for
from .changes import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

_STDIN = 0  # which initscr() reads
_LOOK = 0.1  # seconds between two looks whether the terminal has another size
_WHOLE = 3  # bytes: a sequence that has arrived whole
_half: int | None = None  # milliseconds that every window waits, as halfdelay() has set it
_natives: dict[str, Callable[..., Any]] = {}
_known: WeakValueDictionary[int, Any] = WeakValueDictionary()  # what stands for a native object, by the id of that


def plan(module: ModuleType) -> list[Change]:
    """What makes windows, what says how long they wait, and what of panels takes or gives one."""
    changes = []
    for name, make in _REPLACED.items():
        native = vars(module).get(name)
        if isinstance(native, type(len)):  # curses has an initscr() of its own, which calls that of _curses
            changes.append(Change(module, name, as_builtin(make(native), native, native.__module__)))
    return changes


class _Known(StandsFor):
    """Found again when C gives the native object."""

    def __init__(self, native: Any) -> None:
        super().__init__(native)
        _known[id(native)] = self


class _Window(_Known):
    def __init__(self, native: Any) -> None:
        super().__init__(native)
        self._delay = -1  # milliseconds; less than none is for ever
        self._waits_always = False

    @property
    def encoding(self) -> Any:
        return self._native.encoding

    @encoding.setter
    def encoding(self, value: Any) -> None:
        self._native.encoding = value

    @encoding.deleter
    def encoding(self) -> None:
        del self._native.encoding  # raises what says that it cannot be deleted

    def nodelay(self, flag: Any) -> None:
        self._native.nodelay(flag)
        self._delay = 0 if flag else -1

    def timeout(self, delay: int) -> None:
        self._native.timeout(delay)
        self._delay = max(-1, delay)

    def notimeout(self, flag: Any) -> None:
        self._native.notimeout(flag)
        self._waits_always = bool(flag)

    def getch(self, *place: int) -> Any:
        return self._read(self._native.getch, place)

    def get_wch(self, *place: int) -> Any:
        return self._read(self._native.get_wch, place)

    def getkey(self, *place: int) -> Any:
        return self._read(self._native.getkey, place)

    def getstr(self, *args: int) -> Any:
        hub = hub_to_wait_in()
        if hub is not None and _can_wait():
            self._native.refresh()  # as the first key would have it
            _wait(hub, None)
        return self._native.getstr(*args)

    def overlay(self, other: Any, *args: int) -> Any:
        return self._native.overlay(_native(other), *args)

    def overwrite(self, other: Any, *args: int) -> Any:
        return self._native.overwrite(_native(other), *args)

    def derwin(self, *args: int) -> Any:
        return _Window(self._native.derwin(*args))

    def subwin(self, *args: int) -> Any:
        return _Window(self._native.subwin(*args))

    def subpad(self, *args: int) -> Any:
        return _Window(self._native.subpad(*args))

    def _read(self, method: Callable[..., Any], place: tuple[int, ...]) -> Any:
        delay = self._delay if _half is None else _half
        hub = hub_to_wait_in()
        if delay == 0 or hub is None or self._waits_always or not _can_wait():
            return method(*place)
        end = None if delay < 0 else monotonic() + delay / 1000
        while True:
            found = self._attempt(hub, method, place)
            if found is not None and found != -1:
                return found
            place = ()  # the cursor has been moved
            if (end is not None and monotonic() >= end) or _is_at_its_end():
                return self._at_once(method, place)  # nothing, in the way that this method has for it
            _wait(hub, end)

    def _attempt(self, hub: Any, method: Callable[..., Any], place: tuple[int, ...]) -> Any:
        """The key, if one is there. The library keeps what was pushed back, and tells of another size."""
        from _curses import error

        try:
            if 0 < _waiting_bytes() < _WHOLE:
                return in_threadpool(hub, self._at_once, method, place)
            return self._at_once(method, place)
        except error as nothing:
            if not str(nothing).endswith("no input"):  # 3.15 says of what before
                raise
            return None

    def _at_once(self, method: Callable[..., Any], place: tuple[int, ...]) -> Any:
        native = self._native
        if _half is not None:
            _natives["cbreak"]()  # the library prefers the half delay to any other
        native.timeout(0)
        try:
            return method(*place)
        finally:
            native.timeout(self._delay)
            if _half is not None:
                _natives["halfdelay"](_half // 100)


class _Panel(_Known):
    def above(self) -> Any:
        return _standing_for(self._native.above(), _Panel)

    def below(self) -> Any:
        return _standing_for(self._native.below(), _Panel)

    def window(self) -> Any:
        return _standing_for(self._native.window(), _Window)

    def replace(self, window: Any) -> Any:
        return self._native.replace(_native(window))


# As messages have them.
_Window.__name__, _Window.__qualname__, _Window.__module__ = "window", "window", "_curses"
_Panel.__name__, _Panel.__qualname__, _Panel.__module__ = "panel", "panel", "_curses_panel"


def _native(found: Any) -> Any:
    return found._native if issubclass(type(found), _Known) else found


def _standing_for(native: Any, kind: type[_Known]) -> Any:
    """The one that the program knows, if it has one."""
    return None if native is None else _known.get(id(native)) or kind(native)


def _can_wait() -> bool:
    """Whether the library can have to wait: a file or /dev/null always has something, or its end."""
    try:
        return os.isatty(_STDIN) or stat.S_IFMT(os.fstat(_STDIN).st_mode) in (stat.S_IFIFO, stat.S_IFSOCK)
    except OSError:
        return False


def _waiting_bytes() -> int:
    """How many bytes can be read at once."""
    found: int = struct.unpack("i", fcntl.ioctl(_STDIN, termios.FIONREAD, bytes(4)))[0]
    return found


def _is_at_its_end() -> bool:
    """Where a terminal has been closed the library gives nothing, without a wait."""
    return not _waiting_bytes() and bool(poller(_STDIN, READ)(0))


def _wait(hub: Any, end: float | None) -> None:
    """Until there is something to read, *end*, or another size of the terminal, which the library gives as a key."""
    size = _size()
    while size == _size():
        left = _LOOK if end is None else min(_LOOK, end - monotonic())
        if left <= 0 or wait_for(hub, _STDIN, READ, left):
            return


def _size() -> Any:
    try:
        return os.get_terminal_size(_STDIN)
    except OSError:
        return None


def _gives(kind: type[_Known]) -> Callable[[Any], Any]:
    """For a function that gives an object of C's."""

    def make(native: Any) -> Any:
        return lambda _, *args, **kwargs: _standing_for(native(*map(_native, args), **kwargs), kind)

    return make


def _sets(half: Callable[..., int | None]) -> Callable[[Any], Any]:
    """For a function after which every window waits as long as *half* says."""

    def make(native: Any) -> Any:
        _natives.setdefault(native.__name__, native)

        def call(_: object, *args: Any) -> Any:
            global _half
            found = native(*args)
            _half = half(*args)
            return found

        return call

    return make


def _napms(native: Any) -> Any:
    def napms(_: object, ms: int) -> Any:
        if type(ms) is not int or ms <= 0 or hub_to_wait_in() is None:
            return native(ms)
        found = native(0)  # raises where there is no screen yet
        sleep(ms / 1000)
        return found

    return napms


_none = _sets(lambda *_: None)
_REPLACED: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("initscr", "newwin", "newpad", "getwin"), _gives(_Window)),
    **dict.fromkeys(("new_panel", "top_panel", "bottom_panel"), _gives(_Panel)),
    **dict.fromkeys(("cbreak", "nocbreak", "raw", "noraw"), _none),
    "halfdelay": _sets(lambda tenths: tenths * 100),
    "napms": _napms,
}
