"""What mending costs as the heap grows: ``python tests/by_hand/repair_cost.py [--runs N] [--import NAMES]``.

Each number is the least processor time of some clean children in which the program's modules, gevent's included, are loaded, and that
many objects are alive. *patch_thread* is the whole call; *repair* is the part of lazypatch's that looks for raw
references, mends them and puts them on record.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from conftest import clean_environment

SIZES = (10_000, 200_000, 2_000_000)
CHILD = """
import gc, sys, time, warnings
warnings.simplefilter("ignore")
import threading, {imports}
import gevent.monkey, gevent.threading, gevent.thread, gevent.events, importlib.metadata, concurrent.futures.thread
import lazypatch.late.repair as module, lazypatch._threads, lazypatch.api.patching, lazypatch._importlock
heap = [[number] for number in range({size})]
spent = []
real = module.repair
def repair(session):
    start = time.process_time()
    real(session)
    spent.append(time.process_time() - start)
module.repair = repair
gc.collect()  # or one that the making of the heap is due falls into it
start = time.process_time()
{who}.patch_thread()
print(time.process_time() - start, sum(spent), len(sys.modules))
"""


def measure(who: str, size: int, imports: str, runs: int) -> tuple[float, float, int]:
    """The whole call and the repair in it, in milliseconds, and how many modules there are."""
    code = CHILD.format(who=who, size=size, imports=imports)
    rows = []
    for _ in range(runs):
        done = subprocess.run(
            [sys.executable, "-c", code], env=clean_environment(), capture_output=True, text=True, check=True
        )
        rows.append([float(word) for word in done.stdout.split()])
    whole, repair, modules = (min(column) for column in zip(*rows, strict=True))
    return whole * 1000, repair * 1000, int(modules)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--import", dest="imports", default="requests, flask, logging")
    options = parser.parse_args()
    print("| objects | modules | gevent patch_thread | lazypatch patch_thread | repair in it | gevent : lazypatch |")
    print("|---|---|---|---|---|---|")
    for size in SIZES:
        theirs, _, _ = measure("gevent.monkey", size, options.imports, options.runs)
        ours, repair, modules = measure("lazypatch", size, options.imports, options.runs)
        print(
            f"| {size:,} | {modules} | {theirs:.1f} ms | {ours:.1f} ms | {repair:.1f} ms | {theirs / ours:.2f} |",
            flush=True,
        )
