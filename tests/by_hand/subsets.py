"""Run by hand: every subset of a spec's groups, on a program that uses everything; each ends well, or was warned of.

    python tests/by_hand/subsets.py [FILE]     # some ten minutes; a table in Markdown, to stdout or FILE

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


def main(file: str | None) -> None:
    subsets = [chosen for size in range(len(GROUPS)) for chosen in itertools.combinations(GROUPS, size)]
    lines = ["| `all` with | the program | warned of |", "|---|---|---|"]
    faults = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for outcome in pool.map(lambda chosen: run(without(chosen), 8), subsets):
            lines.append(_row(outcome))
            if outcome.failed and not outcome.warnings:
                faults += 1
                print("fault:", lines[-1], file=sys.stderr)
    text = "\n".join([*lines, "", f"{len(subsets)} subsets, {faults} neither work nor are warned of."])
    pathlib.Path(file).write_text(text + "\n") if file else print(text)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
