"""What a tiny call of a driver costs: plain Python, the switch that is known for it, and lazypatch, in turn, in many rounds.

``python tests/by_hand/driver_costs.py [--rounds N] [--rows WORD ...] [--markdown docs/drivers.md]``. Each round starts one
process for each column, which makes the same call many times; the best of all rounds counts, in microseconds. On a busy
machine the ratios still say something. The known switches are psycogreen's, zmq.green, and grpc's init_gevent(), each under
``gevent.monkey.patch_all()``; the other rows have none.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import pathlib
import subprocess
import sys
from typing import Any, NamedTuple

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import adapters_servers as servers
import drivers_peers as peers
import tds
from conftest import clean_environment
from drivers_table import version
from recorded import write_section


class Row(NamedTuple):
    """A call: *code* makes ``call()``, and the *switch* is what is known to make it cooperative, if there is such a thing."""

    name: str
    dist: str
    server: Any
    code: str
    switch: str = ""
    number: int = 500


SELECT = "\ndef call(): cursor.execute('select 1'); cursor.fetchall()"
POSTGRES = "import psycopg2\ncursor = psycopg2.connect(WHERE).cursor()" + SELECT
ZMQ = "import threading, zmq\ncontext = zmq.Context()\na, b = context.socket(zmq.PAIR), context.socket(zmq.PAIR)\n"
ZMQ += "a.bind('inproc://x'); b.connect('inproc://x')\n"
ZMQ_BACK = """
def echo():
    while True: b.send(b.recv())
threading.Thread(target=echo, daemon=True).start()
def call(): a.send(b"x"); a.recv()
"""
GREEN = "import sys, zmq.green; sys.modules['zmq'] = zmq.green\n"
GRPC = "import grpc\nask = grpc.insecure_channel(f'127.0.0.1:{WHERE}').unary_unary('/t/slow')\ndef call(): ask(b'x')"
CURL = """
import io, pycurl
curl = pycurl.Curl(); curl.setopt(curl.URL, f"http://127.0.0.1:{WHERE}/"); curl.setopt(curl.WRITEFUNCTION, lambda data: None)
def call(): curl.perform()
"""
LDAP = """
import ldap
directory = ldap.initialize(f"ldap://127.0.0.1:{WHERE}"); directory.simple_bind_s("cn=admin,dc=example", "secret")
def call(): directory.search_s("", ldap.SCOPE_BASE)
"""
CONNECTOR = """
import mysql.connector
connection = mysql.connector.connect(host="127.0.0.1", port=WHERE, user="root"); cursor = connection.cursor()
"""
NAMED = "if 'lazypatch' in sys.modules:\n    import lazypatch; lazypatch.in_threadpool('colorsys:rgb_to_yiq')\n"
ROWS = (
    Row("psycopg2, `select 1` (psycogreen)", "psycopg2-binary", servers.postgres, POSTGRES,
        "import psycogreen.gevent; psycogreen.gevent.patch_psycopg()\n"),
    Row("psycopg, `select 1`", "psycopg", servers.postgres,
        "import psycopg\ncursor = psycopg.connect(WHERE).cursor()" + SELECT),
    Row("zmq, a message that is there (`zmq.green`)", "pyzmq", contextlib.nullcontext,
        ZMQ + "def call(): b.send(b'x'); a.recv()", GREEN, 5000),
    Row("zmq, there and back between two threads (`zmq.green`)", "pyzmq", contextlib.nullcontext, ZMQ + ZMQ_BACK, GREEN),
    Row("grpc, one call (`init_gevent()`)", "grpcio", functools.partial(peers.slow_grpc, 0), GRPC,
        "import grpc.experimental.gevent; grpc.experimental.gevent.init_gevent()\n"),
    Row("mysqlclient, `select 1`", "mysqlclient", servers.mariadb,
        "import MySQLdb\ncursor = MySQLdb.connect(host='127.0.0.1', port=WHERE, user='root').cursor()" + SELECT),
    Row("mysql.connector's C extension, `select 1`", "mysql-connector-python", servers.mariadb, CONNECTOR + SELECT),
    Row("pymssql, `select 1` from a server in Python", "pymssql", tds.tds,
        "import pymssql\ncursor = pymssql.connect('127.0.0.1', 'u', 'p', 'd', port=WHERE).cursor()" + SELECT, "", 100),
    Row("pycurl, GET on a connection that is kept", "pycurl", functools.partial(peers.slow_http, 0), CURL),
    Row("pylibmc, `get()`", "pylibmc", servers.memcached,
        "import pylibmc\nclient = pylibmc.Client([f'127.0.0.1:{WHERE}'])\ndef call(): client.get('x')"),
    Row("python-ldap, a search that finds one entry", "python-ldap", servers.ldap, LDAP),
    Row("a call by `in_threadpool`", "", contextlib.nullcontext,
        NAMED + "import colorsys, threading\ndef call(): colorsys.rgb_to_yiq(0, 0, 0)", "", 5000),
)  # fmt: skip
COLUMNS = ("plain", "known switch", "`all`")
CHILD = """
import json, sys, threading, time, timeit
threading.Thread(target=bool).start(); time.sleep(0.001)  # there is somebody to let run
WHERE = json.loads(sys.argv[1])
%s
for _ in range(50): call()
times = timeit.repeat(call, number=%d, repeat=5)
print(json.dumps(min(times) / %d * 1e6), flush=True)
import os; os._exit(0)
"""


def once(row: Row, column: str, where: Any) -> float:
    """Microseconds of one call, in one process."""
    before = "from gevent import monkey; monkey.patch_all()\n" + row.switch if column == "known switch" else ""
    code = before + CHILD % (row.code, row.number, row.number)
    environment = clean_environment(**({"PYTHONCOOPPATCH": "all"} if column == "`all`" else {}))
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(where)], capture_output=True, text=True, env=environment, timeout=60,
        cwd=pathlib.Path(__file__).parent,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{row.name}, {column}: {done.stderr[-2000:]}")
    return float(done.stdout)


def line(row: Row, best: dict[str, float]) -> str:
    """The row of the table."""
    plain, known, ours = (best[column] for column in COLUMNS)
    shown = f"{known:.1f}" if row.switch else "-"
    beside = f"{ours / known:.2f}" if row.switch else "-"
    return f"| {row.name} | {plain:.1f} | {shown} | {ours:.1f} | {ours / plain:.2f} | {beside} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", nargs="*", default=[], help="only rows whose name contains one of these")
    parser.add_argument("--markdown", type=pathlib.Path, help="put the table for this Python into this page")
    options = parser.parse_args()
    lines = ["| call | plain | known switch | `all` | all / plain | all / known |", "|---|---|---|---|---|---|"]
    for row in ROWS:
        if (options.rows and not any(word in row.name for word in options.rows)) or not version(row.dist):
            continue
        columns = [column for column in COLUMNS if row.switch or column != "known switch"]
        best = dict.fromkeys(COLUMNS, float("inf"))
        try:
            with row.server() as where:
                for _ in range(options.rounds):
                    for column in columns:
                        best[column] = min(best[column], once(row, column, where))
        except pytest.skip.Exception as error:
            print(f"{row.name}: {error}", flush=True)
            continue
        lines.append(line(row, best))
        print(lines[-1], flush=True)
    if options.markdown:
        title = "What a tiny call costs on Python {}.{}, microseconds".format(*sys.version_info)
        write_section(options.markdown, title, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
