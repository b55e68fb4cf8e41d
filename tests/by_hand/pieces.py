"""What the programs of differential.py are made of: pieces that say what they see, in an order that is always the same.

Each piece is a function's body. ``say(...)`` prints one line; what a piece raises is said, too. ``{n}`` is the piece's number
in its program. A piece may take some tenths of a second at most, and says nothing that depends on the clock.
"""

from __future__ import annotations

PIECES = {
    "import of a target": "import {target}; say({target}.__name__, type({target}).__name__)",
    "import in a function of a thread": """
import threading
def body():
    import {target}
    say("thread", {target}.__name__)
one = threading.Thread(target=body); one.start(); one.join()
""",
    "import from two threads": """
import threading
def body(name): seen.append(__import__(name).__name__)
seen = []
two = [threading.Thread(target=body, args=(name,)) for name in ("{target}", "{other}")]
[one.start() for one in two]; [one.join() for one in two]
say(sorted(seen))
""",
    "threads in order": """
import threading, time
done = []
def work(number):
    time.sleep(0.02 * number); done.append(number)
several = [threading.Thread(target=work, args=(number,)) for number in range(4)]
[one.start() for one in several]; [one.join() for one in several]
say(done, threading.active_count(), threading.current_thread() is threading.main_thread())
""",
    "a thread that raises": """
import threading
def work(): raise ValueError("in a thread")
one = threading.Thread(target=work, name="raises{n}"); one.start(); one.join()
say(one.is_alive())
""",
    "a thread that is not waited for": """
import threading, time
def work():
    time.sleep(0.1); print("work done", {n}, flush=True)
threading.Thread(target=work).start()
""",
    "a daemon thread that is left": """
import threading, time
threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
""",
    "a timer": """
import threading
fired = threading.Event(); threading.Timer(0.05, fired.set).start()
say(fired.wait(5), fired.is_set())
""",
    "a condition": """
import threading
box, there = [], threading.Condition()
def put():
    with there: box.append(1); there.notify_all()
with there:
    threading.Thread(target=put).start()
    say(there.wait_for(lambda: box, 5), box)
""",
    "a barrier": """
import threading
barrier, seen = threading.Barrier(3), []
def work(): seen.append(barrier.wait(5) >= 0)
several = [threading.Thread(target=work) for _ in range(3)]
[one.start() for one in several]; [one.join() for one in several]
say(seen, barrier.broken)
""",
    "locks": """
import threading
lock, again = threading.Lock(), threading.RLock()
say(lock.acquire(), lock.acquire(False), lock.acquire(timeout=0.01), lock.locked()); lock.release()
with again, again: say(again.acquire(False)); again.release()
try: again.release()
except RuntimeError as error: say("RuntimeError", error)
""",
    "thread locals": """
import threading
local = threading.local(); local.x = "main"
seen = []
one = threading.Thread(target=lambda: seen.append(hasattr(local, "x"))); one.start(); one.join()
say(seen, local.x)
""",
    "context variables": """
import contextvars, threading
var = contextvars.ContextVar("var", default="default"); var.set("main")
seen = []
one = threading.Thread(target=lambda: seen.append(var.get())); one.start(); one.join()
say(seen, var.get(), contextvars.copy_context().run(lambda: (var.set("inner"), var.get())[1]), var.get())
""",
    "a pool of threads": """
from concurrent.futures import ThreadPoolExecutor, as_completed
with ThreadPoolExecutor(3) as pool:
    say(list(pool.map(lambda x: x * x, range(5))))
    bad = pool.submit(lambda: 1 / 0)
    say(type(bad.exception()).__name__)
""",
    "a pool that is left at exit": """
from concurrent.futures import ThreadPoolExecutor
import time
pool = ThreadPoolExecutor(2)
pool.submit(lambda: (time.sleep(0.05), print("work done by the pool", {n}, flush=True)))
""",
    "a pool of multiprocessing.pool": """
from multiprocessing.pool import ThreadPool
with ThreadPool(2) as pool: say(pool.map(len, ["a", "bb", "ccc"]))
""",
    "a queue": """
import queue, threading
jobs, done = queue.Queue(2), []
def work():
    while (job := jobs.get()) is not None: done.append(job); jobs.task_done()
    jobs.task_done()
one = threading.Thread(target=work); one.start()
[jobs.put(job) for job in (1, 2, 3, 4, None)]; jobs.join(); one.join()
say(done, jobs.empty(), jobs.qsize(), jobs.maxsize)
try: jobs.get(timeout=0.01)
except queue.Empty as error: say("Empty", error.args)
""",
    "other queues": """
import queue
last, first = queue.LifoQueue(), queue.PriorityQueue()
[(last.put(x), first.put(-x)) for x in (1, 3, 2)]
say([last.get() for _ in "123"], [first.get() for _ in "123"], sorted(vars(last))[:3] != [])
with last.mutex: say(last._qsize())
""",
    "a pair of sockets": """
import socket, threading
here, there = socket.socketpair()
one = threading.Thread(target=lambda: there.sendall(b"x" * 100000)); one.start()
got = 0
while got < 100000: got += len(here.recv(65536))
one.join(); there.close()
say(got, here.recv(1), here.gettimeout(), here.getblocking()); here.close()
""",
    "a server": """
import socket, threading
server = socket.create_server(("127.0.0.1", 0))
def serve():
    with server.accept()[0] as client: client.sendall(client.recv(10).upper())
one = threading.Thread(target=serve); one.start()
with socket.create_connection(server.getsockname()) as client: client.sendall(b"abc"); say(client.recv(10))
one.join(); server.close()
""",
    "a time-out of a socket": """
import socket
here, there = socket.socketpair(); here.settimeout(0.02)
try: here.recv(1)
except OSError as error: say(type(error).__name__, error)
here.close(); there.close()
try: here.recv(1)
except OSError as error: say(type(error).__name__, error.errno)
""",
    "http": """
import threading, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(200); self.end_headers(); self.wfile.write(b"hello")
    def log_message(self, *args): pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
one = threading.Thread(target=server.serve_forever, kwargs={{"poll_interval": 0.02}}); one.start()
say(urllib.request.urlopen("http://127.0.0.1:%s/" % server.server_port, timeout=5).read())
server.shutdown(); one.join(); server.server_close()
""",
    "tls contexts": """
import ssl
context = ssl.create_default_context()
context.minimum_version = ssl.TLSVersion.TLSv1_2; context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
say(context.minimum_version.name, context.verify_mode.name, type(context).__name__)
""",
    "select": """
import select, os
r, w = os.pipe()
say(select.select([r], [w], [], 0.01)[0], len(select.select([r], [w], [], 0.01)[1]))
poll = select.poll(); poll.register(r, select.POLLIN); os.write(w, b"x"); say(len(poll.poll(1000)))
os.close(r); os.close(w)
""",
    "selectors": """
import selectors, os
r, w = os.pipe()
with selectors.DefaultSelector() as chosen:
    chosen.register(r, selectors.EVENT_READ, "data"); say(chosen.select(0.01)); os.write(w, b"x")
    say([(key.data, events) for key, events in chosen.select(1)])
os.close(r); os.close(w)
""",
    "pipes": """
import os, threading
r, w = os.pipe()
one = threading.Thread(target=lambda: (os.write(w, b"data"), os.close(w))); one.start()
say(os.read(r, 100)); say(os.read(r, 100)); one.join(); os.close(r)
try: os.close(r)
except OSError as error: say(error.errno)
""",
    "descriptors": """
import os
first = os.open(os.devnull, os.O_RDONLY); os.close(first); second = os.open(os.devnull, os.O_RDONLY)
say(first == second); os.dup2(second, second + 5); os.closerange(second, second + 6)
""",
    "a child by fork": """
import os
pid = os.fork()
if not pid: os._exit(3)
say(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
""",
    "a child that goes on": """
import os, sys, threading
sys.stdout.flush()
pid = os.fork()
if not pid:
    seen = []
    one = threading.Thread(target=seen.append, args=(1,)); one.start(); one.join()
    print("child", seen, threading.active_count(), flush=True); os._exit(0)
say(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
""",
    "a fork beside threads": """
import os, sys, threading
go = threading.Event()
one = threading.Thread(target=go.wait); one.start()
sys.stdout.flush()
pid = os.fork()
if not pid: print("alone", threading.active_count(), one.is_alive(), flush=True); os._exit(0)
os.waitpid(pid, 0); go.set(); one.join(); say("joined")
""",
    "wait": """
import os
pid = os.fork()
if not pid: os._exit(5)
found, status = os.wait(); say(found == pid, status)
try: os.wait()
except OSError as error: say(type(error).__name__)
""",
    "system and popen": """
import os
say(os.system("exit 3") >> 8, os.popen("echo hello").read())
""",
    "subprocess": """
import subprocess, sys
done = subprocess.run([sys.executable, "-S", "-c", "print('out'); raise SystemExit(4)"], capture_output=True, text=True)
say(done.returncode, done.stdout, done.stderr)
""",
    "subprocess with input": """
import subprocess
say(subprocess.run(["cat"], input=b"x" * 100000, capture_output=True).stdout == b"x" * 100000)
say(subprocess.check_output("echo $0 $X", shell=True, env={{"X": "y"}}, text=True))
""",
    "subprocess and time": """
import subprocess
try: subprocess.run(["sleep", "5"], timeout=0.05)
except subprocess.TimeoutExpired as error: say("TimeoutExpired", error.cmd)
one = subprocess.Popen(["sleep", "5"], start_new_session=True); one.terminate(); say(one.wait(5), one.poll())
""",
    "subprocess that fails": """
import subprocess
for what in (["/no/such/thing"], ["/etc/passwd"]):
    try: subprocess.run(what)
    except OSError as error: say(type(error).__name__, error.errno, error.filename)
try: subprocess.run(["true"], preexec_fn=lambda: 1 / 0)
except subprocess.SubprocessError as error: say(type(error).__name__)
""",
    "many at once": """
import subprocess
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as pool:
    say(list(pool.map(lambda n: subprocess.call(["sh", "-c", "exit %d" % n]), range(6))))
""",
    "a handler": """
import os, signal
seen = []
before = signal.signal(signal.SIGUSR1, lambda number, frame: seen.append((number, frame is not None)))
os.kill(os.getpid(), signal.SIGUSR1); say(seen, before, signal.getsignal(signal.SIGUSR1) is not None)
""",
    "a handler that raises": """
import signal, time
class Stop(Exception): pass
def stop(number, frame): raise Stop
signal.signal(signal.SIGALRM, stop); signal.setitimer(signal.ITIMER_REAL, 0.05)
try: time.sleep(5)
except Stop: say("stopped")
""",
    "a handler while threads work": """
import signal, threading, time
over = threading.Event()
def work():
    while not over.wait(0.005): pass
one = threading.Thread(target=work); one.start()
class Stop(Exception): pass
def stop(number, frame): time.sleep(0.01); raise Stop(threading.current_thread().name)
signal.signal(signal.SIGALRM, stop); signal.setitimer(signal.ITIMER_REAL, 0.05)
try: one.join()
except Stop as error: say(error)
over.set(); one.join()
""",
    "Ctrl-C": """
import os, signal, time
try: os.kill(os.getpid(), signal.SIGINT); time.sleep(5)
except KeyboardInterrupt: say("interrupted")
""",
    "Ctrl-C somewhere in first imports": """
import signal
def interrupt(number, frame): raise KeyboardInterrupt
before = signal.signal(signal.SIGALRM, interrupt); signal.setitimer(signal.ITIMER_REAL, {ms} / 1000)
try:
    import threading, queue, socket, subprocess, logging, concurrent.futures
    signal.pause()
except KeyboardInterrupt: pass
signal.setitimer(signal.ITIMER_REAL, 0)
import threading, queue, socket, subprocess, logging, concurrent.futures, select, ssl
done = []
one = threading.Thread(target=lambda: done.append(subprocess.call(["true"]))); one.start(); one.join(); say(done)
""",
    "SIGTERM": """
import os, signal, sys, threading, time
threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
signal.signal(signal.SIGTERM, lambda *args: sys.exit(7))
os.kill(os.getpid(), signal.SIGTERM); time.sleep(5)
""",
    "sigwait": """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2]); os.kill(os.getpid(), signal.SIGUSR2)
say(signal.sigwait([signal.SIGUSR2]), signal.sigtimedwait([signal.SIGUSR2], 0.01))
""",
    "at exit": """
import atexit
atexit.register(print, "at exit", {n}, flush=True)
""",
    "at exit with a thread": """
import atexit, threading, time
atexit.register(lambda: (time.sleep(0.01), print("slept at exit", {n}, flush=True)))
""",
    "a finalizer": """
class Thing:
    def __del__(self):
        import time
        time.sleep(0.001); print("finalized", {n}, flush=True)
thing{n} = Thing(); globals()["thing{n}"] = thing{n}
""",
    "a finalizer that logs and waits": """
import logging, sys, threading, time
logging.basicConfig(stream=sys.stdout, format="%(threadName)s %(message)s", level=10)
class Late{n}:
    def __init__(self): self.ended = threading.Thread(target=bool); self.ended.start(); self.lock = threading.Lock()
    def __del__(self, sleep=time.sleep, log=logging.warning, me=threading.current_thread):
        self.ended.join(1); sleep(0.001)
        with self.lock: log("{n} %s", me().name)
late{n} = Late{n}(); globals()["late{n}"] = late{n}
""",
    "a pipe that nobody closes": """
import os
r, w = os.pipe()
if not os.fork():
    os.close(w); got = os.read(r, 100); os.write(1, b"the other end had " + got + b"\\n"); os._exit(0)
os.close(r); open_pipe{n} = os.fdopen(w, "w"); open_pipe{n}.write("{n}"); globals()["open_pipe{n}"] = open_pipe{n}
""",
    "objects that are kept": """
import queue, signal, threading, time
class Kept{n}:
    def __init__(self, name): self.name = name
    def __del__(self, print=print): print("finalized", {n}, self.name, flush=True)
jobs = queue.Queue(); jobs.put(Kept{n}("queued")); one = threading.Thread(target=bool, args=(Kept{n}("argument"),))
one.start(); one.join(); own = threading.local(); own.x = Kept{n}("own")
signal.signal(signal.SIGUSR2, lambda *given: one); time.sleep(0.001)
kept{n} = jobs, own; globals()["kept{n}"] = kept{n}
""",
    "logging": """
import io, logging, threading
stream = io.StringIO()
log = logging.getLogger("piece{n}"); log.addHandler(logging.StreamHandler(stream)); log.propagate = False
several = [threading.Thread(target=log.warning, args=("x",)) for _ in range(3)]
[one.start() for one in several]; [one.join() for one in several]
say(stream.getvalue())
""",
    "asyncio": """
import asyncio
async def main():
    await asyncio.sleep(0.01)
    return await asyncio.gather(*(asyncio.to_thread(pow, 2, n) for n in range(3)))
say(asyncio.run(main()))
""",
    "asyncio in two threads": """
import asyncio, threading
async def main(): await asyncio.sleep(0.03); return asyncio.get_running_loop().is_running()
seen = []
several = [threading.Thread(target=lambda: seen.append(asyncio.run(main()))) for _ in range(2)]
[one.start() for one in several]; [one.join() for one in several]
say(seen)
""",
    "multiprocessing": """
import multiprocessing
context = multiprocessing.get_context("fork")
here, there = context.Pipe()
one = context.Process(target=there.send, args=("sent",)); one.start(); say(here.recv()); one.join(); say(one.exitcode)
""",
    "reload": """
import importlib, {target}
say(importlib.reload({target}) is {target})
""",
    "a second first import": """
import sys, {target}
first = sys.modules.pop("{target}")
import {target} as second
say(second is not first, second.__name__); sys.modules["{target}"] = first
""",
    "sqlite3": """
import sqlite3, threading
path = "piece{n}.db"
with sqlite3.connect(path) as one: one.execute("create table t(x)")
def write(n):
    other = sqlite3.connect(path, timeout=5)
    with other: other.execute("insert into t values(?)", (n,))
    other.close()
several = [threading.Thread(target=write, args=(n,)) for n in range(3)]
[each.start() for each in several]; [each.join() for each in several]
say(one.execute("select count(*) from t").fetchall()); one.close()
""",
    "file locks": """
import fcntl, threading
seen = []
def use(n):
    with open("piece{n}.lock", "w") as file: fcntl.flock(file, fcntl.LOCK_EX); seen.append(n)
several = [threading.Thread(target=use, args=(n,)) for n in range(3)]
[each.start() for each in several]; [each.join() for each in several]
say(sorted(seen))
""",
    "files": """
import tempfile, os
with tempfile.NamedTemporaryFile("w+", dir=".") as file: file.write("x"); file.seek(0); say(file.read())
with open("piece{n}.txt", "w") as out: out.write("text")
say(open("piece{n}.txt").read(), type(open("piece{n}.txt")).__name__)
""",
    "input": """
import threading
def ask():
    try: say(input())
    except (EOFError, RuntimeError) as error: say(type(error).__name__, error)
ask(); one = threading.Thread(target=ask); one.start(); one.join()
""",
    "stdin": """
import sys
say(None if sys.stdin is None else sys.stdin.readline())
""",
    "names by from": """
from time import sleep
from threading import Thread, Lock
from os import read, write, pipe, close
r, w = pipe(); one = Thread(target=lambda: (sleep(0.01), write(w, b"y"), close(w))); one.start()
say(read(r, 5), read(r, 5)); one.join(); close(r)
""",
    "subclasses": """
import threading, queue, socket
class Worker(threading.Thread):
    def run(self): self.result = self.name
class Last(queue.Queue):
    def _init(self, maxsize): self.queue = []
    def _qsize(self): return len(self.queue)
    def _put(self, item): self.queue.append(item)
    def _get(self): return self.queue.pop()
one = Worker(name="worker{n}"); one.start(); one.join(); jobs = Last(); jobs.put(1); jobs.put(2)
say(one.result, jobs.get(), issubclass(socket.socket, object))
""",
    "introspection": """
import inspect, os, threading, time
say(str(inspect.signature(threading.Thread.__init__)), os.read.__name__, os.close.__name__, time.sleep.__name__)
say(threading.main_thread().name, threading.main_thread().is_alive(), threading.current_thread().name)
""",
    "an error": "raise KeyError('an error of piece {n}')",
    "warnings": "import warnings; warnings.warn('a warning of piece {n}')",
}

# How the program ends, after its last piece.
ENDINGS = {
    "": "",
    "an exception": "raise RuntimeError('the end')",
    "sys.exit(3)": "import sys; sys.exit(3)",
    "sys.exit(words)": "import sys; sys.exit('words')",
    "os._exit(4)": "import os, sys; sys.stdout.flush(); os._exit(4)",
    "a signal": "import os, signal, sys; sys.stdout.flush(); os.kill(os.getpid(), signal.SIGTERM)",
    "Ctrl-C": "import os, signal; os.kill(os.getpid(), signal.SIGINT); import time; time.sleep(5)",
}

TARGETS = ("threading", "socket", "ssl", "select", "selectors", "subprocess", "queue", "signal", "logging", "asyncio",
           "concurrent.futures", "tempfile", "multiprocessing", "http.client", "random", "decimal", "unittest", "xmlrpc.client")  # fmt: skip
