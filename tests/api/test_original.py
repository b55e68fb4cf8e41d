"""original(): whole unpatched modules, whose threads, locks, queues and sockets are real and stay so."""

from __future__ import annotations

import pytest
from conftest import run_code

START = """
import sys
import lazypatch
lazypatch.patch_all(Event=True)
import gevent, greenlet, os, threading as patched
from gevent._hub_local import get_hub_if_exists
threading = lazypatch.original("threading")
_thread = lazypatch.original("_thread")
main = _thread.get_ident()
ticks = []
def tick():
    while True:
        ticks.append(None)
        gevent.sleep(0)
gevent.spawn(tick)
def until(condition):
    while not condition():
        gevent.sleep(0.001)
"""


def test_threads_run_beside_the_hub_and_wait_natively() -> None:
    """Each waits for the other by native means: were both in one thread, this would hang."""
    run_code(
        START
        + """
go, came, told = threading.Event(), threading.Event(), []
lock, reentrant, condition = threading.Lock(), threading.RLock(), threading.Condition()
semaphore, barrier = threading.Semaphore(0), threading.Barrier(2)
def work():
    told.append((_thread.get_ident(), get_hub_if_exists(), threading.current_thread().name))
    with lock, reentrant, reentrant:
        came.set()
        go.wait()
    semaphore.acquire()
    barrier.wait()
    with condition:
        condition.notify()
thread = threading.Thread(target=work, name="real", daemon=True)
thread.start()
until(came.is_set)
before = len(ticks)
until(lambda: len(ticks) > before + 10)
assert lock.locked() and not reentrant.acquire(False), "the thread holds them while the hub runs"
assert thread.is_alive() and thread in threading.enumerate() and thread not in patched.enumerate()
go.set()
semaphore.release()
with condition:
    barrier.wait()
    assert condition.wait(30)
thread.join()
(ident, hub, name), = told
assert ident != main and hub is None and name == "real"
assert type(lock) is type(_thread.allocate_lock())
"""
    )


def test_timer_and_local() -> None:
    """A Timer fires in a thread of its own while the main thread waits natively; a local is one per thread."""
    run_code(
        START
        + """
own, fired, seen = threading.local(), threading.Event(), []
own.value = "main"
def fire():
    seen.append((_thread.get_ident(), hasattr(own, "value")))
    fired.set()
threading.Timer(0, fire).start()
assert fired.wait(30)
assert seen[0][0] != main and seen[0][1] is False
assert gevent.spawn(lambda: own.value).get() == "main", "greenlets of one thread share it"
"""
    )


def test_queues_block_natively_between_threads() -> None:
    """Both classes of queues, in both directions; queue.Empty is the one that everybody catches."""
    run_code(
        START
        + """
import queue as patched_queue
queue = lazypatch.original("queue")
for make in (queue.Queue, queue.SimpleQueue, queue.LifoQueue, queue.PriorityQueue):
    jobs, results = make(), make()
    def work():
        while True:
            job = jobs.get()
            if job == 0:
                return
            results.put(job * 2)
    thread = threading.Thread(target=work)
    thread.start()
    for number in (1, 2, 3):
        jobs.put(number)
        assert results.get() == number * 2, "main waits natively, so the worker is no greenlet"
    jobs.put(0)
    thread.join()
    try:
        jobs.get(block=False)
    except patched_queue.Empty:
        pass
    else:
        raise AssertionError
"""
    )


def test_sockets_block_natively() -> None:
    """In a native thread, which never makes a hub, while the hub of the main thread goes on."""
    run_code(
        START
        + """
socket, select = lazypatch.original("socket"), lazypatch.original("select")
selectors, ssl = lazypatch.original("selectors"), lazypatch.original("ssl")
told, started, listener = [], threading.Event(), socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
def serve():
    started.set()
    connection, _ = listener.accept()
    with connection:
        readable, _, _ = select.select([connection], [], [])
        with selectors.DefaultSelector() as waits:
            waits.register(connection, selectors.EVENT_READ)
            assert waits.select()
        connection.sendall(connection.recv(100).upper())
    told.append(get_hub_if_exists())
thread = threading.Thread(target=serve)
thread.start()
started.wait()
before = len(ticks)
until(lambda: len(ticks) > before + 10)
import socket as patched_socket
with patched_socket.create_connection(listener.getsockname()) as client:
    client.sendall(b"hello")
    assert client.recv(100) == b"HELLO"
thread.join()
assert told == [None]
assert type(listener).__module__ != "gevent.socket" and isinstance(listener, lazypatch.get_original("socket", "SocketType"))
assert ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).options
"""
    )


@pytest.mark.parametrize("first", ["", "import asyncio\n"], ids=["asyncio after", "asyncio before"])
def test_asyncio_runs_in_a_native_thread(first: str) -> None:
    """With tasks, subprocesses' threads, timeouts and sockets of its own; the main thread's hub goes on."""
    run_code(
        first
        + START
        + """
import asyncio
async def program():
    order = []
    async def one(name):
        order.append(name)
        await asyncio.sleep(0)
        order.append(name)
        return name
    assert await asyncio.gather(one("a"), one("b")) == ["a", "b"]
    assert order == ["a", "b", "a", "b"]
    async def echo(reader, writer):
        writer.write(await reader.readline())
        writer.close()
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"line\\n")
    assert await reader.readline() == b"line\\n"
    writer.close()
    server.close()
    assert await asyncio.to_thread(lambda: 42) == 42
    while len(ticks) <= before:  # else this may be over before the main thread's hub has run at all
        await asyncio.sleep(0)
    return _thread.get_ident()
results = []
thread = threading.Thread(target=lambda: results.append(asyncio.run(program())))
before = len(ticks)
thread.start()
until(lambda: not thread.is_alive())
assert results and results[0] != main, results
assert len(ticks) > before
"""
    )


def test_original_threads_are_waited_for_at_exit() -> None:
    """As every non-daemon thread is."""
    out = run_code(
        START
        + """
go = threading.Event()
threading.Thread(target=lambda: (go.wait(), print("done", flush=True))).start()
import atexit
print("main ends", flush=True)
go.set()
"""
    )
    assert out == "main ends\ndone\n"


def test_a_view_can_be_read_only() -> None:
    """It is no place to patch; and any other module is given as it is."""
    run_code("""
import json, lazypatch, sys
lazypatch.patch_all()
time = lazypatch.original("time")
assert type(time.sleep) is type(len) and "gevent" not in sys.modules
queue = lazypatch.original("queue")
assert type(time.sleep) is type(len) and type(queue.Queue.put) is type(lambda: 0) and queue.Queue.__module__ != "gevent.queue"
for view in (time, queue):
    for change in (lambda: setattr(view, "sleep", print), lambda: delattr(view, "Empty")):
        try:
            change()
        except AttributeError as error:
            assert "is read-only" in str(error), error
        else:
            raise AssertionError
assert "sleep" in dir(time) and "Queue" in dir(queue) and queue.__all__ == sys.modules["queue"].__all__
assert lazypatch.original("json") is json and lazypatch.original("time") is time
""")


def test_a_target_whose_code_is_nowhere_has_no_second_copy() -> None:
    """As in a frozen application, whose finders give no code: the error says what is missing."""
    run_code("""
import lazypatch, queue
lazypatch.patch_all()
from importlib.machinery import PathFinder
find_spec = PathFinder.find_spec
PathFinder.find_spec = lambda name, *more: None if name == "queue" else find_spec(name, *more)
try:
    lazypatch.original("queue")
except ImportError as error:
    assert "the code of 'queue' cannot be found" in str(error) and error.name == "queue"
else:
    raise AssertionError
""")
