"""Run by hand: every subset of a spec's groups, on a program that uses everything; each ends well, or was warned of.

    python tests/by_hand/subsets.py [FILE [JOBS]]     # a table in Markdown, to stdout or FILE

Each line of the table is one set of groups that were taken out of ``all``. A line whose last column is empty and whose
program did not end well is a fault.
"""

from __future__ import annotations

import itertools
import os
import pathlib
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from conftest import APPS, clean_environment

from lazypatch._targets import GROUPS


class Outcome(NamedTuple):
    """What became of the program under one spec."""

    spec: str
    failed: str  # the step that hung, or those that failed; empty if it ended well
    warnings: list[str]  # without what children said again


def run(spec: str, hangs_after: float = 15) -> Outcome:
    """Run the program that uses everything under *spec*."""
    program = [sys.executable, str(APPS / "uses_everything.py")]
    env = clean_environment(PYTHONCOOPPATCH=spec, HANGS_AFTER=str(hangs_after))
    # A group of its own: when it hangs, children of its may live on, and hold its pipes.
    child = subprocess.Popen(
        program, env=env, cwd=APPS, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        out, err = child.communicate(timeout=6 * hangs_after)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        out, err = child.communicate()
    failed = re.findall(r"^(\w+): (?!<|\[)", out, re.M)
    if not out.rstrip().endswith(("ok", "failed")):
        failed.append(re.findall(r"^-> (.*)", err, re.M)[-1] + " (hangs)")
    elif child.returncode and not failed:
        failed.append(f"status {child.returncode}")
    warnings = [line for line in err.splitlines() if line.startswith("lazypatch: ")]
    return Outcome(spec, ", ".join(failed), list(dict.fromkeys(warnings)))


def without(groups: tuple[str, ...]) -> str:
    """The spec for everything but *groups*."""
    return ",".join(["all", *(f"-{group}" for group in groups)])


def _row(outcome: Outcome) -> str:
    left_out = outcome.spec.removeprefix("all").strip(",").replace(",", " ")
    pairs = [
        " without ".join(re.findall(r"(\w+) is made cooperative without (\w+)", one)[0]) for one in outcome.warnings
    ]
    return f"| {left_out} | {outcome.failed or 'works'} | {'; '.join(pairs)} |"


def main(file: str | None = None, jobs: str = "") -> None:
    """Write each line of the table as soon as it is known: most subsets hang, and with two jobs all take an hour."""
    subsets = [chosen for size in range(len(GROUPS)) for chosen in itertools.combinations(GROUPS, size)]
    faults = 0
    with (
        ThreadPoolExecutor(int(jobs or os.cpu_count() or 2)) as pool,
        open(file or os.devnull, "w", encoding="utf-8") as table,
    ):
        for line in ("| `all` with | the program | warned of |", "|---|---|---|"):
            print(line, file=table if file else sys.stdout)
        for outcome in pool.map(lambda chosen: run(without(chosen), 8), subsets):
            if outcome.failed and not outcome.warnings:
                outcome = run(outcome.spec, 30)  # noqa: PLW2901  # a machine under load is slow
            print(_row(outcome), file=table if file else sys.stdout, flush=True)
            if outcome.failed and not outcome.warnings:
                faults += 1
                print("fault:", _row(outcome), file=sys.stderr)
    print(f"{len(subsets)} subsets, {faults} neither work nor are warned of.", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
