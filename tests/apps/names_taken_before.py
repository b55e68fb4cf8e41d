"""A program that took its names first is concurrent afterwards: each call lets the others run, as the order shows."""

import os
import sys
from queue import LifoQueue, Queue, SimpleQueue
from select import select
from socket import create_connection, socket
from subprocess import run
from threading import Condition, Event, Lock, RLock, Semaphore, Thread, local
from time import sleep

lock = Lock()
rlock = RLock()
happened = Event()
condition = Condition()
semaphore = Semaphore(0)
jobs = Queue()
simple = SimpleQueue()
own = local()
own.name = "main"


class Pool:
    queue_class = LifoQueue
    lock = Lock()

    def pause(self, seconds=0.001, *, wait=sleep):
        wait(seconds)


class Worker(Thread):
    def __init__(self):
        Thread.__init__(self)
        self.seen = None

    def run(self):
        self.seen = getattr(own, "name", None)
        own.name = "worker"


def arm(how):
    if how == "lazypatch":
        import lazypatch

        lazypatch.patch_all(Event=True)  # gevent.monkey's default
    else:
        import gevent.monkey

        gevent.monkey.patch_all()


arm(sys.argv[1])
import gevent


def lets_others_run(block, unblock=lambda: None):
    """*block* returns only after another greenlet has done *unblock*."""
    order = []

    def other():
        order.append("other")
        unblock()

    greenlet = gevent.spawn(other)
    order.append("before")
    result = block()
    order.append("after")
    greenlet.join()
    assert order == ["before", "other", "after"], (block, order)
    return result


lets_others_run(lambda: sleep(0.001))
lets_others_run(Pool().pause)
for held in (lock, Pool.lock):
    held.acquire()
    lets_others_run(held.acquire, held.release)
rlock.acquire()
releasing = gevent.spawn(rlock.acquire)
gevent.sleep(0)
assert not releasing.ready(), "an RLock tells greenlets apart"
rlock.release()
lets_others_run(happened.wait, happened.set)
lets_others_run(semaphore.acquire, semaphore.release)
for queue in (jobs, simple, Pool.queue_class(), Queue()):
    assert lets_others_run(queue.get, lambda queue=queue: queue.put("job")) == "job"


def notify():
    with condition:
        condition.notify()


with condition:
    lets_others_run(condition.wait, notify)

worker = Worker()
lets_others_run(lambda: (worker.start(), worker.join()))
assert worker.seen is None and own.name == "main", "a local tells greenlets apart"

listener = socket()
listener.bind(("127.0.0.1", 0))
listener.listen()


def serve():
    connection, _ = listener.accept()
    connection.sendall(b"served")
    connection.close()


client = create_connection(listener.getsockname())
assert lets_others_run(lambda: client.recv(6), serve) == b"served"
read, write = os.pipe()
lets_others_run(lambda: select([read], [], []), lambda: os.write(write, b"x"))
read, write = os.pipe()
command = [sys.executable, "-c", "import sys; sys.exit(len(sys.stdin.read()))"]
done = lets_others_run(lambda: run(command, stdin=read), lambda: (os.write(write, b"xyz"), os.close(write)))
assert done.returncode == 3, done
print("ok")
