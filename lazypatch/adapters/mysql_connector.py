"""mysql.connector's connections of its C extension ask the server in native threads, so that the others run meanwhile.

What waits. libmysqlclient, in C, behind ``CMySQLConnection``, which ``mysql.connector.connect()`` makes unless it is
told ``use_pure=True``. It gives no descriptor to wait for.

What is replaced. ``_mysql_connector.MySQL``, by a class whose objects stand for the native ones, which can be neither
changed nor subclassed; and the same for the prepared statements that they give. What asks the server is called in a
native thread, one call at a time on a connection: greenlets that share one wait for one another.

What stays native. Reading the rows after the first of them have come, or leaving them. Pure connections wait in Python,
and are as they were. Who is ended while it waits ends when the answer has come: set ``read_timeout``, or MySQL's
``max_execution_time``.
"""

from __future__ import annotations

import functools
import sys

from ._proxies import proxied
from .changes import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_METHODS = (
    "autocommit change_user close commit connect next_result ping query refresh "
    "reset_connection rollback select_db set_character_set shutdown stat"
)
_OF_STATEMENTS = "stmt_execute handle_result stmt_reset stmt_close"


def plan(module: Any) -> list[Change]:
    """One class, in the extension."""
    extension: Any = sys.modules["_mysql_connector"]
    return [Change(extension, "MySQL", _connection(extension.MySQL, extension.MySQLPrepStmt))]


def _connection(native: Any, native_statement: Any) -> Any:
    base, statement = (
        proxied(native, [*_METHODS.split(), "stmt_prepare"]),
        proxied(native_statement, _OF_STATEMENTS.split()),
    )

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        base.__init__(self, native(*args, **kwargs))

    def stmt_prepare(self: Any, *args: Any, **kwargs: Any) -> Any:
        return statement(base.stmt_prepare(self, *args, **kwargs), self)

    space = {"__init__": __init__, "stmt_prepare": functools.update_wrapper(stmt_prepare, native.stmt_prepare)}
    return type(native.__name__, (base,), {"__module__": native.__module__, "__doc__": native.__doc__, **space})
