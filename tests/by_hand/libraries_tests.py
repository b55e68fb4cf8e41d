"""The own tests of libraries of concurrency, under plain Python and under PYTHONCOOPPATCH=all.

``python tests/by_hand/libraries_tests.py --folder FOLDER [--names NAME ...] [--results FOLDER] [--markdown FILE]``. Each
library gets an environment of its own in FOLDER, with this Python and the lazypatch that is installed for it, and its
source distribution, by version, from the package index. What passes under plain Python and not under lazypatch is run twice
more before it counts. Exit status 1 when a library ran no test, or when a test fails under lazypatch alone and
``libraries_tests_explained.py`` does not say why.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import pathlib
import shutil
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import beside_plain
import environments
from beside_plain import Row, markdown, problems, show
from recorded import Job, NotStored, Outcomes, Store, add_options, interruptible, write_section


class Library(NamedTuple):
    """One row: a distribution and its version, what its tests need besides, and pytest's arguments."""

    name: str
    version: str
    needs: str = ""
    arguments: str = "tests"

    @property
    def title(self) -> str:
        """How the table names it."""
        return f"{self.name} {self.version}"

    @property
    def file_name(self) -> str:
        """How its source distribution names it."""
        return self.name.replace("-", "_")


ANYIO = "trio blockbuster hypothesis psutil pytest-mock pytest-timeout trustme truststore uvloop"
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
    # The emitters of test_observer.py are threads in a loop that never waits, so nobody else would ever run.
    Library("watchdog", "7.1.0", WATCHDOG, "tests --ignore tests/test_observer.py"),
    Library("watchdog", "6.0.0", WATCHDOG, "tests -o addopts= --ignore tests/test_observer.py"),
    # Its other tests are about its own packaging.
    Library(
        "python-daemon",
        "3.1.2",
        "testtools testscenarios docutils lockfile",
        "test/test_daemon.py test/test_pidfile.py",
    ),
)
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
        _pip("download", "-q", "--no-deps", "--no-binary", ":all:", "-d", str(home), wanted)
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
            recorder="pytest_recorder.py", python=python, work=str(source),
        )  # fmt: skip
        return store.run(f"{library.name}-{library.version}.{job.spec or 'plain'}.{attempt}", job)

    return beside_plain.compare(library.title, column)


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
            for library in LIBRARIES
            if not options.names or library.name in options.names
        }
        for title, future in waiting.items():
            try:
                rows.append(future.result())
            except NotStored:
                print(f"{title}: not run yet", flush=True)
                continue
            show(rows[-1])
    if options.markdown:
        write_section(options.markdown, f"Libraries' tests beside plain Python, {VERSION}", markdown(rows))
    return 1 if not rows or any(map(problems, rows)) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
