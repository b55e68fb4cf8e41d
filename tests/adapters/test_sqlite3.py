"""sqlite3 waits for a locked database while the others run, and a connection belongs to one thread."""

from __future__ import annotations

import pathlib

import pytest
from conftest import run_code, run_python, same_as_plain

PRELUDE = """
import os, sys, threading, time
import gevent, lazypatch, sqlite3
path = sys.argv[1]
assert lazypatch.get_original("sqlite3", "Connection") is not sqlite3.Connection
def connect(timeout=20, **more):
    return sqlite3.connect(path, timeout=timeout, **more)
def holder(how="exclusive"):
    connection = connect(isolation_level=None, check_same_thread=False)
    connection.execute("begin " + how)
    return connection
def let_go_soon(held):
    def end():
        for _ in range(20): time.sleep(0.001)
        held.execute("commit")
    thread = threading.Thread(target=end)
    thread.start()
    return thread
with connect() as made:
    made.execute("create table t (x)")
    made.executemany("insert into t values (?)", [(n,) for n in range(5)])
def count():
    return connect().execute("select count(*) from t").fetchone()[0]
"""


def run(folder: pathlib.Path, code: str) -> None:
    done = run_python("-c", PRELUDE + code, str(folder / "db"), spec="all")
    assert done.returncode == 0, done.stderr


WRITES = {
    "execute": "c.execute('insert into t values (1)')",
    "a cursor": "c.cursor().execute('insert into t values (1)')",
    "executemany": "c.executemany('insert into t values (?)', [(1,)])",
    "executescript": "c.executescript('insert into t values (1);')",
    "begin immediate": "c.isolation_level = 'IMMEDIATE'; c.execute('insert into t values (1)')",
    "a with": "c.__enter__(); c.execute('insert into t values (1)')",
    "returning": "assert c.execute('insert into t values (1) returning x').fetchone() == (1,)",
    "a context": "with c: c.execute('insert into t values (1)')",
}


@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_who_writes_waits_while_the_others_run(write: str, journal: str, tmp_path: pathlib.Path) -> None:
    """It is a thread of the same process that has the lock, and lets go of it meanwhile."""
    run(
        tmp_path,
        f"""
made.execute("pragma journal_mode={journal}")
made.close()
c, thread = connect(), let_go_soon(holder("immediate"))
{write}
c.commit()
thread.join()
assert count() == 6
""",
    )


def test_a_commit_waits_for_those_who_read(tmp_path: pathlib.Path) -> None:
    """The lock that it needs is another than the write had."""
    run(
        tmp_path,
        """
reader, c = connect(isolation_level=None, check_same_thread=False), connect()
reader.execute("begin"); reader.execute("select * from t").fetchall()
c.execute("insert into t values (1)")
thread = let_go_soon(reader)
c.commit()
thread.join()
assert count() == 6
""",
    )


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_writers_in_many_threads_all_succeed(journal: str, tmp_path: pathlib.Path) -> None:
    """Each waits for something else inside its transactions."""
    run(
        tmp_path,
        f"""
made.execute("pragma journal_mode={journal}")
failed = []
def write():
    try:
        c = connect()
        for n in range(5):
            with c:
                c.execute("insert into t values (?)", (n,)); time.sleep(0.001)
                c.executemany("insert into t values (?)", [(n,)])
        c.close()
    except BaseException as error: failed.append(error)
threads = [threading.Thread(target=write) for _ in range(8)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
assert not failed and count() == 85, failed
""",
    )


def test_a_deadlock_is_told_at_once(tmp_path: pathlib.Path) -> None:
    """Two readers who both want to write: SQLite asks no busy handler there."""
    run(
        tmp_path,
        """
a, b = connect(isolation_level=None), connect(isolation_level=None)
for c in (a, b): c.execute("begin"); c.execute("select * from t").fetchall()
a.execute("insert into t values (1)")
begin = time.monotonic()
try: b.execute("insert into t values (2)")
except sqlite3.OperationalError as error: assert "locked" in str(error)
else: raise AssertionError
assert time.monotonic() - begin < 5  # of 20
""",
    )


def test_the_timeout_is_kept(tmp_path: pathlib.Path) -> None:
    """Given as it can be, changed and told by a PRAGMA, and none at all; the others run all the time."""
    run(
        tmp_path,
        """
held, ticks = holder(), []
ticking = gevent.spawn(lambda: [(ticks.append(1), gevent.sleep(0.01)) for _ in range(10 ** 5)])
def waits(c):
    begin, before = time.monotonic(), len(ticks)
    try: c.execute("insert into t values (1)")
    except sqlite3.OperationalError as error: assert str(error) == "database is locked"
    else: raise AssertionError
    took = time.monotonic() - begin
    assert took < 0.1 or len(ticks) - before > took / 0.05
    return took
assert 0.25 < waits(sqlite3.connect(path, timeout=0.3)) < 3
assert 0.25 < waits(sqlite3.Connection(path, timeout=0.3)) < 3
assert waits(sqlite3.connect(path, timeout=0)) < 0.2
c = sqlite3.connect(path, timeout=7)
assert c.execute("PRAGMA busy_timeout").fetchone() == (7000,)
assert c.execute("pragma Busy_Timeout = 300").fetchone() == (300,)
assert 0.25 < waits(c) < 3
c.executescript("pragma busy_timeout = 0;")
assert waits(c) < 0.2
assert c.execute("PRAGMA  busy_timeout").fetchone() == (0,)
""",
    )


@pytest.mark.parametrize("end", ["Timeout", "kill", "Ctrl-C"])
def test_what_ends_the_wait_comes_out_of_the_call(end: str, tmp_path: pathlib.Path) -> None:
    """And the connection is of use afterwards."""
    run(
        tmp_path,
        f"""
import signal
held, c, got = holder(), connect(check_same_thread=False), []
def write():
    try: c.execute("insert into t values (1)")
    except sqlite3.Error as error: got.append(error)
if {end!r} == "Timeout":
    with gevent.Timeout(0.05, False): write(); raise AssertionError
elif {end!r} == "kill":
    waits = gevent.spawn(write)
    gevent.sleep(0.05); waits.kill()
    assert isinstance(waits.value, gevent.GreenletExit)
else:
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try: write()
    except KeyboardInterrupt: pass
    else: raise AssertionError
assert not got
held.execute("commit")
with c: c.execute("insert into t values (1)")
assert count() == 6
""",
    )


def test_a_backup_waits_while_the_others_run(tmp_path: pathlib.Path) -> None:
    """Its own pauses are between its steps, whose progress is told as ever; what that raises ends it."""
    run(
        tmp_path,
        """
told, to = [], sqlite3.connect(":memory:")
thread = let_go_soon(holder())
connect(timeout=0).backup(to, pages=1, progress=lambda *told_now: told.append(told_now), sleep=0.01)
thread.join()
assert to.execute("select count(*) from t").fetchone() == (5,)
assert told[0][0] in (5, 6) and told[-1][:2] == (101, 0), told  # busy or locked first, done at last
def fails(*args): raise ZeroDivisionError
try: connect().backup(sqlite3.connect(":memory:"), progress=fails)
except ZeroDivisionError: pass
else: raise AssertionError
""",
    )


def test_who_uses_a_connection_in_which_another_waits_waits_for_that_one(tmp_path: pathlib.Path) -> None:
    """As for SQLite's mutex: SQLite must not be entered again from its busy handler."""
    run(
        tmp_path,
        """
held, c, order = holder("immediate"), connect(check_same_thread=False), []
rows = c.execute("select 1 union select 2")  # has no lock, with which SQLite would not wait
write = threading.Thread(target=lambda: (c.execute("insert into t values (1)"), order.append("write")))
write.start()
while not order and not lazypatch_waits(): time.sleep(0.001)
others = [
    threading.Thread(target=lambda: (c.execute("select 1"), order.append("execute"))),
    threading.Thread(target=lambda: (next(rows), order.append("next"))),
    threading.Thread(target=lambda: (c.commit(), order.append("commit"))),
]
[thread.start() for thread in others]
for _ in range(20): time.sleep(0.001)
assert order == []
held.execute("commit")
[thread.join() for thread in (write, *others)]
assert order[0] == "write" and sorted(order) == ["commit", "execute", "next", "write"], order
""".replace("lazypatch_waits()", "sys.modules['lazypatch.adapters.sqlite3']._waiting"),
    )


def test_a_connection_belongs_to_the_thread_that_made_it(tmp_path: pathlib.Path) -> None:
    """To any greenlet of the program's own, too; and to all threads if it is told so."""
    run(
        tmp_path,
        """
c, free, got = connect(), connect(check_same_thread=False), []
cursor = c.execute("select 1")
calls = (
    lambda: c.execute("select 1"), lambda: c.commit(), c.close, lambda: c.cursor(), cursor.fetchone, cursor.close,
    lambda: cursor.execute("select 1"), lambda: c.create_function("f", 0, lambda: 1), lambda: c.set_trace_callback(None),
)
def elsewhere():
    for call in calls:
        try: call()
        except sqlite3.ProgrammingError as error: got.append("created in a thread can only be used in that" in str(error))
        else: got.append(call)
    free.interrupt()
    got.append(free.execute("select 2").fetchone())
thread = threading.Thread(target=elsewhere); thread.start(); thread.join()
assert got == [True] * len(calls) + [(2,)], got
assert gevent.spawn(lambda: c.execute("select 3").fetchone()).get() == (3,)
assert c.execute("select 4").fetchone() == (4,)
""",
    )


def test_the_classes_are_what_they_are_natively(tmp_path: pathlib.Path) -> None:
    """Subclasses, factories, errors and signatures, in an armed and in a plain process."""
    code = """
import inspect, sqlite3, sys, threading
def outcome(call):
    try: return call()
    except (AttributeError, TypeError) as error: return type(error).__name__
    except Exception as error: return type(error).__name__, str(error)
class C(sqlite3.Connection):
    def __init__(self, *args, **kwargs): super().__init__(*args, **kwargs); self.color = "red"
    def cursor(self): return super().cursor(K)
class K(sqlite3.Cursor): color = "blue"
c = sqlite3.connect(":memory:", factory=C)
print(type(c), c.color, c.cursor().color, repr(c)[:18], isinstance(c, sqlite3.Connection))
d = sqlite3.connect(":memory:")
print(type(d) is sqlite3.Connection, type(d.execute("select 1")) is sqlite3.Cursor, type(d.cursor()) is sqlite3.Cursor)
print(sqlite3.Connection.__module__, sqlite3.Connection.__qualname__, sqlite3.Connection.__doc__, d.cursor(K).color)
print(outcome(lambda: d.cursor(None)), outcome(lambda: d.execute("nonsense")), outcome(lambda: d.execute()), outcome(lambda: d.x))
print(outcome(lambda: sqlite3.Connection.__new__(sqlite3.Connection).commit()))
d.close()
print(outcome(lambda: d.execute("select 1")), outcome(lambda: d.cursor()), outcome(lambda: d.commit()))
for name in ("connect", "Cursor"):
    print(name, getattr(sqlite3, name).__name__, outcome(lambda: str(inspect.signature(getattr(sqlite3, name)))))
for name in ("execute", "commit", "backup", "create_function", "cursor", "__exit__"):
    print(name, outcome(lambda: str(inspect.signature(getattr(sqlite3.Connection, name)))), getattr(sqlite3.Connection, name).__doc__)
e = sqlite3.connect(":memory:", isolation_level=None); e.row_factory = sqlite3.Row
e.executescript("create table t (x); insert into t values (1);")
print([tuple(row) for row in e.execute("select * from t")], list(e.iterdump()), e("select 1") is not None, e.in_transaction)
print(sqlite3.connect is sqlite3.dbapi2.connect, sqlite3.Cursor is sys.modules["_sqlite3"].Cursor)
"""
    plain, armed = run_code(code), run_code(code, spec="all")
    assert armed == plain


def test_ctypes_is_loaded_by_the_first_connection_only() -> None:
    run_code(
        """
import sys, threading, sqlite3
assert "lazypatch.adapters.sqlite3" in sys.modules and "ctypes" not in sys.modules
sqlite3.connect(":memory:").close()
assert "ctypes" in sys.modules
""",
        spec="all",
    )


def test_where_sqlite_cannot_be_called_connections_are_native() -> None:
    """Nothing is said: the program runs as it would."""
    run_code(
        """
import sys, threading, ctypes
ctypes.CDLL = lambda name: object()
import sqlite3
c = sqlite3.connect(":memory:")
assert sys.modules["lazypatch.adapters._sqlite3_busy"]._library is None
assert c.execute("pragma busy_timeout").fetchone() == (5000,)
""",
        spec="all",
    )


LONG = "with recursive r(i) as (select 1 union all select i + 1 from r where i < 100000000) select max(i) from r"


def test_the_others_run_while_a_query_computes() -> None:
    """So another thread may interrupt it, a Timeout ends it, and who uses the same connection waits for it."""
    code = f"""
import faulthandler, sqlite3, sys, threading, time
import gevent
faulthandler.dump_traceback_later(60, exit=True)
connection = sqlite3.connect(":memory:", check_same_thread=False)
order = []
def interrupt():
    time.sleep(0.05)
    order.append("others run")
    connection.interrupt()
def use():
    order.append(connection.execute("select 7").fetchone())
threads = [threading.Thread(target=each) for each in (interrupt, use)]
connection.execute("select 1").fetchone()
[thread.start() for thread in threads]
try:
    connection.execute({LONG!r}).fetchone()
except sqlite3.OperationalError as error:
    order.append(str(error))
[thread.join() for thread in threads]
assert sorted(map(str, order)) == ["(7,)", "interrupted", "others run"] and order[0] != "interrupted", order
try:
    with gevent.Timeout(0.05):
        connection.execute({LONG!r}).fetchone()
except gevent.Timeout:
    print(connection.execute("select 5").fetchone())
"""
    assert run_code(code, spec="all") == "(5,)\n"


@pytest.mark.parametrize("share", ["shared", "%73hared"])
def test_connections_that_share_a_cache_do_not_wait_for_each_other_for_ever(share: str) -> None:
    """Their mutex is held while a statement runs, and is not recursive."""
    code = f"""
import faulthandler, sqlite3, threading
faulthandler.dump_traceback_later(20, exit=True)
first, second = [sqlite3.connect("file:x?mode=memory&cache={share}", uri=True, check_same_thread=False) for _ in "12"]
first.execute("create table t(x)")
first.executemany("insert into t values(?)", [(i,) for i in range(1000)])
first.commit()
thread = threading.Thread(target=lambda: second.execute("select count(*) from t").fetchall())
thread.start()
print(first.execute("select count(*) from t a, t b, t c where a.x < 10").fetchall())
thread.join()
"""
    assert run_code(code, spec="all") == run_code(code)


@pytest.mark.skipif(not hasattr(__import__("sqlite3"), "enable_shared_cache"), reason="removed in Python 3.12")
def test_a_cache_that_is_shared_by_default_is_known() -> None:
    code = """
import sqlite3, threading, warnings
warnings.simplefilter("ignore")
threading.Thread(target=int).start()
sqlite3.enable_shared_cache(True)
sqlite3.dbapi2.enable_shared_cache(False)
print(sqlite3.connect(":memory:").execute("select 1").fetchall())
"""
    assert run_code(code, spec="all") == run_code(code)


def test_another_thread_may_look_a_method_up_and_have_it_called_in_the_connections_own() -> None:
    """As aiosqlite does."""
    code = """
import queue, sqlite3, threading
calls, answers = queue.Queue(), queue.Queue()
def serve():
    connection = sqlite3.connect(":memory:"); answers.put(connection)
    while (call := calls.get()) is not None: answers.put(call(connection))
thread = threading.Thread(target=serve); thread.start()
connection = answers.get()
for name in "create_function", "set_trace_callback", "create_collation": assert hasattr(connection, name)
create = connection.create_function
try: create("f", 0, lambda: 1)
except sqlite3.ProgrammingError as error: print(str(error).partition(".")[0])
calls.put(lambda _: create("f", 0, lambda: 7)); print(answers.get())
calls.put(lambda connection: connection.execute("select f()").fetchone()); print(answers.get())
calls.put(None); thread.join()
"""
    assert same_as_plain(code).count("\n") == 3
