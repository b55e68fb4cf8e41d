"""Third-party modules whose C code waits: what is known of each, and whether the others run meanwhile."""

from __future__ import annotations

import sys
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Driver(NamedTuple):
    """A loaded third-party module whose C code waits, whatever is patched."""

    module: str
    switched: bool | None  # whether it waits cooperatively; None if that cannot be seen
    needs: str  # what is to be done or known, as an infinitive or a whole sentence's beginning


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
    activated = getattr(cython, "g_gevent_activated", None)
    return None if activated is None else bool(activated)


def _grpc_aio(module: Any) -> bool | None:
    return _is_ours(module, "_channel.Channel.__init__")


def _is_ours(module: Any, path: str) -> bool:
    """Whether what stands at *path* is a function of an adapter."""
    for name in path.split("."):
        module = getattr(module, name, None)
    return str(getattr(module, "__globals__", {}).get("__name__")).startswith("lazypatch.")


def _exchanged(path: str) -> Callable[[Any], bool | None]:
    """Whether an adapter is at *path*; else nothing tells whether the program has a way of its own."""
    return lambda module: True if _is_ours(module, path) else None


def _zmq(module: Any) -> bool | None:
    if _is_ours(module, "Socket.recv"):
        return True
    return None if "zmq.green" in sys.modules else False  # who knows whether that is used in zmq's place


def _mysqldb(module: Any) -> bool | None:
    connections = sys.modules.get("MySQLdb.connections")
    query = getattr(getattr(connections, "Connection", None), "query", None)
    code = getattr(query, "__code__", None)
    return None if query is None else code is not None and not code.co_filename.endswith("connections.py")


def _oracledb(module: Any) -> bool | None:
    thin = getattr(module, "is_thin_mode", None)
    return None if thin is None else bool(thin())


def _pymssql(module: Any) -> bool | None:
    mssql = getattr(module, "_mssql", None)
    if _is_ours(module, "_mssql.MSSQLConnection.execute_query"):
        return True
    return None if mssql is None else getattr(mssql, "wait_callback", None) is not None


def _ldap(module: Any) -> bool | None:
    return _is_ours(module, "ldapobject.SimpleLDAPObject._ldap_call")


def _never(module: Any) -> bool | None:
    """False, unless the program has named calls of it for in_threadpool(): perhaps those are all that it uses."""
    spaces = [vars(module), *(vars(value) for value in list(vars(module).values()) if isinstance(value, type))]
    pooled = any(hasattr(value, "_lazypatch_pooled") for space in spaces for value in list(space.values()))
    return None if pooled else False


_POOL = (
    "make its calls in native threads, by lazypatch.in_threadpool(), gevent.get_hub().threadpool.apply() or "
    "lazypatch.original('threading')"
)

# module -> how to see whether it lets the others run, and what to do, or to know, if it does not.
DRIVERS: dict[str, tuple[Callable[[Any], bool | None], str]] = {
    "psycopg2": (
        _psycopg2,
        "ask for the adapter psycopg2 ('all' has it). A wait callback alone (psycogreen) loses COPY, large "
        "objects, connections shared by threads and connect_timeout",
    ),
    "psycopg": (
        _psycopg,
        "ask for the adapter psycopg ('all' has it), or import it after select is armed: it then waits in Python",
    ),
    "grpc": (
        _grpc,
        "ask for the adapter grpc ('all' has it). Without it most of grpc hangs; "
        "grpc.experimental.gevent.init_gevent() alone needs a larger hub.threadpool_size, too",
    ),
    "grpc.aio": (
        _grpc_aio,
        "ask for the adapter grpc-aio ('all' has it). Without it grpc.aio hangs, with init_gevent(), too",
    ),
    "zmq": (_zmq, "ask for the adapter zmq ('all' has it), or use zmq.green in its place"),
    "MySQLdb": (
        _mysqldb,
        "ask for the adapter mysqlclient ('all' has it), use PyMySQL, or wait between send_query() and "
        "read_query_result() yourself",
    ),
    "mysql.connector.connection_cext": (
        _exchanged("_mysql_connector.MySQL.query"),
        "ask for the adapter mysql-connector ('all' has it), or connect with use_pure=True: pure connections "
        "wait in Python",
    ),
    "oracledb": (_oracledb, "stay in thin mode: its thick mode stops every greenlet"),
    "cx_Oracle": (_never, f"use oracledb in thin mode, or {_POOL}"),
    "pymssql": (
        _pymssql,
        "ask for the adapter pymssql ('all' has it). Its set_wait_callback() lets the others run, and loses the "
        "time-out of a connection",
    ),
    "confluent_kafka": (
        _exchanged("Consumer.poll"),
        "ask for the adapter confluent-kafka ('all' has it), or poll(0) in a loop with gevent.sleep()",
    ),
    "pycurl": (
        _exchanged("Curl.perform"),
        "ask for the adapter pycurl ('all' has it), or use CurlMulti with gevent.select",
    ),
    "pylibmc": (_exchanged("Client.get"), "ask for the adapter pylibmc ('all' has it), or use pymemcache"),
    "ldap": (_ldap, "ask for the adapter python-ldap ('all' has it), or use ldap3"),
    "pynng": (_exchanged("Socket.recv"), f"ask for the adapter pynng ('all' has it), or {_POOL}"),
    "curl_cffi": (
        lambda module: hasattr(getattr(getattr(module, "Curl", None), "perform", None), "_lazypatch_pooled") or None,
        "ask for the adapter curl-cffi ('all' has it), or use Session(thread='gevent'), whose streams wait in C "
        "all the same",
    ),
    "sqlite3": (
        _exchanged("Connection.execute"),
        "ask for the adapter sqlite3 ('all' has it): without it, who waits for a locked database stops whoever "
        "has the lock",
    ),
    **dict.fromkeys(
        (
            "pyodbc", "ibm_db", "rados", "duckdb", "mariadb", "apsw", "lmdb", "adbc_driver_postgresql", "primp",
            "pyarrow.flight", "aerospike", "pulsar", "snowflake.connector.nanoarrow_arrow_iterator",
        ),
        (_never, _POOL),
    ),
}  # fmt: skip


def seen() -> list[Driver]:
    """Those that are loaded now."""
    found = []
    for name, (switched, needs) in DRIVERS.items():
        module = sys.modules.get(name)
        if module is not None:
            found.append(Driver(name, switched(module), needs))
    return found
