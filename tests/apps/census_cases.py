"""Every call of the standard library that waits, a case each: what it does, and nothing of how it is judged.

``python census_cases.py HOW CASE`` runs one and says on stderr what came of it: see tests/by_hand/census.py.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

D = 0.4
CASES = {}
ticks, mark = [], [0.0, 0]


def case(f):
    CASES[f.__name__] = f
    return f


def start():
    """The time that counts begins here (and, unless called, at the case's first line)."""
    mark[:] = [time.monotonic(), len(ticks)]


def elsewhere(code, *fds, wait=D):
    """Run *code* after *wait* seconds in a plain Python process of its own that has the descriptors *fds*."""
    for fd in fds:
        os.set_inheritable(fd, True)
    code = f"import fcntl, os, sqlite3, sys, time; time.sleep({wait}); {code}"
    return os.posix_spawn(sys.executable, [sys.executable, "-S", "-E", "-c", code], {"PATH": os.environ["PATH"]})


later = elsewhere


def child_that_sleeps():
    pid = os.fork()
    if pid == 0:
        end = time.monotonic() + D
        while time.monotonic() < end:
            pass
        os._exit(7)
    return pid


def temp(name):
    return os.path.join(tempfile.mkdtemp(), name)


# --- files, pipes, terminals -------------------------------------------------------------------------------------------
@case
def os_read_of_a_pipe():
    r, w = os.pipe()
    later(f"os.write({w}, b'x')", w)
    assert os.read(r, 1) == b"x"


@case
def os_readv_of_a_pipe():
    r, w = os.pipe()
    later(f"os.write({w}, b'x')", w)
    assert os.readv(r, [bytearray(1)]) == 1


@case
def os_write_to_a_full_pipe():
    r, w = os.pipe()
    os.set_blocking(w, False)
    try:
        while True:
            os.write(w, b"x" * 65536)
    except BlockingIOError:
        pass
    os.set_blocking(w, True)
    later(f"os.read({r}, 1 << 20)", r)
    assert os.write(w, b"y" * 4096) == 4096


@case
def os_write_of_a_megabyte():
    r, w = os.pipe()
    later(f"sum(iter(lambda: len(os.read({r}, 1 << 16)), 0))", r)
    assert os.write(w, b"y" * (1 << 20)) == 1 << 20


@case
def os_read_of_a_nonblocking_pipe_says_so():
    r, w = os.pipe()
    os.set_blocking(r, False)
    try:
        os.read(r, 1)
    except BlockingIOError:
        return
    raise AssertionError("no BlockingIOError")


@case
def open_of_a_pipes_descriptor():
    r, w = os.pipe()
    later(f"os.write({w}, b'x')", w)
    assert open(r, "rb", 0).read(1) == b"x"


@case
def readline_of_a_pipes_descriptor():
    r, w = os.pipe()
    later(f"os.write({w}, b'x\\n')", w)
    assert open(r).readline() == "x\n"


@case
def open_of_a_fifo():
    p = temp("fifo")
    os.mkfifo(p)
    later(f"os.open({p!r}, os.O_WRONLY)")
    open(p).close()


@case
def read_of_a_pty():
    import pty

    m, s = pty.openpty()
    later(f"os.write({s}, b'x\\n')", s)
    assert os.read(m, 1) == b"x"


@case
def sys_stdin_readline():
    r, w = os.pipe()
    os.dup2(r, 0)
    later(f"os.write({w}, b'x\\n')", w)
    assert sys.stdin.readline() == "x\n"


@case
def input_():
    r, w = os.pipe()
    os.dup2(r, 0)
    later(f"os.write({w}, b'x\\n')", w)
    assert input() == "x"


@case
def os_close_is_seen_at_once():
    r, w = os.pipe()
    os.write(w, b"data")
    os.close(w)
    assert os.read(r, 9) == b"data"
    assert os.read(r, 9) == b""


@case
def the_lowest_descriptor_is_reused():
    n = os.open(os.devnull, os.O_RDONLY)
    os.close(n)
    r, w = os.pipe()
    os.close(r)
    a = os.dup(w)
    assert (r, a) == (n, n), (n, r, a)


@case
def fcntl_flock():
    import fcntl

    p = temp("lock")
    r, w = os.pipe()
    elsewhere(f"f = open({p!r}, 'w'); fcntl.flock(f, fcntl.LOCK_EX); os.write({w}, b'1'); time.sleep({D})", w, wait=0)
    os.read(r, 1)
    f = open(p, "w")
    start()
    fcntl.flock(f, fcntl.LOCK_EX)


@case
def fcntl_lockf():
    import fcntl

    p = temp("lock")
    r, w = os.pipe()
    elsewhere(f"f = open({p!r}, 'w'); fcntl.lockf(f, fcntl.LOCK_EX); os.write({w}, b'1'); time.sleep({D})", w, wait=0)
    os.read(r, 1)
    f = open(p, "w")
    start()
    fcntl.lockf(f, fcntl.LOCK_EX)


@case
def os_lockf():
    p = temp("lock")
    r, w = os.pipe()
    elsewhere(
        f"f = os.open({p!r}, os.O_RDWR | os.O_CREAT); os.lockf(f, os.F_LOCK, 1); os.write({w}, b'1'); time.sleep({D})",
        w,
        wait=0,
    )
    os.read(r, 1)
    f = os.open(p, os.O_RDWR | os.O_CREAT)
    start()
    os.lockf(f, os.F_LOCK, 1)


@case
def sqlite3_waits_for_a_lock():
    import sqlite3

    p = temp("db")
    c = sqlite3.connect(p, isolation_level=None)
    c.execute("create table t(x)")
    r, w = os.pipe()
    elsewhere(
        f"o = sqlite3.connect({p!r}, isolation_level=None); o.execute('begin exclusive'); os.write({w}, b'1'); time.sleep({D}); o.execute('commit')",
        w,
        wait=0,
    )
    os.read(r, 1)
    start()
    c.execute("insert into t values(1)")
    assert c.execute("select x from t").fetchall() == [(1,)]


@case
def fcntl_flock_between_two_threads():
    import fcntl
    import threading

    p = temp("lock")
    seen = []

    def use(n):
        with open(p, "w") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            time.sleep(D / 2)
            seen.append(n)

    ts = [threading.Thread(target=use, args=(n,), daemon=True) for n in range(2)]
    [t.start() for t in ts]
    [t.join(4) for t in ts]
    assert len(seen) == 2, seen


@case
def sqlite3_writers_in_threads():
    import sqlite3
    import threading

    p = temp("db")
    sqlite3.connect(p).execute("create table t(x)")
    bad = []

    def write(n):
        try:
            with sqlite3.connect(p, timeout=4) as c:
                c.execute("insert into t values(?)", (n,))
                time.sleep(0.2)
        except Exception as e:
            bad.append(e)

    ts = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    [t.start() for t in ts]
    [t.join() for t in ts]
    assert not bad, bad


# --- processes ---------------------------------------------------------------------------------------------------------
@case
def os_system():
    assert os.system(f"sleep {D}; exit 3") == 3 << 8


@case
def os_popen():
    assert os.popen(f"sleep {D}; echo x").read() == "x\n"


@case
def os_wait():
    pid = child_that_sleeps()
    assert os.wait() == (pid, 7 << 8)


@case
def os_wait_beside_a_Popen():

    pid = os.posix_spawn("/bin/sh", ["sh", "-c", f"sleep {D}; exit 3"], {"PATH": os.environ["PATH"]})
    p = subprocess.Popen(["/bin/sh", "-c", "sleep 0.1; exit 5"])
    got = {}
    while len(got) < 2:
        n, status = os.wait()
        got[n] = os.waitstatus_to_exitcode(status)
    assert got == {pid: 3, p.pid: 5}, got
    assert p.wait() == 0


@case
def os_wait3():
    pid = child_that_sleeps()
    assert os.wait3(0)[:2] == (pid, 7 << 8)


@case
def os_wait4():
    pid = child_that_sleeps()
    assert os.wait4(pid, 0)[:2] == (pid, 7 << 8)


@case
def os_waitpid():
    pid = child_that_sleeps()
    assert os.waitpid(pid, 0) == (pid, 7 << 8)


@case
def os_waitid():
    pid = child_that_sleeps()
    assert os.waitid(os.P_PID, pid, os.WEXITED).si_status == 7


@case
def os_spawnv():
    assert os.spawnv(os.P_WAIT, "/bin/sh", ["sh", "-c", f"sleep {D}; exit 3"]) == 3


@case
def os_posix_spawn():
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", f"sleep {D}; exit 3"], {})
    assert os.waitpid(pid, 0) == (pid, 3 << 8)


@case
def subprocess_run():

    assert subprocess.run(["/bin/sh", "-c", f"sleep {D}; echo x"], capture_output=True).stdout == b"x\n"


@case
def subprocess_in_a_pipeline():
    from subprocess import PIPE, Popen

    a = Popen(["/bin/sh", "-c", f"sleep {D}; echo x"], stdout=PIPE)
    b = Popen(["cat"], stdin=a.stdout, stdout=PIPE, stderr=PIPE)
    assert b.communicate() == (b"x\n", b"")


@case
def a_forked_child_has_one_thread():
    import threading

    r, w = os.pipe()

    def other():
        while True:
            time.sleep(0.05)
            os.write(w, b"%d " % os.getpid())

    threading.Thread(target=other, daemon=True).start()
    pid = os.fork()
    if pid == 0:
        time.sleep(D)
        os._exit(threading.active_count())
    assert os.waitpid(pid, 0)[1] == 1 << 8
    assert b"%d " % pid not in os.read(r, 9999), "the other thread went on in the child"


@case
def a_daemon_that_closes_all_descriptors():
    pid = os.fork()
    if pid == 0:
        os.closerange(3, 256)
        time.sleep(D)
        import threading

        t = threading.Thread(target=time.sleep, args=(0.05,))
        t.start()
        t.join()
        os._exit(7)
    assert os.waitpid(pid, 0)[1] == 7 << 8


@case
def subprocess_runs_no_handlers_of_fork():

    r, w = os.pipe()
    os.set_inheritable(w, True)
    os.register_at_fork(after_in_child=lambda: os.write(w, b"x"))
    subprocess.run(["true"], close_fds=False)
    os.set_blocking(r, False)
    try:
        raise AssertionError(os.read(r, 9))
    except BlockingIOError:
        pass


@case
def subprocess_keeps_what_came_before_a_time_out():

    try:
        subprocess.run(["/bin/sh", "-c", "echo x; sleep 5"], stdout=subprocess.PIPE, timeout=D)
    except subprocess.TimeoutExpired as error:
        found = error.output
    assert found == b"x\n", found


# --- signals -----------------------------------------------------------------------------------------------------------
def _kill_later(number):
    me = os.getpid()
    later(f"os.kill({me}, {int(number)})")


@case
def signal_sigwait():
    import signal

    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    _kill_later(signal.SIGUSR1)
    assert signal.sigwait([signal.SIGUSR1]) == signal.SIGUSR1


@case
def signal_sigtimedwait():
    import signal

    assert signal.sigtimedwait([signal.SIGUSR1], D) is None


@case
def signal_pause():
    import signal

    signal.signal(signal.SIGUSR1, lambda *a: None)
    _kill_later(signal.SIGUSR1)
    signal.pause()


@case
def a_signals_handler_may_wait():
    import signal

    seen = []
    signal.signal(signal.SIGUSR1, lambda *a: (time.sleep(0.1), seen.append(1)))
    _kill_later(signal.SIGUSR1)
    time.sleep(2 * D)
    assert seen == [1]


@case
def a_signals_handler_raises_in_the_main_thread():
    import signal
    import threading

    class Late(Exception):
        pass

    def handler(*a):
        raise Late

    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, D)
    try:
        threading.Event().wait(5)
    except Late:
        return
    raise AssertionError("not raised")


@case
def a_signals_handler_is_in_the_main_thread():
    import signal
    import threading

    seen = []
    signal.signal(signal.SIGUSR1, lambda *a: seen.append(threading.current_thread() is threading.main_thread()))
    _kill_later(signal.SIGUSR1)
    time.sleep(2 * D)
    assert seen == [True], seen


@case
def signal_pthread_kill_of_this_thread():
    import signal
    import threading

    seen = []
    signal.signal(signal.SIGUSR1, lambda *a: seen.append(1))
    signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
    time.sleep(0.01)
    assert seen == [1]


@case
def signal_signal_in_a_thread_raises():
    import signal
    import threading

    got = []

    def use():
        try:
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        except ValueError as e:
            got.append(e)

    t = threading.Thread(target=use)
    t.start()
    t.join()
    assert got, "no ValueError"


@case
def a_signals_handler_has_the_main_threads_identity():
    import signal
    import threading

    lock, local, seen = threading.RLock(), threading.local(), []
    local.x = 1

    def handler(*a):
        seen.append((lock.acquire(blocking=False), getattr(local, "x", None), threading.get_ident()))

    signal.signal(signal.SIGUSR1, handler)
    _kill_later(signal.SIGUSR1)
    with lock:
        time.sleep(2 * D)
    assert seen == [(True, 1, threading.main_thread().ident)], seen


@case
def the_main_thread_stands_still_while_its_handler_waits():
    import signal

    seen = []

    def handler(*a):
        seen.append("in")
        time.sleep(D / 2)
        seen.append("out")

    signal.signal(signal.SIGUSR1, handler)
    _kill_later(signal.SIGUSR1)
    end = time.monotonic() + 2.5 * D
    while time.monotonic() < end:
        time.sleep(0.02)
        seen.append("main")
    i = seen.index("in")
    assert seen[i + 1] == "out", seen[i : i + 3]


@case
def the_main_thread_waits_for_ever_until_a_signal():
    import signal
    import threading

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *a: stop.set())
    _kill_later(signal.SIGTERM)
    stop.wait()
    assert stop.is_set()


@case
def a_signals_handler_may_join_a_thread():
    import signal
    import threading

    stop, lock, seen = threading.Event(), threading.Lock(), []

    def work():
        with lock:
            stop.wait(5)

    t = threading.Thread(target=work)
    t.start()

    def handler(*a):
        stop.set()
        t.join()
        lock.acquire()
        seen.append(1)

    signal.signal(signal.SIGTERM, handler)
    _kill_later(signal.SIGTERM)
    time.sleep(2 * D)
    assert seen == [1] and signal.getsignal(signal.SIGTERM) is handler


@case
def ctrl_c_reaches_the_main_thread():
    import signal
    import threading

    seen = []

    def compute():
        try:
            end = time.monotonic() + 3 * D
            while time.monotonic() < end:
                sum(range(200))
                time.sleep(0)
            seen.append("worker done")
        except BaseException as e:
            seen.append("worker got " + type(e).__name__)

    t = threading.Thread(target=compute)
    t.start()
    _kill_later(signal.SIGINT)
    try:
        time.sleep(5)
        seen.append("main slept on")
    except KeyboardInterrupt:
        seen.append("main got it")
    t.join()
    assert sorted(seen) == ["main got it", "worker done"], seen


@case
def an_alarm_ends_a_wait_for_a_lock():
    import signal
    import threading

    def handler(*a):
        raise TimeoutError

    signal.signal(signal.SIGALRM, handler)
    it = threading.Lock()
    it.acquire()
    signal.setitimer(signal.ITIMER_REAL, D)
    try:
        it.acquire()
    except TimeoutError:
        return
    raise AssertionError("not raised")


# --- select, selectors, sockets ------------------------------------------------------------------------------------------
@case
def select_select():
    import select

    r, w = os.pipe()
    later(f"os.write({w}, b'x')", w)
    assert select.select([r], [], [], 5)[0] == [r]


@case
def select_poll():
    import select

    r, w = os.pipe()
    p = select.poll()
    p.register(r, select.POLLIN)
    later(f"os.write({w}, b'x')", w)
    assert p.poll(5000)


@case
def select_epoll():
    import select

    r, w = os.pipe()
    p = select.epoll()
    p.register(r, select.EPOLLIN)
    later(f"os.write({w}, b'x')", w)
    assert p.poll(5) == [(r, select.EPOLLIN)]


@case
def selectors_DefaultSelector():
    import selectors

    r, w = os.pipe()
    s = selectors.DefaultSelector()
    s.register(r, 1)
    later(f"os.write({w}, b'x')", w)
    assert s.select(5)


@case
def socket_recv():
    import socket

    a, b = socket.socketpair()
    later(f"os.write({b.fileno()}, b'x')", b.fileno())
    assert a.recv(1) == b"x"


@case
def socket_makefile():
    import socket

    a, b = socket.socketpair()
    later(f"os.write({b.fileno()}, b'x\\n')", b.fileno())
    assert a.makefile("rb").readline() == b"x\n"


@case
def a_detached_socket_waits():
    import socket

    a, b = socket.socketpair()
    n = a.detach()
    later(f"os.write({b.fileno()}, b'x')", b.fileno())
    assert os.read(n, 1) == b"x"


@case
def a_childs_standard_input_is_a_socket():
    import socket

    a, b = socket.socketpair()
    p = subprocess.Popen(["cat"], stdin=a, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(D)
    b.send(b"x")
    b.shutdown(socket.SHUT_WR)
    assert p.communicate() == (b"x", b"")


@case
def http_server_and_client():
    import http.server
    import threading
    import urllib.request

    class H(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            time.sleep(D)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x")

        def log_message(self, *a):
            pass

    s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
    threading.Thread(target=s.serve_forever, daemon=True).start()
    assert urllib.request.urlopen(f"http://127.0.0.1:{s.server_port}").read() == b"x"


@case
def threads_accept_on_one_listener():
    import socket
    import threading

    it = socket.create_server(("127.0.0.1", 0))
    got = []
    a = it.getsockname()

    def serve():
        c, _ = it.accept()
        got.append(1)
        c.close()

    ts = [threading.Thread(target=serve, daemon=True) for _ in range(3)]
    [t.start() for t in ts]
    time.sleep(D / 2)
    for _ in ts:
        socket.create_connection(a).recv(1)
    [t.join(2) for t in ts]
    assert len(got) == 3, got


@case
def threads_receive_on_one_socket():
    import socket
    import threading

    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    got = []
    ts = [threading.Thread(target=lambda: got.append(s.recv(9)), daemon=True) for _ in range(3)]
    [t.start() for t in ts]
    time.sleep(D / 2)
    c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for i in range(3):
        c.sendto(b"%d" % i, s.getsockname())
    [t.join(2) for t in ts]
    assert sorted(got) == [b"0", b"1", b"2"], got


@case
def threads_send_and_receive_on_one_socket():
    import socket
    import threading

    a, b = socket.socketpair()
    got = []
    t = threading.Thread(target=lambda: got.append(a.recv(9)), daemon=True)
    t.start()
    time.sleep(D / 2)
    a.send(b"q")
    assert b.recv(9) == b"q"
    b.send(b"r")
    t.join(2)
    assert got == [b"r"]


# --- threads and queues --------------------------------------------------------------------------------------------------
@case
def threading_Lock():
    import threading

    it = threading.Lock()
    it.acquire()
    assert not it.acquire(timeout=D)


@case
def thread_RLock_of_C():
    import _thread
    import threading

    it, ev = _thread.RLock(), threading.Event()

    def hold():
        with it:
            ev.set()
            time.sleep(D)

    threading.Thread(target=hold).start()
    ev.wait()
    start()
    t = time.monotonic()
    it.acquire()
    assert time.monotonic() - t > D / 2, "did not exclude"


@case
def threading_Condition_Barrier_Event():
    import threading

    c = threading.Condition()
    with c:
        assert not c.wait(D)
    assert not threading.Event().wait(0.1)
    try:
        threading.Barrier(2).wait(0.1)
    except threading.BrokenBarrierError:
        pass


@case
def queue_Queue():
    import queue

    try:
        queue.Queue().get(timeout=D)
    except queue.Empty:
        return


@case
def queue_Queue_is_the_documented_class():
    import queue

    q = queue.Queue()
    assert q.maxsize == 0
    with q.mutex:
        assert not q.queue and q.unfinished_tasks == 0

    class Set(queue.Queue):
        def _init(self, n):
            self.queue = set()

        def _put(self, x):
            self.queue.add(x)

        def _get(self):
            return self.queue.pop()

        def _qsize(self):
            return len(self.queue)

    s = Set()
    s.put(1)
    s.put(1)
    assert s.qsize() == 1
    q.not_empty, q.not_full, q.all_tasks_done


@case
def queue_shutdown_loses_nothing():
    import queue
    import threading

    if not hasattr(queue, "ShutDown"):
        return
    q = queue.Queue()
    got = []

    def take():
        try:
            while True:
                got.append(q.get())
        except queue.ShutDown:
            got.append("down")

    t = threading.Thread(target=take)
    t.start()
    time.sleep(D / 2)
    q.put(1)
    q.shutdown()
    t.join(2)
    assert got == [1, "down"], got


@case
def queue_SimpleQueue():
    import queue

    try:
        queue.SimpleQueue().get(timeout=D)
    except queue.Empty:
        return


@case
def futures_ThreadPoolExecutor():
    import concurrent.futures as cf

    with cf.ThreadPoolExecutor(1) as e:
        assert e.submit(lambda: time.sleep(D) or 3).result() == 3


@case
def an_import_in_another_thread():
    import threading

    p = temp("slow_module.py")
    open(p, "w").write(f"import time; time.sleep({D}); x = 3")
    sys.path.insert(0, os.path.dirname(p))
    threading.Thread(target=__import__, args=("slow_module",)).start()
    time.sleep(0.02)
    start()
    import slow_module

    assert slow_module.x == 3


# --- asyncio -------------------------------------------------------------------------------------------------------------
@case
def asyncio_run():
    import asyncio

    assert asyncio.run(asyncio.sleep(D, 3)) == 3


@case
def asyncio_run_in_three_threads():
    import asyncio
    import threading

    got = []
    ts = [threading.Thread(target=lambda i=i: got.append(asyncio.run(asyncio.sleep(D, i)))) for i in range(3)]
    [t.start() for t in ts]
    [t.join() for t in ts]
    assert sorted(got) == [0, 1, 2], got


@case
def another_thread_sees_no_running_loop():
    import asyncio
    import threading

    seen = []

    def look():
        time.sleep(D / 2)
        try:
            seen.append(asyncio.get_running_loop())
        except RuntimeError:
            seen.append(None)

    threading.Thread(target=look).start()
    asyncio.run(asyncio.sleep(D))
    assert seen == [None], seen


@case
def asyncio_to_thread():
    import asyncio

    asyncio.run(asyncio.to_thread(time.sleep, D))


@case
def asyncio_subprocess():
    import asyncio

    async def main():
        p = await asyncio.create_subprocess_exec("/bin/sh", "-c", f"sleep {D}; echo x", stdout=-1)
        return (await p.communicate())[0]

    assert asyncio.run(main()) == b"x\n"


@case
def asyncio_signal_handler():
    import asyncio
    import signal

    async def main():
        done = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, done.set)
        _kill_later(signal.SIGUSR1)
        await asyncio.wait_for(done.wait(), 5)

    asyncio.run(main())


# --- multiprocessing -----------------------------------------------------------------------------------------------------
def slow_square(x):
    time.sleep(D / 2)
    return x * x


def doubles(q, r):
    for x in iter(q.get, None):
        r.put(x * 2)


def _mp(method):
    import multiprocessing

    return multiprocessing.get_context(method)


def _pool(method):
    with _mp(method).Pool(2) as p:
        assert p.map(slow_square, range(4)) == [0, 1, 4, 9]


def _queues(method):
    c = _mp(method)
    q, r = c.Queue(), c.Queue()
    p = c.Process(target=doubles, args=(q, r))
    p.start()
    for x in 1, 2, None:
        q.put(x)
    assert [r.get(), r.get()] == [2, 4]
    p.join()
    assert p.exitcode == 0


def _futures(method):
    import concurrent.futures as cf

    with cf.ProcessPoolExecutor(2, mp_context=_mp(method)) as e:
        assert list(e.map(slow_square, range(4))) == [0, 1, 4, 9]


def _manager(method):
    with _mp(method).Manager() as m:
        d = m.dict()
        d["a"] = 1
        it = m.list([1])
        it.append(2)
        assert (dict(d), list(it)) == ({"a": 1}, [1, 2])


for _method in "fork", "spawn", "forkserver":
    for _step in _pool, _queues, _futures, _manager:
        CASES[f"mp_{_step.__name__[1:]}_by_{_method}"] = lambda s=_step, m=_method: s(m)


@case
def mp_Pipe():
    import multiprocessing
    import threading

    a, b = multiprocessing.Pipe()
    threading.Timer(D, a.send, ["x"]).start()
    assert b.recv() == "x"


@case
def mp_Pipe_of_a_megabyte():
    import multiprocessing
    import threading

    a, b = multiprocessing.Pipe()
    t = threading.Thread(target=a.send_bytes, args=(b"x" * (1 << 20),))
    t.start()
    time.sleep(D)
    assert len(b.recv_bytes()) == 1 << 20
    t.join()


@case
def mp_Lock_excludes_threads():
    import multiprocessing
    import threading

    it = multiprocessing.Lock()
    it.acquire()
    threading.Timer(D, it.release).start()
    it.acquire()


@case
def mp_RLock_excludes_threads():
    import multiprocessing
    import threading

    it, ev = multiprocessing.RLock(), threading.Event()

    def hold():
        with it:
            ev.set()
            time.sleep(D)

    threading.Thread(target=hold).start()
    ev.wait()
    start()
    assert not it.acquire(block=False), "did not exclude"
    it.acquire()


@case
def mp_Event_Condition_Semaphore():
    import multiprocessing

    assert not multiprocessing.Event().wait(D / 2)
    c = multiprocessing.Condition()
    with c:
        assert not c.wait(D / 2)
    s = multiprocessing.Semaphore(0)
    assert not s.acquire(timeout=0.1)


@case
def mp_connection_Listener():
    import threading
    from multiprocessing.connection import Client, Listener

    it = Listener(("127.0.0.1", 0), authkey=b"k")

    def serve():
        c = it.accept()
        time.sleep(D)
        c.send("x")
        c.close()

    threading.Thread(target=serve).start()
    c = Client(it.address, authkey=b"k")
    assert c.recv() == "x"


@case
def mp_a_socket_through_a_Pipe():
    import multiprocessing
    import multiprocessing.reduction
    import socket

    a, b = multiprocessing.Pipe()
    x, y = socket.socketpair()
    a.send(x)
    z = b.recv()
    y.send(b"x")
    assert z.recv(1) == b"x"


@case
def mp_ThreadPool():
    from multiprocessing.pool import ThreadPool

    with ThreadPool(2) as p:
        assert p.map(slow_square, range(4)) == [0, 1, 4, 9]


# --- what a first look at CPython's sources had left out ------------------------------------------------------------------
@case
def os_sendfile_to_a_full_socket():
    import socket

    a, b = socket.socketpair()
    fd = a.detach()
    p = temp("file")
    open(p, "wb").write(b"x" * (1 << 22))
    f = os.open(p, os.O_RDONLY)
    later(f"sum(iter(lambda: len(os.read({b.fileno()}, 1 << 16)), 0))", b.fileno())
    sent = 0
    while sent < 1 << 22:
        sent += os.sendfile(fd, f, sent, (1 << 22) - sent)


@case
def os_splice_of_a_pipe():
    if not hasattr(os, "splice"):
        return
    r, w = os.pipe()
    _, out = os.pipe()
    later(f"os.write({w}, b'x')", w)
    assert os.splice(r, out, 9) == 1


@case
def os_eventfd_read():
    fd = os.eventfd(0)
    later(f"os.write({fd}, (3).to_bytes(8, sys.byteorder))", fd)
    assert os.eventfd_read(fd) == 3


@case
def os_read_of_a_timerfd():
    if not hasattr(os, "timerfd_create"):
        return
    fd = os.timerfd_create(time.CLOCK_MONOTONIC)
    os.timerfd_settime(fd, initial=D)
    assert len(os.read(fd, 8)) == 8


@case
def os_read_of_inotify():
    import ctypes

    libc, folder = ctypes.CDLL(None), tempfile.mkdtemp()
    fd = libc.inotify_init()
    assert libc.inotify_add_watch(fd, folder.encode(), 0x100) >= 0
    later(f"os.mkdir({folder + '/x'!r})")
    assert len(os.read(fd, 999)) > 16


@case
def os_waitid_of_a_pidfd():
    pid = child_that_sleeps()
    assert os.waitid(os.P_PIDFD, os.pidfd_open(pid), os.WEXITED).si_status == 7


@case
def pty_spawn():
    import pty

    r, w = os.pipe()
    os.dup2(r, 0)
    assert os.waitstatus_to_exitcode(pty.spawn(["/bin/sh", "-c", f"sleep {D}; exit 3"])) == 3


@case
def termios_tcdrain():
    import pty
    import termios

    m, s = pty.openpty()
    os.write(s, b"x" * 9)
    termios.tcdrain(s)
    termios.tcsetattr(s, termios.TCSAFLUSH, termios.tcgetattr(s))


@case
def fcntl_fcntl_F_SETLKW():
    import fcntl
    import struct

    p = temp("lock")
    r, w = os.pipe()
    lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0)
    elsewhere(f"f = open({p!r}, 'w'); fcntl.lockf(f, fcntl.LOCK_EX); os.write({w}, b'1'); time.sleep({D})", w, wait=0)
    os.read(r, 1)
    f = open(p, "w")
    start()
    fcntl.fcntl(f, fcntl.F_SETLKW, lock)


@case
def signal_sigwaitinfo():
    import signal

    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    _kill_later(signal.SIGUSR1)
    assert signal.sigwaitinfo([signal.SIGUSR1]).si_signo == signal.SIGUSR1


@case
def sqlite3_backup_of_a_locked_database():
    import sqlite3

    p = temp("db")
    c = sqlite3.connect(p, isolation_level=None, timeout=0.01)
    c.execute("create table t(x)")
    r, w = os.pipe()
    elsewhere(
        f"o = sqlite3.connect({p!r}, isolation_level=None); o.execute('begin exclusive'); os.write({w}, b'1'); time.sleep({D}); o.execute('commit')",
        w,
        wait=0,
    )
    os.read(r, 1)
    start()
    c.backup(sqlite3.connect(":memory:"), sleep=0.25)


@case
def dbm_sqlite3_that_is_locked():
    try:
        import dbm.sqlite3 as dbm
    except ImportError:
        return
    p = temp("db")
    d = dbm.open(p, "c")
    r, w = os.pipe()
    elsewhere(
        f"o = sqlite3.connect({p!r}, isolation_level=None); o.execute('begin exclusive'); os.write({w}, b'1'); time.sleep({D}); o.execute('commit')",
        w,
        wait=0,
    )
    os.read(r, 1)
    start()
    d[b"a"] = b"1"


def tcl():
    """An interpreter in which natively, too, a loop looks around each 20 ms; None where Python has no tkinter."""
    try:
        import tkinter
    except ImportError:
        return None
    interp = tkinter.Tcl()
    interp.tk.eval("proc beat {} {after 20 beat}; beat")
    return interp


@case
def tcl_main_loop():
    interp = tcl()
    if interp is not None:
        start()
        interp.after(int(D * 1000), interp.quit)
        interp.tk.mainloop(-1)


@case
def tcl_variable_that_a_thread_sets():
    import threading

    interp = tcl()
    if interp is None:
        return
    start()
    interp.tk.willdispatch()
    threading.Timer(D, interp.tk.setvar, ("done", "1")).start()
    interp.tk.call("vwait", "done")


@case
def tcl_after_without_a_function():
    interp = tcl()
    if interp is not None:
        start()
        interp.after(int(D * 1000))


@case
def curses_getch():
    import curses
    import pty

    m, s = pty.openpty()
    os.dup2(s, 0)
    os.dup2(s, 1)
    os.environ["TERM"] = "linux"
    window = curses.initscr()
    later(f"os.write({m}, b'x')", m)
    got = window.getch()
    curses.endwin()
    assert got == ord("x")


@case
def socket_accept_and_connect():
    import socket

    it = socket.create_server(("127.0.0.1", 0))
    later(f"import socket; socket.create_connection(('127.0.0.1', {it.getsockname()[1]}))")
    it.accept()


@case
def socket_recvmsg_and_the_like():
    import socket

    a, b = socket.socketpair()
    calls = (
        lambda: a.recvmsg(1),
        lambda: a.recvmsg_into([bytearray(1)]),
        lambda: a.recvfrom(1),
        lambda: a.recvfrom_into(bytearray(1)),
        lambda: a.recv_into(bytearray(1)),
        lambda: a.recv(3, socket.MSG_WAITALL),
    )
    later(f"[(os.write({b.fileno()}, b'x'), time.sleep({D} / 8)) for _ in range(8)]", b.fileno(), wait=0)
    for call in calls:
        call()


@case
def socket_sends_that_find_no_room():
    import socket

    for n, send in enumerate((socket.socket.sendall, socket.socket.send, lambda s, data: s.sendmsg([data]))):
        a, b = socket.socketpair()
        try:
            while True:
                a.send(b"x" * 65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass
        later(f"os.read({b.fileno()}, 1 << 22)", b.fileno(), wait=D if n == 0 else 0.05)
        send(a, b"x" * 999)


@case
def socket_sendto_of_a_datagram_that_finds_no_room():
    import socket

    p = temp("socket")
    a, b = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
    a.bind(p)
    later(f"[os.read({a.fileno()}, 9) for _ in range(900)]", a.fileno())
    assert [b.sendto(b"%d" % n, p) for n in range(900)].count(0) == 0


@case
def socket_MSG_DONTWAIT_is_not_to_wait():
    import socket

    a, b = socket.socketpair()
    try:
        a.recv(1, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return
    raise AssertionError("no BlockingIOError")


@case
def socket_makefile_that_is_written_to():
    import socket

    a, b = socket.socketpair()
    later(f"sum(iter(lambda: len(os.read({b.fileno()}, 1 << 16)), 0))", b.fileno())
    with a.makefile("wb") as f:
        f.write(b"x" * (1 << 22))


@case
def socket_getaddrinfo_and_the_like():
    import socket

    assert socket.getaddrinfo("127.0.0.1", 80) and socket.gethostbyname("127.0.0.1") == "127.0.0.1"
    assert socket.getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV) == ("127.0.0.1", "80")
    udp = socket.socket(type=socket.SOCK_DGRAM)
    udp.bind(("localhost", 0))
    udp.sendto(b"x", ("localhost", udp.getsockname()[1]))
    assert udp.recv(9) == b"x"


@case
def a_thread_is_joined_and_so_are_a_queue_and_a_timer():
    import queue
    import threading

    q = queue.Queue()
    q.put(1)
    threading.Timer(D / 2, q.task_done).start()
    q.join()
    t = threading.Thread(target=time.sleep, args=(D / 2,))
    t.start()
    t.join()


@case
def futures_wait_and_as_completed():
    import concurrent.futures as cf

    with cf.ThreadPoolExecutor(2) as e:
        found = [e.submit(time.sleep, D * n) for n in (0.5, 1)]
        assert len(cf.wait(found, return_when=cf.FIRST_COMPLETED).done) == 1
        assert len(list(cf.as_completed(found))) == 2


@case
def asyncio_run_coroutine_threadsafe():
    import asyncio
    import threading

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    assert asyncio.run_coroutine_threadsafe(asyncio.sleep(D, 3), loop).result() == 3


@case
def mp_JoinableQueue_Barrier_and_Process_join():
    import multiprocessing
    import threading

    c = multiprocessing.get_context("fork")
    q, b = c.JoinableQueue(), c.Barrier(2)
    q.put(1)
    threading.Timer(D / 2, lambda: (q.get(), q.task_done(), b.wait())).start()
    q.join()
    b.wait(5)
    p = c.Process(target=time.sleep, args=(D / 2,))
    p.start()
    p.join()
    assert p.exitcode == 0


# --- who asks again and again ----------------------------------------------------------------------------------------------
def _after_a_while(function, *args):
    """Have another thread, whose turn it is not, call *function*."""
    import threading

    thread = threading.Thread(target=lambda: (time.sleep(D), function(*args)), daemon=True)
    thread.start()
    return thread


@case
def polling_an_event():
    import threading

    e = threading.Event()
    _after_a_while(e.set)
    while not e.is_set():
        pass


@case
def polling_an_event_between_computations():
    import threading

    e = threading.Event()
    _after_a_while(e.set)
    while not e.is_set():
        sum(range(10000))


@case
def polling_a_thread():
    t = _after_a_while(int)
    while t.is_alive():
        pass


@case
def polling_a_queue():
    import queue

    q = queue.Queue()
    _after_a_while(q.put, 1)
    while q.empty():
        pass
    _after_a_while(q.put, 2)
    assert q.get() == 1
    while not q.qsize():
        pass


@case
def polling_a_future():
    import concurrent.futures as cf

    with cf.ThreadPoolExecutor(1) as e:
        f = e.submit(time.sleep, D)
        while not f.done():
            pass


@case
def polling_a_child():
    p = subprocess.Popen(["sleep", str(D)])
    while p.poll() is None:
        pass


@case
def polling_what_a_recursive_lock_guards():
    import threading

    it, done = threading.RLock(), []

    def finish():
        with it:
            done.append(1)

    _after_a_while(finish)
    while True:
        with it:
            if done:
                break


@case
def polling_a_non_blocking_socket():
    import socket

    a, b = socket.socketpair()
    a.setblocking(False)
    _after_a_while(b.send, b"x")
    while True:
        try:
            assert a.recv(1) == b"x"
            break
        except BlockingIOError:
            pass


# Who ticks has to wait for a turn, up to the switch interval (5 ms) each time; natively a system call gives one at once.
TURNS = {name for name in CASES if name.startswith("polling_")}
ALONE = {
    "the_main_thread_waits_for_ever_until_a_signal",
    "an_alarm_ends_a_wait_for_a_lock",
}  # the ticks would keep the hub going


def _is_cooperative():
    ids = []
    first = threading.Thread(target=lambda: ids.append(threading.get_native_id()))
    first.start()
    first.join()
    return ids == [threading.get_native_id()]


def _tick():
    while True:
        ticks.append(time.monotonic())
        time.sleep(0.01)


def _longest(since):
    """The longest time in which the ticking thread had no turn."""
    times = [since, *ticks[mark[1] :], time.monotonic()]
    return max(later - earlier for earlier, later in zip(times, times[1:]))


def run_here(how, name):
    """*how* is ``plain``, ``gevent`` or ``lazy``; with ``-alone``, no thread ticks, and the process ends as others do."""
    global threading
    import threading

    mode, _, alone = how.partition("-")
    if (mode == "plain") == _is_cooperative():  # else a program that is not armed has every case right
        os.write(2, b"\nverdict NOT ARMED\n")
        os._exit(1)
    if name not in ALONE and not alone:
        threading.Thread(target=_tick, daemon=True).start()
    time.sleep(0.03)
    start()
    try:
        CASES[name]()
    except BaseException as e:
        verdict = f"FAILS: {type(e).__name__}: {e}"
    else:
        took, count = time.monotonic() - mark[0], len(ticks) - mark[1]
        verdict = f"ok {took:.3f} {count} {_longest(mark[0]):.3f}"
    os.write(2, f"\nverdict {verdict[:150]}\n".encode())
    if not alone:
        os.kill(os.getpid(), 9)


if __name__ == "__main__":
    run_here(*sys.argv[1:3])
