"""The own tests of libraries of concurrency and of drivers, under plain Python and under PYTHONCOOPPATCH=all.

``python tests/by_hand/libraries_tests.py --folder FOLDER [--names NAME ...] [--results FOLDER] [--markdown FILE]``. Each
library gets an environment of its own in FOLDER, with this Python and the lazypatch that is installed for it, and its
source distribution, by version, from the package index; or its repository, where the distribution has no tests. A driver
gets a new server for each run. What passes under plain Python and not under lazypatch is run twice more before it counts.
Exit status 1 when a library ran no test, or when a test fails under lazypatch alone and ``libraries_tests_explained.py``
does not say why.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib.metadata
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import adapters_servers as servers
import beside_plain
import environments
from beside_plain import Row, markdown, problems, show
from conftest import clean_environment
from recorded import Job, NotStored, Outcomes, Store, add_options, interruptible, run, write_section


class Library(NamedTuple):
    """One row: a distribution and its version, what its tests need besides, and pytest's arguments.

    Where there is a server, ``{where}`` in the arguments, variables and code is what it gives, and ``{port}`` its port.
    """

    name: str
    version: str
    needs: str = ""
    arguments: str = "tests"
    repository: str = ""  # where the tests are, if the source distribution has none; the version is a tag there
    server: str = ""  # a name of SERVERS
    variables: tuple[tuple[str, str], ...] = ()  # of the environment
    before: str = ""  # Python code that its environment runs in the folder of the source, once the server is there
    folder: str = "."  # of the source: where pytest runs

    @property
    def title(self) -> str:
        """How the table names it."""
        return f"{self.name} {self.version}"

    @property
    def file_name(self) -> str:
        """How its source distribution names it."""
        return self.name.replace("-", "_")


ANYIO = "trio blockbuster hypothesis psutil pytest-mock pytest-timeout trustme truststore uvloop"
REDIS = "pytest-asyncio pytest-timeout numpy pybreaker aiohttp xxhash redis-entraid cryptography opentelemetry-sdk"
# These marks and folders want a cluster, modules, TLS, or machines elsewhere.
ONE_REDIS = (
    "-m 'not onlycluster and not redismod and not ssl and not cp_integration and not multidb_integration' "
    "--ignore=tests/test_scenario --ignore=tests/test_asyncio/test_scenario"
)
HSTORE = "psycopg2.connect('{where}').cursor().execute('create extension hstore; commit')"
TEST_DATABASE = """
import MySQLdb
MySQLdb.connect(host="127.0.0.1", port={port}, user="root").query("create database test")
with open("tests/default.cnf", "w") as file:
    file.write("[MySQLdb-tests]\\nhost=127.0.0.1\\nport={port}\\nuser=root\\ndatabase=test\\n")
"""
WATCHDOG = "flaky pytest-timeout pytest-cov PyYAML eventlet"
LIBRARIES = (
    Library("asgiref", "3.13.0", "packaging pytest-asyncio"),
    Library("anyio", "4.16.0", ANYIO, "tests -m 'not network'"),
    Library("billiard", "4.3.2", "psutil", "t/unit"),
    Library("joblib", "1.6.0", "psutil threadpoolctl pytest-asyncio", "joblib/test"),
    Library("loky", "3.7.0", "psutil packaging", "tests"),
    Library("trio", "0.35.0", "trustme pyOpenSSL async_generator jedi astor", "--pyargs trio"),
    # These two want google.com, and that port 80 is not theirs.
    Library(
        "curio",
        "1.6",
        "",
        "tests --deselect tests/test_network.py::test_ssl_outgoing --deselect tests/test_network.py::test_errors",
    ),
    Library("pexpect", "4.9.0", "ptyprocess"),
    Library("watchdog", "7.1.0", WATCHDOG),
    Library("watchdog", "6.0.0", WATCHDOG, "tests -o addopts="),
    # Its other tests are about its own packaging.
    Library(
        "python-daemon",
        "3.1.2",
        "testtools testscenarios docutils lockfile",
        "test/test_daemon.py test/test_pidfile.py",
    ),
)
DRIVERS = (
    # Left out: mypy's opinion; what does the same some hundred times to count objects, for a quarter of an hour; and what
    # psycopg marks as "timing based, can fail on cheese hardware".
    Library(
        "psycopg", "3.3.4", "psycopg-binary==3.3.4 psycopg-pool==3.3.1 anyio dnspython pproxy",
        "tests --ignore=tests/test_typing.py -k 'not test_leak and not _leaks' -m 'not timing'", "https://github.com/psycopg/psycopg", "postgres",
        (("PSYCOPG_TEST_DSN", "{where}"),),
    ),
    Library(
        "psycopg2", "2.9.13", server="postgres", before="import psycopg2; " + HSTORE,
        variables=(("PSYCOPG2_TESTDB", "postgres"), ("PSYCOPG2_TESTDB_HOST", "127.0.0.1"), ("PSYCOPG2_TESTDB_PORT", "{port}"),
                   ("PSYCOPG2_TESTDB_USER", "tester"), ("PSYCOPG2_TEST_REPL_DSN", "")),
    ),
    Library("mysqlclient", "2.3.2", server="mariadb", before=TEST_DATABASE),
    Library("redis", "8.1.0", REDIS, "tests --redis-url=redis://127.0.0.1:{port}/0 " + ONE_REDIS, server="redis"),
    # In their folder: beside it is the source of zmq, which is not built.
    Library(
        "pyzmq", "27.3.0", "pytest-asyncio pytest-timeout tornado pymongo paramiko pexpect cython setuptools", ".",
        folder="tests",
    ),
)  # fmt: skip
URLLIB3 = (
    "trio h2 httpx hypercorn pysocks pytest-socket pytest-timeout quart quart-trio cryptography trustme pyopenssl brotli "
    "backports.zstd"
)
# The web side: clients, servers, and what they are made of.
WEB = (
    Library("aiofiles", "25.1.0", "pytest-asyncio"),
    Library("aiosqlite", "v0.22.1", "", "aiosqlite/tests/smoke.py", "https://github.com/omnilib/aiosqlite"),
    Library(
        "cheroot",
        "11.1.2",
        "requests jaraco.text jaraco.context portend pyopenssl pypytools pytest-mock pytest-timeout pytest-rerunfailures "
        "requests-unixsocket requests-toolbelt trustme",
        "cheroot/test -o addopts= -p cheroot.test._pytest_plugin",
    ),
    Library(
        "gunicorn",
        "27.0.1",
        "h2 pytest-asyncio pytest-cov uvloop httpx[http2] inotify packaging tornado eventlet gunicorn_h1c",
        "tests -o addopts= --ignore=tests/docker",
    ),
    Library("httpcore", "1.0.9", "anyio[trio] pytest-httpbin pytest-trio h2 socksio hpack werkzeug<2.1"),
    Library("httpx", "0.28.1", "trio trustme uvicorn h2 socksio brotli zstandard rich click cryptography chardet"),
    Library(
        "hypercorn",
        "0.18.0",
        "httpx hypothesis mock pytest-asyncio pytest-cov pytest-trio trio aioquic uvloop",
        "tests -o addopts=",
    ),
    Library("janus", "2.0.0", "pytest-asyncio pytest-cov", "tests -o addopts= --ignore=tests/test_benchmarks.py"),
    Library("trio-asyncio", "0.16.0", "pytest-trio outcome"),
    Library("urllib3", "2.8.0", URLLIB3, "test"),
    Library(
        "uvicorn",
        "0.54.0",
        "uvicorn[standard] pytest-mock pytest-xdist trustme cryptography httpx2 a2wsgi wsproto zttp pytest-codspeed",
        "tests -p no:codspeed",
    ),
    Library("waitress", "3.0.2", "pytest-cov", "tests -o addopts="),
    # Without its tests on trio.
    Library(
        "websockets",
        "17.0",
        "",
        "tests --ignore=tests/trio",
        "https://github.com/python-websockets/websockets",
    ),
)
SERVERS: dict[str, Any] = {
    "": contextlib.nullcontext,
    # psycopg's tests want transactions of two phases, psycopg2's replication, both many connections.
    "postgres": functools.partial(
        servers.postgres, "max_prepared_transactions=10", "wal_level=logical", "max_connections=100"
    ),
    "mariadb": servers.mariadb,
    "redis": functools.partial(servers.redis, "--enable-debug-command", "local"),
}
VERSION = "{}.{}".format(*sys.version_info)
HANGS_AFTER = 60  # seconds without a sign
LONGEST = 1800  # seconds for one column of a library
# What lazypatch needs, and what runs the tests; those of this Python, so that all libraries are run alike.
COMMON = [f"{name}=={importlib.metadata.version(name)}" for name in ("gevent", "greenlet", "wrapt", "pytest")]


def prepare(library: Library, folder: pathlib.Path) -> tuple[str, pathlib.Path]:
    """The interpreter of the environment for *library* in *folder*, made if it is not there, and its unpacked source.

    The environment gets the lazypatch that is installed now, also if it was there.
    """
    home = folder / f"{library.name}-{library.version}-{VERSION}"
    source = home / "source" / f"{library.file_name}-{library.version}"
    ready = home / "ready"
    if not ready.exists():
        shutil.rmtree(home, ignore_errors=True)
        made = environments.make(home / "env", others=False)
        wanted = f"{library.name}=={library.version}"
        _pip("--python", made.python, "install", "-q", *COMMON, wanted, *library.needs.split())
        if library.repository:
            tag = ["-c", "advice.detachedHead=false", "clone", "-q", "--branch", library.version]
            subprocess.run(["git", *tag, library.repository, str(source)], check=True)
        else:
            _pip("download", "-q", "--no-deps", "--no-binary", library.name, "-d", str(home), wanted)
            with tarfile.open(next(home.glob("*.tar.gz"))) as archive:
                archive.extractall(home / "source", filter="data")
        ready.write_text(made.python)
    package = next((home / "env").rglob("site-packages")) / "lazypatch"
    shutil.rmtree(package)
    shutil.copytree(environments.installed("lazypatch"), package)
    return ready.read_text(), source


def _pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", *arguments], check=True)


def compare(library: Library, folder: pathlib.Path, store: Store, spec: str) -> Row:
    """Run the tests of *library* in both columns."""
    python, source = prepare(library, folder)

    def column(armed: bool, attempt: int) -> Outcomes:
        job = Job(
            library.arguments, spec=spec if armed else "", idle_after=HANGS_AFTER, cap=LONGEST,
            recorder="pytest_recorder.py", python=python, work=str(source / library.folder), variables=library.variables,
        )  # fmt: skip
        return store.run(
            f"{library.name}-{library.version}.{job.spec or 'plain'}.{attempt}", job, lambda job: served(library, job)
        )

    return beside_plain.compare(library.title, column)


def served(library: Library, job: Job) -> Outcomes:
    """Run *job* with the library's server."""
    with SERVERS[library.server]() as where:
        port = re.search(r"\d+", str(where).partition("port=")[2] or str(where))

        def told(text: str) -> str:
            return text.replace("{where}", str(where)).replace("{port}", port.group() if port else "")

        if library.before:
            subprocess.run([job.python, "-c", told(library.before)], cwd=job.work, check=True, env=clean_environment())
        variables = tuple((name, told(value)) for name, value in job.variables)
        return run(job._replace(module=told(job.module), variables=variables))


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=pathlib.Path, required=True, help="where environments and sources are kept")
    parser.add_argument("--names", nargs="+", help="names of libraries; all, if none is given")
    parser.add_argument("--spec", default="all", help="what to put into PYTHONCOOPPATCH")
    add_options(parser)
    options = parser.parse_args(arguments)
    interruptible()
    store = Store(options.results and options.results / VERSION, options.no_run)
    folder, rows = options.folder.absolute(), []
    with ThreadPoolExecutor(options.jobs) as pool:
        waiting = {
            library.title: pool.submit(compare, library, folder, store, options.spec)
            for library in (*LIBRARIES, *WEB, *DRIVERS)
            if not options.names or library.name in options.names
        }
        for title, future in waiting.items():
            try:
                rows.append(future.result())
            except NotStored:
                print(f"{title}: not run yet", flush=True)
                continue
            except pytest.skip.Exception as error:
                print(f"{title}: {error}", flush=True)
                continue
            show(rows[-1])
    drivers = {library.title for library in DRIVERS}
    for whose, wanted in ("Libraries", False), ("Drivers", True):
        mine = [row for row in rows if (row.file in drivers) == wanted]
        if options.markdown and mine:
            write_section(options.markdown, f"{whose}' tests beside plain Python, {VERSION}", markdown(mine))
    return 1 if not rows or any(map(problems, rows)) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
