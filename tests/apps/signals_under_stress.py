"""The main thread waits in many ways, beside threads that wait and compute, and signals come: each comes out of its wait.

Arguments: SEED, and how many rounds. A line "ready N" asks for a signal, SIGINT or SIGUSR1; "got N" answers. Anything
else that is written is wrong.
"""

import os
import queue
import random
import select
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time

seed, rounds = map(int, sys.argv[1:])
chance = random.Random(seed)
ends = False


class Arrived(Exception):
    pass


def arrived(number, frame):
    raise Arrived


def say(text):
    os.write(1, text.encode() + b"\n")


# What the other threads do, again and again.


def compute():
    sorted(range(3000), key=lambda number: -number)
    time.sleep(0)


def pass_a_job_on(jobs=queue.Queue()):
    jobs.put(1)
    jobs.get()
    time.sleep(0)  # else it never waits


def talk(ends=socket.socketpair()):
    ends[0].send(b"x")
    ends[1].recv(1)
    time.sleep(0.0002)


def start_another():
    thread = threading.Thread(target=time.sleep, args=(0.0002,))
    thread.start()
    thread.join()


def write():
    print("", end="", file=sys.stderr, flush=True)
    time.sleep(0)


OTHERS = [
    compute,
    pass_a_job_on,
    talk,
    start_another,
    lambda: time.sleep(0),
    lambda: time.sleep(0.0005),
    lambda: select.select([], [], [], 0.0004),
    lambda: threading.Event().wait(0.0003),
    write,
]


def work(job):
    try:
        while not ends:
            job()
    except BaseException as error:
        say(f"a thread got {error!r} in {job}")


# How the main thread waits; each is called once it has said that it is ready.


def wait_for_a_child():
    nothing = subprocess.DEVNULL
    with subprocess.Popen(["sleep", "30"], start_new_session=True, stdout=nothing, stderr=nothing) as child:
        try:
            child.wait()
        finally:
            child.kill()


def read_a_pipe():
    ends = os.pipe()
    try:
        os.read(ends[0], 1)
    finally:
        for end in ends:
            os.close(end)


def select_a_socket():
    one, other = socket.socketpair()
    with selectors.DefaultSelector() as selector, one, other:
        selector.register(one, selectors.EVENT_READ)
        selector.select()


def receive():
    one, other = socket.socketpair()
    with one, other:
        one.recv(1)


def take_a_lock_twice():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def join_a_thread():
    end = threading.Event()
    thread = threading.Thread(target=end.wait, daemon=True)
    thread.start()
    try:
        thread.join()
    finally:
        end.set()


def wait_for_a_condition():
    condition = threading.Condition()
    with condition:
        condition.wait_for(lambda: False)


def again_and_again(call):
    while True:
        call()


def look_into_a_queue(jobs=queue.Queue()):
    try:
        jobs.get(timeout=0.001)
    except queue.Empty:
        pass


WAITS = [
    wait_for_a_child,
    read_a_pipe,
    select_a_socket,
    receive,
    take_a_lock_twice,
    join_a_thread,
    wait_for_a_condition,
    lambda: time.sleep(30),
    lambda: queue.Queue().get(),
    lambda: threading.Event().wait(),
    lambda: again_and_again(lambda: sum(range(100))),
    lambda: again_and_again(lambda: time.sleep(0.001)),
    lambda: again_and_again(lambda: threading.Event().wait(0.002)),
    lambda: again_and_again(look_into_a_queue),
]

if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, arrived)
    for number in range(rounds):
        ends = False
        threads = [threading.Thread(target=work, args=(chance.choice(OTHERS),)) for _ in range(chance.randrange(4))]
        for thread in threads:
            thread.start()
        wait = chance.choice(WAITS)
        try:
            say(f"ready {number}")
            wait()
            say(f"nothing came, or {wait} was over before")
        except (KeyboardInterrupt, Arrived):
            say(f"got {number}")
        ends = True
        for thread in threads:
            thread.join()
