"""What calls cost after installation: plain Python, gevent.monkey and lazypatch, one after the other, in many rounds.

``python tests/by_hand/call_costs.py [--rounds N] [--markdown FILE]``. Each round starts one process for each column, which
times every call; the best of all rounds counts, in microseconds. On a busy machine the ratios still say something.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from conftest import clean_environment
from recorded import write_section

PROGRAM = """
import json, multiprocessing, os, queue, socket, sys, tempfile, threading, time, timeit
a, b = socket.socketpair()
file = tempfile.TemporaryFile(); file.write(b"x" * (1 << 20)); file.flush(); descriptor = file.fileno()
lock, again, items, ranked = threading.Lock(), threading.RLock(), queue.Queue(), queue.PriorityQueue()
simple, event, box = queue.SimpleQueue(), threading.Event(), threading.local()
shared = multiprocessing.Lock()
event.set(); box.value = 1
class Mine(queue.Queue):
    def _put(self, item): self.queue.append(item)
mine = Mine()
def hold():
    with lock: pass
def hold_again():
    with again: pass
def hold_shared():
    with shared: pass
def through(queue):
    def call():
        queue.put(1); queue.get()
    return call
def echo():
    a.send(b"x"); b.recv(1)
def read_past():
    os.read(descriptor, 100)
    os.lseek(descriptor, 500, 0)
def read_beginning():
    os.lseek(descriptor, 0, 0)
    os.read(descriptor, 100)
def in_turn(wait, wake, back, turn, times):
    def other():
        for _ in range(times): wait(); turn()
    thread = threading.Thread(target=other); thread.start()
    for _ in range(times): wake(); back()
    thread.join()
def of(seconds, times): return seconds / times * 1e6
found = {}
def fast(name, call, number=20000):
    found[name] = of(min(timeit.repeat(call, number=number, repeat=5)), number)
def slow(name, *calls, number=3000):
    best = 1e9
    for _ in range(5):
        begin = time.perf_counter(); in_turn(*calls, number); best = min(best, time.perf_counter() - begin)
    found[name] = of(best, number)
fast("with Lock()", hold)
fast("with RLock()", hold_again)
fast("with multiprocessing.Lock()", hold_shared)
fast("Queue: put and get", through(items))
fast("SimpleQueue: put and get", through(simple))
fast("PriorityQueue: put and get", through(ranked))
fast("a subclass of Queue with _put: put and get", through(mine))
fast("Event.is_set() and wait() of one that is set", lambda: (event.is_set(), event.wait()))
fast("threading.local", lambda: box.value)
fast("current_thread()", threading.current_thread)
fast("send and recv where data is there", echo)
fast("os.read of a file past its beginning", read_past)
fast("os.read of a file at its beginning", read_beginning)
fast("time.sleep(0)", lambda: time.sleep(0), 5000)
one, two = threading.Semaphore(0), threading.Semaphore(0)
slow("two threads take turns by Semaphore", one.acquire, one.release, two.acquire, two.release)
first, second = queue.Queue(), queue.Queue()
slow("two threads take turns by Queue", first.get, lambda: first.put(1), second.get, lambda: second.put(1))
slow("two threads take turns by recv", lambda: b.recv(1), lambda: a.send(b"x"), lambda: a.recv(1), lambda: b.send(b"x"))
def start_and_join():
    thread = threading.Thread(target=bool); thread.start(); thread.join()
fast("Thread: start and join", start_and_join, 1000)
print(json.dumps(found))
"""
LOOPS = """
import asyncio, gevent, json, sys, threading, time
found, times = {}, 20000
def of(begin): return (time.perf_counter() - begin) / times * 1e6
def switches():
    begin = time.perf_counter()
    for _ in range(times): gevent.sleep(0)
    return of(begin)
async def steps():
    begin = time.perf_counter()
    for _ in range(times): await asyncio.sleep(0)
    return of(begin)
async def in_a_step():
    return switches()
async def meanwhile():
    begun.set()
    await end.wait()
if "gevent.monkey" in sys.argv or "lazypatch" in sys.argv:
    found["gevent.sleep(0), where no event loop of asyncio's runs"] = min(switches() for _ in range(5))
    found["gevent.sleep(0) in a coroutine"] = min(asyncio.run(in_a_step()) for _ in range(5))
    begun, end = threading.Event(), asyncio.Event()
    other = asyncio.new_event_loop()
    thread = threading.Thread(target=other.run_until_complete, args=(meanwhile(),)); thread.start(); begun.wait()
    found["gevent.sleep(0), while a loop runs in another thread"] = min(switches() for _ in range(5))
    other.call_soon_threadsafe(end.set); thread.join()
found["await asyncio.sleep(0)"] = min(asyncio.run(steps()) for _ in range(5))
print(json.dumps(found))
"""
PROCESSES = """
import json, multiprocessing, time
found = {}
def best(name, call, times):
    def once():
        begin = time.perf_counter(); call(); return (time.perf_counter() - begin) / times * 1e6
    found[name] = min(once() for _ in range(5))
def echo(there):
    for received in iter(there.recv, None): there.send(received)
def put(jobs):
    for number in range(10_000): jobs.put(number)
def messages():
    for number in range(5000): here.send(number); here.recv()
def items():
    child = context.Process(target=put, args=(jobs,)); child.start()
    for _ in range(10_000): jobs.get()
    child.join()
context = multiprocessing.get_context("fork")
here, there = context.Pipe()
child = context.Process(target=echo, args=(there,)); child.start()
best("a message to another process and back, by Pipe", messages, 5000)
here.send(None); child.join()
jobs = context.Queue()
best("an item of 10,000 from another process, by Queue", items, 10_000)
with context.Pool(2) as pool:
    best("a job of 1,000 in Pool.map(abs)", lambda: pool.map(abs, range(1000)), 1000)
    best("a job of 1,000 in Pool.map(abs, chunksize=1)", lambda: pool.map(abs, range(1000), 1), 1000)
print(json.dumps(found))
"""
COLUMNS = {
    "plain": ("", None),
    "gevent.monkey": ("from gevent import monkey; monkey.patch_all()\n", None),
    "lazypatch": ("", "all"),
}
# What each program is run in: with gevent.monkey Pool and Queue of multiprocessing wait for ever.
PROGRAMS = {PROGRAM: tuple(COLUMNS), LOOPS: tuple(COLUMNS), PROCESSES: ("plain", "lazypatch")}


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Microseconds of each call in each column."""
    best: dict[str, dict[str, float]] = {column: {} for column in COLUMNS}
    for _ in range(rounds):
        for program, columns in PROGRAMS.items():
            for column in columns:
                for call, found in _once(program, column).items():
                    best[column][call] = min(found, best[column].get(call, found))
    return best


def _once(program: str, column: str) -> dict[str, float]:
    before, spec = COLUMNS[column]
    environment = clean_environment(**({"PYTHONCOOPPATCH": spec} if spec else {}))
    done = subprocess.run(
        [sys.executable, "-c", before + program, column],
        capture_output=True, text=True, check=True, env=environment, cwd=pathlib.Path(__file__).parent,
    )  # fmt: skip
    return dict(json.loads(done.stdout))


def table(best: dict[str, dict[str, float]]) -> str:
    """The figures in Markdown; a dash for what a column does not have."""
    lines = [f"| call | {' | '.join(COLUMNS)} | lazypatch / gevent.monkey | / plain |", "|---|---|---|---|---|---|"]
    for call, ours in best["lazypatch"].items():
        plain, theirs = (best[column].get(call) for column in ("plain", "gevent.monkey"))
        others = (plain, theirs, ours, theirs and ours / theirs, plain and ours / plain)
        lines.append(f"| {call} | {' | '.join('-' if each is None else f'{each:.2f}' for each in others)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--markdown", type=pathlib.Path, help="put the table for this Python into this page")
    options = parser.parse_args()
    text = table(measure(options.rounds))
    print(text)
    if options.markdown:
        write_section(options.markdown, "Calls on Python {}.{}, microseconds".format(*sys.version_info), text)


if __name__ == "__main__":
    main()
