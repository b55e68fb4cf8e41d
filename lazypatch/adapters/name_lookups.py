"""What a look-up of a name raises is raised, and not printed as well.

gevent looks names up in a native thread (socket.getaddrinfo() and its relatives), and prints the traceback of whatever
that raises to stderr, unless it is the answer that there is no such name. A port that is no number, or a name that no
encoding allows, is an error too, which the caller gets; and is printed, with a date, though the program expects it, as
ansible does at each start.

The methods of gevent's resolver by threads are replaced, where that is the one in use. It makes the same calls, in the
same pool; what they raise comes back as a value, and is raised in the caller, without the frames of the pool's thread.
"""

from __future__ import annotations

import _socket

from .._install import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_CALLS = "gethostbyname", "gethostbyname_ex", "getaddrinfo", "gethostbyaddr", "getnameinfo"


def _outcome(function: Callable[..., Any], args: Any, kwargs: Any) -> tuple[Any, Exception | None]:
    try:
        return function(*args, **kwargs), None
    except Exception as error:
        return None, error


def _asking(name: str) -> Callable[..., Any]:
    function = getattr(_socket, name)

    def ask(self: Any, *args: Any, **kwargs: Any) -> Any:
        value, error = self.pool.apply(_outcome, (function, args, kwargs))
        if error is None:
            return value
        try:
            raise error.with_traceback(None)
        finally:
            del error  # its traceback holds this frame

    ask.__name__, ask.__qualname__ = name, f"Resolver.{name}"
    return ask


def plan(module: Any) -> list[Change]:
    """The methods of gevent.resolver.thread's class."""
    return [Change(module.Resolver, name, _asking(name)) for name in _CALLS]
