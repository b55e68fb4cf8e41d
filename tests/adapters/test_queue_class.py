"""queue's classes are the documented ones, at gevent's price until somebody looks at their lock."""

from __future__ import annotations

import pytest
from conftest import run_code, run_python, same_as_plain

# The program is armed, its queues are ours, and nothing has to be waited for longer than a moment.
PRELUDE = """
import queue, sys, threading, time
import gevent, lazypatch
plain = lazypatch.get_original("queue", "Queue")
assert queue.Queue is not plain and issubclass(queue.Queue, plain)
assert lazypatch.get_original("time", "sleep") is not time.sleep
def in_thread(function, *args):
    thread = threading.Thread(target=function, args=args)
    thread.start()
    return thread
def waiting(queue):  # how many wait in it
    return sum(len(line) for line in (queue._getters, queue._putters, queue._joiners))
def until(is_true):
    end = time.monotonic() + 50
    while not is_true():
        assert time.monotonic() < end, "it does not come true"
        time.sleep(0.001)
"""
CLASSES = ("Queue", "LifoQueue", "PriorityQueue")


def run(code: str) -> str:
    return run_code(PRELUDE + code, spec="all")


@pytest.mark.parametrize("name", CLASSES)
def test_the_class_has_what_is_documented(name: str) -> None:
    """Nothing of it exists before it is asked for."""
    run(
        f"""
import inspect
kind, native = queue.{name}, lazypatch.get_original("queue", "{name}")
assert (kind.__module__, kind.__qualname__, kind.__doc__) == ("queue", "{name}", native.__doc__)
assert inspect.signature(kind) == inspect.signature(native)
for method in ("put", "get", "join", "task_done", "qsize", "empty", "full", "put_nowait", "get_nowait"):
    ours, theirs = getattr(kind, method), getattr(native, method)
    assert inspect.signature(ours) == inspect.signature(theirs) and ours.__doc__ == theirs.__doc__, method
assert issubclass(kind, queue.Queue) and issubclass(kind, native)
assert str(kind[int]) == "queue.{name}[int]"
q = kind()
assert (q.maxsize, q.unfinished_tasks, len(q.queue)) == (0, 0, 0)
assert not set(vars(q)) & {{"mutex", "not_empty", "not_full", "all_tasks_done"}}
with q.mutex:
    assert q.mutex.locked()
for part in (q.not_empty, q.not_full, q.all_tasks_done):
    assert isinstance(part, threading.Condition)
    with part:
        assert q.mutex.locked() and part.wait(0.001) is False
"""
    )


def test_an_overridden_hook_is_called_with_the_lock_held() -> None:
    """Also where the subclass is one of PriorityQueue, and where it overrides nothing but one of them."""
    run(
        """
for base in (queue.Queue, queue.LifoQueue, queue.PriorityQueue):
    calls = []
    class Mine(base):
        def _put(self, item):
            assert self.mutex.locked()
            calls.append(item)
            time.sleep(0)  # lets the others run: the lock keeps them out
            super()._put(item)
    q = Mine()
    threads = [in_thread(q.put, n) for n in range(5)]
    [thread.join() for thread in threads]
    assert sorted(calls) == list(range(5)) == sorted(q.get() for _ in range(5)) and q.unfinished_tasks == 5
class Set(queue.Queue):
    def _init(self, size): self.queue = set()
    def _put(self, item): self.queue.add(item)
    def _get(self): return self.queue.pop()
s = Set(); s.put(1); s.put(1); assert s.qsize() == 1 and s.get() == 1 and s.empty()
class Refuses(queue.Queue):
    def _put(self, item): raise ZeroDivisionError
r = Refuses()
try: r.put(1)
except ZeroDivisionError: assert r.unfinished_tasks == 0 and not r.mutex.locked()
else: raise AssertionError
"""
    )


def test_a_subclass_without_hooks_stays_quick() -> None:
    run(
        """
class Mine(queue.Queue):
    def __init__(self): super().__init__(maxsize=2); self.color = "red"
    def put(self, item, *args): super().put(item * 2, *args)
    def get(self, *args): return queue.Queue.get(self, *args)
q = Mine(); q.put(2)
assert q.get() == 4 and "mutex" not in vars(q) and q.color == "red"
"""
    )


@pytest.mark.parametrize("touch", ["q.mutex", "q.not_empty", "q.not_full", "q.all_tasks_done", "q.mutex = q.mutex"])
def test_nobody_who_waits_is_lost_when_the_lock_is_looked_at(touch: str) -> None:
    """Three for an item, three for room, one for the end of all tasks; methods taken out earlier go on, too."""
    run(
        f"""
got = []
q = queue.Queue()
get, put = q.get, q.put
takers = [in_thread(lambda: got.append(get(timeout=20))) for _ in range(3)]
until(lambda: waiting(q) == 3)
{touch}
until(lambda: waiting(q) == 0)
with q.mutex:
    q.queue.append(1); q.unfinished_tasks += 1
    q.not_empty.notify()
put(2); q.put(3)
[thread.join() for thread in takers]
assert sorted(got) == [1, 2, 3]
q = queue.Queue(1)
q.put(0)
givers = [in_thread(q.put, n, True, 20) for n in (1, 2, 3)]
ends = in_thread(lambda: (q.join(), got.append("end")))
until(lambda: waiting(q) == 4)
{touch}
until(lambda: waiting(q) == 0)
assert [q.get() for _ in range(4)] == [0, 1, 2, 3]
[thread.join() for thread in givers]
assert got[-1] == 3 or "end" not in got
for _ in range(4): q.task_done()
ends.join()
assert got[-1] == "end"
"""
    )


def test_who_holds_the_mutex_keeps_everybody_out() -> None:
    """Documented by use: ``with q.mutex: q.queue.clear()``."""
    run(
        """
q = queue.Queue()
put, done = q.put, []
with q.mutex:
    threads = [in_thread(lambda: (put(1), done.append(1))), in_thread(lambda: (q.qsize(), done.append(2)))]
    for _ in range(20): time.sleep(0)
    assert not done and not q.queue
[thread.join() for thread in threads]
assert sorted(done) == [1, 2] and q.qsize() == 1
"""
    )


def test_a_timeout_is_kept_across_the_opening() -> None:
    run(
        """
q, result = queue.Queue(), []
def take():
    begin = time.monotonic()
    try: q.get(timeout=0.6)
    except queue.Empty: result.append(time.monotonic() - begin)
thread = in_thread(take)
until(lambda: waiting(q) == 1)
time.sleep(0.2)
q.mutex
thread.join()
assert result[0] > 0.5, result
"""
    )


@pytest.mark.parametrize("opened", [False, True])
def test_shutdown_loses_nothing(opened: bool) -> None:
    """Three wait, two items come, and all are woken; joiners, too, if it is immediate. Python 3.13 and later."""
    run(
        f"""
if hasattr(queue, "ShutDown"):
    q, got = queue.Queue(), []
    if {opened}: q.mutex
    def take():
        try: got.append(q.get())
        except queue.ShutDown: got.append("down")
    threads = [in_thread(take) for _ in range(3)]
    time.sleep(0.05)
    q.put(1); q.put(2); q.shutdown()
    [thread.join() for thread in threads]
    assert sorted(map(str, got)) == ["1", "2", "down"], got
    try: q.put(3)
    except queue.ShutDown: pass
    else: raise AssertionError
    q = queue.Queue(1); q.put(1)
    def give():
        try: q.put(2)
        except queue.ShutDown: got.append("full")
    threads = [in_thread(give), in_thread(q.join)]
    time.sleep(0.05)
    q.shutdown(immediate=True)
    [thread.join() for thread in threads]
    assert got[-1] == "full" and q.unfinished_tasks == 0
"""
    )


@pytest.mark.parametrize("name", [*CLASSES, "SimpleQueue"])
def test_arguments_and_errors_are_pythons(name: str) -> None:
    """The same calls in an armed and in a plain process end in the same way."""
    code = f"""
import copy, pickle, queue, sys, threading, weakref
kind, simple = queue.{name}, "{name}" == "SimpleQueue"
def outcome(*calls):
    q = kind() if simple else kind(2)
    for call in calls:
        try: result = call(q)
        except Exception as error: result = type(error).__name__
    return result
put = lambda q: q.put(1)
print(outcome(lambda q: q.get(timeout=-1)), outcome(put, lambda q: q.get(timeout=-1)))
print(outcome(put, lambda q: q.get(False, timeout=-1)), outcome(lambda q: q.get(False)), outcome(lambda q: q.get(True, 0)))
print(outcome(lambda q: q.get_nowait()), outcome(put, lambda q: q.get_nowait()), outcome(lambda q: q.put(1, timeout=-1)))
print(outcome(put, put, lambda q: (q.qsize(), q.empty())), outcome(lambda q: pickle.dumps(q)))
print(outcome(lambda q: copy.deepcopy(q)), outcome(lambda q: weakref.ref(q)() is q), outcome(lambda q: bool(q)))
print(repr(kind), kind.__module__, outcome(lambda q: q.no_such_thing), outcome(lambda q: len(q)), outcome(lambda q: iter(q)))
if not simple:
    print(outcome(put, put, lambda q: q.put(3, False)), outcome(put, put, lambda q: q.put(3, timeout=0.001)))
    print(outcome(put, put, lambda q: q.full()), outcome(put, lambda q: q.task_done(), lambda q: q.task_done()))
    print(outcome(lambda q: q.join()), kind(-5).maxsize, kind().put(1, timeout=-1), outcome(put, lambda q: copy.copy(q).get()))
print("gevent" in sys.modules, file=sys.stderr)
"""
    plain, armed = run_code(code), run_python("-c", code, spec="all")
    assert armed.stderr == "True\n" and armed.stdout == plain


def test_who_is_killed_while_waiting_takes_no_wakeup_along() -> None:
    """The item that came at the same time is for the next one."""
    run(
        """
q, got = queue.Queue(), []
first = gevent.spawn(q.get)
second = gevent.spawn(lambda: got.append(q.get()))
until(lambda: waiting(q) == 2)
first.kill(block=False)  # it has not run yet
q.put("item")
second.join()
assert got == ["item"] and not waiting(q) and q._slow == 0
with gevent.Timeout(0.01, False):
    q.get()
assert q._slow == 0
"""
    )


def test_native_threads_and_greenlets_share_a_queue() -> None:
    """Also while all greenlets wait for a native thread."""
    run(
        """
native = lazypatch.original("threading").Thread
for kind in (queue.Queue, queue.SimpleQueue):
    asked, answered = kind(), kind()
    def serve():
        for _ in range(50): answered.put(asked.get() * 2)
    thread = native(target=serve)
    thread.start()
    for n in range(50):
        asked.put(n)
        assert answered.get() == 2 * n
    until(lambda: not thread.is_alive())
"""
    )


def test_items_that_let_others_run_while_they_compare_leave_a_heap_a_heap() -> None:
    run(
        """
class Item:
    def __init__(self, n): self.n = n
    def __lt__(self, other):
        time.sleep(0)
        return self.n < other.n
q = queue.PriorityQueue()
threads = [in_thread(lambda part=part: [q.put(Item(n)) for n in range(part, 60, 6)]) for part in range(6)]
[thread.join() for thread in threads]
got = []
threads = [in_thread(lambda: [got.append(q.get().n) for _ in range(20)]) for part in range(3)]
[thread.join() for thread in threads]
assert sorted(got) == list(range(60)) and q._slow == 0 and "mutex" not in vars(q)
"""
    )


def test_a_loop_that_only_tries_lets_the_others_run() -> None:
    """As the interpreter does natively."""
    run(
        """
q = queue.Queue(1)
thread = in_thread(lambda: q.put(1))
while True:
    try: q.get_nowait(); break
    except queue.Empty: pass
full = queue.Queue(1); full.put(1)
thread = in_thread(full.get)
while True:
    try: full.put_nowait(2); break
    except queue.Full: pass
"""
    )


def test_a_reload_makes_the_classes_anew() -> None:
    run(
        """
import importlib
before = queue.Queue
importlib.reload(queue)
assert queue.Queue is not before and queue.Queue.__mro__.count(lazypatch.get_original("queue", "Queue")) == 1
q = queue.Queue(); q.put(1); assert q.get() == 1
try: q.get_nowait()
except queue.Empty: pass
"""
    )


def test_one_that_was_made_before_goes_on() -> None:
    """queue is loaded before it is armed, and somebody waits in it afterwards."""
    run_code(
        """
import queue
q = queue.Queue()
import lazypatch
lazypatch.enable("all")
import threading
assert type(q) is not queue.Queue
thread = threading.Thread(target=q.put, args=(1,)); thread.start()
assert q.get(timeout=20) == 1
thread.join()
"""
    )


def test_the_word_takes_it_out() -> None:
    run_code("import queue, gevent.queue; assert queue.Queue is gevent.queue.Queue", spec="all,-queue-class")
    run_code("import queue, gevent.queue; assert queue.Queue is gevent.queue.Queue", spec="gevent")


@pytest.mark.parametrize("name", [*CLASSES, "SimpleQueue"])
def test_its_class_is_pickled_as_pythons(name: str) -> None:
    """A manager's process gets it so, armed or not."""
    code = f"""
import pickle, queue, threading
print([pickle.dumps(queue.{name}, protocol) for protocol in (0, 2, 5)])
assert pickle.loads(pickle.dumps(queue.{name})) is queue.{name}
"""
    assert run_code(code, spec="all") == run_code(code)


def test_what_is_raised_is_what_stands_in_the_module() -> None:
    """urllib3's tests exchange queue.Empty, and catch it by that name."""
    code = """
import queue, threading
threading.Thread(target=int).start()
class Other(Exception): pass
for name in ("Queue", "LifoQueue", "PriorityQueue"):
    for error in ("Empty", "Full"):
        kept, q = getattr(queue, error), getattr(queue, name)(1)
        setattr(queue, error, Other)
        for timeout in (0, 0.01):
            try:
                q.get(timeout=timeout) if error == "Empty" else [q.put(1, timeout=timeout) for _ in range(2)]
            except Other:
                print(name, error, timeout)
        setattr(queue, error, kept)
"""
    assert len(same_as_plain(code).splitlines()) == 12
