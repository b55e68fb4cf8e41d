"""psycopg 3 lets the others run, imported before arming or after it: against a real server."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import pytest
from adapters_servers import ALL_OF, postgres
from conftest import run_python

pytest.importorskip("psycopg", reason="psycopg is not installed here")

CODE = """
import sys, threading, time
made, found = [psycopg.connect(sys.argv[1], autocommit=True) for _ in range(8)], []
holder = psycopg.connect(sys.argv[1], autocommit=True)
def one(of, query): return of.execute(query).fetchone()[0]
for n in range(8): one(holder, f"select pg_advisory_lock({n})")
def wait(n): found.append(one(made[n], f"select 7 from pg_advisory_lock({n})"))
threads = [threading.Thread(target=wait, args=(n,)) for n in range(8)]
[each.start() for each in threads]
while one(holder, "select count(*) from pg_locks where locktype = 'advisory' and not granted") != 8: time.sleep(0.01)
assert not found; one(holder, "select pg_advisory_unlock_all()"); [each.join() for each in threads]
assert found == [7] * 8, found
with made[0].cursor().copy("copy (select 1) to stdout") as copy: assert list(copy.rows()) == [("1",)]
with made[1].pipeline(): made[1].execute("select 1")
assert "psycopg switched" in " ".join(str(lazypatch.report()).split())
"""


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with postgres() as dsn:
        yield dsn


@pytest.mark.parametrize(
    ("first", "spec", "state"),
    [
        ("import threading, lazypatch, psycopg", "all", "installed"),
        ("import psycopg, lazypatch; lazypatch.enable()", None, "late"),
        ("import psycopg, threading, lazypatch", "all", "installed"),
    ],
)
def test_queries_wait_together(first: str, spec: str | None, state: str, dsn: str) -> None:
    code = f"{first}\n{CODE}\nassert lazypatch.state('psycopg') == {state!r}, lazypatch.state('psycopg')"
    done = run_python("-c", code, dsn, spec=spec)
    assert done.returncode == 0 and not done.stderr, done.stderr


PRELUDE = (
    """
import os, signal, sys, threading, time
import psycopg
def connect(**more): return psycopg.connect(sys.argv[1], **more)
def ask(connection, query="select 1"): return connection.execute(query).fetchone()[0]
"""
    + ALL_OF
)
CHECKS = {
    "a connection shared by threads": """
        c = connect()
        assert all_of([lambda: ask(c, "select 3 from pg_sleep(0.01)")] * 6)[0] == [3] * 6
        c.rollback(); c.close()
    """,
    "transactions, errors, named cursors": """
        import pickle
        with connect() as c:
            c.execute("create temp table t (a int unique)"); c.execute("insert into t values (1)"); c.commit()
            try: c.execute("insert into t values (1)")
            except psycopg.errors.UniqueViolation as error: assert pickle.loads(pickle.dumps(error)).sqlstate == "23505"
            else: raise AssertionError
            c.rollback()
            with c.transaction(force_rollback=True): c.execute("insert into t values (2)")
            assert ask(c, "select count(*) from t") == 1
            with c.cursor("n") as k:
                k.itersize = 10; k.execute("select n from generate_series(1, 35) n"); assert sum(r[0] for r in k) == 630
    """,
    "time-outs, cancel()": """
        c = connect(options="-c statement_timeout=100")
        try: ask(c, "select pg_sleep(20)")
        except psycopg.errors.QueryCanceled: c.rollback()
        else: raise AssertionError
        d, watch = connect(), connect(autocommit=True)
        RUNNING = f"select count(*) from pg_stat_activity where pid = {d.info.backend_pid} and query ~ 'pg_sleep'"
        def cancel():
            while not ask(watch, RUNNING): time.sleep(0.01)
            d.cancel()
        threading.Thread(target=cancel).start()
        try: ask(d, "select pg_sleep(20)")
        except psycopg.errors.QueryCanceled: d.rollback()
        else: raise AssertionError
        assert ask(c) == ask(d) == 1
    """,
    "notifications": """
        c, d = connect(autocommit=True), connect(autocommit=True); c.execute("listen x")
        threading.Timer(0.05, d.execute, ("notify x, 'hi'",)).start()
        assert [n.payload for n in c.notifies(timeout=20, stop_after=1)] == ["hi"]
    """,
    "a forked child": """
        ask(connect())
        pid = os.fork()
        if not pid: os._exit(all_of([lambda: ask(connect(), "select 2 from pg_sleep(0.01)")] * 4)[0] != [2] * 4)
        assert os.waitpid(pid, 0)[1] == 0
    """,
    "Ctrl-C": """
        c = connect()
        try: threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start(); ask(c, "select 'late' from pg_sleep(20)")
        except KeyboardInterrupt: pass
        else: raise AssertionError
        c.rollback(); assert ask(c, "select 8") == 8
    """,
}


@pytest.mark.parametrize("spec", [None, "all"])
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_as_without_lazypatch(check: str, spec: str | None, dsn: str) -> None:
    done = run_python("-c", PRELUDE + textwrap.dedent(check), dsn, spec=spec)
    assert done.returncode == 0 and not done.stderr, done.stderr


def test_who_is_ended_leaves_no_answer_for_the_next_query(dsn: str) -> None:
    """psycopg refuses to ask on the connection, and its pool gives it up."""
    code = """
        import gevent, importlib.util, lazypatch
        has_pool = importlib.util.find_spec("psycopg_pool") is not None
        if has_pool: from psycopg_pool import ConnectionPool
        def slow(c): ask(c, "select 'late' from pg_sleep(20)")
        c, d = connect(), connect()
        try:
            with gevent.Timeout(0.05): slow(c)
        except gevent.Timeout: pass
        else: raise AssertionError
        killed = gevent.spawn(slow, d); gevent.sleep(0.05); killed.kill()
        for each in (c, d):
            try: ask(each, "select 8")
            except psycopg.OperationalError as error: assert "in progress" in str(error)
            else: raise AssertionError
            each.close()
        if has_pool:
            with ConnectionPool(sys.argv[1], min_size=1, max_size=1) as pool:
                pool.wait()
                def hold():
                    with pool.connection() as c: slow(c)
                killed = gevent.spawn(hold); gevent.sleep(0.05); killed.kill()
                with pool.connection() as c: assert ask(c, "select 8") == 8
        native, found = lazypatch.original("threading").Thread, []
        threads = [native(target=lambda: found.append(ask(connect(), "select 9 from pg_sleep(0.05)"))) for _ in range(3)]
        [each.start() for each in threads]
        while any(each.is_alive() for each in threads): time.sleep(0.001)
        assert found == [9] * 3, found
    """
    done = run_python("-c", PRELUDE + textwrap.dedent(code), dsn, spec="all")
    assert done.returncode == 0, done.stderr  # psycopg tells what it gives up
