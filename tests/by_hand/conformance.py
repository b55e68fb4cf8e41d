"""CPython's own tests, file by file, under gevent.monkey.patch_all() and under PYTHONCOOPPATCH=all.

``python tests/by_hand/conformance.py [--files NAME ...] [--armed-children] [--results FOLDER] [--markdown FILE]``. Both columns get gevent's own
adjustments and its list of tests that cannot work (gevent.testing.monkey_test); what a file lacks in the second column
is that script's call of patch_all. Exit status 1 when a file ran no test in a column, or when a test fails under
lazypatch alone and ``conformance_explained.py`` does not say why.
"""

from __future__ import annotations

import argparse
import ast
import fnmatch
import importlib.util
import pathlib
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import gevent

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from conformance_explained import EXPLAINED
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

FILES = [
    "test_select", "test_selectors", "test_queue", "test_threading", "test_thread", "test_threading_local",
    "test_signal", "test_subprocess", "test_ssl", "test_socket", "test_httplib", "test_ftplib", "test_smtplib",
    "test_urllib2_localnet", "test_logging", "test_concurrent_futures", "test_os", "test_time", "test_importlib",
    "test_runpy", "test_asyncio", "test_functools",
]  # fmt: skip
VERSION = "{}.{}".format(*sys.version_info)
RETRIES = 2


class Row(NamedTuple):
    """What came of one file. Sets of test ids."""

    file: str
    ran: set[str]  # under gevent.monkey
    ran_lazily: set[str]
    gevent: set[str]  # fail under gevent.monkey
    lazy: dict[str, set[str]]  # mode of the children -> fail under lazypatch
    alone: dict[str, dict[str, Outcome]]  # mode -> fail under lazypatch and not under gevent.monkey
    flaky: set[str]  # differed once and not again


def setup(patch: bool) -> str:
    """The part of gevent.testing.monkey_test that prepares: all of it up to where it looks for the test's file."""
    spec = importlib.util.find_spec("gevent.testing.monkey_test")
    assert spec is not None and spec.origin is not None
    body = ast.parse(pathlib.Path(spec.origin).read_text(encoding="utf-8")).body
    lines = [ast.unparse(node) for node in body]
    first, last = lines.index("from gevent import monkey"), lines.index("resources.setup_resources()")
    lines = lines[first : last + 1]
    taken = [] if patch else ["from gevent import monkey", "monkey.patch_all()"]
    assert lines[:2] == ["from gevent import monkey", "monkey.patch_all()"]
    return "import os, sys\n" + "\n".join(line for line in lines if line not in taken)


def modules(file: str) -> list[str]:
    """The modules of the test file, or test package, *file*; none if it is not installed."""
    spec = importlib.util.find_spec("test." + file)
    if spec is None or spec.origin is None:
        return []
    if not spec.submodule_search_locations:
        return ["test." + file]
    folder = pathlib.Path(spec.origin).parent
    found = sorted(path.relative_to(folder).with_suffix("") for path in folder.rglob("test_*.py"))
    return [".".join(("test", file, *path.parts)) for path in found]


def under_gevent(name: str, store: Store, attempt: int = 0) -> Outcomes:
    """Run the module *name* under gevent.monkey."""
    return _column(name, store, f"gevent.{attempt}", Job(name, setup(patch=True)))


def under_lazypatch(name: str, store: Store, gevent: Outcomes, mode: str, attempt: int = 0) -> Outcomes:
    """Run it under lazypatch, with *mode* children, without the tests that hang under *gevent*: each costs a minute.

    If that run was given up because of them, without those that it did not get to, too.
    """
    only = tuple(gevent) if any(test.endswith("<rest>") for test in gevent) else ()
    hanging = tuple(test for test, outcome in gevent.items() if outcome.what == "hang" and "<" not in test)
    return _column(
        name, store, f"{mode}.{attempt}", Job(name, setup(patch=False), "gevent", mode == "armed", hanging, only)
    )


def _column(name: str, store: Store, column: str, job: Job) -> Outcomes:
    # What is in brackets belongs to the process, not to a test.
    outcomes = store.run(f"{name}.{column}", job)
    return {f"{name}{test}" if test.startswith("<") else test: outcome for test, outcome in outcomes.items()}


def lost(gevent: Outcomes, lazy: Outcomes) -> dict[str, Outcome]:
    """What fails, or does not run, under lazypatch and passes under gevent.monkey."""
    passes = ran(gevent) - failing(gevent)
    result = {test: lazy[test] for test in failing(lazy) - failing(gevent)}
    missing = Outcome("missing", "runs under gevent.monkey and not under lazypatch")
    return {**result, **{test: lazy.get(test, missing) for test in passes - ran(lazy)}}


def compare(file: str, modes: list[str], store: Store | None = None) -> Row:
    """Run *file* in all columns; what differs is run again, in both, before it counts."""
    return together(file, modes, [compare_module(file, name, modes, store or Store()) for name in modules(file)])


def compare_module(file: str, name: str, modes: list[str], store: Store) -> Row:
    """The same for one module of *file*."""
    gevent = under_gevent(name, store)
    row = Row(file, ran(gevent), set(), failing(gevent), {}, {}, set())
    for mode in modes:
        lazy = under_lazypatch(name, store, gevent, mode)
        row.ran_lazily.update(ran(lazy))
        row.lazy[mode] = failing(lazy)
        row.alone[mode] = _confirmed(row, mode, name, lost(gevent, lazy), store)
    return row


def together(file: str, modes: list[str], rows: list[Row]) -> Row:
    """One row for the modules of *file*."""
    whole = Row(file, set(), set(), set(), {mode: set() for mode in modes}, {mode: {} for mode in modes}, set())
    for row in rows:
        for mode in modes:
            whole.lazy[mode].update(row.lazy[mode])
            whole.alone[mode].update(row.alone[mode])
        for mine, more in zip(whole, row, strict=True):
            if isinstance(mine, set):
                mine.update(more)
    return whole


def _confirmed(row: Row, mode: str, name: str, differs: dict[str, Outcome], store: Store) -> dict[str, Outcome]:
    for attempt in range(1, 1 + RETRIES):
        if all(explanation(row.file, test, mode) for test in differs):
            break
        gevent = under_gevent(name, store, attempt)
        lazy = under_lazypatch(name, store, gevent, mode, attempt)
        still = {test: found for test, found in differs.items() if test in lost(gevent, lazy)}
        row.flaky.update(differs.keys() - still.keys())
        differs = still
    return differs


def explanation(file: str, test: str, mode: str) -> str:
    """Why *test* may fail under lazypatch alone; empty if nothing says so."""
    for line in EXPLAINED:
        if line.file == file and fnmatch.fnmatchcase(test, line.tests) and mode in line.children:
            if VERSION in line.versions.split():
                return line.reason
    return ""


def problems(row: Row) -> list[str]:
    """What makes the driver fail."""
    result = [] if row.ran and row.ran_lazily else [f"{row.file}: ran no test in one of the columns"]
    for mode, alone in row.alone.items():
        for test, outcome in alone.items():
            if not explanation(row.file, test, mode):
                result.append(
                    f"{row.file}: {test} ({mode} children): {outcome.what} under lazypatch alone\n{outcome.text}"
                )
    return result


def markdown(rows: list[Row]) -> str:
    """The table for docs/conformance.md."""
    modes = list(rows[0].lazy)
    lazily = [f"lazypatch, {mode} children" for mode in modes]
    names = ["file", "tests run", "failing: gevent.monkey", *lazily, "alone", "gevent.monkey alone", "flaky"]
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    for row in rows:
        if not row.ran:
            lines.append(f"| {row.file} | not installed |" + " |" * (len(names) - 2))
            continue
        passes_here = row.gevent & row.ran_lazily - row.lazy[modes[0]]
        cells = [
            row.file,
            len(row.ran),
            len(row.gevent),
            *(len(row.lazy[mode]) for mode in modes),
            ", ".join(str(len(row.alone[mode])) for mode in modes),
            len(passes_here),
            len(row.flaky),
        ]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join([*lines, *_named("Failing in both", _fail_in_both(rows)), *_named("Flaky", _flaky(rows))]) + "\n"


def _fail_in_both(rows: list[Row]) -> list[str]:
    return sorted(test for row in rows for test in row.gevent & set.intersection(*row.lazy.values()))


def _flaky(rows: list[Row]) -> list[str]:
    return sorted(test for row in rows for test in row.flaky)


def _named(word: str, tests: list[str]) -> list[str]:
    return ["", f"{word}:", "", *(f"- `{test.removeprefix('test.')}`" for test in tests)] if tests else []


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--files", nargs="+", default=FILES, help="names of files and packages of CPython's test package"
    )
    parser.add_argument("--armed-children", action="store_true", help="also with the variable inherited by children")
    add_options(parser)
    options = parser.parse_args(arguments)
    interruptible()
    modes = ["native", "armed"] if options.armed_children else ["native"]
    store = Store(options.results and options.results / f"{VERSION}-gevent{gevent.__version__}", options.no_run)
    rows = []
    with ThreadPoolExecutor(options.jobs) as pool:
        waiting = [
            (file, [pool.submit(compare_module, file, name, modes, store) for name in modules(file)])
            for file in options.files
        ]
        for file, futures in waiting:
            try:
                rows.append(together(file, modes, [future.result() for future in futures]))
            except NotStored:
                print(f"{file}: not run yet", flush=True)
                continue
            show(rows[-1])
    if options.markdown:
        write_section(options.markdown, f"Python {VERSION}", markdown(rows))
    return 1 if any(map(problems, rows)) else 0


def show(row: Row) -> None:
    """Print what came of one file."""
    print("\n".join(markdown([row]).splitlines()[2:]), flush=True)
    for test in sorted(row.gevent & row.ran_lazily - row.lazy["native"]):
        print(f"  passes here alone: {test}", flush=True)
    for problem in problems(row):
        print(problem, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
