"""Who asks again and again whether something is done gives the others a turn."""

from __future__ import annotations

import sys

import pytest
from conftest import run_code

PRELUDE = """
import concurrent.futures, faulthandler, os, queue, socket, subprocess, sys, threading, time
faulthandler.dump_traceback_later(50, exit=True)
def later(function, *args):
    thread = threading.Thread(target=lambda: (time.sleep(0.05), function(*args)))
    thread.start()
    return thread
"""

# What is polled, with what another thread does meanwhile: each would go on for ever if that thread had no turn.
POLLED = {
    "an event": "e = threading.Event(); later(e.set)\nwhile not e.is_set(): pass",
    "an event that is cleared": "e = threading.Event(); e.set(); later(e.clear)\nwhile e.is_set(): pass",
    "an event, between computations": "e = threading.Event(); later(e.set)\nwhile not e.is_set(): sum(range(9999))",
    "a thread": "t = later(int)\nwhile t.is_alive(): pass",
    "the number of threads": "later(int)\nwhile threading.active_count() > 1: pass",
    "the threads": "later(int)\nwhile len(threading.enumerate()) > 1: pass",
    "an empty queue": "q = queue.Queue(); later(q.put, 1)\nwhile q.empty(): pass",
    "a full queue": "q = queue.Queue(1); q.put(1); later(q.get)\nwhile q.full(): pass",
    "a queue's size": "q = queue.LifoQueue(); later(q.put, 1)\nwhile not q.qsize(): pass",
    "a queue that is opened": "q = queue.PriorityQueue(); q.mutex; later(q.put, 1)\nwhile q.empty(): pass",
    "a simple queue": "q = queue.SimpleQueue(); later(q.put, 1)\nwhile q.empty(): pass",
    "a future": """
with concurrent.futures.ThreadPoolExecutor(1) as pool:
    f = pool.submit(time.sleep, 0.05)
    while f.running() or not f.done(): pass""",
    "a lock": "k = threading.Lock(); k.acquire(); later(k.release)\nwhile k.locked(): pass",
    "a lock that is taken": "k = threading.Lock(); later(k.acquire)\nwhile not k.locked(): pass",
    "what a condition guards": """
lock, done = threading.Condition(threading.Lock()), []
def finish():
    with lock: done.append(1)
later(finish)
while True:
    with lock:
        if done: break""",
    "what a recursive lock guards": """
lock, done = threading.RLock(), []
def finish():
    with lock: done.append(1)
later(finish)
while True:
    with lock, lock:
        if done: break""",
    "a semaphore": "s = threading.Semaphore(0); later(s.release)\nwhile not s.acquire(blocking=False): pass",
    "a child": """
done = []
later(done.append, 1)
child = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
while not done:
    assert child.poll() is None
child.communicate(b"x")""",
    "an event of multiprocessing's": """
import multiprocessing
e = multiprocessing.Event(); later(e.set)
while not e.is_set(): pass""",
    "a value of multiprocessing's": """
import multiprocessing
v = multiprocessing.Value("i", 0); later(setattr, v, "value", 1)
while not v.value: pass""",
    "a non-blocking pipe": """
r, w = os.pipe(); os.set_blocking(r, False); later(os.write, w, b"x")
while True:
    try: assert os.read(r, 1) == b"x"; break
    except BlockingIOError: pass""",
    "a file of a non-blocking pipe": """
r, w = os.pipe(); os.set_blocking(r, False); f = open(r, "rb", 0); later(os.write, w, b"x")
while f.read(1) is None: pass""",
    "a non-blocking socket": """
a, b = socket.socketpair(); a.setblocking(False); later(b.send, b"x")
while True:
    try: assert a.recv(1) == b"x"; break
    except BlockingIOError: pass""",
    "a non-blocking listener": """
a = socket.create_server(("127.0.0.1", 0)); a.setblocking(False)
later(lambda: socket.create_connection(a.getsockname()))
while True:
    try: a.accept(); break
    except BlockingIOError: pass""",
    "a flag, with sched_yield()": "d = []; later(d.append, 1)\nwhile not d: os.sched_yield()",
}


@pytest.mark.skipif(sys.platform == "win32", reason="the adapter of waitpid() is for POSIX systems")
@pytest.mark.parametrize("what", POLLED)
def test_the_others_run(what: str) -> None:
    run_code(PRELUDE + POLLED[what], spec="all")


def test_one_that_is_polled_while_it_is_imported_lets_the_others_run() -> None:
    """Its module's import lock is held, and another thread imports the same module meanwhile."""
    code = """
import tempfile, threading, time, sys, faulthandler
faulthandler.dump_traceback_later(50, exit=True)
folder = tempfile.mkdtemp()
sys.path.insert(0, folder)
sys.done, seen = threading.Event(), []
open(folder + "/polls.py", "w").write("import sys\\nwhile not sys.done.is_set(): pass\\nx = 3")
def other():
    import polls
    seen.append(polls.x)
threads = [threading.Thread(target=other) for _ in range(2)]
threads.append(threading.Thread(target=lambda: (time.sleep(0.05), sys.done.set())))
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert seen == [3, 3]
"""
    run_code(code, spec="all")


def test_who_asks_once_in_a_turn_is_not_interrupted() -> None:
    """Nor is who asks often, but not for as long as the switch interval, nor the hub."""
    code = """
import sys, threading, time
import gevent
sys.setswitchinterval(1000)
event, seen = threading.Event(), []
threading.Thread(target=lambda: seen.append(1)).start()
time.sleep(0.01)
gevent.spawn(seen.append, 2)
for _ in range(10000):
    event.is_set()
assert seen == [1], seen
sys.setswitchinterval(1e-6)
time.sleep(0.01)
assert seen == [1, 2], seen
gevent.spawn(seen.append, 3)
assert seen == [1, 2] and not event.is_set()
gevent.get_hub().loop.run_callback(lambda: [event.is_set() for _ in range(10000)] and seen.append("hub"))
time.sleep(0.01)
assert seen[2:] in ([3, "hub"], ["hub", 3]), seen
"""
    run_code(code, spec="all,-asyncio")


def test_a_handler_of_a_signal_may_ask_and_so_may_a_native_thread() -> None:
    code = """
import faulthandler, signal, threading, time, os
import lazypatch
faulthandler.dump_traceback_later(50, exit=True)
native = lazypatch.original("threading")
event, done, seen = threading.Event(), threading.Event(), []
def handler(*args):
    while not event.is_set(): pass
    seen.append("handler")
signal.signal(signal.SIGUSR1, handler)
threading.Thread(target=lambda: (time.sleep(0.05), event.set())).start()
os.kill(os.getpid(), signal.SIGUSR1)
time.sleep(0.01)
while not seen: time.sleep(0.001)
def look():
    while not done.is_set(): pass
    seen.append("native")
thread = native.Thread(target=look)
thread.start()
threading.Thread(target=lambda: (time.sleep(0.05), done.set())).start()
while thread.is_alive(): time.sleep(0.001)
assert seen == ["handler", "native"]
"""
    run_code(code, spec="all")


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="there is no fork here")
def test_nobody_has_a_turn_in_the_middle_of_a_fork() -> None:
    """Handlers of at-fork take locks before it is known in the child which threads are gone."""
    code = """
import os
os.register_at_fork(before=lambda: ask(), after_in_child=lambda: ask(), after_in_parent=lambda: ask())
import faulthandler, sys, threading, time
faulthandler.dump_traceback_later(50, exit=True)
sys.setswitchinterval(1e-6)
parent, stop, lock = os.getpid(), [], threading.Lock()
def other():
    while not stop:
        time.sleep(0)
        if os.getpid() != parent:
            os._exit(9)
def ask():
    for _ in range(100):
        with lock: pass
thread = threading.Thread(target=other)
thread.start()
for _ in range(20):
    ask()
    pid = os.fork()
    if not pid:
        os._exit(7)
    status = os.waitpid(pid, 0)[1]
    assert status == 7 << 8, status
    time.sleep(0.001)
stop.append(1)
thread.join()
"""
    run_code(code, spec="all")


def test_it_can_be_asked_when_the_interpreter_ends() -> None:
    """By handlers of atexit's, and by finalizers, which come when greenlets cannot run any more."""
    code = """
import atexit, queue, sys, threading
sys.setswitchinterval(1e-6)
event, q, lock = threading.Event(), queue.Queue(), threading.Lock()
class Last:
    def __del__(self, event=event, q=q, lock=lock, write=sys.stdout.write):
        for _ in range(1000):
            assert not event.is_set() and q.empty() and not lock.locked()
            with lock: pass
        write("last ")
def ends():
    for _ in range(1000): assert not event.is_set() and q.empty()
    print("ends", end=" ")
atexit.register(ends)
threading.Thread(target=ends).start()
last = Last()
"""
    assert run_code(code, spec="all").split() == ["ends", "ends", "last"]


def test_it_can_be_left_out() -> None:
    code = """
import sys, threading, time, lazypatch
sys.setswitchinterval(1e-4)
event, seen = threading.Event(), []
threading.Thread(target=seen.append, args=(1,)).start()
time.sleep(0.01)
import gevent
gevent.spawn(seen.append, 2)
for _ in range(200000): event.is_set()
print(seen, lazypatch.state("polling"))
"""
    assert run_code(code, spec="all").split() == ["[1,", "2]", "installed"]
    assert run_code(code, spec="all,-polling").split()[0] == "[1]"
