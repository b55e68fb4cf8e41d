"""Every kind of wait in what the garbage collector calls, which natively any thread may do. Prints a line for each.

Armed, the collector begins in the hub, where gevent refuses to wait. Arguments: the names of waits, or none for all.
"""

import asyncio
import concurrent.futures
import gc
import logging
import multiprocessing
import os
import queue
import select
import socket
import subprocess
import sys
import threading
import time
import weakref

ARMED = "gevent" in sys.modules
A_MOMENT = 0.05  # seconds for which others hold what is waited for


def later(step):
    def run():
        time.sleep(A_MOMENT)
        step()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def held(lock):
    """*lock*, which another thread has for a moment."""
    has = threading.Event()

    def hold():
        with lock:
            has.set()
            time.sleep(A_MOMENT)

    threading.Thread(target=hold).start()
    has.wait()
    return lock


def lock():
    with held(threading.Lock()):
        return "had"


def rlock():
    with held(threading.RLock()):
        return "had"


def lock_until():
    lock = threading.Lock()
    lock.acquire()
    return lock.acquire(timeout=A_MOMENT)


def rlock_until():
    lock, ready, end = threading.RLock(), threading.Event(), threading.Event()

    def hold():
        with lock:
            ready.set()
            end.wait()

    threading.Thread(target=hold).start()
    ready.wait()
    found = lock.acquire(timeout=A_MOMENT)
    end.set()
    return found


def event():
    event = threading.Event()
    later(event.set)
    return event.wait(), threading.Event().wait(A_MOMENT)


def condition():
    condition, done = threading.Condition(), []

    def notify():
        with condition:
            done.append(1)
            condition.notify()

    later(notify)
    with condition:
        return condition.wait_for(lambda: done)


def semaphores():
    one, two = threading.Semaphore(0), threading.BoundedSemaphore(1)
    later(one.release)
    two.acquire()
    later(two.release)
    return one.acquire(), two.acquire()


def barrier():
    barrier = threading.Barrier(2)
    later(barrier.wait)
    return barrier.wait() in (0, 1)


def queues():
    one, two, full = queue.Queue(), queue.SimpleQueue(), queue.Queue(1)
    later(lambda: (one.put(1), two.put(2)))
    full.put(3)
    later(full.get)
    found = one.get(), two.get(), full.put(4)
    later(lambda: (full.get(), full.task_done(), full.task_done()))
    full.join()
    try:
        one.get(timeout=A_MOMENT)
    except queue.Empty:
        return found, "empty"


def threads():
    thread = later(lambda: None)
    thread.join()
    return thread.is_alive()


def futures():
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return pool.submit(lambda: time.sleep(A_MOMENT) or 5).result()


def sleeps():
    return time.sleep(A_MOMENT), time.sleep(0.0002), time.sleep(0)


def pipe():
    reading, writing = os.pipe()
    later(lambda: os.write(writing, b"x"))
    found = os.read(reading, 1)
    os.close(reading), os.close(writing)
    return found


def sockets():
    one, two = socket.socketpair()
    later(lambda: two.send(b"x"))
    found = one.recv(1)
    one.settimeout(A_MOMENT)
    try:
        one.recv(1)
    except TimeoutError:
        one.close(), two.close()
    with socket.create_server(("127.0.0.1", 0)) as server:
        later(lambda: socket.create_connection(server.getsockname()).close())
        server.accept()[0].close()
    return found, socket.getaddrinfo("localhost", 80)[0][0] in (socket.AF_INET, socket.AF_INET6)


def selects():
    one, two = socket.socketpair()
    later(lambda: two.send(b"x"))
    poll = select.poll()
    poll.register(one, select.POLLIN)
    found = len(select.select([one], [], [])[0]), len(poll.poll())
    one.close(), two.close()
    return found


def processes():
    with subprocess.Popen(["sleep", str(A_MOMENT)]) as process:
        process.wait(60)
    return process.returncode, subprocess.run(["echo", "a"], capture_output=True).stdout, os.system("sleep 0.05")


def of_multiprocessing():
    lock, lines = multiprocessing.Lock(), multiprocessing.SimpleQueue()
    lock.acquire()
    later(lambda: (lock.release(), lines.put("line")))
    return lock.acquire(), lines.get()


def a_log():
    held(logging._lock)
    return logging.getLogger(f"a.b.{time.time()}").disabled


def an_import():
    import wave

    return wave.__name__


def a_loop():
    async def main():
        await asyncio.sleep(A_MOMENT)
        return await asyncio.to_thread(time.sleep, A_MOMENT)

    return asyncio.run(main())


def in_a_loop():
    """While a loop of asyncio's runs in the thread that collects, or that waits for who does."""

    async def main():
        found = []
        end = collect(found, rlock, wait=False)
        while not found:
            await asyncio.sleep(0.01)
        end()
        return found, asyncio.get_running_loop() is asyncio.get_event_loop(), await asyncio.to_thread(len, "abc")

    return asyncio.run(main())


def by_weak_reference():
    """The callback of a weak reference, in the place of a __del__."""
    found = []
    collect(found, lock, by_reference=True)
    return found


def who():
    return threading.current_thread() is threading.main_thread(), [thread.name for thread in threading.enumerate()]


class Cycle:
    """What only the collector finds."""

    def __init__(self):
        self.me = self


class Last(Cycle):
    def __init__(self, step):
        super().__init__()
        self.step = step

    def __del__(self):
        self.step()


def collect(found, wait_somehow, by_reference=False, wait=True):
    """Have *wait_somehow* called by the collector, in the hub where there is one, and what it gives put into *found*."""
    done = threading.Event()

    def step(*_):
        try:
            if ARMED:
                from gevent.hub import getcurrent, get_hub

                assert getcurrent() is get_hub()
            found.append(wait_somehow())
        except BaseException as error:
            found.append(f"{type(error).__name__}: {error}")
        done.set()

    gc.disable()
    ends = Cycle() if by_reference else Last(step)
    reference = weakref.ref(ends, step) if by_reference else None
    del ends
    if ARMED:
        from gevent.hub import get_hub

        get_hub().loop.run_callback(gc.collect)
    else:
        gc.collect()

    def end():
        done.wait()
        gc.enable()
        return reference

    return end() if wait else end


ALL = [
    lock, rlock, lock_until, rlock_until, event, condition, semaphores, barrier, queues, threads, futures, sleeps, pipe, sockets,
    selects, processes, of_multiprocessing, a_log, an_import, a_loop, in_a_loop, by_weak_reference, who,
]  # fmt: skip

if __name__ == "__main__":
    for each in ALL if len(sys.argv) == 1 else map(globals().get, sys.argv[1:]):
        if each is by_weak_reference or each is in_a_loop:
            print(each.__name__, each())
            continue
        found = []
        collect(found, each)
        print(each.__name__, *found, flush=True)
