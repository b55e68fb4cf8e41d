"""What cannot be switched is named once, when it is first loaded; and verdicts on drivers are right."""

from __future__ import annotations

import pathlib

import pytest
from conftest import run_python

from lazypatch._adapters import ADAPTERS
from lazypatch.adapters.driver_warnings import _CALLS, _WHEN_CALLED
from lazypatch.adapters.drivers import DRIVERS

NAMES = next(row.modules for row in ADAPTERS if row.word == "driver-warnings")
AT_ONCE = sorted({*NAMES} - {*_WHEN_CALLED})


def library(folder: pathlib.Path, name: str, body: str = "") -> None:
    """A module of that name: what is said of it does not depend on what is in it."""
    *packages, last = name.split(".")
    for package in packages:
        folder = folder / package
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").touch()
    (folder / f"{last}.py").write_text(body)


def run(folder: pathlib.Path, code: str, spec: str = "all") -> str:
    (folder / "app.py").write_text(code)
    done = run_python("app.py", cwd=folder, spec=spec, PYTHONPATH=str(folder))
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_the_tables_have_the_same_names() -> None:
    assert {*NAMES} == {*_CALLS} and {*NAMES} <= {*DRIVERS}


@pytest.mark.parametrize("name", AT_ONCE)
def test_it_is_named_once_on_the_line_that_loads_it(name: str, tmp_path: pathlib.Path) -> None:
    library(tmp_path, name)
    said = run(tmp_path, f"import threading\nimport {name}\nimport {name}, importlib; importlib.reload({name})\n")
    assert said.count(f"{name} was loaded") == 1 and "no other greenlet runs" in said and "What to do:" in said, said
    assert "app.py:2: LazyPatchWarning" in said


@pytest.mark.parametrize(
    ("name", "body", "call"),
    [
        (
            "oracledb",
            "def is_thin_mode(): return True\ndef init_oracle_client(lib=None): return lib\n",
            "assert m.init_oracle_client(lib=5) == 5",
        ),
    ],
)
def test_it_is_named_when_it_begins_to_wait_in_c(name: str, body: str, call: str, tmp_path: pathlib.Path) -> None:
    library(tmp_path, name, body)
    assert run(tmp_path, f"import threading, {name} as m\n") == ""
    said = run(tmp_path, f"import threading, {name} as m\n{call}\n{call}\n")
    assert said.count("LazyPatchWarning") == 1 and "app.py:2" in said, said


def test_nothing_is_said_where_nobody_would_be_stopped(tmp_path: pathlib.Path) -> None:
    """No greenlets, not wanted, or taken care of by the program."""
    library(tmp_path, "pyodbc", "def connect(): pass\n")
    assert run(tmp_path, "import pyodbc, sys; assert 'gevent' not in sys.modules") == ""
    assert run(tmp_path, "import threading, pyodbc", "all,-driver-warnings") == ""
    assert run(tmp_path, "import threading, pyodbc", "gevent") == ""
    assert run(tmp_path, "import threading, pyodbc", "all,in_threadpool=pyodbc:connect") == ""
    library(tmp_path, "mariadb.cursors", "class Cursor:\n    def execute(self): pass\n")
    assert run(tmp_path, "import threading, mariadb.cursors", "all,in_threadpool=mariadb.cursors:Cursor.execute") == ""
    assert run(tmp_path, "import lazypatch; lazypatch.in_threadpool('pyodbc:connect'); import threading, pyodbc") == ""
    assert "app.py:2" in run(tmp_path, "import pyodbc\nimport threading\n")


def test_under_w_error_the_import_goes_on(tmp_path: pathlib.Path) -> None:
    library(tmp_path, "pyodbc")
    done = run_python(
        "-W", "error", "-c", "import threading, pyodbc", cwd=tmp_path, spec="all", PYTHONPATH=str(tmp_path)
    )
    assert done.returncode == 0 and "pyodbc was loaded" in done.stderr


def test_the_real_duckdb_is_named() -> None:
    pytest.importorskip("duckdb", reason="duckdb is not installed here")
    done = run_python("-c", "import threading, duckdb; assert duckdb.sql('select 1').fetchall() == [(1,)]", spec="all")
    assert done.returncode == 0 and done.stderr.count("duckdb was loaded") == 1, done.stderr


VERDICTS = {
    "thin oracledb": ("oracledb", "def is_thin_mode(): return True", "", True),
    "thick oracledb": ("oracledb", "def is_thin_mode(): return False", "", False),
    "the C part of mysql.connector, that its import loads": ("mysql.connector.connection_cext", "", "", None),
    "zmq beside zmq.green": (
        "zmq",
        "class Socket:\n    def recv(self): pass",
        "import types; sys.modules['zmq.green'] = types.ModuleType('x')",
        None,
    ),
    "zmq": ("zmq", "class Socket:\n    def recv(self): pass", "", False),
    "grpc": (
        "grpc",
        "",
        "import types; m = sys.modules['grpc._cython.cygrpc'] = types.ModuleType('x'); m.g_gevent_activated = False",
        False,
    ),
    "pymssql": ("pymssql", "class _mssql: wait_callback = None", "", False),
    "pymssql with a callback of the program's": ("pymssql", "class _mssql: wait_callback = print", "", True),
    "pymssql, of a kind that is not known": ("pymssql", "", "", None),
    "pylibmc": ("pylibmc", "", "", None),
    "python-ldap": ("ldap", "", "", False),
    "pyodbc": ("pyodbc", "", "", False),
    "pyodbc in native threads": ("pyodbc", "def connect(): pass", "lazypatch.in_threadpool('pyodbc:connect')", None),
    "sqlite3": ("sqlite3", None, "", None),
}


@pytest.mark.parametrize(("name", "body", "code", "switched"), VERDICTS.values(), ids=VERDICTS.keys())
def test_verdicts(name: str, body: str | None, code: str, switched: bool | None, tmp_path: pathlib.Path) -> None:
    """Without any adapter: True, False, or None where nothing tells."""
    if body is not None:
        library(tmp_path, name, body)
    run(
        tmp_path,
        f"import sys, gevent, threading, lazypatch, {name}\n{code}\n"
        f"seen = {{d.module: d.switched for d in lazypatch.report().drivers}}\n"
        f"assert seen[{name!r}] is {switched}, seen\nassert str(lazypatch.report())",
        "gevent",
    )
