"""mysqlclient lets the others run while it waits for an answer, and does all else as without: against a real server."""

from __future__ import annotations

import pytest
from adapters_servers import ALL_OF, mariadb, port_of, runner, silent

pytest.importorskip("MySQLdb", reason="mysqlclient is not installed here")

PRELUDE = (
    """
import sys, threading, time
import MySQLdb, MySQLdb.cursors
def connect(**more): return MySQLdb.connect(host="127.0.0.1", port=int(sys.argv[1]), user="root", **more)
"""
    + ALL_OF
    + """
def at_once(call, n=6):
    return all_of([call] * n)
def ask(connection, query="select 1"):
    cursor = connection.cursor(); cursor.execute(query); return cursor.fetchone()[0]
def table(c):
    k = c.cursor(); k.execute("create database if not exists d"); k.execute("use d")
    k.execute("create table if not exists t (a int primary key, b longtext) engine=innodb"); k.execute("delete from t"); c.commit(); return k
"""
)


port = port_of(mariadb)
run = runner(PRELUDE, quiet=False)

CHECKS = {
    "queries wait together": """
        made, holder = [connect() for _ in range(8)], connect()
        for n in range(8): ask(holder, f"select get_lock('q{n}', 0)")
        def release():
            while ask(holder, "select count(*) from information_schema.processlist where state = 'User lock'") != 8: time.sleep(0.01)
            ask(holder, "select release_all_locks()")
        waits = [lambda n=n: ask(made[n], f"select get_lock('q{n}', 40)") for n in range(8)]
        found = all_of([*waits, release])[0]; found.remove(None); assert found == [1] * 8, found
    """,
    "transactions, errors": """
        import pickle
        c = connect(); k = table(c)
        k.execute("insert into t values (1, 'x')"); c.rollback(); assert ask(c, "select count(*) from t") == 0
        k.executemany("insert into t values (%s, %s)", [(n, "y") for n in range(50)]); assert k.rowcount == 50; c.commit()
        d = connect(db="d"); assert ask(d, "select count(*) from t") == 50
        try: k.execute("insert into t values (1, 'x')")
        except MySQLdb.IntegrityError as error: assert error.args[0] == 1062 and pickle.loads(pickle.dumps(error)).args == error.args
        else: raise AssertionError
        try: k.execute("nonsense")
        except MySQLdb.ProgrammingError: pass
        else: raise AssertionError
        c.rollback(); assert ask(c) == 1 and isinstance(c, MySQLdb.connections.Connection)
        c.query("select 5"); assert c.store_result().fetch_row() == ((5,),)
        c.query(bytearray(b"select 6")); assert c.use_result().fetch_row(0) == ((6,),)
    """,
    "a large row, SSCursor, several statements": """
        c = connect(); k = table(c)
        k.execute("insert into t values (1, repeat('x', 5000000))"); assert len(ask(c, "select b from t")) == 5000000
        s = c.cursor(MySQLdb.cursors.SSCursor); s.execute("select seq from mysql.dual, (select 1 seq union select 2 union select 3) x" if 0 else "select 1 union select 2 union select 3")
        assert sorted(r[0] for r in s) == [1, 2, 3]; s.close()
        k.execute("select 1; select 2"); assert k.fetchone() == (1,) and k.nextset() and k.fetchone() == (2,); k.close(); assert ask(c) == 1
    """,
    "a lock on a row": """
        a, b = connect(), connect(); k = table(a); k.execute("insert into t values (1, '')"); a.commit()
        ask(b, "select 1"); b.cursor().execute("use d")
        k.execute("update t set b = 'a' where a = 1")
        def second(): j = b.cursor(); j.execute("update t set b = concat(b, 'b') where a = 1"); b.commit()
        t = threading.Thread(target=second); t.start(); time.sleep(0.05); a.commit(); t.join()
        assert ask(a, "select b from t") == "ab"
    """,
    "LOAD DATA LOCAL": """
        import tempfile
        c = connect(local_infile=1); k = table(c)
        with tempfile.NamedTemporaryFile("w") as f:
            f.write("".join(f"{n}\\tx\\n" for n in range(100))); f.flush()
            k.execute(f"load data local infile '{f.name}' into table t"); assert k.rowcount == 100
    """,
    "read_timeout": """
        c = connect(read_timeout=2)
        try: ask(c, "select sleep(20)")
        except MySQLdb.OperationalError as error: assert error.args[0] in (2013, 2026), error
        else: raise AssertionError
    """,
    "killed by another thread, ping, autocommit": """
        c, d = connect(autocommit=True), connect(); number = c.thread_id()
        t = threading.Thread(target=lambda: (time.sleep(0.05), d.kill(number))); t.start()
        try: ask(c, "select sleep(20)")
        except MySQLdb.OperationalError: pass
        t.join(); d.ping(); d.autocommit(True); assert ask(d) == 1; d.close(); d = connect(); assert d.open
    """,
}


@pytest.mark.parametrize("spec", [None, "all"])
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_as_without_lazypatch(check: str, spec: str | None, port: int) -> None:
    run(port, check, spec)


def test_who_is_ended_leaves_no_answer_for_the_next_query(port: int) -> None:
    run(
        port,
        """
        import os, signal, gevent, lazypatch
        def slow(c): ask(c, "select 'late' from (select sleep(20)) x")
        c, d, e = connect(), connect(), connect()
        try:
            with gevent.Timeout(0.05): slow(c)
        except gevent.Timeout: pass
        else: raise AssertionError
        killed = gevent.spawn(slow, d); gevent.sleep(0.05); killed.kill()
        gevent.spawn_later(0.05, os.kill, os.getpid(), signal.SIGINT)
        try: slow(e)
        except KeyboardInterrupt: pass
        else: raise AssertionError
        for each in (c, d, e):
            try: ask(each)
            except MySQLdb.Error: pass
            else: raise AssertionError
        assert ask(connect(), "select 8") == 8
        shared = connect(); assert at_once(lambda: ask(shared, "select 3 + sleep(0.01)"), 5)[0] == [3] * 5
        assert lazypatch.state("mysqlclient") == "installed" and "MySQLdb switched" in " ".join(str(lazypatch.report()).split())
        """,
    )


def test_a_server_that_says_nothing() -> None:
    """connect_timeout is libmysqlclient's, in C."""
    with silent() as port:
        code = """
try: connect(connect_timeout=1)
except MySQLdb.OperationalError: pass
else: raise AssertionError
"""
        run(port, code)
