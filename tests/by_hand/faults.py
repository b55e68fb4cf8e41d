"""A fault at every step of every install: ``python tests/by_hand/faults.py [--every 10]`` on the installed package."""

from __future__ import annotations

import argparse
import platform
import re
import subprocess
import sys

from conftest import APPS, clean_environment

FAULTS = ("ImportError", "MemoryError", "DoNotPatch", "KeyboardInterrupt")
# What is loaded before -> statements that install the rest. All other targets are loaded with gevent, in the first ones.
CASES = {
    "first": ["import socket", "import threading", "import time; time.sleep(0)"],
    "later": [
        "import ssl, subprocess, queue, _threading_local, logging, concurrent.futures.thread, multiprocessing.context",
        "import select",
    ],
    "late": ["import lazypatch; lazypatch.patch_all(Event=True)"],
}


def try_case(fault: str, stage: str, statement: str, share: str) -> tuple[int, int]:
    """How many steps there were, and how many copies with a fault. AssertionError if any lost anything."""
    program = [str(APPS / "fault_at_every_step.py"), fault, stage, share, statement]
    env = clean_environment(PYTHONCOOPPATCH="" if stage == "late" else "gevent", PYTHONWARNINGS="ignore")
    # Each copy ends itself when it hangs.
    done = subprocess.run([sys.executable, *program], env=env, cwd=APPS, capture_output=True, text=True)
    text = f"{fault} {stage} {statement!r} {share}: {done.returncode}\n{done.stdout[-20000:]}\n{done.stderr[-2000:]}"
    assert done.returncode == 0 and done.stdout.endswith("ok\n"), text
    steps, copies = re.findall(r"^steps (\d+) copies (\d+)", done.stdout, re.MULTILINE)[0]
    return int(steps), int(copies)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1)
    every = parser.parse_args().every
    total = failed = 0
    for stage, statements in CASES.items():
        for statement in statements:
            for fault in FAULTS:
                try:
                    steps, copies = try_case(fault, stage, statement, f"0/{every}")
                except AssertionError as error:
                    failed += 1
                    print(error, flush=True)
                else:
                    total += copies
                    print(f"{fault}, {stage}, {statement}: {copies} of {steps} steps", flush=True)
    print(f"{platform.python_version()}: {total} faults without loss, {failed} cases with one")
    raise SystemExit(bool(failed))
