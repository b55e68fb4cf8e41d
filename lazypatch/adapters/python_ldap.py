"""python-ldap waits for answers while the others run; it connects and logs in in native threads.

What waits. libldap, in C: a call sends a request, and another one, ``result4()``, waits for what belongs to it. It
also looks without waiting, and has a descriptor. Connecting is part of the first request, and some calls send and
wait at once.

What is replaced. ``SimpleLDAPObject._ldap_call()``, to which all calls come. For ``result4()`` it looks without
waiting, waits for the descriptor, and looks again, at the latest after a quarter of a second: where the server refers
to others, their answers come by descriptors that nobody tells. What sends a request does so natively once there is a
connection; all else is called in a native thread. As without lazypatch one call at a time is made on an object.

Who is ended while it waits for an answer ends at once, and no other call gets that answer, as requests are numbered.
What stays: a request that is so large that the server has to read while it is sent is sent natively.
"""

from __future__ import annotations

import functools
import time

from gevent.socket import timeout as Late
from gevent.socket import wait_read

from ._pool import call, is_straight
from .changes import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_LOOKS_AGAIN, _AT_ONCE = 0.25, 1e-6  # seconds
_NEVER_WAIT = {"get_option", "set_option"}
# Send a request, and do not wait for its answer.
_SEND = {
    "abandon_ext", "add_ext", "compare_ext", "delete_ext", "extop", "modify_ext", "passwd", "rename", "search_ext",
    "simple_bind", "unbind_ext",
}  # fmt: skip


def plan(module: Any) -> list[Change]:
    """One method."""
    kind = module.SimpleLDAPObject
    native = kind._ldap_call

    def _ldap_call(self: Any, func: Any, *args: Any, **kwargs: Any) -> Any:
        if is_straight() or func.__name__ in _NEVER_WAIT:
            return native(self, func, *args, **kwargs)
        way = _result(module, self._l) if func.__name__ == "result4" else _asking(module, self._l)
        return native(self, functools.update_wrapper(functools.partial(way, func), func), *args, **kwargs)

    return [Change(kind, "_ldap_call", functools.update_wrapper(_ldap_call, native))]


def _descriptor(module: Any, connection: Any) -> int:
    """Below 0 as long as nobody is connected."""
    found = connection.get_option(module.ldap.OPT_DESC)
    return -1 if found is None else int(found)


def _asking(module: Any, connection: Any) -> Callable[..., Any]:
    def ask(func: Any, *args: Any, **kwargs: Any) -> Any:
        if func.__name__ in _SEND and _descriptor(module, connection) >= 0:
            return func(*args, **kwargs)
        return call(func, *args, **kwargs)

    return ask


def _result(module: Any, connection: Any) -> Callable[..., Any]:
    def result4(func: Any, msgid: Any, all: Any = 1, timeout: Any = -1, *more: Any) -> Any:
        end = time.monotonic() + timeout if timeout > 0 else None
        while True:
            found = func(msgid, all, 0, *more)
            left = _LOOKS_AGAIN if end is None else min(_LOOKS_AGAIN, end - time.monotonic())
            if timeout == 0 or found[0] is not None:
                return found
            if left <= 0:
                return func(msgid, all, _AT_ONCE, *more)  # which raises what it raises when it is late
            number = _descriptor(module, connection)
            if number < 0:
                return call(func, msgid, all, timeout, *more)
            try:
                wait_read(number, timeout=left)
            except Late:
                continue

    return result4
