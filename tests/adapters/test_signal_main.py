"""A signal's handler runs as the main thread, which stands still meanwhile: as without gevent, program by program.

Most programs here run twice, plain and armed, and must print the same. Each makes sure first that threads are what it
takes them for, so that none passes by being native.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from conftest import APPS, clean_environment, run_code, run_python, same_as_plain

HEAD = """
import os, signal, sys, threading, time
started = []
first = threading.Thread(target=lambda: started.append(threading.get_native_id()))
first.start(); first.join()
armed = "lazypatch" in sys.modules and started == [threading.get_native_id()]
assert armed == bool(os.environ.get("PYTHONCOOPPATCH")), "the threads are not what this program is about"
me = os.getpid()

def later(seconds, number, busy=False):
    "Send a signal from outside, and unless this process is *busy*, when it is waiting."
    until = f"while [ -e /proc/{me}/status ] && ! grep -q State:.S /proc/{me}/status; do sleep 0.01; done;" if not busy else ""
    os.posix_spawn("/bin/sh", ["sh", "-c", f"sleep {seconds}; {until} kill -{int(number)} {me}"], os.environ)

def worker(function, *args):
    thread = threading.Thread(target=function, args=args, daemon=True)
    thread.start()
    return thread
"""


def both(code: str) -> subprocess.CompletedProcess[str]:
    """Run *code* plain and armed; gives the armed run, whose output and status are the plain one's."""
    plain, armed = (run_python("-c", HEAD + code, spec=spec) for spec in (None, "all"))
    assert (armed.returncode, armed.stdout) == (plain.returncode, plain.stdout), (plain, armed)
    assert plain.stdout, "a program that prints nothing shows nothing"
    return armed


WAITS = {
    "an event": "threading.Event().wait()",
    "a lock": "lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "with a lock": "lock = threading.Lock(); lock.acquire()\n    with lock: pass",
    "a queue": "import queue; queue.Queue().get()",
    "a thread": "worker(threading.Event().wait).join()",
    "a condition": "c = threading.Condition()\n    with c: c.wait()",
    "time": "time.sleep(30)",
    "a socket": "import socket; a, b = socket.socketpair(); a.recv(1)",
    "select": "import select; r, w = os.pipe(); select.select([r], [], [])",
    # What is left running must not hold the pipes by which this test waits for the program's end.
    "a process": "import subprocess as s; s.Popen(['sleep', '30'], stdout=s.DEVNULL, stderr=s.DEVNULL).wait()",
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_what_a_handler_raises_comes_out_of_whatever_the_main_thread_waits_for(wait: str) -> None:
    """Also where nothing else could ever end that wait, and there is no other thread."""
    both(f"""
class Late(Exception): pass
def handler(number, frame):
    raise Late(number)
signal.signal(signal.SIGUSR1, handler)
try:
    later(0.3, signal.SIGUSR1)
    {wait}
except Late as error:
    print("raised", error.args)
""")


@pytest.mark.parametrize("busy", ["time.sleep(0.01)", "sum(range(1000))"], ids=["waits", "computes"])
def test_sys_exit_in_a_handler_ends_the_program_with_its_status(busy: str) -> None:
    """Whatever a worker does, which is not the one that it comes out of."""
    done = both(f"""
def work():
    try:
        while True: {busy}
    except BaseException as error:
        print("the worker got", error)
signal.signal(signal.SIGTERM, lambda *a: sys.exit(7))
print("begins", flush=True)
try:
    later(0.3, signal.SIGTERM, busy=True)
    worker(work)
    time.sleep(30)
finally:
    print("main")
""")
    assert done.returncode == 7 and done.stderr == "", done.stderr


@pytest.mark.parametrize("wait", ["time.sleep(30)", "threading.Event().wait()", "worker(time.sleep, 30).join()"])
def test_ctrl_c_ends_the_program_as_natively(wait: str) -> None:
    """The status is the signal's, and there is one traceback, which nobody but the interpreter has printed."""
    done = both(f"worker(time.sleep, 30)\nprint('begins', flush=True)\nlater(0.3, signal.SIGINT)\n{wait}\n")
    assert done.returncode == -signal.SIGINT
    assert done.stderr.count("Traceback") == 1 and done.stderr.endswith("\nKeyboardInterrupt\n"), done.stderr
    # What tells nobody anything: our own frames, but for that of the call itself.
    calls = done.stderr.count("time_sleep.py") + done.stderr.count("thread_rlock.py")
    assert done.stderr.count("lazypatch") == calls <= 1, done.stderr


@pytest.mark.parametrize("before", ["", "one = threading.Thread(target=bool); one.start(); one.join()"])
def test_ctrl_c_ends_a_program_at_a_terminal_as_natively(before: str) -> None:
    """Up to 3.12 a program forgets to end as if by the signal if anything is compiled while the traceback is printed."""
    said, terminal = os.openpty()
    code = f"import os, signal, threading, time\n{before}\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(30)"
    done = subprocess.run(
        [sys.executable, "-c", code], stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal, timeout=60,
        env=clean_environment(PYTHONCOOPPATCH="all"), cwd=APPS,
    )  # fmt: skip
    assert os.read(said, 1 << 16).count(b"Traceback") == 1
    assert done.returncode == -signal.SIGINT


def test_a_worker_that_computes_and_never_waits_does_not_keep_ctrl_c_from_the_main_thread() -> None:
    """It is interrupted where it is, once."""
    both("""
done = []
def compute():
    while not heard: sum(range(1000))
    done.append("computed")
heard = []
try:
    later(0.3, signal.SIGINT, busy=True)
    worker(compute)
    time.sleep(30)
except KeyboardInterrupt:
    print("main, while the worker computes:", done == [])
heard.append(1)
for thread in threading.enumerate():
    if thread is not threading.current_thread(): thread.join()
print(done)
""")


def test_a_handler_may_wait_join_lock_and_log() -> None:
    both("""
import logging
logging.basicConfig(stream=sys.stdout, format="%(threadName)s %(message)s")
stop, lock = threading.Event(), threading.Lock()
def work():
    with lock: stop.wait()
thread = worker(work)
def handler(number, frame):
    time.sleep(0.05)
    stop.set()
    thread.join()
    with lock: logging.warning("handled")
signal.signal(signal.SIGUSR1, handler)
later(0.3, signal.SIGUSR1)
while thread.is_alive(): time.sleep(0.01)
print(thread.is_alive(), lock.locked())
""")


def test_a_handler_logs_while_the_main_thread_is_within_a_handler_of_logging() -> None:
    """Its lock is the main thread's, who is in the middle of writing, and may be taken again."""
    both("""
import logging
class Slow(logging.Handler):
    def emit(self, record):
        print("begins", record.msg)
        while record.msg == "outer" and not handled: time.sleep(0.01)
        print("ends", record.msg)
log = logging.getLogger("x"); log.addHandler(Slow())
handled = []
signal.signal(signal.SIGUSR1, lambda *a: (log.warning("inner"), handled.append(1)))
later(0.3, signal.SIGUSR1)
log.warning("outer")
""")


def test_a_handler_has_the_main_threads_identity_for_everybody_who_asks() -> None:
    both("""
import contextvars
variable = contextvars.ContextVar("v"); variable.set("before")
local, mine = threading.local(), threading.RLock()
local.x = "before"
class Local(threading.local):
    def __init__(self): self.y = []
own = Local(); own.y.append("main")
ident, copied = threading.get_ident(), threading.get_ident
late = {}
def handler(number, frame):
    time.sleep(0.05)  # in a place of its own by now
    print(threading.current_thread().name, threading.get_ident() == copied() == ident, threading.current_thread().ident == ident)
    print(local.x, own.y, variable.get(), bool(mine.acquire(blocking=False)), mine._is_owned())
    print(frame.f_code.co_name, [name for name in ("secret",) if name in frame.f_locals])
    local.x = "after"; own.y.append("handler"); variable.set("after"); mine.release()
    made = threading.local(); made.z = "made there"; late["local"] = made
def main():
    secret = 1
    with mine:
        while not late: time.sleep(0.01)
signal.signal(signal.SIGUSR1, handler)
later(0.2, signal.SIGUSR1)
worker(time.sleep, 30)
main()
print(local.x, own.y, variable.get(), late["local"].z)
print(threading.get_ident() == ident, [t.name for t in threading.enumerate() if not t.daemon])
""")


def test_the_main_thread_does_nothing_else_while_its_handler_runs() -> None:
    """Whatever wakes it; and a second handler on top of the first is the only one that runs."""
    both("""
seen = []
def first(*a):
    seen.append("first in"); later(0.1, signal.SIGUSR2)
    while "second out" not in seen: time.sleep(0.1)
    seen.append("first out")
def second(*a):
    seen.append("second in"); time.sleep(0.3); seen.append("second out")
signal.signal(signal.SIGUSR1, first); signal.signal(signal.SIGUSR2, second)
time.sleep(0.01); seen.append("main"); later(0.2, signal.SIGUSR1)
while "first out" not in seen or seen[-1] != "main":
    time.sleep(0.01); seen.append("main")
at = seen.index("first in")
print(seen[at:at + 5], set(seen[:at]))
""")


def test_an_exception_in_a_handler_on_top_of_another_comes_out_of_that_one() -> None:
    both("""
def first(*a):
    try: later(0.1, signal.SIGUSR2); time.sleep(30)
    except KeyError as error: print("the first handler got", error); raise ValueError("its own")
def second(*a): time.sleep(0.1); raise KeyError("second")
signal.signal(signal.SIGUSR1, first); signal.signal(signal.SIGUSR2, second)
try: later(0.2, signal.SIGUSR1); time.sleep(30)
except ValueError as error: print("main got", error)
""")


@pytest.mark.parametrize("kind", ["Lock", "RLock"])
@pytest.mark.parametrize("before", ["pass", "thread.join()"], ids=["waits for it", "comes when it is free"])
def test_a_handler_gets_the_lock_that_the_main_thread_waits_for(before: str, kind: str) -> None:
    """Its owner lets it go meanwhile: the main thread, which has waited longer, stands still, and does not take it."""
    both(f"""
lock, seen, held, inside = threading.{kind}(), [], threading.Event(), threading.Event()
def handler(*a):
    inside.set(); {before}
    with lock: seen.append("handler"); time.sleep(0.2)
def give():
    with lock: held.set(); inside.wait(); time.sleep(0.1)
thread = worker(give); held.wait()
signal.signal(signal.SIGUSR1, handler)
later(0.3, signal.SIGUSR1)
with lock: seen.append("main")
print(seen, lock.acquire(blocking=False))
""")


def test_a_lock_is_never_given_to_two() -> None:
    """Handlers that wait come at all moments, while three threads, the main one among them, want one lock."""
    both("""
lock, inside, worst, stop = threading.Lock(), [], [0], []
def handler(*a): time.sleep(0.003)
def compete():
    with lock:
        inside.append(1); worst[0] = max(worst[0], len(inside))
        time.sleep(0.0005); inside.pop()
    time.sleep(0)
def work():
    while not stop: compete()
threads = [worker(work) for _ in range(2)]
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.0071)
for _ in range(200): compete()
signal.setitimer(signal.ITIMER_REAL, 0)
stop.append(1)
for thread in threads: thread.join(20)
print(worst, lock.locked(), [thread.is_alive() for thread in threads])
""")


def test_what_a_handler_raises_when_the_main_thread_has_been_woken_for_a_lock_loses_nothing() -> None:
    both("""
lock = threading.RLock()
inside, free = threading.Event(), threading.Event()
def hold():
    with lock: inside.set(); free.wait()
thread = worker(hold); inside.wait()
def handler(*a):
    free.set(); time.sleep(0.3)
    raise KeyError("late")
signal.signal(signal.SIGUSR1, handler)
later(0.3, signal.SIGUSR1)
try:
    with lock: print("never here")
except KeyError as error: print(error)
thread.join()
other = []
last = worker(lambda: other.append(bool(lock.acquire(timeout=20)))); last.join()
print("free for others:", other)
""")


def test_signals_that_interrupt_locks_at_any_moment_lose_none() -> None:
    """A thousand alarms, each raised wherever it meets the main thread, and another thread that wants the same locks.

    Plain Python 3.14 loses some: it looks for signals after a call, when the lock is taken, and before the block begins.
    """
    code = """
class Alarm(Exception): pass
ready = []
def handler(*a):
    if ready: ready.clear(); raise Alarm
lock, mine, stop, got = threading.Lock(), threading.RLock(), [], 0
def compete():
    while not stop:
        with lock:
            with mine: time.sleep(0.0001)
        time.sleep(0)
thread = worker(compete)
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0007)
while got < 1000:
    try:
        ready.append(1)
        while True:
            with lock:
                with mine: pass
            time.sleep(0)
    except Alarm: got += 1
signal.setitimer(signal.ITIMER_REAL, 0)
stop.append(1); thread.join(20)
print(thread.is_alive(), lock.acquire(timeout=20), bool(mine.acquire(timeout=20)))
"""
    assert run_code(HEAD + code, spec="all") == "False True True\n"


def test_a_wait_goes_on_after_a_handler_that_returns() -> None:
    """Python's rule for every call that waits, to its full time."""
    both("""
count = []
signal.signal(signal.SIGALRM, lambda *a: count.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
for wait in (lambda: time.sleep(0.6), lambda: threading.Event().wait(0.6), lambda: worker(time.sleep, 5).join(0.6)):
    del count[:]
    begin = time.monotonic(); wait(); took = time.monotonic() - begin
    print(took > 0.55, len(count) >= 1)
signal.setitimer(signal.ITIMER_REAL, 0)
""")


def test_a_program_whose_last_line_waits_for_a_signal_waits() -> None:
    both("""
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *a: stop.set())
later(0.4, signal.SIGTERM)
stop.wait()
print("ends")
""")


def test_a_thread_that_waits_for_a_signal_keeps_the_program_that_is_at_its_end() -> None:
    both("""
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *a: stop.set())
later(0.6, signal.SIGTERM)
threading.Thread(target=lambda: (stop.wait(), print("ends"))).start()
""")


def test_gevents_own_wait_until_nothing_is_left_to_do_ends() -> None:
    """Waiting for signals is nothing that gevent.wait() or Hub.join() waits for."""
    out = run_code(
        HEAD
        + """
import gevent
signal.signal(signal.SIGTERM, lambda *a: None)
time.sleep(0.01)
gevent.spawn(lambda: (time.sleep(0.05), print("done")))
print(gevent.wait(), gevent.get_hub().join(timeout=5))
""",
        spec="all",
    )
    assert out == "done\nTrue True\n"


def test_ctrl_c_in_a_deadlock_says_who_waits_for_what() -> None:
    done = run_python(
        "-c",
        HEAD
        + """
a, b, both = threading.Lock(), threading.Lock(), threading.Barrier(2)
def take(one, other):
    with one:
        both.wait()
        with other: pass
threads = [threading.Thread(target=take, args=pair, name=name) for name, pair in (("left", (a, b)), ("right", (b, a)))]
for thread in threads: thread.daemon = True; thread.start()
later(0.4, signal.SIGINT)
threads[0].join()
""",
        spec="all",
    )
    assert done.returncode == -signal.SIGINT
    assert "every thread was waiting" in done.stderr and "MainThread in <string>" in done.stderr, done.stderr
    assert all(f"  {name} in <string>" in done.stderr for name in ("left", "right")), done.stderr
    assert done.stderr.count(", take") == 2, done.stderr


def test_a_thread_may_not_set_handlers_and_a_greenlet_may() -> None:
    out = both("""
def use():
    for call in (lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN), lambda: signal.set_wakeup_fd(-1)):
        try: print("no error", call())
        except ValueError as error: print(error)
thread = worker(use); thread.join()
print(signal.getsignal(signal.SIGUSR1), signal.set_wakeup_fd(-1))
""").stdout
    assert out.count("only works in main thread") == 2
    code = "import gevent; gevent.spawn(lambda: print(signal.signal(signal.SIGUSR1, signal.SIG_IGN))).join()"
    assert run_code(HEAD + code, spec="all") in ("Handlers.SIG_DFL\n", "0\n")


def test_the_module_answers_what_it_was_told() -> None:
    """Before a hub runs, and after; with all kinds of handlers; and wrong arguments are errors as ever."""
    both("""
def h(*a): pass
for _ in range(2):
    print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, signal.getsignal(signal.SIGURG))
    print(signal.signal(signal.SIGUSR1, h) is h, signal.getsignal(signal.SIGUSR1) is h)
    print(signal.signal(signal.SIGUSR1, signal.SIG_IGN) is h, signal.getsignal(signal.SIGUSR1))
    print(signal.signal(signal.SIGUSR1, h), signal.siginterrupt(signal.SIGUSR1, False))
    for arguments in ((signal.SIGUSR1, 5), (signal.SIGUSR1, None), (4000, h), (signal.SIGKILL, h), ("x", h)):
        try: print("no error", signal.signal(*arguments))
        except (TypeError, ValueError, OSError) as error: print(type(error).__name__, error)
    print(signal.getsignal(signal.SIGUSR1) is h)
    time.sleep(0.01)   # a hub runs from here on
""")


def test_a_wakeup_descriptor_gets_each_signal_once() -> None:
    both("""
r, w = os.pipe(); os.set_blocking(w, False); os.set_blocking(r, False)
signal.signal(signal.SIGUSR1, lambda *a: time.sleep(0.05))
print(signal.set_wakeup_fd(w))
worker(time.sleep, 2)
for _ in range(3):
    os.kill(me, signal.SIGUSR1); time.sleep(0.2)
print(signal.set_wakeup_fd(-1) == w, list(os.read(r, 100)) == [signal.SIGUSR1] * 3)
""")


def test_idents_of_threads_are_known_to_pthread_kill_and_to_clocks() -> None:
    """And one of a thread that is gone is an error, not an address."""
    both("""
seen = []
signal.signal(signal.SIGUSR1, lambda *a: seen.append(threading.current_thread().name))
stop = threading.Event(); thread = worker(stop.wait); time.sleep(0.05)
for ident in (threading.get_ident(), threading.main_thread().ident, thread.ident):
    print(signal.pthread_kill(ident, 0), signal.pthread_kill(ident, signal.SIGUSR1)); time.sleep(0.1)
print(seen)
print(time.clock_gettime(time.pthread_getcpuclockid(threading.get_ident())) > 0)
inside = worker(lambda: signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)); inside.join(); time.sleep(0.1)
print(seen)
""")
    dead = "gone = worker(int); gone.join()\nfor call in (lambda i: signal.pthread_kill(i, 0), time.pthread_getcpuclockid):"
    dead += "\n    try: call(gone.ident)\n    except ProcessLookupError as error: print(error.errno)\n"
    assert run_code(HEAD + dead, spec="all") == "3\n3\n"


def test_asyncio_hears_of_signals_and_of_ctrl_c() -> None:
    both("""
import asyncio
async def main():
    done, handled, loop = asyncio.Event(), [], asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, done.set)
    signal.signal(signal.SIGUSR2, lambda *a: (time.sleep(0.05), print(asyncio.get_running_loop() is loop), handled.append(1)))
    later(0.2, signal.SIGUSR1)
    await done.wait(); print("heard"); later(0.1, signal.SIGUSR2)
    while not handled: await asyncio.sleep(0.01)
    try: later(0.2, signal.SIGINT); await asyncio.sleep(20)
    except asyncio.CancelledError: print("cancelled"); raise
try: asyncio.run(main())
except KeyboardInterrupt: print("interrupted")
""")


def test_between_signals_nothing_is_left_behind() -> None:
    """What is free of cost is not there: gevent's own switch and get_ident, no trace function."""
    out = run_code(
        HEAD
        + """
import _signal, gevent.hub, gevent.thread, greenlet
ours = lambda: (greenlet.gettrace(), gevent.thread.getcurrent is greenlet.getcurrent, "switch" in vars(gevent.hub.Hub),
                signal.getsignal(signal.SIGURG) == signal.SIG_DFL, threading.get_ident is gevent.thread.get_ident)
print(ours())
during = []
signal.signal(signal.SIGUSR1, lambda *a: (time.sleep(0.3), during.append(greenlet.gettrace())))
later(0.1, signal.SIGUSR1)
while not during: time.sleep(0.01)
time.sleep(0.01)
print(during != [None] and len(during)); print(ours())
""",
        spec="all",
    )
    before, during, after = out.splitlines()
    assert before == after == "(None, True, False, True, True)" and during == "1", out


def test_the_signal_that_serves_as_a_trap_goes_on_being_the_programs() -> None:
    """Whether it has a handler before, or gets one while another one's runs."""
    both("""
seen = []
def handler(*a):
    seen.append("in")
    if "take" in sys.argv: pass
    signal.signal(signal.SIGURG, lambda *a: seen.append("urgent"))
    print(signal.getsignal(signal.SIGURG) != signal.SIG_DFL)
    later(0.1, signal.SIGURG)
    while "urgent" not in seen: time.sleep(0.01)
    seen.append("out")
signal.signal(signal.SIGUSR1, handler)
later(0.2, signal.SIGUSR1)
while "out" not in seen or seen[-1] != "main": time.sleep(0.1); seen.append("main")
at = seen.index("in")
print(seen[at:at + 4])
""")


def test_pickled_and_looked_at_the_functions_are_the_modules() -> None:
    both("""
import inspect, pickle
for name in ("signal", "getsignal", "set_wakeup_fd", "pthread_kill", "pause", "sigwait", "sigwaitinfo", "sigtimedwait"):
    function = getattr(signal, name)
    print(name, function.__name__, str(inspect.signature(function)), function.__doc__.split()[0])
    print(pickle.loads(pickle.dumps(function)) is function)
""")


# What a program looks like that never imports signal; to be run by a shell, from which it gets its Ctrl-C.
WITHOUT = """
import os, sys, threading, time
assert "signal" not in sys.modules
started = []
first = threading.Thread(target=lambda: started.append(threading.get_native_id()))
first.start(); first.join()
assert (started == [threading.get_native_id()]) == bool(os.environ.get("PYTHONCOOPPATCH"))

def later(seconds, busy=False):
    "Ctrl-C from outside, and unless this process is *busy*, when it is waiting."
    me = os.getpid()
    until = f"while [ -e /proc/{me}/status ] && ! grep -q State:.S /proc/{me}/status; do sleep 0.01; done;" if not busy else ""
    os.posix_spawn("/bin/sh", ["sh", "-c", f"sleep {seconds}; {until} kill -INT {me}"], os.environ)
"""
WAITS_WITHOUT = {
    "an event": "threading.Event().wait()",
    "time": "time.sleep(30)",
    "a pipe": "r, w = os.pipe(); os.read(r, 1)",
    "a thread": "t = threading.Thread(target=time.sleep, args=(30,), daemon=True); t.start(); t.join()",
}


@pytest.mark.parametrize("wait", WAITS_WITHOUT.values(), ids=WAITS_WITHOUT)
def test_ctrl_c_is_the_main_threads_also_where_nobody_imports_signal(wait: str) -> None:
    """Nothing is printed before it, and a wait for nothing else goes on until it comes."""
    code = f"{WITHOUT}\ntry:\n    later(0.3)\n    {wait}\nexcept KeyboardInterrupt: print('Ctrl-C')\n"
    plain, armed = (run_python("-c", code, spec=spec) for spec in (None, "all"))
    assert (plain.stdout, plain.stderr, plain.returncode) == ("Ctrl-C\n", "", 0), plain
    assert (armed.stdout, armed.stderr, armed.returncode) == ("Ctrl-C\n", "", 0), armed


def test_a_worker_that_computes_goes_on_after_ctrl_c_also_where_nobody_imports_signal() -> None:
    code = f"""{WITHOUT}
def compute():
    while not heard: sum(range(1000))
    print("computed")
    done.set()
done, heard = threading.Event(), []
try:
    later(0.3, busy=True)
    threading.Thread(target=compute).start()
    done.wait()
except KeyboardInterrupt: print("Ctrl-C"); heard.append(1)
done.wait()
"""
    for spec in (None, "all"):
        done = run_python("-c", code, spec=spec)
        assert (done.stdout, done.stderr, done.returncode) == ("Ctrl-C\ncomputed\n", "", 0), done


def test_without_signal_main_ctrl_c_is_gevents_also_where_nobody_imports_signal() -> None:
    code = f"{WITHOUT}\ntry: later(0.3); time.sleep(30)\nexcept KeyboardInterrupt: print('Ctrl-C')\n"
    done = run_python("-c", code, spec="all,-signal-main")
    assert (done.stdout, done.returncode) == ("Ctrl-C\n", 0), done


def test_a_handler_of_ctrl_c_that_is_set_after_a_wait_has_the_interpreters_before_it() -> None:
    code = f"""{WITHOUT}
time.sleep(0.01)
import signal
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
print(signal.signal(signal.SIGINT, signal.SIG_IGN) is signal.default_int_handler, signal.getsignal(signal.SIGINT))
"""
    assert run_code(code, spec="all") == run_code(code)


def test_a_signal_that_comes_together_with_what_is_waited_for_comes_first() -> None:
    """Both are there when the loop looks: the main thread's handler has run before the main thread goes on."""
    both("""
r, w = os.pipe()
class Enough(Exception): pass
def enough(*args): raise Enough
signal.signal(signal.SIGUSR1, enough)
for _ in range(3):
    child = os.fork()
    if not child:
        time.sleep(0.2)
        os.kill(me, signal.SIGSTOP); os.write(w, b"x"); os.kill(me, signal.SIGUSR1); os.kill(me, signal.SIGCONT)
        os._exit(0)
    try: print("read", os.read(r, 1))
    except Enough: print("enough")
    os.waitpid(child, 0); os.set_blocking(r, False)
    try:
        while os.read(r, 1): pass
    except BlockingIOError: os.set_blocking(r, True)
""")


def test_a_thread_of_the_module_thread_may_not_set_handlers_either() -> None:
    out = both("""
import _thread
done = threading.Event()
def use():
    for call in (lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN), lambda: signal.set_wakeup_fd(-1)):
        try: print("no error", call())
        except ValueError as error: print(error)
    done.set()
_thread.start_new_thread(use, ())
done.wait()
def forks():
    child = os.fork()
    if not child:
        print("in the child of a thread", signal.signal(signal.SIGUSR1, signal.SIG_IGN), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    done.set()
done.clear(); sys.stdout.flush()
_thread.start_new_thread(forks, ())
done.wait()
""").stdout
    assert out.count("only works in main thread") == 2


@pytest.mark.parametrize("number", ["SIGUSR1", "SIGINT"])
def test_a_signal_at_the_very_beginning_of_the_hub(number: str) -> None:
    """What its handler raises comes out of the main thread's wait, and is not the hub's end."""
    code = f"""
import signal, sys, threading, time
class Arrived(BaseException): pass
def arrived(number, frame): raise Arrived
signal.signal(signal.{number}, arrived)
from lazypatch.adapters import ctrl_c
real, sent = ctrl_c.is_main_native_thread, []
def look():
    if not sent and sys._getframe(1).f_code.co_name == "run":
        sent.append(1)
        signal.raise_signal(signal.{number})
    return real()
ctrl_c.is_main_native_thread = look
try: time.sleep(30)
except Arrived: print("arrived", len(sent))
thread = threading.Thread(target=lambda: (time.sleep(0.01), print("ran"))); thread.start(); thread.join()
"""
    assert run_code(code, spec="all") == "arrived 1\nran\n"


def test_who_sends_a_signal_to_itself_by_pthread_kill_has_handled_it_when_that_returns() -> None:
    """In the frame of the caller, and what the handler raises comes out of the call."""
    code = """
import signal, sys, threading
threading.Thread(target=int).start()
seen = []
def handler(number, frame):
    seen.append(frame.f_code.co_name)
    if len(seen) > 1:
        raise KeyError(number)
signal.signal(signal.SIGUSR1, handler)
def send(after=None):
    try:
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        after = list(seen)
    except KeyError:
        after = "raised"
    return after
print(send(), send(), seen)
"""
    assert same_as_plain(code) == "['send'] raised ['send', 'send']\n"
