"""Threads, pools, queues, sockets, TLS, processes, select, signals, fork and asyncio, one after the other in a process.

It behaves the same under plain Python. Says what went wrong, or hung, in which step, and exits with the number of those.
"""

import faulthandler
import os
import sys

HANGS_AFTER = float(os.environ.get("HANGS_AFTER", "15"))
STEPS = []


def step(function):
    STEPS.append(function)
    return function


@step
def threads():
    import threading

    event, lock, seen = threading.Event(), threading.Lock(), []

    def work(number):
        event.wait()
        with lock:
            seen.append(number)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for worker in workers:
        worker.start()
    event.set()
    for worker in workers:
        worker.join()
    assert sorted(seen) == [0, 1, 2]


@step
def sleeps():
    import threading
    import time

    order = []

    def work():
        while not order:
            time.sleep(0.001)
        order.append("second")

    worker = threading.Thread(target=work)
    worker.start()
    time.sleep(0.01)
    order.append("first")
    worker.join()
    assert order == ["first", "second"]
    done = []
    worker = threading.Thread(target=lambda: (time.sleep(0.01), done.append(1)))
    worker.start()
    while not done:  # nothing but the sleep lets the other one run
        time.sleep(0.001)
    worker.join()


@step
def queues():
    import queue
    import threading

    for kind in (queue.Queue, queue.SimpleQueue, queue.LifoQueue):
        there, back = kind(), kind()
        echo = threading.Thread(target=lambda there=there, back=back: back.put(there.get() + 1))
        echo.start()
        there.put(1)
        assert back.get() == 2
        echo.join()
    try:
        queue.Queue().get(timeout=0.01)
    except queue.Empty:
        pass


@step
def pools():
    from concurrent.futures import ThreadPoolExecutor
    from multiprocessing.pool import ThreadPool

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(abs, range(-3, 0))) == [3, 2, 1]
    with ThreadPool(2) as pool:
        assert pool.map(abs, range(-3, 0)) == [3, 2, 1]


def _serve(server, wrap=lambda connection: connection):
    connection, _ = server.accept()
    with connection, wrap(connection) as stream:
        stream.sendall(stream.recv(10).upper())


@step
def sockets():
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as server:
        worker = threading.Thread(target=_serve, args=(server,))
        worker.start()
        with socket.create_connection(server.getsockname()[:2]) as client:
            client.sendall(b"hello")
            assert client.recv(10) == b"HELLO"
        worker.join()
    assert socket.getaddrinfo("127.0.0.1", 80)


@step
def tls():
    import pathlib
    import socket
    import ssl
    import threading

    folder = pathlib.Path(__file__).parents[2] / "docs/examples"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    trusting = ssl.create_default_context(cafile=str(folder / "cert.pem"))
    trusting.check_hostname = False
    with socket.create_server(("127.0.0.1", 0)) as server:
        worker = threading.Thread(target=_serve, args=(server, lambda s: context.wrap_socket(s, server_side=True)))
        worker.start()
        with socket.create_connection(server.getsockname()[:2]) as raw, trusting.wrap_socket(raw) as client:
            client.sendall(b"hello")
            assert client.recv(10) == b"HELLO"
        worker.join()


@step
def subprocesses():
    import subprocess

    done = subprocess.run([sys.executable, "-c", "print(input())"], input="x", capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "x\n"), done
    assert subprocess.call([sys.executable, "-c", "raise SystemExit(3)"]) == 3
    try:
        subprocess.run([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, timeout=0.1)
    except subprocess.TimeoutExpired:
        pass
    import threading

    codes = []
    run = lambda: codes.append(subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True).returncode)
    workers = [threading.Thread(target=run) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert codes == [0, 0]
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        reader = threading.Thread(target=lambda: codes.append(child.wait()))
        reader.start()
        child.stdin.close()
        reader.join()
    assert codes == [0, 0, 0]


@step
def selecting():
    import select
    import selectors
    import socket
    import threading

    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert select.select([ours], [], [], 0.01) == ([], [], [])
        theirs.send(b"x")
        assert select.select([ours], [], [], 5)[0] == [ours]
        poll = select.poll()
        poll.register(ours, select.POLLIN)
        assert poll.poll(5000) == [(ours.fileno(), select.POLLIN)]
        with selectors.DefaultSelector() as selector:
            selector.register(ours, selectors.EVENT_READ)
            assert [key.fileobj for key, _ in selector.select(5)] == [ours]
        ours.recv(1)
        found = []
        worker = threading.Thread(target=lambda: found.append(select.select([ours], [], [])[0]))
        worker.start()
        theirs.send(b"x")
        worker.join()
        assert found == [[ours]]


@step
def signals():
    import signal
    import time

    seen = []
    old = signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
    assert callable(signal.getsignal(signal.SIGUSR1))
    os.kill(os.getpid(), signal.SIGUSR1)
    time.sleep(0.01)
    signal.signal(signal.SIGUSR1, old)
    assert seen == [1]


@step
def children():
    import signal
    import subprocess
    import time

    seen = []
    old = signal.signal(signal.SIGCHLD, lambda *_: seen.append(1))
    child = os.fork()
    if child == 0:
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert subprocess.run([sys.executable, "-c", ""]).returncode == 0
    for _ in range(200):
        if seen:
            break
        time.sleep(0.01)
    signal.signal(signal.SIGCHLD, old)
    assert seen, "the handler of SIGCHLD was not called"
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)  # else it is never at an end, should this process hang
        os.read(reader, 1)
        os._exit(0)
    import threading

    ended = []
    waiter = threading.Thread(target=lambda: ended.append(os.waitpid(child, 0)))
    waiter.start()
    os.write(writer, b"x")
    waiter.join()
    assert ended == [(child, 0)]
    os.close(reader)
    os.close(writer)
    spawned = os.posix_spawn(sys.executable, [sys.executable, "-c", ""], os.environ)
    assert os.waitpid(spawned, 0) == (spawned, 0)


@step
def threads_in_a_child():
    import threading

    child = os.fork()
    if child == 0:
        worker = threading.Thread(target=lambda: None)
        worker.start()
        worker.join()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


@step
def event_loops():
    import asyncio

    async def main():
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        writer.write(b"x\n")
        assert await reader.readline() == b"x\n"
        writer.close()
        await writer.wait_closed()
        assert await asyncio.to_thread(abs, -3) == 3
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
        assert await process.wait() == 0

    async def echo(reader, writer):
        writer.write(await reader.readline())
        writer.close()

    async def run():
        nonlocal server
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        await main()
        server.close()

    server = None
    asyncio.run(run())


def run_all(names):
    failed = 0
    for function in STEPS:
        if names and function.__name__ not in names:
            continue
        sys.stderr.write(f"-> {function.__name__}\n")
        faulthandler.dump_traceback_later(HANGS_AFTER, exit=True)
        try:
            function()
        except BaseException as error:  # LoopExit is none of Exception's in every gevent
            failed += 1
            print(f"{function.__name__}: {type(error).__name__}: {error}", flush=True)
    return failed


if __name__ == "__main__":
    failed = run_all(sys.argv[1:])
    faulthandler.dump_traceback_later(HANGS_AFTER, exit=True)  # the end may hang, too
    sys.stderr.write("-> the end\n")
    print("failed" if failed else "ok")
    sys.exit(failed)
