"""pymssql connects and asks the server in native threads, so that the others run, and time-outs are kept.

What waits. FreeTDS, in C. pymssql has a switch, ``set_wait_callback()``, which is called with a descriptor before the
answer is read: it loses the time-out of a connection, which FreeTDS counts only while it waits itself, and logging in
does not use it.

What is replaced. ``_mssql.connect()``, which every connection of pymssql comes from, and ``_mssql.MSSQLConnection``,
by a subclass. Connecting, queries, procedures and the next result are calls in a native thread, one at a
time on a connection, which several threads must not use at once: greenlets that share one wait for one another. A
handler of the server's messages runs in that thread, too.

What stays native. Reading the rows after the first of them have come; ``bulk_copy()``. Who is ended while it waits
ends when the answer has come: set ``timeout`` and ``login_timeout``. FreeTDS has one ``login_timeout`` for all, which
two that log in within the same moment may share, as natively.
"""

from __future__ import annotations

import functools

from ._pool import closing, one_by_one
from ._proxies import proxied
from .changes import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_METHODS = (
    "bcp_sendrow cancel execute_non_query execute_query execute_row execute_scalar executemany nextresult select_db"
)


def plan(pymssql: Any) -> list[Change]:
    """The class, its other name, and the function that makes its objects."""
    mssql = pymssql._mssql
    native = mssql.MSSQLConnection
    kind = _connection(mssql, native)
    connect = functools.update_wrapper(lambda *args, **kwargs: kind(*args, **kwargs), mssql.connect)
    classes = [Change(mssql, name, kind) for name, value in vars(mssql).items() if value is native]
    return [*classes, Change(mssql, "connect", connect)]


def _connection(mssql: Any, native: Any) -> Any:
    space = {name: one_by_one(getattr(native, name)) for name in _METHODS.split() if hasattr(native, name)}

    @one_by_one
    def log_in(self: Any, limit: int, args: Any, kwargs: Any) -> None:
        mssql.login_timeout = limit  # which a thread that connects at the same time may have set to another one
        native.__init__(self, *args, **kwargs)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        log_in(self, mssql.login_timeout, args, kwargs)

    def init_procedure(self: Any, name: Any) -> Any:
        return procedure(native.init_procedure(self, name), self)

    procedure = proxied(mssql.MSSQLStoredProcedure, ["execute"])
    space["close"] = closing(native.close)
    space["__init__"] = functools.update_wrapper(__init__, native.__init__)
    space["init_procedure"] = functools.update_wrapper(init_procedure, native.init_procedure)
    return type(native.__name__, (native,), {"__module__": native.__module__, "__doc__": native.__doc__, **space})
