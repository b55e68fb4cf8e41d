"""A forked child has one thread: the one that forked."""

from __future__ import annotations

import os

import pytest
from conftest import run_code, run_python

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork does not exist here")

# Other threads that wait in each of the ways that there are: for a time, a lock, an event, a queue, a descriptor.
OTHERS = """
import _thread, os, queue, sys, threading, time
armed, mine = "gevent" in sys.modules, os.getpid()
lock, event, jobs, condition = threading.Lock(), threading.Event(), queue.SimpleQueue(), threading.Condition()
lock.acquire()
r, w = os.pipe()
def say(what): os.write(1, f"{'child' if os.getpid() != mine else 'parent'}: {what}\\n".encode())
def other(name, wait):
    try:
        wait()
        if os.getpid() != mine: say(name + " runs on")
    finally:
        if os.getpid() != mine: say(name + " runs its finally")
def hold():
    with condition: condition.wait(0.2)
import select
waits = dict(time=lambda: time.sleep(0.2), lock=lock.acquire, event=event.wait, queue=jobs.get, condition=hold,
             descriptor=lambda: select.select([r], [], []))
threads = [threading.Thread(target=other, args=item, daemon=True) for item in waits.items()]
for t in threads: t.start()
_thread.start_new_thread(other, ("raw", lambda: time.sleep(0.2)))
time.sleep(0.05)
def in_child():
    me = threading.current_thread()
    say((threading.main_thread() is me, me.name, threading.enumerate() == [me], threading.active_count(),
         me.is_alive(), [t.is_alive() for t in threads], me.ident == threading.get_ident()))
    lock.release(); event.set(); jobs.put(1); os.write(w, b"x")
    with condition: condition.notify_all()
    t = threading.Thread(target=time.sleep, args=(0.4,)); t.start(); t.join()
    say((t.is_alive(), threading.active_count()))
    pid = os.fork()
    if not pid:
        t = threading.Thread(target=time.sleep, args=(0.05,)); t.start(); t.join()
        say(("once more", threading.active_count(), threading.main_thread() is threading.current_thread()))
        os._exit(9)
    say(os.waitpid(pid, 0)[1])
def fork():
    before = threading.current_thread()
    pid = os.fork()
    if not pid:
        say(threading.current_thread() is before)
        in_child()
        return True
    say(os.waitpid(pid, 0)[1])
    return False
"""
WARNS = {"PYTHONWARNINGS": "ignore"}  # natively, of a fork beside threads


@pytest.mark.parametrize(
    "by",
    {
        "main": "if fork():\n    sys.exit(5)\n",
        "main, which then ends": "if fork():\n    threading.Thread(target=lambda: (time.sleep(0.1), say('waited for'))).start()\n",
        "thread": "t = threading.Thread(target=fork, name='forker'); t.start(); t.join(); say('end')\n",
        "thread, while the main one waits for a time": "done = threading.Event()\n"
        "t = threading.Timer(0.01, lambda: (fork(), done.set())); t.name = 'forker'; t.start()\n"
        "while not done.wait(0.1): pass\nt.join(); say('end')\n",
        "thread that raises": "def f():\n    if fork(): raise SystemExit(4)\n"
        "t = threading.Thread(target=f, name='forker'); t.start(); t.join(); say('end')\n",
        "thread that leaves one": "def f():\n    if fork(): threading.Thread(target=lambda: (time.sleep(0.1), say('last'))).start()\n"
        "t = threading.Thread(target=f, name='forker'); t.start(); t.join(); say('end')\n",
    }.items(),
    ids=lambda item: item[0],
)
def test_other_threads_neither_run_on_nor_run_their_finally(by: tuple[str, str]) -> None:
    """Whoever forks, and whatever they wait for; and threading says so, as natively; also in a child of the child."""
    code = OTHERS + by[1]
    plain, armed = run_python("-c", code, **WARNS), run_python("-c", code, spec="all", **WARNS)
    assert "(True, '" in plain.stdout and "once more" in plain.stdout, plain
    assert (armed.stdout, armed.returncode, armed.stderr) == (plain.stdout, plain.returncode, plain.stderr)


def test_without_the_adapter_they_do() -> None:
    """Else the tests here would pass for another reason."""
    done = run_python("-c", OTHERS + "if fork():\n    sys.exit(5)\n", spec="all,-fork-threads")
    assert "runs on" in done.stdout


def test_what_was_spawned_with_gevent_goes_on_after_a_bare_fork() -> None:
    code = """
import gevent, os, threading, time
threading.Thread(target=time.sleep, args=(9,), daemon=True).start()
mine = os.getpid()
one = gevent.spawn(lambda: (gevent.sleep(0.05), os.getpid())[1])
gevent.sleep(0.01)
pid = os.fork()
assert one.get() == os.getpid()
if not pid:
    os._exit(7)
assert os.waitpid(pid, 0) == (pid, 7 << 8)
"""
    run_code(code, spec="all")


LEFT_ALONE = """
import gevent, os, sys, threading, time, multiprocessing, subprocess
from gevent.event import Event
from gevent.lock import Semaphore
from gevent.queue import Queue
mine, lock, event, queue = os.getpid(), Semaphore(0), Event(), Queue()
def say(what):
    if os.getpid() != mine: os.write(1, f"{what} runs in the child\\n".encode())
def use(name, wait):
    try: wait(); say(name)
    finally: say(name + "'s finally")
def spawn():
    for item in dict(time=lambda: gevent.sleep(0.1), lock=lock.acquire, event=event.wait, queue=queue.get).items():
        gevent.spawn(use, *item)
    gevent.spawn_later(0.05, use, "later", gevent.sleep)
    gevent.sleep(0.01)
    gevent.spawn(use, "unstarted", gevent.sleep)
    gevent.spawn_raw(use, "unstarted raw", gevent.sleep)
def child():
    lock.release(); event.set(); queue.put(1)
    time.sleep(0.2)
    found = [gevent.spawn(len, "ab").get()]
    t = threading.Thread(target=found.append, args=(3,)); t.start(); t.join()
    os.write(1, f"{found} {threading.active_count()}\\n".encode())
def process():
    spawn()
    p = multiprocessing.get_context("fork").Process(target=child); p.start(); p.join()
    os.write(1, f"{p.exitcode}\\n".encode())
"""


@pytest.mark.parametrize(
    "how",
    [
        "process()",
        "t = threading.Thread(target=process); t.start(); t.join()",
        "spawn(); os.write(1, b'%d\\n' % subprocess.run(['/bin/true'], preexec_fn=child).returncode)",
    ],
)
def test_and_not_in_a_child_of_multiprocessing_or_subprocess(how: str) -> None:
    expected = "[2, 3] 1\n0\n"
    assert run_code(LEFT_ALONE + how, spec="all", **WARNS) == expected
    assert "runs in the child" in run_python("-c", LEFT_ALONE + how, spec="all,-fork-threads", **WARNS).stdout


@pytest.mark.parametrize("how", ["os.fork()", "multiprocessing"])
def test_what_others_waited_for_is_not_watched_any_more(how: str) -> None:
    """The loop does not come round for it, and it can be closed: in the child, and in a child of that."""
    code = """
import multiprocessing, os, signal, sys, threading, time
from gevent import get_hub
(r, w), (closed, other) = os.pipe(), os.pipe()
for fd in r, closed:
    threading.Thread(target=os.read, args=(fd, 1), daemon=True).start()
time.sleep(0.01)
def fork(child):
    pid = os.fork()
    if not pid:
        child()
        os._exit(0)
    return os.waitpid(pid, 0)[1]
def child():
    os.close(closed)
    rounds = []
    check = get_hub().loop.check()
    os.kill(os.getppid(), signal.SIGSTOP)
    os.write(w, b"not for the child")
    time.sleep(0.01)
    check.start(rounds.append, 1)
    time.sleep(0.1)
    os.kill(os.getppid(), signal.SIGCONT)
    assert len(rounds) < 10, len(rounds)
    assert fork(lambda: time.sleep(0.01)) == 0
    print("fine", flush=True)
if how == "os.fork()":
    print(fork(child))
else:
    p = multiprocessing.get_context("fork").Process(target=child); p.start(); p.join()
    print(p.exitcode)
"""
    assert run_code(f"how = {how!r}\n{code}", spec="all", **WARNS) == "fine\n0\n"


def test_a_signal_reaches_the_thread_that_forked() -> None:
    """Ctrl-C in the child of another thread than the main one."""
    code = """
import os, signal, threading, time
def fork():
    pid = os.fork()
    if not pid:
        kill = ["sh", "-c", f"sleep 0.1; kill -INT {os.getpid()}"]
        try: os.posix_spawn("/bin/sh", kill, os.environ); time.sleep(30)
        except KeyboardInterrupt: os.write(1, b"interrupted\\n")
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os._exit(3)
    print(os.waitpid(pid, 0)[1], flush=True)
t = threading.Thread(target=fork); t.start(); t.join()
"""
    assert run_code(code, spec="all", **WARNS) == run_code(code, **WARNS) == "interrupted\n768\n"


@pytest.mark.parametrize("how", ["os.fork()", "multiprocessing"])
def test_a_signal_that_came_before_the_fork_is_the_parents(how: str) -> None:
    """Its handler is about to run there. In the child nobody stands still for it."""
    code = """
import multiprocessing, os, signal, threading, time
from gevent import get_hub
def send():
    os.kill(os.getpid(), signal.SIGUSR1)
    return None
def child():
    time.sleep(0.01)
    os._exit(len(came) or 7)
def claim():
    get_hub().loop.run_callback(send)
    time.sleep(0)  # the hub hears of the signal, and this thread is next
    if how == "multiprocessing":
        p = multiprocessing.get_context("fork").Process(target=child); p.start(); p.join(); print(p.exitcode)
    else:
        pid = os.fork()
        if not pid: child()
        print(os.waitpid(pid, 0)[1] >> 8)
came = []
signal.signal(signal.SIGUSR1, lambda *_: came.append(1))
t = threading.Thread(target=claim); t.start(); t.join()
assert came == [1], came
"""
    assert run_code(f"how = {how!r}\n{code}", spec="all", **WARNS) == "7\n"


def test_a_thread_that_has_ended_leaves_nothing() -> None:
    """No circle that waits for the collector, and no entry."""
    run_code(
        """
import gc, threading, weakref
from lazypatch.adapters import fork_threads
gc.disable()
found = []
def note(): from greenlet import getcurrent; found.append(weakref.ref(getcurrent()))
t = threading.Thread(target=note); t.start(); t.join()
import gevent; gevent.sleep(0.01)
assert not fork_threads.running and found[0]() is None, (fork_threads.running, found)
""",
        spec="all",
    )


def test_a_thread_that_a_native_thread_starts_is_native_and_outlives_it() -> None:
    """As a greenlet it would run only while the native one waits in a hub, and end with that."""
    out = run_code(
        """
import _thread, threading, time
import gevent, lazypatch, signal
from concurrent.futures import ThreadPoolExecutor
main, told, go_on = threading.get_native_id(), [], threading.Event()
sleep = lazypatch.original("time").sleep
def work():
    me = threading.current_thread()
    told.append((me.name, me.ident == _thread.get_ident(), threading.get_native_id() == main, me in threading.enumerate()))
    go_on.wait()
    sleep(0.01)
    told.append("work ends")
def start():
    started = threading.Thread(target=work, name="kid"); started.start()
    timer = threading.Timer(0.001, told.append, ["timer"]); timer.start(); timer.join()
    assert not timer.is_alive()
    with ThreadPoolExecutor(2) as pool: assert list(pool.map(abs, range(-3, 3))) == [3, 2, 1, 0, 1, 2]
    return started
kid = gevent.get_hub().threadpool.apply(start)
assert kid.is_alive()
go_on.set(); kid.join(10)
assert not kid.is_alive() and kid not in threading.enumerate()
assert sorted(told, key=str) == [("kid", True, False, True), "timer", "work ends"], told
def ends(): sleep(0.05); print("waited for", flush=True)
gevent.get_hub().threadpool.apply(lambda: threading.Thread(target=ends, daemon=False).start())
""",
        spec="all",
    )
    assert out == "waited for\n"


@pytest.mark.parametrize("make", ["threading.Lock()", "threading.RLock()", "threading.Condition()", "queue.Queue()"])
def test_who_waited_in_the_parent_takes_nobodys_turn_in_the_child(make: str) -> None:
    """Another greenlet-thread and a native one waited first; in the child both are gone, and a new thread waits."""
    out = run_code(
        f"""
import os, queue, threading, time
import gevent, lazypatch
lock = {make}
natives = lazypatch.original("threading")
take = lock.get if hasattr(lock, "get") else lock.acquire
give = (lambda: lock.put(1)) if hasattr(lock, "get") else lock.release
hasattr(lock, "get") or take()
native = natives.Thread(target=take, daemon=True); native.start()
while not native.is_alive(): time.sleep(0)
lazypatch.original("time").sleep(0.05)
waits = threading.Thread(target=take, daemon=True); waits.start()
pid = os.fork()
if not pid:
    got = []
    def work(): take(); got.append(1)
    new = threading.Thread(target=work); new.start(); time.sleep(0)
    give(); new.join(10)
    os.write(1, f"child {{got}}\\n".encode())
    os._exit(0)
os.waitpid(pid, 0)
os._exit(0)
""",
        spec="all",
    )
    assert out == "child [1]\n"


@pytest.mark.parametrize("fork", ["os.fork()", "child_of_multiprocessing()"])
def test_a_pools_thread_may_fork_while_its_job_is_being_submitted(fork: str) -> None:
    """The child asks for the lock that submit() holds in the parent, when it ends; nobody is left to let go of it."""
    run_code(
        f"""
import multiprocessing, os, sys
sys.setswitchinterval(1000)  # who submits has no turn before the fork: it would have the child join its own thread
from concurrent.futures import ThreadPoolExecutor
import concurrent.futures.thread as pools
def child_of_multiprocessing():
    child = multiprocessing.get_context("fork").Process(target=end)
    child.start()
    return child.pid
def end():
    pools._python_exit()
    os._exit(3)
def fork():
    child = {fork}
    if not child:
        end()
    return os.waitpid(child, 0)
with ThreadPoolExecutor(1) as pool:
    assert pool.submit(fork).result()[1] == 3 << 8
""",
        spec="all",
    )
