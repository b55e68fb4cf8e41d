"""mysql.connector's C extension lets the others run while it waits, and does all else as without: against a real server.

Who waits for a lock of the server's gets it when the program has seen all of them wait: a wait that stops the others fails.
"""

from __future__ import annotations

import pytest
from adapters_servers import ALL_OF, mariadb, port_of, runner, silent

pytest.importorskip(
    "mysql.connector.connection_cext", reason="mysql.connector is not installed here, or its C extension finds no OpenSSL 3.2",
    exc_type=ImportError,
)  # fmt: skip

PRELUDE = (
    "import sys, threading, time\nimport mysql.connector, mysql.connector.pooling\nfrom mysql.connector import connection_cext\n"
    + ALL_OF
    + """
def connect(**more): return mysql.connector.connect(**{"host": "127.0.0.1", "port": int(sys.argv[1]), "user": "root", "use_pure": False, **more})
def ask(connection, query="select 1", *values):
    cursor = connection.cursor(); cursor.execute(query, *values); found = cursor.fetchall(); cursor.close(); return found
def until(holder, n):
    while ask(holder, "select count(*) from information_schema.processlist where state = 'User lock'") != [(n,)]: time.sleep(0.01)
def release(holder, n):
    until(holder, n); ask(holder, "select release_all_locks()")
def table(c):
    k = c.cursor(); k.execute("create database if not exists d"); k.execute("use d")
    k.execute("create table if not exists c (a int primary key, b longtext) engine=innodb"); k.execute("delete from c"); c.commit(); return k
"""
)


port = port_of(mariadb)
run = runner(PRELUDE)

CHECKS = {
    "all wait together": """
        made, holder = all_of([connect] * 8)[0], connect(); assert type(holder) is connection_cext.CMySQLConnection
        for n in range(8): ask(holder, f"select get_lock('l{n}', 0)")
        waits = [lambda n=n: ask(made[n], f"select get_lock('l{n}', 40)") for n in range(8)]
        found = all_of([*waits, lambda: release(holder, 8)])[0]; found.remove(None); assert found == [[(1,)]] * 8, found
    """,
    "transactions, errors": """
        import pickle
        c = connect(); k = table(c)
        k.execute("insert into c values (1, 'x')"); assert c.in_transaction; c.rollback(); assert ask(c, "select count(*) from c") == [(0,)]
        k.executemany("insert into c values (%s, %s)", [(n, "y") for n in range(50)]); assert k.rowcount == 50; c.commit()
        assert ask(connect(database="d"), "select count(*) from c") == [(50,)]
        try: k.execute("insert into c values (1, 'x')")
        except mysql.connector.IntegrityError as error: assert error.errno == 1062 and pickle.loads(pickle.dumps(error)).errno == 1062
        else: raise AssertionError
        try: k.execute("nonsense")
        except mysql.connector.ProgrammingError: pass
        else: raise AssertionError
        c.autocommit = True; assert c.autocommit; c.database = "mysql"; assert c.database == "mysql"
        c.cmd_change_user("root"); c.reset_session(); assert c.is_connected() and ask(c) == [(1,)]
        c.close(); assert not c.is_connected()
        try: connect(port=1)
        except mysql.connector.Error: pass
        else: raise AssertionError
    """,
    "kinds of cursors": """
        c = connect(); k = table(c); k.executemany("insert into c values (%s, %s)", [(n, "z" * 1000) for n in range(500)]); c.commit()
        for more in ({}, {"buffered": True}, {"dictionary": True}, {"raw": True}, {"prepared": True}):
            k = c.cursor(**more); k.execute("select a, b from c where a < %s order by a", (400,)); assert len(list(k)) == 400, more; k.close()
        k = c.cursor(prepared=True)
        for n in range(5): k.execute("select a from c where a = %s", (n,)); assert k.fetchone() == (n,) and k.fetchone() is None
        k.close(); k = c.cursor(); k.execute("select 5000, repeat('x', 3000000)"); assert len(k.fetchone()[1]) == 3000000
        c.close()
    """,
    "several statements, procedures, a pool": """
        c = connect(database="mysql"); k = table(c); k.execute("drop procedure if exists p"); k.execute("create procedure p(in a int, out b int) begin set b = a + 1; select a; end")
        assert tuple(k.callproc("p", (5, 0))) == (5, 6)
        found = [r.fetchall() for r in k.stored_results()]; assert [list(map(tuple, rows)) for rows in found] == [[(5,)]], found
        pool = mysql.connector.pooling.MySQLConnectionPool(pool_size=3, pool_name="pool", host="127.0.0.1", port=int(sys.argv[1]), user="root", use_pure=False)
        taken = [pool.get_connection() for _ in range(3)]; assert all_of([lambda c=c: ask(c) for c in taken])[0] == [[(1,)]] * 3; [c.close() for c in taken]
        try: [pool.get_connection() for _ in range(4)]
        except mysql.connector.PoolError: pass
        else: raise AssertionError
    """,
}


@pytest.mark.parametrize("spec", [None, "all"])
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_as_without_lazypatch(check: str, spec: str | None, port: int) -> None:
    run(port, check, spec)


@pytest.mark.parametrize("spec", [None, "all"])
def test_a_server_that_says_nothing(spec: str | None) -> None:
    code = """
        try: connect(connection_timeout=1)
        except mysql.connector.Error: pass
        else: raise AssertionError
    """
    with silent() as port:
        run(port, code, spec)


def test_threads_that_share_a_connection_wait_for_one_another(port: int) -> None:
    code = """
        import lazypatch
        c = connect(); results = all_of([lambda: c._cmysql.ping()] * 8)[0]; assert results == [True] * 8
        assert lazypatch.state("mysql-connector") == "installed"
        assert {d.module: d.switched for d in lazypatch.report().drivers}["mysql.connector.connection_cext"] is True
        import _mysql_connector; assert isinstance(c._cmysql, _mysql_connector.MySQL)
    """
    run(port, code)


def test_who_is_ended_leaves_no_answer_for_the_next_query(port: int) -> None:
    code = """
        import gevent
        c, holder = connect(), connect(); ask(holder, "select get_lock('ended', 0)")
        waiting = gevent.spawn(ask, c, "select get_lock('ended', 40)")
        ending = gevent.spawn(lambda: (until(holder, 1), waiting.kill(block=False), release(holder, 1)))
        gevent.joinall([waiting, ending], raise_error=True); assert isinstance(waiting.value, gevent.GreenletExit)
        c.free_result(); assert ask(c, "select 9") == [(9,)]
    """
    run(port, code)


def test_late_and_in_native_threads(port: int) -> None:
    code = """
        import lazypatch
        lazypatch.enable("all"); assert lazypatch.state("mysql-connector") == "late"
        found = []
        native = lazypatch.original("threading").Thread(target=lambda: found.append(ask(connect(port=int(sys.argv[1]))))); native.start(); native.join()
        assert found == [[(1,)]]
        c, holder = connect(), connect(); ask(holder, "select get_lock('late', 0)")
        assert [(1,)] in all_of([lambda: ask(c, "select get_lock('late', 40)"), lambda: release(holder, 1)])[0]
    """
    run(port, code, None)
