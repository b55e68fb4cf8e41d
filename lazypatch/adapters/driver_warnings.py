"""Libraries that wait in C, and that nobody can switch, are warned of once, when a program with greenlets loads them.

What is said: which calls wait, that no other greenlet runs meanwhile, and what to do. Not if the program has named
calls of the library for in_threadpool(), and not where gevent is not loaded: then there is nobody else.

oracledb waits in C in its thick mode only: it is warned of when that begins.
"""

from __future__ import annotations

import functools
import sys

from .changes import Change
from .drivers import DRIVERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# The calls that wait, for the reader of the warning.
_CALLS = {
    "adbc_driver_postgresql": "connect(), and execute() and fetch methods of adbc_driver_manager",
    "aerospike": "connect() and all methods of a client",
    "apsw": "queries, and the wait for a locked database",
    "cx_Oracle": "connect(), execute() and the fetch methods",
    "duckdb": "execute() and the fetch methods",
    "ibm_db": "connect(), exec_immediate(), execute() and the fetch functions",
    "lmdb": "the wait for another writer, Environment.sync() and copy()",
    "mariadb": "connect(), execute() and the fetch methods",
    "oracledb": "connect(), execute() and the fetch methods in thick mode",
    "primp": "all requests of a Client",
    "pulsar": "Client() and what subscribes, creates, sends, receives and closes",
    "pyarrow.flight": "all calls of a FlightClient, and FlightServerBase.serve()",
    "pyodbc": "connect(), execute() and the fetch methods",
    "rados": "connect() and all operations that wait",
}
# What is warned of when it is used: a function of the module.
_WHEN_CALLED = {"oracledb": "init_oracle_client"}


def plan(module: Any) -> list[Change]:
    """Nothing, or a call that tells before it does what it did."""
    name = module.__name__
    asked = getattr(sys.modules.get("lazypatch._pooled"), "asked", ())
    if any(each == name or each.startswith(f"{name}.") for each in asked):
        return []
    if name not in _WHEN_CALLED:
        _tell(name)
        return []
    call = _WHEN_CALLED[name]
    return [Change(module, call, _telling(getattr(module, call), name))]


def _telling(native: Any, name: str) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        _tell(name)
        return native(*args, **kwargs)

    return functools.update_wrapper(call, native)


def _tell(name: str) -> None:
    from .. import _errors

    _errors.warn_once(_errors.waits_in_c(name, _CALLS[name], DRIVERS[name][1]))
