"""psycopg 3 lets the others run, imported before arming or after it: against a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from adapters_servers import postgres
from conftest import run_python

pytest.importorskip("psycopg", reason="psycopg is not installed here")

CODE = """
import sys, threading, time
def at_once(call, n=8):
    found = []
    threads = [threading.Thread(target=lambda: found.append(call())) for _ in range(n)]
    begin = time.monotonic()
    [each.start() for each in threads]; [each.join() for each in threads]
    assert found == [7] * n and time.monotonic() - begin < n * 0.3 / 2, (found, time.monotonic() - begin)
made = [psycopg.connect(sys.argv[1]) for _ in range(8)]; left = list(made)
at_once(lambda: left.pop().execute("select 7 from pg_sleep(0.3)").fetchone()[0])
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
