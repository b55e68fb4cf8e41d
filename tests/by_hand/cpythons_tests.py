"""CPython's own tests as they are, module by module, under plain Python and under PYTHONCOOPPATCH=all.

``python tests/by_hand/cpythons_tests.py [--files NAME ...] [--results FOLDER] [--markdown FILE]``. Nothing is adjusted and
nothing left out: plain Python is the oracle. What passes under it and not under lazypatch is run twice more before it counts.
Exit status 1 when a file ran no test, or when a test fails under lazypatch alone and ``cpythons_tests_explained.py`` does not
say why.
"""

from __future__ import annotations

import argparse
import fnmatch
import importlib.util
import pathlib
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import conformance
from cpythons_tests_explained import EXPLAINED
from recorded import (
    Job,
    NotStored,
    Outcome,
    Outcomes,
    Store,
    add_options,
    failing,
    interruptible,
    ran,
    write_section,
)

WHICH = """
    test_os test_posix test_fcntl test_io test_file test_fileio test_pty test_signal test_select test_poll test_epoll
    test_selectors test_socket test_sqlite3 test_subprocess test_popen test_queue test_thread test_threading
    test_threading_local test_fork1 test_wait3 test_wait4 test_eintr test_compileall test_ssl test_httplib test_logging
    test_socketserver test_smtplib test_ftplib test_imaplib test_poplib test_urllib2_localnet test_xmlrpc test_wsgiref
    test_context test_contextlib test_time test_builtin test_exceptions test_sys test_gc test_weakref test_runpy test_import
    test_importlib test_sched test_robotparser test_telnetlib test_docxmlrpc test_asyncore test_asynchat test_shutil
    test_tempfile test_mailbox test_getpass test_readline test_cmd_line test_site test_atexit test_faulthandler
    test_asyncio test_multiprocessing_main_handling test_multiprocessing_fork test_multiprocessing_spawn
    test_multiprocessing_forkserver test_concurrent_futures
"""
FILES = WHICH.split()
VERSION = "{}.{}".format(*sys.version_info)
RETRIES = 2
HANGS_AFTER = 60  # seconds without a sign
# As regrtest does without -u, but for what costs time alone: what wants a network, a screen or gigabytes is skipped.
SETUP = "import test.support; test.support.use_resources = ['cpu', 'subprocess']"


class Row(NamedTuple):
    """What came of one file. Sets of test ids; but what fails under lazypatch alone with its outcome."""

    file: str
    ran: set[str]
    plain: set[str]  # fail under plain Python
    ran_lazily: set[str]
    alone: dict[str, Outcome]
    here_alone: set[str]  # fail under plain Python alone
    flaky: set[str]


def modules(file: str) -> list[str]:
    """The modules of the test file, or test package, *file*; with the package's own, if there are tests in it."""
    spec = importlib.util.find_spec("test." + file)
    found = conformance.modules(file)
    if spec is None or spec.origin is None or "test." + file in found:
        return found
    return ["test." + file, *found] if "TestCase)" in pathlib.Path(spec.origin).read_text(encoding="utf-8") else found


def column(name: str, store: Store, spec: str, attempt: int = 0) -> Outcomes:
    """The outcomes of the module *name*, plain or under *spec*, which its children inherit."""
    job = Job(name, SETUP, spec, armed_children=True, plain=True, idle_after=HANGS_AFTER)
    outcomes = store.run(f"{name}.{spec or 'plain'}.{attempt}", job)
    # What is in brackets belongs to the process, not to a test.
    return {f"{name}{test}" if test.startswith("<") else test: outcome for test, outcome in outcomes.items()}


def lost(plain: Outcomes, lazy: Outcomes) -> dict[str, Outcome]:
    """What fails, or does not run, under lazypatch and passes under plain Python."""
    missing = Outcome("missing", "runs under plain Python and not under lazypatch")
    result = {test: lazy[test] for test in failing(lazy) - failing(plain)}
    return {**result, **{test: lazy.get(test, missing) for test in ran(plain) - failing(plain) - ran(lazy)}}


def compare_module(file: str, name: str, store: Store, spec: str) -> Row:
    """Run one module of *file* in both columns; what differs is run again, in both, before it counts."""
    plain, lazy = column(name, store, ""), column(name, store, spec)
    differs, flaky = lost(plain, lazy), set[str]()
    for attempt in range(1, 1 + RETRIES):
        if all(explanation(file, test) for test in differs):
            break
        again = lost(plain, column(name, store, spec, attempt))
        if again.keys() & differs.keys():
            again = {test: again[test] for test in lost(column(name, store, "", attempt), again) if test in again}
        still = {test: outcome for test, outcome in differs.items() if test in again}
        flaky.update(differs.keys() - still.keys())
        differs = still
    return Row(file, ran(plain), failing(plain), ran(lazy), differs, failing(plain) & ran(lazy) - failing(lazy), flaky)


def together(file: str, rows: list[Row]) -> Row:
    """One row for the modules of *file*."""
    whole = Row(file, set(), set(), set(), {}, set(), set())
    for row in rows:
        whole.alone.update(row.alone)
        for mine, more in zip(whole, row, strict=True):
            if isinstance(mine, set):
                mine.update(more)
    return whole


def explanation(file: str, test: str) -> str:
    """Why *test* may fail under lazypatch alone; empty if nothing says so."""
    for line in EXPLAINED:
        if fnmatch.fnmatchcase(file, line.file) and fnmatch.fnmatchcase(test, line.test):
            return line.reason
    return ""


def problems(row: Row) -> list[str]:
    """What makes the program fail."""
    result = [f"{row.file}: ran no test under lazypatch"] if row.ran and not row.ran_lazily else []
    for test, outcome in row.alone.items():
        if not explanation(row.file, test):
            result.append(f"{row.file}: {test}: {outcome.what} under lazypatch alone\n{outcome.text}")
    return result


def markdown(rows: list[Row]) -> str:
    """The table for docs/dev/conformance.md."""
    names = ["file", "tests run", "fail under plain", "under `all` alone", "of these explained", "plain alone", "flaky"]
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    for row in rows:
        explained = sum(1 for test in row.alone if explanation(row.file, test))
        counts = [len(row.ran), len(row.plain), len(row.alone), explained, len(row.here_alone), len(row.flaky)]
        lines.append(f"| {' | '.join([row.file, *map(str, counts)])} |")
    flaky = [f"- `{test.removeprefix('test.')}`" for row in rows for test in sorted(row.flaky)]
    parts = [lines, _listed("Fail under `all` alone", _alone(rows)), _listed("Flaky", flaky)]
    return "\n".join(line for part in parts for line in part) + "\n"


def _alone(rows: list[Row]) -> list[str]:
    """What fails under lazypatch alone, by the reason."""
    by_reason: dict[str, list[str]] = {}
    for row in rows:
        for test in sorted(row.alone):
            reason = explanation(row.file, test) or "**not explained**"
            by_reason.setdefault(reason, []).append(f"`{test.removeprefix('test.')}`")
    return [f"- {', '.join(tests)}: {reason}" for reason, tests in by_reason.items()]


def _listed(title: str, items: list[str]) -> list[str]:
    return ["", f"{title}:", "", *items] if items else []


def show(row: Row) -> None:
    """Print what came of one file."""
    print(markdown([row]).splitlines()[2], flush=True)
    for test in sorted(row.flaky):
        print(f"  flaky: {test}", flush=True)
    for problem in problems(row):
        print(problem, flush=True)


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", nargs="+", default=FILES, help="names of files and packages of the `test` package")
    parser.add_argument("--spec", default="all", help="what to put into PYTHONCOOPPATCH")
    add_options(parser)
    options = parser.parse_args(arguments)
    interruptible()
    store = Store(options.results and options.results / VERSION, options.no_run)
    rows = []
    with ThreadPoolExecutor(options.jobs) as pool:
        waiting = {
            file: [pool.submit(compare_module, file, name, store, options.spec) for name in modules(file)]
            for file in options.files
            if importlib.util.find_spec("test." + file) is not None
        }
        for file, futures in waiting.items():
            try:
                rows.append(together(file, [future.result() for future in futures]))
            except NotStored:
                print(f"{file}: not run yet", flush=True)
                continue
            show(rows[-1])
    if options.markdown:
        write_section(options.markdown, f"CPython's tests beside plain Python, {VERSION}", markdown(rows))
    return 1 if any(map(problems, rows)) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
