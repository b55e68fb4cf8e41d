"""Processes started, timed out, killed and forked by many threads at once, while signals come: nothing is lost or left.

Arguments: SEED, and how many threads. Prints what went wrong, then ``ok``. Natively it prints ``ok``, too.
"""

import concurrent.futures
import contextlib
import faulthandler
import multiprocessing
import multiprocessing.connection
import os
import queue
import random
import signal
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures.process import BrokenProcessPool

METHODS = ("fork", "spawn", "forkserver")
SOON = 0.05  # seconds; the time that a wait which is to end without success is given
wrong = []


# What the children do.


def square(number):
    return number * number


def compute(number):
    return sum(range(20_000 + number))


def kill_itself():
    os.kill(os.getpid(), signal.SIGKILL)


def add(counter, times):
    for _ in range(times):
        with counter.get_lock():
            counter.value += 1


def add_in_manager(shared, lock, times):
    for _ in range(times):
        with lock:
            shared["sum"] = shared["sum"] + 1


def put(jobs, numbers):
    for number in numbers:
        jobs.put(number)


def echo(connection):
    with connection:
        for received in iter(connection.recv, None):
            connection.send(received)


def wait_for_ever(begun):
    begun.set()
    time.sleep(600)


# What the threads do: each makes a claim that holds natively.


def a_pool_gives_all(context, choose):
    count = choose.randint(1, 60)
    with context.Pool(choose.randint(1, 4), maxtasksperchild=choose.choice([None, 1, 5])) as pool:
        assert pool.map(square, range(count)) == [*map(square, range(count))]
        assert sorted(pool.imap_unordered(compute, range(count), 7)) == [*map(compute, range(count))]
        called = queue.Queue()
        pool.apply_async(square, (3,), callback=called.put)
        assert called.get(timeout=60) == 9
        pool.close()
        pool.join()


def a_pool_survives_a_killed_worker(context, choose):
    with context.Pool(3) as pool:
        lost = pool.apply_async(kill_itself)
        others = [pool.apply_async(compute, (number,)) for number in range(10)]
        assert [other.get(60) for other in others] == [*map(compute, range(10))]
        with contextlib.suppress(multiprocessing.TimeoutError):
            raise AssertionError(lost.get(SOON))
        pool.terminate()
        pool.join()


def an_executor_tells_of_a_killed_worker(context, choose):
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as executor:
        futures = [executor.submit(compute, number) for number in range(4)]
        lost = executor.submit(kill_itself)
        futures += [executor.submit(compute, number) for number in range(4)]
        assert isinstance(lost.exception(60), BrokenProcessPool)
        for number, future in enumerate(futures):
            assert isinstance(future.exception(60), BrokenProcessPool) or future.result() == compute(number % 4)


def a_manager_counts_all(context, choose):
    with context.Manager() as manager:
        shared, lock = manager.dict(sum=0), manager.Lock()
        children = [context.Process(target=add_in_manager, args=(shared, lock, 10)) for _ in range(3)]
        run_all(children)
        assert shared["sum"] == 30


def whoever_waits_for_a_killed_manager_hears_of_it(context, choose):
    manager = context.Manager()
    jobs, heard = manager.Queue(), queue.Queue()

    def wait():
        try:
            heard.put(jobs.get())
        except (EOFError, OSError) as error:
            heard.put(error)

    thread = threading.Thread(target=wait)
    thread.start()
    assert_raises(queue.Empty, lambda: jobs.get(timeout=SOON))
    os.kill(manager._process.pid, signal.SIGKILL)
    assert isinstance(heard.get(timeout=60), (EOFError, OSError))
    thread.join()
    manager.shutdown()


def a_queue_loses_nothing(context, choose):
    jobs, got = context.Queue(choose.choice([0, 3])), []
    children = [
        context.Process(target=put, args=(jobs, range(100 * number, 100 * number + 100))) for number in range(3)
    ]

    def take():
        for number in iter(lambda: jobs.get(timeout=60), None):
            got.append(number)

    takers = [threading.Thread(target=take) for _ in range(4)]
    for taker in takers:
        taker.start()
    run_all(children)
    for _ in takers:
        jobs.put(None)
    for taker in takers:
        taker.join()
    assert sorted(got) == [*range(300)]
    jobs.close()
    jobs.join_thread()


def a_value_counts_all(context, choose):
    counter = context.Value("i", 0)
    children = [context.Process(target=add, args=(counter, 200)) for _ in range(3)]
    run_all(children, lambda: add(counter, 200))
    assert counter.value == 800


def a_connection_gives_what_it_was_given(context, choose):
    here, there = context.Pipe()
    with here:
        with there:
            child = context.Process(target=echo, args=(there,))
            child.start()
        for size in (0, 1, 70_000, choose.randint(1, 1_000_000)):
            here.send(bytes(size))
            assert here.recv() == bytes(size)
        here.send(None)
    join(child)


def every_wait_has_an_end(context, choose):
    lock, full, begun = context.Lock(), context.Queue(1), context.Event()
    sleeper = context.Process(target=wait_for_ever, args=(begun,))
    sleeper.start()
    begun.wait()
    lock.acquire()
    full.put(0)
    here, there = context.Pipe()
    condition, barrier = context.Condition(), context.Barrier(2)
    waits = [
        lambda: sleeper.join(SOON) or sleeper.exitcode is not None,
        lambda: lock.acquire(timeout=SOON),
        lambda: context.Semaphore(0).acquire(timeout=SOON),
        lambda: context.Event().wait(SOON),
        lambda: wait_in(condition),
        lambda: here.poll(SOON),
        lambda: multiprocessing.connection.wait([here, sleeper.sentinel], SOON),
        lambda: assert_raises(queue.Full, lambda: full.put(1, timeout=SOON)),
        lambda: assert_raises(queue.Empty, lambda: context.Queue().get(timeout=SOON)),
        lambda: assert_raises(threading.BrokenBarrierError, lambda: barrier.wait(SOON)),
    ]
    choose.shuffle(waits)
    for wait in waits:
        assert not wait()
    assert full.get() == 0
    choose.choice([sleeper.terminate, sleeper.kill])()
    join(sleeper, signal.SIGTERM, signal.SIGKILL)
    here.close()
    there.close()


def a_fork_ends_with_its_status(context, choose):
    for status in choose.sample(range(200), 5):
        child = os.fork()
        if not child:
            threads = [threading.Thread(target=compute, args=(number,)) for number in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            os._exit(status)
        assert os.waitpid(child, 0) == (child, status << 8)


def short_programs_end(context, choose):
    children = [subprocess.Popen(["sh", "-c", f"exit {number}"]) for number in range(4)]
    assert [child.wait() for child in children] == [*range(4)]
    sleeper = subprocess.Popen(["sleep", "600"])
    assert_raises(subprocess.TimeoutExpired, lambda: sleeper.wait(SOON))
    sleeper.kill()
    assert sleeper.wait() == -signal.SIGKILL


CLAIMS = (
    a_pool_gives_all, a_pool_survives_a_killed_worker, an_executor_tells_of_a_killed_worker, a_manager_counts_all,
    whoever_waits_for_a_killed_manager_hears_of_it, a_queue_loses_nothing, a_value_counts_all,
    a_connection_gives_what_it_was_given, every_wait_has_an_end, a_fork_ends_with_its_status, short_programs_end,
)  # fmt: skip


def run_all(children, meanwhile=lambda: None):
    for child in children:
        child.start()
    meanwhile()
    for child in children:
        join(child)


def join(child, *signals):
    child.join(60)
    while child.exitcode is None:  # another thread's start() may have got it, and not written it down, as natively
        time.sleep(0.01)
    # Of the fork server's children only one look gets the status. Another thread's start() looks, too, and if that is
    # between the end of this wait and its look, this one gets 255, natively as well.
    late = type(child._popen).__module__ == "multiprocessing.popen_forkserver"
    assert child.exitcode in ([-number for number in signals] or [0]) or late and child.exitcode == 255, child
    if sys.version_info >= (
        3,
        11,
    ):  # Python 3.10's start() in another thread fails if it meets who is just being closed
        child.close()


def wait_in(condition):
    with condition:
        return condition.wait(SOON)


def assert_raises(kind, step):
    try:
        got = step()
    except kind:
        return
    raise AssertionError(f"{got!r} instead of {kind.__name__}")


def claim(number, seed):
    choose = random.Random(f"{seed} {number}")
    context, what = multiprocessing.get_context(choose.choice(METHODS)), choose.choice(CLAIMS)
    try:
        what(context, choose)
    except BaseException:
        wrong.append(f"{what.__name__} by {context.get_start_method()}: {traceback.format_exc()}")


def main(seed, count):
    faulthandler.dump_traceback_later(300, exit=True)
    came = []
    signal.signal(signal.SIGALRM, lambda *_: came.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    threads = [threading.Thread(target=claim, args=(number, seed), name=f"claim {number}") for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert came or wrong
    left = [*multiprocessing.active_children(), *(each for each in threading.enumerate() if each in threads)]
    if left:
        wrong.append(f"left: {left}")
    for text in wrong:
        print(text)
    if not wrong:
        print("ok")
    faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
