"""os.close() closes at once where nobody waits, wakes who does, and leaves the event loop its own descriptors."""

from __future__ import annotations

import importlib.util

import pytest
from conftest import run_code, run_python

# gevent's loops that can be had here: libuv's is written with cffi.
LOOPS = ["libev-cext", *(["libev-cffi", "libuv-cffi"] if importlib.util.find_spec("_cffi_backend") else [])]

ARMED = """
import errno, os, socket, sys, threading, time
import gevent
hub = gevent.get_hub()
import posix
assert posix.close.__globals__["__name__"] == "lazypatch.adapters.os_close"

def fails(call, *args):
    try:
        call(*args)
    except OSError as error:
        return error.errno
"""


@pytest.mark.parametrize("loop", LOOPS)
def test_it_closes_at_once(loop: str) -> None:
    """The other end sees it, the number is free, and a second close has its errno."""
    code = ARMED + """
r, w = os.pipe()
os.close(w)
assert os.read(r, 1) == b""
assert os.dup(r) == w
os.close(w)
assert fails(os.close, w) == errno.EBADF
"""  # fmt: skip
    run_code(code, spec="all", GEVENT_LOOP=loop)


WAITERS = {
    "os.read": "os.read(r, 1)",
    "os.readv": "os.readv(r, [bytearray(1)])",
    "recv": "a.recv(1)",
    "accept": "listener.accept()",
    "wait_read": "gevent.socket.wait_read(r) or os.read(r, 1)",
}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("wait", WAITERS)
def test_who_waits_is_woken_and_fails(loop: str, wait: str) -> None:
    """On libev gevent's own close leaves a socket's reader waiting for ever."""
    code = (
        ARMED
        + f"""
import gevent.socket
r, w = os.pipe()
a, b = socket.socketpair()
listener = socket.create_server(("127.0.0.1", 0))
fd = {{"a.r": a, "lis": listener}}.get({WAITERS[wait]!r}[:3])
fd = r if fd is None else fd.fileno()
failed = []
def work():
    failed.append(fails(lambda: {WAITERS[wait]}))
thread = threading.Thread(target=work)
thread.start()
time.sleep(0.01)
os.close(fd)
assert fails(os.close, fd) == errno.EBADF  # also before anybody else ran
thread.join(10)
assert failed and failed[0] in (errno.EBADF, errno.ENOTSOCK), failed
time.sleep(0.01)
assert fails(os.fstat, fd) == errno.EBADF  # and the number is free
"""
    )
    run_code(code, spec="all", GEVENT_LOOP=loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_what_is_closed_while_somebody_waits_is_closed_for_the_other_end_at_once(loop: str) -> None:
    code = (
        ARMED
        + """
r, w = os.pipe()
os.set_blocking(w, False)
while fails(os.write, w, b"x" * 65536) is None:
    pass
os.set_blocking(w, True)
failed = []
thread = threading.Thread(target=lambda: failed.append(fails(os.write, w, b"y")))
thread.start()
time.sleep(0.01)
os.close(w)
while os.read(r, 1 << 20):  # ends only if nobody has the other end; and nobody else has run
    pass
assert not failed
thread.join(10)
assert failed == [errno.EBADF], failed
"""
    )
    run_code(code, spec="all", GEVENT_LOOP=loop)


CLOSED = {
    "a pipe": "reader, writer = os.pipe(); close = lambda: os.close(reader)",
    "a socket": "reader, writer = socket.socketpair(); close = reader.close",
    "a file": "descriptor, writer = os.pipe(); reader = open(descriptor, 'rb'); close = reader.close",
}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("closed", CLOSED)
def test_what_is_closed_while_a_selector_has_it_is_watched_no_longer(loop: str, closed: str) -> None:
    """libev aborts when it makes its epoll anew: in a forked child, and where such a child has what was closed here."""
    code = ARMED + CLOSED[closed] + """
import selectors
selector = selectors.DefaultSelector()
selector.register(reader, selectors.EVENT_READ)
assert selector.select(0.001) == []
close()
def rounds_of_the_loop():
    for _ in range(3):
        gevent.sleep(0.001)
rounds_of_the_loop()
child = os.fork()
if not child:
    rounds_of_the_loop()
    os._exit(3)
assert os.waitpid(child, 0) == (child, 3 << 8)

r, w = os.pipe()
other = os.dup(r)
thread = threading.Thread(target=os.read, args=(r, 1))
thread.start()
rounds_of_the_loop()
os.write(w, b"x")
thread.join()
os.close(r)
os.write(w, b"y")
rounds_of_the_loop()
selector.unregister(reader)
selector.close()
"""  # fmt: skip
    run_code(code, spec="all", GEVENT_LOOP=loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_number_that_was_given_to_another_file_meanwhile_is_not_closed(loop: str) -> None:
    """dup2() may take the number before the loop has run."""
    code = (
        ARMED
        + """
r, w = os.pipe()
thread = threading.Thread(target=lambda: fails(os.read, r, 1))
thread.start()
time.sleep(0.01)
os.close(r)
new, end = os.pipe()
os.dup2(new, r)
os.write(end, b"abc")
thread.join(10)
time.sleep(0.01)
assert os.read(r, 1) in (b"a", b"b")  # the thread may have had the first
"""
    )
    run_code(code, spec="all", GEVENT_LOOP=loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_who_waits_for_what_dup2_replaces_gets_what_is_there_now(loop: str) -> None:
    code = (
        ARMED
        + """
r, w = os.pipe()
got = []
thread = threading.Thread(target=lambda: got.append(os.read(r, 9)))
thread.start()
time.sleep(0.01)
new, end = os.pipe()
assert os.dup2(new, r) == r
os.write(end, b"new")
thread.join(10)
assert got == [b"new"], got
assert fails(os.dup2, 999, r) == errno.EBADF
"""
    )
    run_code(code, spec="all", GEVENT_LOOP=loop)


@pytest.mark.parametrize("how", ["os.closerange(3, 64)", "for fd in range(3, 64): fails(os.close, fd)"])
@pytest.mark.parametrize("loop", LOOPS)
def test_a_daemon_may_close_everything(loop: str, how: str) -> None:
    """Whoever waits is woken; threads and sleep go on."""
    code = (
        ARMED
        + f"""
r, w = os.pipe()
failed = []
thread = threading.Thread(target=lambda: failed.append(fails(os.read, r, 1)))
thread.start()
time.sleep(0.01)
number = hub.loop.fileno()
{how}
thread.join(10)
assert failed == [errno.EBADF], failed
time.sleep(0.01)
assert fails(os.fstat, r) == fails(os.fstat, w) == errno.EBADF
assert fails(os.close, number) == errno.EBADF
assert hub.threadpool.apply(len, ("ab",)) == 2  # whose end is told through the loop's own descriptor
"""
    )
    run_code(code, spec="all", GEVENT_LOOP=loop)


def test_what_was_open_is_closed_by_closerange() -> None:
    code = (
        ARMED
        + """
fds = [os.open(os.devnull, os.O_RDONLY) for _ in range(20)]
os.closerange(fds[0], fds[-1])
assert [fails(os.fstat, fd) for fd in fds] == [errno.EBADF] * 19 + [None]
os.closerange(fds[-1], fds[0])
assert fails(os.fstat, fds[-1]) is None
"""
    )
    run_code(code, spec="all")


def test_mistakes_are_told_as_ever() -> None:
    code = """
import os, gevent
def said(call, *args, **kwargs):
    try:
        return call(*args, **kwargs)
    except Exception as error:
        return type(error).__name__, str(error).replace("posix.", "")
print([said(os.close, -1), said(os.close, "x"), said(os.close, 1.5), said(os.close, 1 << 80), said(os.close, fd=-1)])
print([said(os.dup2, -1, 4), said(os.dup2, 1, -1), said(os.closerange, "x", 3), said(os.closerange, 1 << 80, 3)])
"""
    assert run_code(code + "\n", spec="all") == run_code(code)


def test_the_functions_look_like_the_originals() -> None:
    code = """
import inspect, os, pickle, posix, gevent
for name in ("close", "closerange", "dup2"):
    function = getattr(os, name)
    print(name, function is getattr(posix, name), function.__name__, function.__qualname__, function.__doc__)
    print(inspect.signature(function), pickle.loads(pickle.dumps(function)) is function)
"""
    # With os-daemon there is another function over that of os.
    assert run_code(code, spec="all,-os-daemon") == run_code(code)


def test_without_a_hub_nothing_is_made_for_it() -> None:
    code = """
import os, threading, lazypatch
import gevent._hub_local as local
import posix
assert posix.close.__globals__["__name__"] == "lazypatch.adapters.os_close"
r, w = os.pipe(); os.close(w); assert os.read(r, 1) == b""; os.closerange(r, r + 1)
assert local.get_hub_if_exists() is None
native = lazypatch.get_original("os", "close")
assert type(native).__name__ == "builtin_function_or_method"
import sys
assert "lazypatch.adapters._closing" not in sys.modules
"""
    run_code(code, spec="all")


def test_gevent_alone_keeps_gevents_function() -> None:
    code = "import os, gevent, gevent.os; assert os.close is gevent.os.close"
    run_code(code, spec="gevent")
    run_code(code, spec="all,-os-close,-os-daemon")


STRANGE = """
import weakref
class Thing:
    pass
thing = Thing()
gone = weakref.proxy(thing)
del thing
class Other:
    __class__ = property(lambda self: 1 / 0)
strange = [gone, Other()]
"""


@pytest.mark.parametrize("forks", [False, True])
def test_who_looks_for_watchers_asks_no_object_of_the_programs_what_it_is(forks: bool) -> None:
    """A proxy whose object is gone, and one that finds out when it is asked, are in the heap of many programs."""
    code = ARMED + STRANGE + f"""
import multiprocessing, selectors
reader, writer = os.pipe()
selector = selectors.DefaultSelector()
selector.register(reader, selectors.EVENT_READ)
assert selector.select(0.001) == []
if {forks}:
    process = multiprocessing.get_context("fork").Process(target=os.close, args=[reader])
    process.start()
    process.join()
    assert process.exitcode == 0
os.close(reader)
gevent.sleep(0.001)
gevent.sleep(0.001)
assert hub.loop.closing_fd(reader) is False
"""  # fmt: skip
    done = run_python("-c", code, spec="all")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("seed", range(8))
def test_every_adapter_that_has_to_do_with_new_hubs_hears_of_them(seed: int) -> None:
    """Whichever comes first: sets of names differ in their order from run to run."""
    code = """
import gevent, signal, sys, threading
hub = gevent.get_hub()
daemon = sys.modules["lazypatch.adapters._own_descriptors"]
assert daemon.is_own(hub.loop.fileno()) and daemon._numbers[id(hub.loop)]
import gc
assert [f.__module__ for f in gc.callbacks] == ["lazypatch.adapters.finalizers"]
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
assert sys.modules["_signal"].getsignal(signal.SIGINT) is not signal.default_int_handler
"""
    run_code(code, spec="all", PYTHONHASHSEED=str(seed))
