"""fcntl.flock, lockf and fcntl wait for a lock in turns with the others.

What waits. ``flock`` and ``lockf`` without LOCK_NB, and ``fcntl`` with F_SETLKW or F_OFD_SETLKW, wait in C until
somebody else lets go of the file, and that may be a greenlet of this thread. No descriptor becomes ready then, so
gevent has nothing to watch.

What is replaced. The three functions: the form that does not wait is tried, and if the file is locked, again after
pauses that grow to a twentieth of a second. A native thread that waits in C would know at once. But it could not be
called back: after Ctrl-C, a Timeout or a kill it would lock, some time, a file that nobody wants locked, or that has
been closed, its descriptor being another's by then.

What stays. All other calls, and arguments that are wrong, go straight through. The kernel knows nothing of who tries:
who waits in it natively may be served first, and a deadlock of two *processes*, which it tells one of those that wait
in C (EDEADLK), is a wait without end.
"""

from __future__ import annotations

import errno

from .._install import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

_TAKEN = (errno.EAGAIN, errno.EACCES)  # POSIX allows either


def plan(module: ModuleType) -> list[Change]:
    """The functions that can wait."""
    made = [_flock(module), _lockf(module), _fcntl(module)]
    return [Change(module, function.__name__, function) for function in made]


def _original(module: Any, name: str) -> Any:
    found = getattr(module, name)
    return getattr(found, "_of", found)


def _flock(module: Any) -> Any:
    native, unlock, at_once = _original(module, "flock"), module.LOCK_UN, module.LOCK_NB

    def flock(fd: Any, operation: Any, /) -> None:
        if not isinstance(operation, int) or operation & (unlock | at_once):
            return native(fd, operation)  # type: ignore[no-any-return]
        return wait(lambda: native(fd, operation | at_once), lambda: native(fd, operation))  # type: ignore[no-any-return]

    return like(native, flock)


def _lockf(module: Any) -> Any:
    native, unlock, at_once = _original(module, "lockf"), module.LOCK_UN, module.LOCK_NB

    def lockf(fd: Any, cmd: Any, len: Any = 0, start: Any = 0, whence: Any = 0, /) -> None:
        if not isinstance(cmd, int) or cmd & (unlock | at_once):
            return native(fd, cmd, len, start, whence)  # type: ignore[no-any-return]
        where = len, start, whence
        return wait(lambda: native(fd, cmd | at_once, *where), lambda: native(fd, cmd, *where))  # type: ignore[no-any-return]

    return like(native, lockf)


def _fcntl(module: Any) -> Any:
    native = _original(module, "fcntl")
    # Those that wait -> those that do not.
    names = (("F_SETLKW", "F_SETLK"), ("F_SETLKW64", "F_SETLK64"), ("F_OFD_SETLKW", "F_OFD_SETLK"))
    waits = {getattr(module, waits): getattr(module, tries) for waits, tries in names if hasattr(module, waits)}

    def fcntl(fd: Any, cmd: Any, arg: Any = 0, /) -> Any:
        if not isinstance(cmd, int) or cmd not in waits:
            return native(fd, cmd, arg)
        return wait(lambda: native(fd, waits[cmd], arg), lambda: native(fd, cmd, arg))

    return like(native, fcntl)


def wait(attempt: Callable[[], Any], native: Callable[[], Any]) -> Any:
    """What *attempt* gives as soon as the file is not locked; *native* waits where nobody else can run."""

    def once() -> tuple[Any] | None:
        try:
            return (attempt(),)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
        return None

    found = once()  # nearly always
    if found is None:
        from ._waits import hub_to_wait_in, try_until

        if hub_to_wait_in() is None:
            return native()
        found = try_until(once)
    return found[0]


def like(native: Any, function: Any) -> Any:
    """*function*, looking like *native*."""
    function.__doc__ = native.__doc__
    function.__qualname__ = native.__name__
    function.__module__ = native.__module__
    function.__annotations__ = {}
    function._of = native
    return function
