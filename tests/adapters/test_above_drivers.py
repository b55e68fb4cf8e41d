"""What stands on the drivers works under lazypatch as without: SQLAlchemy and its pools, Django's ORM, celery's results."""

from __future__ import annotations

import textwrap

import pytest
from adapters_servers import ALL_OF, mariadb, port_of, postgres, redis, run

ALCHEMY = (
    """
import sqlalchemy, sys, threading, time
from sqlalchemy import text
PARTS = dict(part.split("=") for part in sys.argv[1].split() if "=" in part)
URLS = {
    "psycopg2": "postgresql+psycopg2://tester@127.0.0.1:{}/postgres".format(PARTS.get("port")),
    "psycopg": "postgresql+psycopg://tester@127.0.0.1:{}/postgres".format(PARTS.get("port")),
    "MySQLdb": "mysql+mysqldb://root@127.0.0.1:{}/mysql".format(sys.argv[1]),
}
DRIVER = sys.argv[2]
SLEEP = text("select sleep(0.05)" if DRIVER == "MySQLdb" else "select 0 from pg_sleep(0.05)")
LONG = text("select sleep(20)" if DRIVER == "MySQLdb" else "select 0 from pg_sleep(20)")
def engine(**more): return sqlalchemy.create_engine(URLS[DRIVER], **more)
def ask(e, what=SLEEP):
    with e.connect() as c: return int(c.execute(what).scalar())
"""
    + ALL_OF
)
# By driver, the fixture of the server that it asks.
DRIVERS = {"psycopg2": "of_postgres", "psycopg": "of_postgres", "MySQLdb": "of_mariadb"}
CHECKS = {
    "more threads than a pool has connections": """
        e = engine(pool_size=2, max_overflow=1)
        assert all_of([lambda: ask(e)] * 12)[0] == [0] * 12
        assert e.pool.checkedout() == 0 and e.pool.checkedin() == 2
    """,
    "an exhausted pool": """
        e = engine(pool_size=1, max_overflow=0, pool_timeout=0.2); held = e.connect()
        try: e.connect()
        except sqlalchemy.exc.TimeoutError: pass
        else: raise AssertionError
        threading.Timer(0.05, held.close).start()
        e2 = engine(pool_size=1, max_overflow=0, pool_timeout=20); held = e2.connect()
        threading.Timer(0.05, held.close).start(); assert ask(e2) == 0
    """,
    "transactions of many threads": """
        e = engine(pool_size=4, max_overflow=0)
        with e.begin() as c:
            c.execute(text("drop table if exists above")); c.execute(text("create table above (a int primary key, b int)"))
            c.execute(text("insert into above values (1, 0)"))
        def add():
            with e.begin() as c:
                b = c.execute(text("select b from above where a = 1 for update")).scalar(); c.execute(SLEEP)
                c.execute(text("update above set b = :b where a = 1"), {"b": b + 1})
            return 0
        def fail():
            try:
                with e.begin() as c: c.execute(text("insert into above values (2, 0)")); raise ZeroDivisionError
            except ZeroDivisionError: return 0
        all_of([add, fail] * 5)
        with e.begin() as c:
            assert c.execute(text("select b from above where a = 1")).scalar() == 5
            assert c.execute(text("select count(*) from above")).scalar() == 1
            c.execute(text("drop table above"))
    """,
}
ENDED = """
import gevent
e = engine(pool_size=1, max_overflow=0, pool_timeout=20)
ask(e)
for how in ("kill", "Timeout"):
    if how == "kill":
        one = gevent.spawn(ask, e, LONG); gevent.sleep(0.05); one.kill()
    else:
        try:
            with gevent.Timeout(0.05): ask(e, LONG)
        except gevent.Timeout: pass
        else: raise AssertionError
    assert ask(e, text("select 8")) == 8
"""
DJANGO = (
    """
import sys, threading, time
import django
from django.conf import settings
PARTS = dict(part.split("=") for part in sys.argv[1].split() if "=" in part)
POSTGRES = dict(ENGINE="django.db.backends.postgresql", NAME="postgres", USER="tester", PORT=PARTS.get("port"))
MARIADB = dict(ENGINE="django.db.backends.mysql", NAME="mysql", USER="root", PORT=sys.argv[1])
settings.configure(DATABASES={"default": {"HOST": "127.0.0.1", **(MARIADB if sys.argv[2] == "MySQLdb" else POSTGRES)}}); django.setup()
from django.db import connection, models, transaction
class Thing(models.Model):
    name = models.CharField(max_length=20, unique=True)
    class Meta: app_label = "things"
"""
    + ALL_OF
    + """
with connection.cursor() as k: k.execute("drop table if exists things_thing")
with connection.schema_editor() as editor: editor.create_model(Thing)
def one(n):
    try:
        with transaction.atomic(): Thing.objects.create(name=f"thing {n}")
        try:
            with transaction.atomic(): Thing.objects.create(name=f"thing {n}")
        except django.db.IntegrityError: pass
        else: raise AssertionError
        return Thing.objects.get(name=f"thing {n}").name
    finally: connection.close()
assert sorted(all_of([lambda n=n: one(n) for n in range(8)])[0]) == [f"thing {n}" for n in range(8)]
assert Thing.objects.count() == 8 and [t.name for t in Thing.objects.order_by("name").iterator(chunk_size=3)][0] == "thing 0"
with connection.schema_editor() as editor: editor.delete_model(Thing)
"""
)
CELERY = (
    """
import sys, threading, time
import celery
app = celery.Celery("app", broker=f"redis://127.0.0.1:{sys.argv[1]}/0", backend=f"redis://127.0.0.1:{sys.argv[1]}/1")
@app.task
def add(a, b): return a + b
"""
    + ALL_OF
    + """
results = [add.delay(n, n) for n in range(6)]
def store():
    for result, n in zip(results, range(6)): app.backend.store_result(result.id, 2 * n, "SUCCESS")
threading.Timer(0.2, store).start()
assert all_of([lambda r=r: r.get(timeout=20) for r in results])[0] != [] and [r.result for r in results] == [0, 2, 4, 6, 8, 10]
try: add.delay(1, 1).get(timeout=0.1)
except celery.exceptions.TimeoutError: pass
else: raise AssertionError
"""
)


of_postgres, of_mariadb, of_redis = port_of(postgres), port_of(mariadb), port_of(redis)


@pytest.mark.parametrize("spec", [None, "all"])
@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_sqlalchemy(check: str, driver: str, spec: str | None, request: pytest.FixtureRequest) -> None:
    pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed here")
    pytest.importorskip(driver, reason=f"{driver} is not installed here")
    run(ALCHEMY + textwrap.dedent(check), spec, request.getfixturevalue(DRIVERS[driver]), driver)


@pytest.mark.parametrize("driver", DRIVERS)
def test_sqlalchemys_pool_gives_no_answer_of_who_was_ended_to_the_next(
    driver: str, request: pytest.FixtureRequest
) -> None:
    pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed here")
    pytest.importorskip(driver, reason=f"{driver} is not installed here")
    run(ALCHEMY + ENDED, "all", request.getfixturevalue(DRIVERS[driver]), driver)


@pytest.mark.parametrize("spec", [None, "all"])
@pytest.mark.parametrize("driver", DRIVERS)
def test_djangos_orm(driver: str, spec: str | None, request: pytest.FixtureRequest) -> None:
    pytest.importorskip("django", reason="Django is not installed here")
    pytest.importorskip(driver, reason=f"{driver} is not installed here")
    # Django takes psycopg where it is installed; where it is not to, it is hidden.
    hide = "import sys; sys.modules['psycopg'] = None\n" if driver == "psycopg2" else ""
    run(hide + DJANGO, spec, request.getfixturevalue(DRIVERS[driver]), driver)


@pytest.mark.parametrize("spec", [None, "all"])
def test_celerys_results(spec: str | None, of_redis: int) -> None:
    pytest.importorskip("celery", reason="celery is not installed here")
    pytest.importorskip("redis", reason="redis is not installed here")
    run(CELERY, spec, of_redis)
