"""The rows of drivers_table.py: libraries for databases, and what stands on top of them.

The code of a row makes ``make()``, which gives what is connected, and ``call(it)``, which waits for 0.3 s; ``WHERE`` is what
its server gave: a DSN, or a port as a number.
"""

from __future__ import annotations

from drivers_table import Row

POSTGRES = """
import os
DSN = WHERE
PARTS = dict(part.split("=") for part in DSN.split())
def ask(connection):
    with connection.cursor() as cursor:
        cursor.execute("select pg_sleep(0.3)"); cursor.fetchall()
"""
MARIADB = """
def ask(connection):
    cursor = connection.cursor(); cursor.execute("select sleep(0.3)"); cursor.fetchall(); cursor.close()
"""
PG_URL = "f\"postgresql+{name}://tester@{PARTS['host']}:{PARTS['port']}/postgres\""
SQLALCHEMY = """
import sqlalchemy
def engine(url, size=20):
    return sqlalchemy.create_engine(url, pool_size=size, max_overflow=0)
def make():
    connection = ENGINE.connect(); connection.execute(sqlalchemy.text("select 1")); return connection
def call(connection):
    connection.execute(sqlalchemy.text(SLEEP)).fetchall()
"""
POOL_OF_TWO = """
def make(): return None
def call(_):
    with ENGINE.connect() as connection: connection.execute(sqlalchemy.text(SLEEP)).fetchall()
"""
LMDB = """
import lmdb, os, subprocess, sys, tempfile
HOLDER = '''
import lmdb, sys, time
for line in sys.stdin:
    with lmdb.open(sys.argv[1]) as e, e.begin(write=True):
        print("x", end="", flush=True); sys.stdin.readline(); time.sleep(0.3)
'''
def make():
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    folder, pipe = tempfile.mkdtemp(dir="."), subprocess.PIPE
    return folder, subprocess.Popen([sys.executable, "-c", HOLDER, folder], stdin=pipe, stdout=pipe, env=clean, bufsize=0)
def call(it):
    folder, holder = it
    holder.stdin.write(b"\\n"); assert holder.stdout.read(1) == b"x"
    with lmdb.open(folder) as e:
        holder.stdin.write(b"\\n")
        with e.begin(write=True): pass
"""
LOOPS = """
import asyncio
def make(): return None
def call(_): asyncio.run(one())
"""
DJANGO = """
import django.conf
def settings(**database):
    django.conf.settings.configure(DATABASES={"default": database}, USE_TZ=True); django.setup()
def make(): return None
def call(_):
    from django.db import connection
    with connection.cursor() as cursor: cursor.execute(SLEEP); cursor.fetchall()
    connection.close()
"""
DJANGO_POSTGRES = (
    DJANGO
    + 'settings(ENGINE="django.db.backends.postgresql", NAME="postgres", USER="tester", HOST=PARTS["host"], PORT=PARTS["port"])\n'
    'SLEEP = "select pg_sleep(0.3)"\n'
)
# SQLAlchemy's names of drivers with C code, and the modules by which lazypatch's report knows them.
IN_C = {
    "psycopg2": "psycopg2",
    "psycopg": "psycopg",
    "mysqldb": "MySQLdb",
    "mysqlconnector": "mysql.connector.connection_cext",
}


def on_postgres(name: str, dist: str, code: str, **more: object) -> Row:
    """A row against a real PostgreSQL server."""
    return Row(name, dist, "postgres", POSTGRES + code, **more)  # type: ignore[arg-type]


def on_mariadb(name: str, dist: str, code: str, **more: object) -> Row:
    """A row against a real MariaDB server."""
    return Row(name, dist, "mariadb", MARIADB + code, **more)  # type: ignore[arg-type]


def alchemy(name: str, server: str, size: int = 20) -> Row:
    """SQLAlchemy's engine on the driver *name*."""
    begin, url, sleep = POSTGRES, PG_URL, "select pg_sleep(0.3)"
    if server == "mariadb":
        begin, url, sleep = MARIADB, 'f"mysql+{name}://root@127.0.0.1:{WHERE}/mysql"', "select sleep(0.3)"
    code = begin + SQLALCHEMY + f"name, SLEEP = {name!r}, {sleep!r}\nENGINE = engine({url}, {size})\n"
    said, module = f"SQLAlchemy, {name}", IN_C.get(name, "")
    needs = "SQLAlchemy mysqlclient" if name == "mysqldb" else "SQLAlchemy"
    if size == 2:
        return Row(f"{said}, a pool of two", needs, server, code + POOL_OF_TWO, module, best=3)
    return Row(said, needs, server, code, module)


DATABASES = [
    on_postgres("psycopg2", "psycopg2-binary", "import psycopg2\nmake, call = lambda: psycopg2.connect(DSN), ask\n", module="psycopg2"),
    on_postgres("psycopg", "psycopg", "import psycopg\nmake, call = lambda: psycopg.connect(DSN), ask\n", module="psycopg"),
    on_postgres("psycopg in Python", "psycopg", "os.environ['PSYCOPG_IMPL'] = 'python'\nimport psycopg\nmake, call = lambda: psycopg.connect(DSN), ask\n", module="psycopg"),
    on_postgres("psycopg_pool", "psycopg-pool", "import psycopg_pool\npool = psycopg_pool.ConnectionPool(DSN, min_size=20, max_size=20, open=True); pool.wait()\ndef make(): return None\ndef call(_):\n    with pool.connection() as connection: ask(connection)\n", module="psycopg"),
    on_postgres("psycopg, asyncio, a loop in each thread", "psycopg", LOOPS + "import psycopg\nasync def one():\n    async with await psycopg.AsyncConnection.connect(DSN) as c: await c.execute('select pg_sleep(0.3)')\n"),
    on_postgres("pg8000", "pg8000", "import pg8000.dbapi\ndef make(): return pg8000.dbapi.connect(user='tester', host=PARTS['host'], port=int(PARTS['port']), database='postgres')\ndef call(c):\n    k = c.cursor(); k.execute('select 1 from pg_sleep(0.3)'); k.fetchall()\n"),
    on_postgres("asyncpg, a loop in each thread", "asyncpg", LOOPS + "import asyncpg\nasync def one():\n    c = await asyncpg.connect(user='tester', host=PARTS['host'], port=int(PARTS['port']), database='postgres')\n    await c.execute('select pg_sleep(0.3)'); await c.close()\n"),
    alchemy("psycopg2", "postgres"),
    alchemy("psycopg", "postgres"),
    alchemy("pg8000", "postgres"),
    alchemy("psycopg2", "postgres", 2),
    alchemy("psycopg", "postgres", 2),
    on_postgres("SQLAlchemy asyncio, asyncpg, a loop in each thread", "SQLAlchemy", LOOPS + f"import sqlalchemy\nfrom sqlalchemy.ext.asyncio import create_async_engine\nname = 'asyncpg'\nasync def one():\n    e = create_async_engine({PG_URL})\n    async with e.connect() as c: await c.execute(sqlalchemy.text('select pg_sleep(0.3)'))\n    await e.dispose()\n"),
    on_postgres("Django's ORM, psycopg2", "Django", "import sys; sys.modules['psycopg'] = None\nimport psycopg2\n" + DJANGO_POSTGRES, module="psycopg2"),
    on_postgres("Django's ORM, psycopg", "Django", DJANGO_POSTGRES, module="psycopg"),
    on_postgres("pyodbc, PostgreSQL's driver", "pyodbc", "import pyodbc\nmake, call = lambda: pyodbc.connect(f\"Driver=PostgreSQL Unicode;Servername={PARTS['host']};Port={PARTS['port']};Database=postgres;UID=tester\"), ask\n", module="pyodbc"),
    on_postgres("adbc_driver_postgresql", "adbc-driver-postgresql", "import adbc_driver_postgresql.dbapi as a\ndef make(): return a.connect(f\"postgresql://tester@{PARTS['host']}:{PARTS['port']}/postgres\")\ndef call(c):\n    with c.cursor() as k: k.execute('select 1 from pg_sleep(0.3)'); k.fetchall()\n", module="adbc_driver_postgresql"),
    on_postgres("adbc_driver_postgresql, with in_threadpool", "adbc-driver-postgresql", "import adbc_driver_postgresql.dbapi as a\ndef make(): return a.connect(f\"postgresql://tester@{PARTS['host']}:{PARTS['port']}/postgres\")\ndef call(c):\n    with c.cursor() as k: k.execute('select 1 from pg_sleep(0.3)'); k.fetchall()\n", spec="all,in_threadpool=adbc_driver_postgresql.dbapi:Cursor.execute"),
    on_mariadb("PyMySQL", "PyMySQL", "import pymysql\nmake, call = lambda: pymysql.connect(host='127.0.0.1', port=WHERE, user='root'), ask\n"),
    on_mariadb("mysqlclient", "mysqlclient", "import MySQLdb\nmake, call = lambda: MySQLdb.connect(host='127.0.0.1', port=WHERE, user='root'), ask\n", module="MySQLdb"),
    on_mariadb("mysql-connector, its C part", "mysql-connector-python", "import mysql.connector\nmake, call = lambda: mysql.connector.connect(host='127.0.0.1', port=WHERE, user='root', use_pure=False), ask\n", module="mysql.connector.connection_cext"),
    on_mariadb("mysql-connector, pure", "mysql-connector-python", "import mysql.connector\nmake, call = lambda: mysql.connector.connect(host='127.0.0.1', port=WHERE, user='root', use_pure=True), ask\n", module="mysql.connector.connection_cext"),
    on_mariadb("mariadb", "mariadb", "import mariadb\nmake, call = lambda: mariadb.connect(host='127.0.0.1', port=WHERE, user='root'), ask\n", module="mariadb"),
    on_mariadb("mariadb, with in_threadpool", "mariadb", "import mariadb\nmake, call = lambda: mariadb.connect(host='127.0.0.1', port=WHERE, user='root'), ask\n", spec="all,in_threadpool=mariadb.cursors:Cursor.execute"),
    alchemy("pymysql", "mariadb"),
    alchemy("mysqldb", "mariadb"),
    alchemy("mysqlconnector", "mariadb"),
    alchemy("mysqldb", "mariadb", 2),
    alchemy("pymysql", "mariadb", 2),
    on_mariadb("Django's ORM, mysqlclient", "Django mysqlclient", DJANGO + "settings(ENGINE='django.db.backends.mysql', NAME='mysql', USER='root', HOST='127.0.0.1', PORT=WHERE)\nSLEEP = 'select sleep(0.3)'\n", module="MySQLdb"),
    Row("sqlite3, a locked database", "", "", "import sqlite3\nfrom tempfile import mkdtemp\nfile = mkdtemp(dir='.') + '/db'\nholder = sqlite3.connect(file, isolation_level=None, check_same_thread=False); holder.execute('create table t (a)'); holder.execute('begin exclusive')\ndef make(): return sqlite3.connect(file, timeout=0.3, check_same_thread=False)\ndef call(c):\n    try: c.execute('insert into t values (1)')\n    except sqlite3.OperationalError: return\n    raise AssertionError\n", module="sqlite3"),
    Row("apsw, a locked database", "apsw", "", "import apsw\nfrom tempfile import mkdtemp\nfile = mkdtemp(dir='.') + '/db'\nholder = apsw.Connection(file); holder.execute('create table t (a)'); holder.execute('begin exclusive')\ndef make():\n    c = apsw.Connection(file); c.set_busy_timeout(300); return c\ndef call(c):\n    try: c.execute('insert into t values (1)')\n    except apsw.BusyError: return\n    raise AssertionError\n", module="apsw"),
    Row("duckdb, a query that computes", "duckdb", "", "import duckdb\ndef make(): return duckdb.connect(config={'threads': 1})\ndef call(c): c.execute('select sleep_ms(300)').fetchall()\n", module="duckdb"),
    Row("duckdb, with in_threadpool", "duckdb", "", "import duckdb\ndef make(): return duckdb.connect(config={'threads': 1})\ndef call(c): c.execute('select sleep_ms(300)').fetchall()\n", spec="all,in_threadpool=duckdb:DuckDBPyConnection.execute+duckdb:DuckDBPyConnection.fetchall"),
    Row("lmdb, another writer", "lmdb", "", LMDB, module="lmdb"),
    Row("pymssql", "pymssql", "tds", "import pymssql\nmake = lambda: pymssql.connect(server='127.0.0.1', port=WHERE, user='a', password='b')\ndef call(c):\n    k = c.cursor(); k.execute(\"waitfor delay '0:0:0.3' select 5\"); assert k.fetchall() == [(5,)]\n", module="pymssql"),
    Row("oracledb, thin", "oracledb", "hangs_up", "import oracledb\nmake = lambda: None\ndef call(_):\n    try: oracledb.connect(user='a', password='b', dsn=f'127.0.0.1:{WHERE}/x')\n    except oracledb.Error: return\n    raise AssertionError\n", module="oracledb"),
    Row("pymongo", "pymongo", "silent", "import pymongo\nmake = lambda: pymongo.MongoClient(port=WHERE, serverSelectionTimeoutMS=300, connect=False)\ndef call(c):\n    try: c.a.b.find_one()\n    except pymongo.errors.ServerSelectionTimeoutError: return\n    raise AssertionError\n"),
    Row("cassandra-driver", "cassandra-driver", "silent", "import cassandra.cluster as cc\nmake = lambda: None\ndef call(_):\n    try: cc.Cluster(['127.0.0.1'], port=WHERE, connect_timeout=0.3, control_connection_timeout=0.3).connect()\n    except cc.NoHostAvailable: return\n    raise AssertionError\n"),
    Row("clickhouse-driver", "clickhouse-driver", "silent", "import clickhouse_driver as ch\nmake = lambda: ch.Client('127.0.0.1', port=WHERE, send_receive_timeout=0.3, sync_request_timeout=0.3)\ndef call(c):\n    try: c.execute('select 1')\n    except Exception as error: assert 'imed out' in str(error) or isinstance(error, (EOFError, ch.errors.Error)), error\n"),
    Row("aerospike", "aerospike", "hangs_up", "import aerospike\nmake = lambda: None\ndef call(_):\n    try: aerospike.client({'hosts': [('127.0.0.1', WHERE)], 'policies': {'login_timeout_ms': 300}, 'connect_timeout': 300}).connect()\n    except aerospike.exception.AerospikeError: return\n    raise AssertionError\n", module="aerospike"),
]  # fmt: skip
