"""_thread.RLock excludes greenlets, and is in all else what it is natively."""

from __future__ import annotations

import pathlib
import tempfile

import pytest
from conftest import run_code, run_python

PRELUDE = """
import _thread, sys, threading, time
import gevent.event, lazypatch
native = lazypatch.get_original("_thread", "RLock")
assert _thread.RLock is not native and lazypatch.get_original("time", "sleep") is not time.sleep
def in_thread(function, *args):
    thread = threading.Thread(target=function, args=args)
    thread.start()
    return thread
"""


def run(code: str) -> str:
    return run_code(PRELUDE + code, spec="all")


def test_it_keeps_other_greenlets_out() -> None:
    """However it was made; held twice, it has to be let go of twice."""
    run(
        """
for make in (_thread.RLock, threading.RLock):
    lock, inside, most = make(), [], []
    def use():
        for _ in range(5):
            with lock, lock:
                inside.append(1); most.append(len(inside))
                time.sleep(0)
                inside.pop()
    threads = [in_thread(use) for _ in range(5)]
    [thread.join() for thread in threads]
    assert most == [1] * 25 and repr(lock).startswith("<unlocked")
lock = _thread.RLock()
lock.acquire(); lock.acquire(); lock.release()
tried = []
in_thread(lambda: tried.append(lock.acquire(blocking=False))).join()
in_thread(lambda: tried.append(lock.acquire(timeout=0.01))).join()
lock.release()
in_thread(lambda: tried.append(lock.acquire(blocking=False))).join()
assert tried == [False, False, True]
"""
    )


def test_it_looks_like_the_native_one() -> None:
    """trio asserts the module; other libraries ask isinstance()."""
    run(
        """
import re
lock, theirs = threading.RLock(), native()
assert type(lock) is _thread.RLock and isinstance(lock, type(threading.RLock()))
assert (type(lock).__module__, type(lock).__qualname__) == ("_thread", "RLock")
public = lambda kind: {name for name in dir(kind) if not name.startswith("__")} - {"_again", "_held", "_tickets"}
assert public(lock) == public(theirs)
shape = lambda text: re.sub(r"(owner=|0x)[0-9a-f]+", "", text)
assert shape(repr(lock)) == shape(repr(theirs))
with lock, lock, theirs, theirs: assert shape(repr(lock)) == shape(repr(theirs))
class Mine(_thread.RLock):
    def __init__(self, *a): self.a = a
given = (1,) if sys.version_info < (3, 15) else ()  # from 3.15 on RLock() takes none, natively as well
assert Mine(*given).acquire() and repr(Mine(*given)).startswith("<unlocked Mine object")
import weakref; assert weakref.ref(lock)() is lock
assert type(lazypatch.original("threading").RLock()) is native
"""
    )


def test_errors_are_the_native_ones() -> None:
    run(
        """
import copy, pickle
def outcomes(kind):
    for call in (
        lambda: kind(1), lambda: kind().release(), lambda: kind().acquire(False, 1), lambda: kind().acquire(timeout=-2),
        lambda: kind().acquire(True, 1e30), lambda: kind().acquire(timeout=None), lambda: pickle.dumps(kind()),
        lambda: copy.deepcopy(kind()), lambda: kind()._is_owned(), lambda: kind().acquire(), lambda: kind().acquire(1, 5),
        lambda: kind().acquire(blocking=False),
    ):
        try: result = call()
        except Exception as error: result = type(error).__name__, str(error)
        yield result if isinstance(result, (bool, tuple)) else type(result).__name__
ours, theirs = list(outcomes(_thread.RLock)), list(outcomes(native))
assert ours == theirs, [pair for pair in zip(ours, theirs) if pair[0] != pair[1]]
"""
    )


def test_a_condition_lets_go_of_all_holds_and_takes_them_again() -> None:
    run(
        """
condition, seen = threading.Condition(), []
assert type(condition._lock) is _thread.RLock
def wait():
    with condition, condition:
        seen.append("waits"); condition.wait(20); seen.append("woken")
thread = in_thread(wait)
while not seen: time.sleep(0)
with condition: condition.notify()
thread.join()
assert seen == ["waits", "woken"] and repr(condition._lock).startswith("<unlocked")
"""
    )


def test_who_is_killed_while_waiting_leaves_it_to_the_next() -> None:
    """Also in the moment in which it was woken."""
    run(
        """
lock, got = _thread.RLock(), []
lock.acquire()
first, second = gevent.spawn(lock.acquire), gevent.spawn(lambda: got.append(lock.acquire()))
gevent.sleep(0)
first.kill(block=False)  # it has not run yet
lock.release()
second.join()
assert got == [True]
lock = _thread.RLock()
in_thread(lock.acquire).join()
with gevent.Timeout(0.01, False): lock.acquire()
assert not lock._tickets
"""
    )


def test_native_threads_and_greenlets_exclude_each_other() -> None:
    run(
        """
lock, count, wrong = _thread.RLock(), [0], []
def add(pause):
    for _ in range(40):
        with lock:
            before = count[0]; pause(0); count[0] = before + 1
pause = lazypatch.get_original("time", "sleep")
natives = [lazypatch.original("threading").Thread(target=add, args=(pause,)) for _ in range(2)]
greenlets = [in_thread(add, time.sleep) for _ in range(2)]
[thread.start() for thread in natives]
while any(thread.is_alive() for thread in natives + greenlets): time.sleep(0.001)
assert count == [160]
"""
    )


def test_a_signal_handler_may_take_it_wherever_it_comes() -> None:
    """At every instruction of acquire() and release(); gevent's class in Python would wait for itself."""
    run(
        """
lock, points = _thread.RLock(), []
def handler():
    assert lock.acquire(timeout=5)
    lock.release()
def trace(frame, event, arg):
    if frame.f_code.co_filename.endswith("thread_rlock.py"):
        frame.f_trace_opcodes = True
        if event == "opcode" and not points[-1:] == [None]:
            points.append(None)  # the handler is not interrupted itself
            handler()
            points[-1] = frame.f_lasti
        return trace
sys._getframe().f_trace_opcodes = True  # 3.12 looks for that when settrace() is called
sys.settrace(trace)
with lock:
    with lock: pass
sys.settrace(None)
assert len(points) > 40 and repr(lock).startswith("<unlocked") and "count=0" in repr(lock), (len(points), lock)
"""
    )


@pytest.mark.parametrize("where", ["after a fork", "in the hub"])
def test_it_is_free_in_a_child_and_of_use_in_the_hub(where: str) -> None:
    run(
        """
import os
lock = _thread.RLock()
lock.acquire()
lock._at_fork_reinit()
assert not lock._is_owned() and lock.acquire(blocking=False)
lock.release()
pid = os.fork()
if pid == 0: os._exit(0 if threading.RLock().acquire() else 1)
assert os.waitpid(pid, 0)[1] == 0
"""
        if where == "after a fork"
        else """
lock, got = _thread.RLock(), []
gevent.get_hub().loop.run_callback(lambda: got.append((lock.acquire(), lock.release())))
gevent.sleep(0.01)
assert got == [(True, None)]
"""
    )


def test_ours_and_importlibs_stay_native() -> None:
    run(
        """
import _frozen_importlib
from lazypatch._session import session
assert type(session().originals._lock) is native and type(session().scheduler.one_loader) is native
session().originals.after_fork()
assert type(session().originals._lock) is native
assert _frozen_importlib._thread.RLock is native
"""
    )


def test_the_plain_lock_says_what_it_is() -> None:
    out = run("lock = threading.Lock(); print(repr(lock)[:32]); lock.acquire(); print(repr(lock)[:30])")
    assert out.splitlines() == ["<unlocked _thread.lock object at", "<locked _thread.lock object at"]


def test_native_threads_share_a_lock_with_greenlets() -> None:
    """gevent's lock loses wake-ups here, and its assertion fails: plain locks, RLocks and conditions, all together."""
    run(
        """
from gevent.threadpool import ThreadPool
sys.setswitchinterval(1e-5)
class Counter:
    value = 0
def use(lock, counter, waits):
    for _ in range(2000):
        with lock:
            before = counter.value
            if waits: time.sleep(0)
            counter.value = before + 1
pool, pairs = ThreadPool(4), [(make(), Counter()) for make in (threading.Lock, threading.RLock, threading.Condition)]
ended = [pool.spawn(use, *pair, False) for pair in pairs for _ in range(4)]
started = lazypatch.original("threading")
natives = [started.Thread(target=use, args=(*pair, False)) for pair in pairs]
[each.start() for each in natives]
threads = [in_thread(use, *pair, True) for pair in pairs for _ in range(3)]
[each.join() for each in threads]; gevent.joinall(ended)
while any(each.is_alive() for each in natives): time.sleep(0)
assert [counter.value for _, counter in pairs] == [16000] * 3, [counter.value for _, counter in pairs]
"""
    )


def test_who_waited_first_gets_the_lock_first() -> None:
    """And who is killed while waiting, or comes too late, takes nobody's turn."""
    run(
        """
lock, order = threading.Lock(), []
def use(n):
    with lock: order.append(n); time.sleep(0)
lock.acquire()
waiting = [gevent.spawn(use, n) for n in range(5)]
gevent.sleep(0)
late = in_thread(lambda: order.append(lock.acquire(timeout=0.001)))
late.join()
waiting[1].kill()
lock.release()
gevent.joinall(waiting)
assert order == [False, 0, 2, 3, 4] and not lock.locked(), order
"""
    )


def test_a_lock_is_what_it_is_natively() -> None:
    run(
        """
import weakref
lock, theirs = threading.Lock(), lazypatch.get_original("_thread", "allocate_lock")()
def outcomes(lock):
    for call in (
        lambda: lock.release(), lambda: lock.acquire(False, 1), lambda: lock.acquire(timeout=-2),
        lambda: lock.acquire(True, 1e100), lambda: lock.__enter__(), lambda: lock.acquire(False), lambda: lock.locked(),
        lambda: lock.acquire(timeout=0), lambda: lock.__exit__(None, None, None), lambda: lock.release(),
        lambda: lock.acquire(blocking=True), lambda: lock.release(), lambda: lock.acquire(1, -1), lambda: lock._at_fork_reinit(),
        lambda: lock.locked(),
    ):
        try: yield call()
        except BaseException as error: yield type(error), str(error)
mine, natively = [*outcomes(lock)], [*outcomes(theirs)]
assert mine == natively, (mine, natively)
assert weakref.ref(lock)() is lock and isinstance(lock, type(threading.Lock()))
"""
    )


def test_native_threads_share_an_event_and_a_queue_with_greenlets() -> None:
    """Whoever sets it, and whoever waits: each hears of it, also if it is cleared at once."""
    run(
        """
import queue, signal
sys.setswitchinterval(1e-5)
natives = lazypatch.original("threading")
for _ in range(100):
    event, told, ready = threading.Event(), queue.SimpleQueue(), queue.Queue(2)
    def wait(): ready.put(1); told.put(event.wait(10))
    started = [kind(target=wait) for kind in (natives.Thread, threading.Thread) for _ in range(3)]
    [each.start() for each in started]
    assert [ready.get() for _ in started] == [1] * 6
    setter = natives.Thread(target=event.set) if _ % 2 else threading.Thread(target=event.set)
    setter.start()
    assert [told.get() for _ in started] == [True] * 6
assert not threading.Event().wait(0.001) and event.wait() and isinstance(event, gevent.event.Event)
event.clear()
woken = [gevent.spawn(event.wait) for _ in range(3)]
gevent.sleep(0); event.set(); event.clear()
assert [each.get() for each in woken] == [True] * 3
stand_in = lazypatch.get_original("threading", "Event")()
shape = lambda event: repr(event).split(" at ")[0] + repr(event)[-8:] * (sys.version_info >= (3, 11))
assert shape(event) == shape(stand_in), (event, stand_in)
"""
    )


def test_its_class_is_pickled_as_pythons() -> None:
    """A process that is not armed, such as a manager's with inherit=0, gets Python's: gevent's hung its native threads."""
    code = """
import pickle, sys, threading
print([pickle.dumps(kind, protocol) for kind in (threading.Lock, threading.RLock) for protocol in (0, 2, 5)])
for protocol in (0, 2, 5):
    assert pickle.loads(pickle.dumps(threading.Lock, protocol)) is threading.Lock
assert ("gevent" in sys.modules) == bool(sys.argv[1])
"""
    plain, armed = (run_python("-c", code, spec or "", spec=spec) for spec in (None, "all"))
    assert (armed.stdout, armed.stderr, armed.returncode) == (plain.stdout, "", 0)


def test_a_managers_process_that_is_not_armed_has_pythons_locks() -> None:
    code = """
import multiprocessing, sys
from multiprocessing.managers import SyncManager
def loaded():
    return sorted(name for name in sys.modules if name.partition(".")[0] in ("gevent", "greenlet"))
class Manager(SyncManager):
    pass
Manager.register("loaded", loaded)
if __name__ == "__main__":
    with Manager(ctx=multiprocessing.get_context("spawn")) as manager:
        with manager.Lock():
            print(manager.loaded())
"""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "managers.py")
        path.write_text(code)
        done = run_python(str(path), spec="all,inherit=0")
    assert (done.stdout, done.stderr, done.returncode) == ("[]\n", "", 0)


@pytest.mark.parametrize("spec", ["all", "all,-thread-rlock", "gevent"])
def test_who_counts_threads_may_be_interrupted_by_who_counts_threads(spec: str) -> None:
    """A finalizer or a signal's handler; threading's own lock is recursive for that (bpo-44422)."""
    code = """
import faulthandler, threading
faulthandler.dump_traceback_later(50, exit=True)
threading.Thread(target=int).start()
assert not isinstance(threading._active_limbo_lock, __import__("lazypatch").get_original("_thread", "RLock"))
with threading._active_limbo_lock:
    print(threading.active_count(), len(threading.enumerate()))
"""
    assert run_code(code, spec=spec).split() == ["1", "1"]


def test_a_lock_has_its_old_names() -> None:
    run(
        """
lock = threading.Lock()
assert lock.acquire_lock() and lock.locked_lock() and not lock.acquire_lock(False)
lock.release_lock()
assert not lock.locked()
"""
    )
