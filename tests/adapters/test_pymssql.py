"""pymssql lets the others run while it waits, keeps time-outs, and does all else as without.

There is no server to install: tds.py speaks enough of the protocol. It answers some queries only when several are there, so
waits that stop the others never end.
"""

from __future__ import annotations

import pytest
from adapters_servers import ALL_OF, port_of, runner, silent
from tds import tds

pytest.importorskip("pymssql", reason="pymssql is not installed here")

PRELUDE = (
    "import sys, threading, time\nimport pymssql\nfrom pymssql import _mssql\n"
    + ALL_OF
    + """
def connect(**more): return pymssql.connect(**{"server": "127.0.0.1", "port": int(sys.argv[1]), "user": "a", "password": "b", **more})
def ask(connection, query="select 1"):
    cursor = connection.cursor(); cursor.execute(query); return cursor.fetchall()
"""
)


port = port_of(tds)
run = runner(PRELUDE)

CHECKS = {
    "all wait together": """
        made = all_of([connect] * 8)[0]
        found = all_of([lambda n=n: ask(made[n], f"meet together-SPEC 8 select {n}") for n in range(8)])[0]
        assert sorted(found) == [[(n,)] for n in range(8)], found
    """,
    "cursors, transactions, closing": """
        c = connect(as_dict=True); assert isinstance(c, pymssql.Connection) and isinstance(c.cursor(), pymssql.Cursor)
        assert ask(c, "select 5") == [{"n": 5}]; c.commit(); c.rollback(); c.autocommit(True)
        k = c.cursor(as_dict=False); k.execute("select %d", (7,)); assert k.fetchone() == (7,) and k.fetchone() is None
        k.execute("select 7"); assert list(k) == [(7,)] and not k.nextset(); k.executemany("select %d", [(1,), (2,)])
        assert k.callproc("p", (1, "x")) == (1, "x") and k.returnvalue == 7
        with connect() as d: assert ask(d, "select 2") == [(2,)]
        c.close()
        try: c.cursor().execute("select 1")
        except pymssql.InterfaceError: pass
        else: raise AssertionError
    """,
    "errors": """
        import pickle
        c = connect()
        try: ask(c, "nonsense")
        except pymssql.ProgrammingError as error: assert error.args[0] == 102 and pickle.loads(pickle.dumps(error)).args == error.args
        else: raise AssertionError
        assert ask(c, "select 3") == [(3,)]
        try: connect(port=1, login_timeout=2)
        except pymssql.OperationalError: pass
        else: raise AssertionError
    """,
    "time-outs of queries": """
        c = connect(timeout=1)
        try: ask(c, "waitfor delay '0:0:50'")
        except pymssql.OperationalError as error: assert error.args[0] == 20047, error
        else: raise AssertionError
    """,
    "the lower half": """
        c = _mssql.connect(server="127.0.0.1", port=sys.argv[1], user="a", password="b")
        assert isinstance(c, _mssql.MSSQLConnection) and c.connected
        c.execute_query("select 4"); assert [row["n"] for row in c] == [4]
        assert c.execute_scalar("select 6") == 6 and c.execute_row("select 6")["n"] == 6; c.execute_non_query("set x"); c.cancel()
        c.query_timeout = 5; assert c.query_timeout == 5; c.close(); assert not c.connected
        assert _mssql.MssqlConnection is _mssql.MSSQLConnection
    """,
}


@pytest.mark.parametrize("spec", [None, "all"])
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_as_without_lazypatch(check: str, spec: str | None, port: int) -> None:
    run(port, check.replace("SPEC", str(spec)), spec)


def test_login_timeout() -> None:
    """Each has the one that it gave, whoever else logs in meanwhile; a thread ticks.

    FreeTDS has one for all, and reads it when a connection begins: two that begin in the same moment have the same.
    """
    code = """
        ticks, ended = [], threading.Event()
        def tick():
            while not ended.is_set(): ticks.append(1); time.sleep(0.01)
        threading.Thread(target=tick).start()
        begin, took = time.monotonic(), {}
        def late(limit):
            try: connect(login_timeout=limit)
            except pymssql.OperationalError: took[limit] = time.monotonic() - begin
        def is_connected():
            with open("/proc/self/net/tcp") as file: return f":{int(sys.argv[1]):04X} 01 " in file.read()
        first = threading.Thread(target=late, args=(1,)); first.start()
        while not is_connected(): time.sleep(0.001)
        late(4); first.join(); ended.set()
        assert took[1] < took[4] and len(ticks) > 10, (took, len(ticks))
    """
    with silent() as port:
        run(port, code)


def test_threads_that_share_a_connection_wait_for_one_another(port: int) -> None:
    code = """
        import lazypatch
        c = connect(); assert all_of([lambda: c._conn.execute_scalar("waitfor delay '0:0:0.01' select 5")] * 8)[0] == [5] * 8
        assert lazypatch.state("pymssql") == "installed"
        assert {d.module: d.switched for d in lazypatch.report().drivers}["pymssql"] is True
    """
    run(port, code)


def test_who_is_ended_leaves_no_answer_for_the_next_query(port: int) -> None:
    code = """
        import gevent, os, signal
        c, d, other = connect(), connect(), connect()
        waiting = gevent.spawn(ask, c, "meet ended 2 select 8")
        gevent.spawn_later(0.05, lambda: (waiting.kill(block=False), ask(other, "meet ended 2 select 1")))
        waiting.join(); assert isinstance(waiting.value, gevent.GreenletExit), waiting.value
        assert ask(c, "select 9") == [(9,)]
        gevent.spawn_later(0.05, lambda: (os.kill(os.getpid(), signal.SIGINT), ask(other, "meet interrupted 2 select 1")))
        try: ask(d, "meet interrupted 2 select 8")
        except KeyboardInterrupt: pass
        else: raise AssertionError
        assert ask(d, "select 9") == [(9,)]
    """
    run(port, code)


def test_who_closes_a_connection_waits_for_who_uses_it(port: int) -> None:
    code = """
        import gc, gevent
        c, other = connect(), connect()
        waiting = gevent.spawn(ask, c, "meet closed 2 select 8"); gevent.sleep(0.05)
        closing = gevent.spawn(c.close); gevent.sleep(0); assert not closing.dead
        ask(other, "meet closed 2 select 1"); gevent.joinall([waiting, closing])
        del c; [connect() for _ in range(20)]; gc.collect()
        _mssql.connect(server="127.0.0.1", port=sys.argv[1], user="a", password="b"); gc.collect()
    """
    run(port, code)


def test_late_and_in_native_threads(port: int) -> None:
    code = """
        import lazypatch
        lazypatch.enable("all"); assert lazypatch.state("pymssql") == "late"
        import threading
        found = []
        native = lazypatch.original("threading").Thread(target=lambda: found.append(ask(connect(), "select 5"))); native.start(); native.join()
        assert found == [[(5,)]]
        made = [connect() for _ in range(4)]
        all_of([lambda c=c: ask(c, "meet late 4 select 1") for c in made])
    """
    run(port, code, None)


def test_a_wait_callback_of_the_programs_is_called(port: int) -> None:
    code = """
        told = []; pymssql.set_wait_callback(told.append) if hasattr(pymssql, "set_wait_callback") else _mssql.set_wait_callback(told.append)
        assert ask(connect(), "select 5") == [(5,)] and told
    """
    run(port, code)
    run(port, code, None)
