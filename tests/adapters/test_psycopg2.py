"""psycopg2 lets the others run while it waits, and does everything else as it does without: against a real server."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import pytest
from adapters_servers import ALL_OF, postgres, silent
from conftest import run_python

pytest.importorskip("psycopg2", reason="psycopg2 is not installed here")

PRELUDE = (
    """
import sys, threading, time
import gevent, lazypatch, psycopg2, psycopg2.extras, psycopg2.extensions, io
ext = psycopg2.extensions
DSN = sys.argv[1]
def connect(**more): return psycopg2.connect(DSN, **more)
"""
    + ALL_OF
    + """
def at_once(call, n=6):
    return all_of([call] * n)
def ask(connection, query="select 1"):
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]
"""
)


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with postgres("wal_level=logical") as dsn:
        yield dsn


def run(dsn: str, code: str, spec: str | None = "all", prelude: str = PRELUDE) -> str:
    done = run_python("-c", prelude + textwrap.dedent(code), dsn, spec=spec)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert not done.stderr, done.stderr
    return done.stdout


def test_queries_and_connections_wait_together(dsn: str) -> None:
    run(
        dsn,
        """
        connections = [connect() for _ in range(8)]
        left = list(connections)
        found, took = at_once(lambda: ask(left.pop(), "select 5 from pg_sleep(0.3)"), 8)
        assert found == [5] * 8 and took < 8 * 0.3 / 2, took
        assert lazypatch.state("psycopg2") == "installed"
        assert "psycopg2 switched" in " ".join(str(lazypatch.report()).split()), str(lazypatch.report())
        assert all(isinstance(each, ext.connection) and type(each) is ext.connection for each in connections)
        native = lazypatch.get_original("psycopg2.extensions", "connection")
        assert issubclass(ext.connection, native) and native is not ext.connection
        assert isinstance(connections[0].cursor(), ext.cursor)
        """,
    )


# What is true without lazypatch, and with a callback alone is not.
CHECKS = {
    "copy_from": """
        c = connect(); k = c.cursor(); k.execute("create temp table t (a int, b text)")
        k.copy_from(io.StringIO("1\\tx\\n2\\ty\\n"), "t")
        k.copy_from(file=io.BytesIO(b"3\\tz\\n"), table="t")
        k.execute("select sum(a), max(b) from t"); assert k.fetchone() == (6, "z")
    """,
    "copy_to": """
        c = connect(); k = c.cursor(); k.execute("create temp table t as select n from generate_series(1, 3) n")
        text, data = io.StringIO(), io.BytesIO()
        k.copy_to(text, "t"); k.copy_to(data, "t", columns=("n",))
        assert text.getvalue() == "1\\n2\\n3\\n" and data.getvalue() == b"1\\n2\\n3\\n"
    """,
    "copy_expert": """
        c = connect(); k = c.cursor(); k.execute("create temp table t (a int)")
        k.copy_expert("copy t from stdin", io.StringIO("1\\n2\\n")); assert k.rowcount == 2
        out = io.StringIO(); k.copy_expert(sql="copy t to stdout", file=out); assert out.getvalue() == "1\\n2\\n"
    """,
    "a COPY that fails, and one whose file does": """
        c = connect(); k = c.cursor(); k.execute("create temp table t (a int)"); c.commit()
        for sql, file in (("copy nothing from stdin", io.StringIO("")), ("copy t from stdin", io.StringIO("x\\n"))):
            try: k.copy_expert(sql, file)
            except psycopg2.Error: c.rollback()
            else: raise AssertionError
        class File:
            def read(self, n): raise ZeroDivisionError
            readline = read
        try: k.copy_from(File(), "t")
        except Exception: c.rollback()
        else: raise AssertionError
        try: k.copy_from(3, "t")
        except TypeError: pass
        else: raise AssertionError
        assert ask(c, "select count(*) from t") == 0
    """,
    "a COPY whose file waits for another thread that queries": """
        import queue
        c, d = connect(), connect(); k = c.cursor(); k.execute("create temp table t (a int)")
        rows = queue.Queue()
        class File:
            def read(self, n): return rows.get()
            readline = read
        def feed():
            for n in range(3): rows.put(f"{ask(d, f'select {n} from pg_sleep(0.01)')}\\n")
            rows.put("")
        thread = threading.Thread(target=feed); thread.start()
        k.copy_from(File(), "t"); thread.join()
        assert ask(c, "select count(*) from t") == 3
    """,
    "many COPYs at once": """
        def copy():
            c = connect(); k = c.cursor(); k.execute("create temp table t (a int)")
            class File(io.StringIO):
                def read(self, n): time.sleep(0.005); return io.StringIO.read(self, 40)
            k.copy_from(File("1\\n" * 100), "t")
            return ask(c, "select count(*) from t")
        assert at_once(copy, 8)[0] == [100] * 8
        assert ask(connect(), "select 7") == 7
    """,
    "large objects": """
        c = connect(); o = c.lobject(0, "rwb"); oid = o.oid
        o.write(b"large" * 1000); o.seek(0); assert o.read(5) == b"large" and o.tell() == 5; o.truncate(5); o.close(); c.commit()
        o = c.lobject(oid, "r"); assert o.read() == "large"; o.close(); o.unlink(); c.commit()
    """,
    "a large object, written at once": """
        c = connect(); o = c.lobject(); assert isinstance(o, ext.lobject)
        assert o.write(b"data" * 4000000) == 16000000 and o.write("text" * 1000000) == 4000000 and o.write("") == 0
        o.seek(15999999); assert o.read(5) == "atext"; o.close(); assert ask(c) == 1
    """,
    "replication": """
        c = connect(connection_factory=psycopg2.extras.LogicalReplicationConnection); k = c.cursor()
        assert type(k) is psycopg2.extras.ReplicationCursor
        try: k.consume_stream(print)
        except psycopg2.ProgrammingError as error: assert "not replicating" in str(error)
        else: raise AssertionError
        k.create_replication_slot("s", output_plugin="test_decoding")
        try: k.start_replication("nothing")
        except psycopg2.ProgrammingError: pass
        else: raise AssertionError
        k.start_replication("s"); assert k.read_message() is None
        try: k.consume_stream(print, 0.5)
        except psycopg2.ProgrammingError as error: assert ">= 1" in str(error)
        else: raise AssertionError
        d, seen, began = connect(), [], threading.Event()
        def write():  # what the stream waits for, is done by another thread
            began.wait(); j = d.cursor(); j.execute("create table if not exists r (a int)"); d.commit()
            j.execute("insert into r values (42)"); d.commit()
        def consume(message):
            seen.append(message.payload); message.cursor.send_feedback(flush_lsn=message.data_start)
            try: k.consume_stream(print)
            except psycopg2.ProgrammingError as error: assert "already" in str(error)
            else: raise AssertionError
            if b"42" in bytes(message.payload): raise psycopg2.extras.StopReplication
        thread = threading.Thread(target=write); thread.start(); threading.Timer(0.05, began.set).start()
        try: k.consume_stream(consume, keepalive_interval=1)
        except psycopg2.extras.StopReplication: pass
        thread.join(); assert len(seen) > 1, seen
        k.close()
        try: k.consume_stream(print)
        except psycopg2.InterfaceError: pass
        else: raise AssertionError
        c.close(); d.autocommit = True
        while ask(d, "select count(*) from pg_replication_slots where active"): pass
        d.cursor().execute("select pg_drop_replication_slot('s')")
    """,
    "a connection shared by threads": """
        c = connect()
        assert at_once(lambda: ask(c, "select 3 from pg_sleep(0.01)"), 8)[0] == [3] * 8
        c.rollback()
        def change():
            with c.cursor() as k: k.execute("select 1"); c.commit(); return 1
        assert at_once(change, 8)[0] == [1] * 8
    """,
    "a named cursor, shared too": """
        c = connect(); k = c.cursor("n"); k.itersize = 10; k.execute("select n from generate_series(1, 35) n")
        assert sum(r[0] for r in k) == 630; k.close()
        def some(names=iter("abcdef")):
            with c.cursor(next(names)) as k:
                k.execute("select n from generate_series(1, 20) n"); k.itersize = 3
                return [k.fetchone()[0], len(k.fetchmany(2)), sum(r[0] for r in k), len(k.fetchall())]
        assert at_once(some)[0] == [[1, 2, 204, 0]] * 6
    """,
    "time-outs of statements, and of locks": """
        c = connect(options="-c statement_timeout=100")
        try: ask(c, "select pg_sleep(5)")
        except ext.QueryCanceledError: c.rollback()
        else: raise AssertionError
        assert ask(c) == 1
    """,
    "cancel() by another thread": """
        c = connect()
        def end(): time.sleep(0.05); c.cancel()
        threading.Thread(target=end).start()
        try: ask(c, "select pg_sleep(20)")
        except ext.QueryCanceledError: c.rollback()
        else: raise AssertionError
        assert ask(c) == 1
    """,
    "close() waits for who queries": """
        c = connect(); found = []; k = c.cursor()
        thread = threading.Thread(target=lambda: found.append(k.execute("select 4 from pg_sleep(0.1)"))); thread.start()
        time.sleep(0.02); c.close(); thread.join()
        assert found == [None] and c.closed
    """,
    "transactions, with, autocommit, two-phase, errors": """
        import pickle
        c = connect()
        with c, c.cursor() as k: k.execute("create temp table t (a int unique)"); k.execute("insert into t values (1)")
        try:
            with c, c.cursor() as k: k.execute("insert into t values (1)")
        except psycopg2.IntegrityError as error:
            assert error.pgcode == "23505" and pickle.loads(pickle.dumps(error)).pgcode == "23505"
        c.autocommit = True; assert ask(c, "select count(*) from t") == 1; c.autocommit = False
        c.set_session(readonly=True); c.set_client_encoding("LATIN1"); c.reset(); assert ask(c) == 1
    """,
    "an asynchronous connection": """
        import select
        c = psycopg2.connect(DSN, async_=True)
        def wait():
            while (s := c.poll()) != ext.POLL_OK: select.select([c] if s == 1 else [], [c] if s == 2 else [], [])
        wait(); k = c.cursor(); k.execute("select 6"); wait(); assert k.fetchone() == (6,)
    """,
    "replication, asynchronous": """
        import select
        c = psycopg2.connect(DSN, connection_factory=psycopg2.extras.LogicalReplicationConnection, async_=True)
        def wait():
            while (s := c.poll()) != ext.POLL_OK: select.select([c] if s == 1 else [], [c] if s == 2 else [], [])
        wait(); k = c.cursor(); k.create_replication_slot("p", output_plugin="test_decoding"); wait(); k.start_replication("p"); wait()
        try: k.consume_stream(print)
        except psycopg2.ProgrammingError as error: assert "asynchronous" in str(error), error
        else: raise AssertionError
        d = connect(); d.autocommit = True
        threading.Timer(0.05, d.cursor().execute, ("drop table if exists q; create table q as select 43 a",)).start()
        while (message := k.read_message()) is None or b"43" not in bytes(message.payload):
            if message is None: select.select([c], [], [], 1)
        c.close()
        while ask(d, "select count(*) from pg_replication_slots where active"): pass
        d.cursor().execute("select pg_drop_replication_slot('p')")
    """,
    "notifications": """
        import select
        c, d = connect(), connect(); c.autocommit = d.autocommit = True
        c.cursor().execute("listen x"); d.cursor().execute("notify x, 'hi'")
        select.select([c], [], [], 5); c.poll(); assert c.notifies[0].payload == "hi"
    """,
    "classes of extras, and of the program": """
        from psycopg2.extras import DictCursor, NamedTupleCursor, RealDictCursor, LoggingConnection, execute_values
        c = connect(cursor_factory=DictCursor); k = c.cursor(); k.execute("select 1 as a"); assert k.fetchone()["a"] == 1
        k.copy_expert("copy (select 1) to stdout", io.StringIO())
        assert type(c.cursor()) is DictCursor and type(c.cursor(cursor_factory=RealDictCursor)) is RealDictCursor
        k = c.cursor("named", NamedTupleCursor); k.execute("select 1 as a union select 2"); assert {r.a for r in k} == {1, 2}
        class Mine(ext.connection):
            def cursor(self, *a, **k): self.made = True; return super().cursor(*a, **k)
        c = psycopg2.connect(DSN, connection_factory=Mine); assert ask(c) == 1 and c.made and type(c) is Mine
        k = c.cursor(); k.execute("create temp table t (a int)"); execute_values(k, "insert into t values %s", [(n,) for n in range(250)])
        k.copy_to(io.StringIO(), "t")
        c = psycopg2.connect(DSN, connection_factory=LoggingConnection); c.initialize(io.StringIO()); assert ask(c) == 1
        assert c.cursor_factory is None and "a cursor" and ext.register_type(ext.UNICODE, c) is None
    """,
    "a cursor without its beginning": """
        class Bad(ext.cursor):
            def __init__(self, *args): pass
        k = Bad(connect())
        for call in (lambda: k.execute("select 1"), lambda: k.copy_from(io.StringIO(), "t"), k.fetchone):
            try: call()
            except psycopg2.InterfaceError: pass
            else: raise AssertionError
    """,
    "pools": """
        from psycopg2.pool import ThreadedConnectionPool
        pool = ThreadedConnectionPool(1, 8, DSN)
        def one():
            c = pool.getconn()
            try: return ask(c, "select 2 from pg_sleep(0.01)")
            finally: pool.putconn(c)
        assert at_once(one, 8)[0] == [2] * 8
    """,
    "a forked child": """
        import os
        ask(connect())
        pid = os.fork()
        if not pid: os._exit(at_once(lambda: ask(connect(), "select 2 from pg_sleep(0.01)"))[0] != [2] * 6)
        assert os.waitpid(pid, 0)[1] == 0
    """,
}


@pytest.mark.parametrize("spec", [None, "all"])
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_as_without_lazypatch(check: str, spec: str | None, dsn: str) -> None:
    run(dsn, check, spec)


def test_who_is_ended_leaves_no_answer_for_the_next_query(dsn: str) -> None:
    """A Timeout, a kill, Ctrl-C: at once, and the connection is closed rather than used again."""
    run(
        dsn,
        """
        import os, signal
        def slow(c): ask(c, "select 'late' from pg_sleep(20)")
        c, d, e = connect(), connect(), connect()
        try:
            with gevent.Timeout(0.05): slow(c)
        except gevent.Timeout: pass
        else: raise AssertionError
        killed = gevent.spawn(slow, d); gevent.sleep(0.05); killed.kill()
        def interrupt(): gevent.sleep(0.05); os.kill(os.getpid(), signal.SIGINT)
        gevent.spawn(interrupt)
        try: slow(e)
        except KeyboardInterrupt: pass
        else: raise AssertionError
        assert c.closed and d.closed and e.closed and ask(connect(), "select 8") == 8
        """,
    )


def test_time_outs_of_connect_are_kept() -> None:
    """By a server that accepts and says nothing."""
    with silent() as port:
        run(
            f"host=127.0.0.1 port={port} connect_timeout=2",
            """
            begin = time.monotonic()
            try: connect()
            except psycopg2.OperationalError as error: assert "timeout expired" in str(error)
            else: raise AssertionError
            assert 1.5 < time.monotonic() - begin < 10
            """,
        )


def test_native_threads_wait_natively(dsn: str) -> None:
    """And make no hub."""
    run(
        dsn,
        """
        from gevent._hub_local import get_hub_if_exists
        found = []
        def work():
            c = connect(); k = c.cursor(); out = io.StringIO()
            k.copy_expert("copy (select 1) to stdout", out)
            found.append((ask(c, "select 9 from pg_sleep(0.05)"), out.getvalue(), get_hub_if_exists()))
        threads = [lazypatch.original("threading").Thread(target=work) for _ in range(3)]
        [each.start() for each in threads]
        c = connect()
        while any(each.is_alive() for each in threads): assert ask(c) == 1; time.sleep(0.001)
        assert found == [(9, "1\\n", None)] * 3, found
        """,
    )


def test_native_threads_do_not_take_the_callback_from_each_other(dsn: str) -> None:
    """psycopg2 looks whether there is one, lets other native threads run, and calls it: a COPY must not begin between."""
    run(
        dsn,
        """
        sys.setswitchinterval(1e-5)
        errors = []
        def work():
            try:
                for _ in range(30):
                    c = connect(); c.cursor().copy_expert("copy (select 1) to stdout", io.StringIO())
                    assert [ask(c) for _ in range(20)] == [1] * 20
                    c.close()
            except Exception as error: errors.append(error)
        threads = [lazypatch.original("threading").Thread(target=work) for _ in range(3)]
        [each.start() for each in threads]
        c = connect()
        while any(each.is_alive() for each in threads): assert ask(c) == 1; time.sleep(0.0001)
        assert not errors, errors
        """,
    )


@pytest.mark.parametrize(
    "first", ["import psycopg2, psycopg2.extras", "import psycopg2.extras; from psycopg2.extras import DictCursor"]
)
def test_late(first: str, dsn: str) -> None:
    code = """
import lazypatch; lazypatch.enable()
import sys, threading, io
DSN = sys.argv[1]
ext = psycopg2.extensions
c = psycopg2.connect(DSN, cursor_factory=psycopg2.extras.DictCursor)
assert type(c) is ext.connection and ext.get_wait_callback() and issubclass(psycopg2.extras.DictCursor, ext.cursor)
k = c.cursor(); k.execute("select 1 as a"); k.copy_expert("copy (select 1) to stdout", io.StringIO())
assert lazypatch.state("psycopg2") == "late", lazypatch.state("psycopg2")
"""
    run(dsn, code, None, first + "\n")


def test_a_programs_own_callback_is_left_alone(dsn: str) -> None:
    """One that is set later, too."""
    code = """
import psycopg2, psycopg2.extensions as ext, sys
from psycopg2.extras import wait_select
ext.set_wait_callback(wait_select)
import threading, gevent
assert ext.get_wait_callback() is wait_select and psycopg2.connect(sys.argv[1]).cursor().execute("select 1") is None
"""
    run(dsn, code, prelude="")
    run(
        dsn,
        "ext.set_wait_callback(psycopg2.extras.wait_select); c = connect(); c.cursor().copy_expert('copy (select 1) to stdout', io.StringIO()); assert ext.get_wait_callback() is psycopg2.extras.wait_select",
    )
