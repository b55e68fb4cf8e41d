"""One suite of tests in two columns, under plain Python and under lazypatch: what fails under lazypatch alone, and the table.

A suite is a file of CPython's tests, or a library. What differs is run twice more before it counts, unless a line of the
files ``*_explained.py`` says why it has to be.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from typing import NamedTuple

import cpythons_tests_explained
import libraries_tests_explained
from recorded import Outcome, Outcomes, failing, ran

EXPLAINED = (*cpythons_tests_explained.EXPLAINED, *libraries_tests_explained.EXPLAINED)
RETRIES = 2


class Row(NamedTuple):
    """What came of one suite. Sets of test ids; but what fails under lazypatch alone with its outcome."""

    file: str
    ran: set[str]
    plain: set[str]  # fail under plain Python
    ran_lazily: set[str]
    alone: dict[str, Outcome]
    here_alone: set[str]  # fail under plain Python alone
    flaky: set[str]


def lost(plain: Outcomes, lazy: Outcomes) -> dict[str, Outcome]:
    """What fails, or does not run, under lazypatch and passes under plain Python."""
    missing = Outcome("missing", "runs under plain Python and not under lazypatch")
    result = {test: lazy[test] for test in failing(lazy) - failing(plain)}
    return {**result, **{test: lazy.get(test, missing) for test in ran(plain) - failing(plain) - ran(lazy)}}


def compare(file: str, column: Callable[[bool, int], Outcomes]) -> Row:
    """Run *file*, or a part of it, in both columns; what differs is run again, in both, before it counts.

    :param column: gives the outcomes, under lazypatch if its first argument is true; the second one counts the attempts.
    """
    plain, lazy = column(False, 0), column(True, 0)
    differs, flaky = lost(plain, lazy), set[str]()
    for attempt in range(1, 1 + RETRIES):
        if all(explanation(file, test) for test in differs):
            break
        again = lost(plain, column(True, attempt))
        if again.keys() & differs.keys():
            again = {test: again[test] for test in lost(column(False, attempt), again) if test in again}
        still = {test: outcome for test, outcome in differs.items() if test in again}
        flaky.update(differs.keys() - still.keys())
        differs = still
    return Row(file, ran(plain), failing(plain), ran(lazy), differs, failing(plain) & ran(lazy) - failing(lazy), flaky)


def together(file: str, rows: list[Row]) -> Row:
    """One row for the parts of *file*."""
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
    """Print what came of one suite."""
    print(markdown([row]).splitlines()[2], flush=True)
    for test in sorted(row.flaky):
        print(f"  flaky: {test}", flush=True)
    for problem in problems(row):
        print(problem, flush=True)
