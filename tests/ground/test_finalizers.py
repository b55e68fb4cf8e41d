"""Finalizers run when greenlets cannot any more: they do what they do in plain Python, and all of them run."""

import pathlib

import pytest
from conftest import run_python

KEPT = """
import sys, threading, queue, time, os, subprocess, socket
class Thing:
    def __init__(self, name): self.name = name
    def __del__(self, print=print): print("finalized", self.name, flush=True)
thing = Thing("main")
jobs = queue.Queue(); jobs.put(Thing("queued"))
own = threading.local(); own.x = Thing("local")
one = threading.Thread(target=lambda x: None, args=(Thing("argument"),)); one.start(); one.join()
late = threading.Timer(0.01, lambda x: None, args=(Thing("timer"),)); late.start(); late.join()
ends = socket.socketpair(); ends[0].send(b"x"); ends[1].recv(1)
child = subprocess.Popen(["true"]); child.thing = Thing("popen"); child.wait()
file = open("written", "w"); file.write("data\\n")
time.sleep(0.01)
"""
HANDLER = """
import signal
signal.signal(signal.SIGUSR1, lambda *given: thing)
"""
LOOPS = """
import asyncio, multiprocessing
async def wait(): await asyncio.sleep(0.01); await asyncio.to_thread(time.sleep, 0.01)
asyncio.run(wait())
"""

USES = """
import threading, queue, time, logging, socket, subprocess, sys, select, os, tempfile, concurrent.futures
import asyncio, multiprocessing, selectors
from time import sleep
class Own(threading.local):
    of_the_class = 7
    def __init__(self, number): self.number = number
    @property
    def twice(self): return self.number * 2
    def method(self): return self.number
    def __getattr__(self, name): return name.upper()
logging.basicConfig(level=20, format="%(threadName)s %(message)s", stream=sys.stdout)
class Resource:
    def __init__(self):
        self.never = threading.Event()
        self.daemon = threading.Thread(target=self.never.wait, daemon=True); self.daemon.start()
        self.done = threading.Thread(target=bool); self.done.start(); self.done.join()
        self.jobs, self.simple, self.lock = queue.Queue(), queue.SimpleQueue(), threading.Lock()
        self.child, self.file = subprocess.Popen(["sleep", "100"]), tempfile.NamedTemporaryFile()
        self.a, self.b = socket.socketpair(); self.b.settimeout(0.01)
        self.pool = concurrent.futures.ThreadPoolExecutor(1); self.pool.submit(bool)
        self.r, self.w = os.pipe(); self.text = os.fdopen(os.dup(self.w), "w")
        self.own, self.kind = threading.local(), Own(4)
        self.own.x, self.unused = 5, Own(3)
        self.selector = selectors.DefaultSelector(); self.selector.register(self.r, 1)
        self.process_lock, self.loop = multiprocessing.Lock(), asyncio.new_event_loop()
        self.calls = [
            ("local", lambda: (self.own.x, setattr(self.own, "y", 1), self.own.__dict__, delattr(self.own, "x"))),
            ("local without it", lambda: self.own.x),
            ("a class of locals", lambda: (self.kind.number, self.kind.of_the_class, self.kind.twice, self.kind.method())),
            ("what it has not", lambda: (self.kind.other, hasattr(self.own, "other"), vars(self.kind))),
            ("selector", lambda: (self.selector.select(0.01), os.write(self.w, b"a"), len(self.selector.select()))),
            ("selected", lambda: (self.selector.select()[0][1], os.read(self.r, 1))),
            ("process lock", lambda: (self.process_lock.acquire(), self.process_lock.acquire(False), self.process_lock.release())),
            ("loop", lambda: self.loop.run_until_complete(asyncio.sleep(0.001, 3))),
            ("ident", lambda: (threading.get_ident() == threading.main_thread().ident, threading.active_count())),
            ("log", lambda: logging.warning("logged")),
            ("join", lambda: self.daemon.join(0.01)),
            ("join a thread that has ended", lambda: (self.done.join(1), self.done.is_alive())),
            ("get", lambda: (self.jobs.put(1), self.jobs.get(timeout=1))),
            ("get from an empty one", lambda: self.jobs.get(timeout=0.01)),
            ("simple", lambda: (self.simple.put(1), self.simple.get())),
            ("lock", lambda: (self.lock.acquire(), self.lock.acquire(False), self.lock.acquire(True, 0.01))),
            ("condition", lambda: [threading_condition.wait(0.01) for _ in [threading_condition.acquire()]]),
            ("sleep", lambda sleep=sleep: (sleep(0.001), sleep(0), time.sleep(0.001))),
            ("child", lambda: (self.child.terminate(), self.child.wait(5))),
            ("file", lambda: self.file.close()),
            ("socket", lambda: (self.a.send(b"x"), self.b.recv(3))),
            ("socket that has nothing", lambda: self.b.recv(3)),
            ("read", lambda read=os.read, write=os.write: (write(self.w, b"abc"), read(self.r, 10))),
            ("pipe", lambda read=os.read: (self.text.write("abc"), self.text.close(), read(self.r, 10))),
            ("select", lambda select=select.select: len(select([self.r], [], [], 0.01)[0])),
            ("who", lambda: (threading.current_thread().name, threading.current_thread() is threading.main_thread())),
            ("shut down", lambda: self.pool.shutdown()),
            ("system", lambda system=os.system: system("exit 3")),
            ("event", lambda: (self.never.wait(0.01), self.never.is_set())),
            ("a socket that is selected", lambda: (self.selector.register(self.a, 1), self.a.close(), self.b.close())[1:]),
            ("run", lambda: subprocess.run(["/bin/true"]).returncode),
        ]
    def __del__(self, print=print):
        for name, call in self.calls:
            try: print(name, call(), flush=True)
            except BaseException as error: print(name, "raised", type(error).__name__, error, flush=True)
threading_condition = threading.Condition()
resource = Resource(); resource.calls.append(resource)
resource.calls.pop()
sleep(0.01)
"""


def both(code: str, cwd: pathlib.Path) -> "tuple[list[str], list[str]]":
    """What the program says, line by line in any order, plain and armed."""
    said = []
    for spec in (None, "all"):
        (cwd / "program.py").write_text(code)
        done = run_python("program.py", spec=spec, cwd=cwd)
        assert (done.returncode, done.stderr) == (0, "")
        said.append(sorted(done.stdout.splitlines()))
    return said[0], said[1]


@pytest.mark.parametrize("more", ["", HANDLER, LOOPS, HANDLER + LOOPS], ids=["plain", "handler", "loops", "both"])
def test_all_run(more: str, tmp_path: pathlib.Path) -> None:
    """Whatever is patched and set keeps nothing of the program alive that plain Python lets go of."""
    plain, armed = both(KEPT + more, tmp_path)
    assert "finalized main" in plain and len(plain) > 4
    assert armed == plain
    assert (tmp_path / "written").read_text() == "data\n"


def test_calls_that_wait(tmp_path: pathlib.Path) -> None:
    """They wait natively, whether they are looked up at the end, or were taken before."""
    plain, armed = both(USES, tmp_path)
    assert len(plain) == 32
    assert armed == plain


def test_a_file_over_a_pipe_is_flushed_and_closed_after_all_modules_are_gone(tmp_path: pathlib.Path) -> None:
    """Nobody has closed it; what is in its buffer arrives."""
    code = """
import builtins, os, sys
r, w = os.pipe()
pid = os.fork()
if not pid:
    os.close(w); print("read", os.read(r, 100), flush=True); os._exit(0)
os.close(r)
builtins.file = os.fdopen(w, "w"); builtins.file.write("late")
"""
    plain, armed = both(code + "sys.stdout.flush()\n", tmp_path)
    assert armed == plain


def test_the_end_loads_nothing_that_was_put_off() -> None:
    code = """
import sys, threading
class Last:
    def __del__(self, modules=sys.modules): print({*modules} - before)
sys.last_value = Last()
before = {*sys.modules}
assert "zope.interface" not in before
"""
    loaded = run_python("-c", code, spec="all").stdout
    assert loaded and not any(name in loaded for name in ("zope", "'re'", "logging", "traceback", "typing"))
