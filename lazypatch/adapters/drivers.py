"""Third-party modules whose C code blocks: what is known of each, and whether it has been switched."""

from __future__ import annotations

import sys
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Driver(NamedTuple):
    """A loaded third-party module whose C code blocks, whatever is patched."""

    module: str
    switched: bool | None  # whether it waits cooperatively; None if that cannot be seen
    needs: str


def _psycopg2(module: Any) -> bool | None:
    extensions = sys.modules.get("psycopg2.extensions")
    callback: Any = getattr(extensions, "get_wait_callback", None)
    return None if callback is None else callback() is not None


def _psycopg(module: Any) -> bool | None:
    # It looks once, at its import, whether gevent.monkey has patched select, and waits in C if not.
    waiting = sys.modules.get("psycopg.waiting")
    chosen: Any = getattr(waiting, "wait", None)
    return None if chosen is None else "wait_c" not in getattr(chosen, "__name__", "")


def _grpc(module: Any) -> bool | None:
    cython: Any = sys.modules.get("grpc._cython.cygrpc")
    return bool(getattr(cython, "g_gevent_activated", False)) or None


def _zmq(module: Any) -> bool | None:
    return "zmq.green" in sys.modules


def _never(module: Any) -> bool | None:
    return False


_THREADPOOL = "its C code blocks every greenlet: call it in gevent.get_hub().threadpool"

# module -> how to see whether it has been switched, and what it needs under gevent.
DRIVERS: dict[str, tuple[Callable[[Any], bool | None], str]] = {
    "psycopg2": (_psycopg2, "psycogreen.gevent.patch_psycopg(), or psycopg2.extensions.set_wait_callback()"),
    "psycopg": (_psycopg, "to be imported after select is armed: it then waits in Python"),
    "grpc": (_grpc, "grpc.experimental.gevent.init_gevent(), before the first channel"),
    "zmq": (_zmq, "zmq.green in place of zmq"),
    "MySQLdb": (_never, f"{_THREADPOOL}, or use PyMySQL"),
    "mysql.connector.connection_cext": (_never, "use_pure=True: its C extension blocks every greenlet"),
    "pyodbc": (_never, _THREADPOOL),
    "cx_Oracle": (_never, f"{_THREADPOOL}, or use oracledb in thin mode"),
    "oracledb.thick_impl": (_never, "thin mode: its thick mode blocks every greenlet"),
    "pymssql": (_never, "pymssql.set_wait_callback()"),
    "ibm_db": (_never, _THREADPOOL),
    "snowflake.connector.nanoarrow_arrow_iterator": (_never, _THREADPOOL),
    "confluent_kafka": (_never, "poll(0) in a loop with gevent.sleep(): librdkafka waits in C"),
    "pycurl": (_never, "CurlMulti with gevent.select, or requests in its place"),
    "pylibmc": (_never, f"{_THREADPOOL}, or use pymemcache"),
    "rados": (_never, _THREADPOOL),
    "sqlite3": (_never, "nothing for short queries; long ones block every greenlet"),
}


def seen() -> list[Driver]:
    """Those that are loaded now."""
    found = []
    for name, (switched, needs) in DRIVERS.items():
        module = sys.modules.get(name)
        if module is not None:
            found.append(Driver(name, switched(module), needs))
    return found
