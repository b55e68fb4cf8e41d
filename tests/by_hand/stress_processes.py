"""Processes at random, from many threads: ``python tests/by_hand/stress_processes.py --minutes 10`` on the installed package.

Each seed is one program (apps/processes_under_stress.py) under PYTHONCOOPPATCH=all, with the time and the threads to have
some fifty processes at once. It says what went wrong, and must leave no process behind. What goes wrong is run natively
with the same seed, and counts if nothing goes wrong there.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import platform
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from conftest import APPS, clean_environment

HANGS_AFTER = 120  # seconds
LEFT_AFTER = 10  # seconds that helpers such as the resource tracker have to end


def run(seed: int, threads: int, spec: str) -> str:
    """What went wrong under *seed*; empty if nothing did."""
    with tempfile.TemporaryDirectory(prefix="stress", ignore_cleanup_errors=True) as folder:
        said = pathlib.Path(folder, "said")
        environment = clean_environment(TMPDIR=folder, PYTHONFAULTHANDLER="1", PYTHONWARNINGS="ignore")
        with said.open("wb") as file:
            child = subprocess.Popen(
                [sys.executable, str(APPS / "processes_under_stress.py"), str(seed), str(threads)],
                stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=folder, start_new_session=True,
                env={**environment, **({"PYTHONCOOPPATCH": spec} if spec else {})},
            )  # fmt: skip
        try:
            status = _status(child)
            left = status == 0 and _has_left(child.pid)
        finally:
            _end(child)
        text = said.read_text(errors="replace")
    if status != 0 or left or text != "ok\n":
        return f"seed {seed}, {spec or 'native'}: status {status}{', left processes behind' if left else ''}\n{text[-6000:]}"
    return ""


def _status(child: subprocess.Popen[bytes]) -> int | None:
    try:
        return child.wait(HANGS_AFTER)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGABRT)  # faulthandler
        child.wait()
        return None


def _has_left(group: int) -> bool:
    """Whether a process of *group* goes on after its first one has ended."""
    end = time.monotonic() + LEFT_AFTER
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.1)
    return True


def _end(child: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    child.wait()


def failure(seed: int, threads: int, spec: str = "all") -> str:
    """What went wrong under *seed* in the armed program and does not natively."""
    armed = run(seed, threads, spec)
    return "" if armed and run(seed, threads, "") else armed


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument(
        "--threads", type=int, default=20, help="in each program; each has two or three processes at once"
    )
    parser.add_argument("--spec", default="all", help="what to put into PYTHONCOOPPATCH")
    given = parser.parse_args()
    end, seed, failed = time.monotonic() + 60 * given.minutes, given.first, 0
    while time.monotonic() < end:
        wrong = failure(seed, given.threads, given.spec)
        if wrong:
            failed += 1
            print(wrong, flush=True)
        seed += 1
    print(f"{platform.python_version()}: {seed - given.first} seeds, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
