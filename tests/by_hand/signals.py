"""Signals at random moments: ``python tests/by_hand/signals.py --seeds 0-39`` on the installed package.

Each seed is one program (apps/signals_under_stress.py) that gets a signal in each of its rounds, mostly within a
millisecond after it has said that it waits. A signal is *lost* if nothing comes of it within four seconds; the program is
then ended. The same is done with plain Python, which loses some: it looks for signals, and then waits in C.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import platform
import random
import select
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from conftest import APPS, clean_environment

LOST_AFTER = 4  # seconds
ROUNDS = 60


class Counted:
    """What became of the signals that were sent."""

    def __init__(self) -> None:
        self.sent = self.lost = 0
        self.slow = 0.0  # the longest time until one was answered, in seconds
        self.wrong: list[str] = []
        self.where: list[str] = []  # the stacks of programs that have lost one


def run(seed: int, spec: str | None, counted: Counted) -> None:
    """One program, to its end or to the first signal that is lost."""
    chance = random.Random(seed)
    environment = clean_environment(PYTHONFAULTHANDLER="1", **({"PYTHONCOOPPATCH": spec} if spec else {}))
    with subprocess.Popen(
        [sys.executable, str(APPS / "signals_under_stress.py"), str(seed), str(ROUNDS)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
    ) as child:  # fmt: skip
        assert child.stdout and child.stderr
        said, line, sent_at = b"", b"its start", time.monotonic()
        while select.select([child.stdout], [], [], LOST_AFTER)[0]:
            data = os.read(child.stdout.fileno(), 1 << 16)
            if not data:
                break
            *lines, said = (said + data).split(b"\n")
            for line in lines:
                if line.startswith(b"ready"):
                    time.sleep(chance.random() * chance.choice((0.0003, 0.0003, 0.01)))
                    sent_at = time.monotonic()
                    child.send_signal(chance.choice((signal.SIGINT, signal.SIGUSR1)))
                    counted.sent += 1
                elif line.startswith(b"got"):
                    counted.slow = max(counted.slow, time.monotonic() - sent_at)
                else:
                    counted.wrong.append(f"seed {seed}: {line.decode()}")
        else:
            counted.lost += 1
            child.send_signal(signal.SIGABRT)
            counted.where.append(f"seed {seed}, after {line.decode()}: {child.stderr.read().decode()}")
        errors = child.stderr.read().decode()
        if errors or child.wait() not in (0, -signal.SIGABRT):
            counted.wrong.append(f"seed {seed}: status {child.returncode} {errors[-9000:]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0-39", help="the first and the last")
    parser.add_argument("--spec", default="all")
    asked = parser.parse_args()
    first, _, last = asked.seeds.partition("-")
    failed = 0
    for spec in (None, asked.spec):
        counted = Counted()
        for seed in range(int(first), int(last or first) + 1):
            run(seed, spec, counted)
        print(
            f"{platform.python_version()}, {spec or 'plain'}: {counted.sent} signals, {counted.lost} lost, "
            f"{len(counted.wrong)} wrong, the slowest after {counted.slow:.2f} s",
            flush=True,
        )
        for text in counted.wrong + (counted.where if spec else []):
            print(text)
        failed += spec is not None and counted.lost + len(counted.wrong)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
