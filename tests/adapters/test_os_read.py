"""os.read(), os.write() and their relatives let the others run while they wait, and are what they were otherwise."""

from __future__ import annotations

import sys

import pytest
from conftest import run_code

ARMED = """
import errno, os, socket, sys, threading, time
import gevent
assert os.read.__globals__["__name__"] == "lazypatch.adapters.os_read"

def soon(call, *args):
    "Have another thread make the call when this one waits; nothing comes of it if this one does not let it run."
    thread = threading.Thread(target=call, args=args)
    thread.start()
    return thread

def full(fd):
    os.set_blocking(fd, False)
    try:
        while True:
            os.write(fd, b"x" * 65536)
    except BlockingIOError:
        os.set_blocking(fd, True)

def drain(sock):
    def read():
        while True:
            os.read(sock.fileno(), 1 << 20)
    threading.Thread(target=read, daemon=True).start()

r, w = os.pipe()
"""

READS = {
    "os.read of a pipe": "soon(os.write, w, b'x'); assert os.read(r, 5) == b'x'",
    "of more than a buffer": "soon(os.write, w, b'x'); assert os.read(r, 1 << 20) == b'x'",
    "of the end": "soon(os.close, w); assert os.read(r, 5) == b''",
    "os.readv": "b = bytearray(5); soon(os.write, w, b'x'); assert os.readv(r, [b]) == 1 and b[:1] == b'x'",
    "os.preadv": "b = bytearray(5); soon(os.write, w, b'x'); assert os.preadv(r, [b], -1) == 1 and b[:1] == b'x'",
    "a terminal": "import pty; m, s = pty.openpty(); soon(os.write, s, b'x\\n'); assert os.read(m, 1) == b'x'",
    "a terminal's line": "import pty; m, s = pty.openpty(); soon(os.write, m, b'x\\n'); assert os.read(s, 9) == b'x\\n'",
    "a FIFO": """
import tempfile; path = tempfile.mktemp(); os.mkfifo(path)
f = os.open(path, os.O_RDWR); soon(os.write, f, b'x'); assert os.read(f, 5) == b'x'""",
    "a native socket": """
import _socket; a, b = _socket.socketpair(); soon(os.write, b.fileno(), b'x'); assert os.read(a.fileno(), 5) == b'x'""",
    "a cooperative socket's descriptor": """
a, b = socket.socketpair(); soon(b.send, b'x'); assert os.read(a.fileno(), 5) == b'x'""",
    "an eventfd": "e = os.eventfd(0); soon(os.eventfd_write, e, 7); assert os.eventfd_read(e) == 7",
    "an eventfd's bytes": "e = os.eventfd(0); soon(os.eventfd_write, e, 7); assert len(os.read(e, 8)) == 8",
    "os.splice": """
r2, w2 = os.pipe(); soon(os.write, w, b'x'); assert os.splice(r, w2, 9) == 1 and os.read(r2, 9) == b'x'""",
}
WRITES = {
    "os.write to a full pipe": "full(w); soon(os.read, r, 1 << 20); assert os.write(w, b'y') == 1",
    "os.writev": "full(w); soon(os.read, r, 1 << 20); assert os.writev(w, [b'', b'y' * 9, b'', b'z']) == 10",
    "os.pwritev": "full(w); soon(os.read, r, 1 << 20); assert os.pwritev(w, [b'y'], -1) == 1",
    "an eventfd": "e = os.eventfd(0); os.eventfd_write(e, (1 << 64) - 2); soon(os.eventfd_read, e); os.eventfd_write(e, 1)",
    "a native socket": """
import _socket; a, b = _socket.socketpair(); full(a.fileno()); drain(b)
assert os.write(a.fileno(), b'y' * (1 << 20)) == 1 << 20""",
    "os.sendfile to a cooperative socket": """
a, b = socket.socketpair(); a.settimeout(0); full(a.fileno()); a.settimeout(None)
os.set_blocking(a.fileno(), False); drain(b)
with open(sys.executable, 'rb') as f: assert os.sendfile(a.fileno(), f.fileno(), 0, 1000) == 1000""",
    "os.sendfile to a native one": """
import _socket; a, b = _socket.socketpair(); full(a.fileno()); drain(b)
with open(sys.executable, 'rb') as f: assert os.sendfile(a.fileno(), f.fileno(), 0, 1000) == 1000""",
}
if sys.version_info >= (3, 14):
    READS["os.readinto"] = "b = bytearray(5); soon(os.write, w, b'x'); assert os.readinto(r, b) == 1 and b[:1] == b'x'"

WITHOUT_NOWAIT = """
from lazypatch.adapters import _streams
assert _streams._NOWAIT or sys.platform != "linux"
_streams._NOWAIT = 0  # as on an older kernel
"""


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("what", READS)
def test_a_read_lets_the_others_run(what: str, older: bool) -> None:
    """What it waits for is done by another thread, so it would hang if it did not."""
    run_code(ARMED + WITHOUT_NOWAIT * older + READS[what], spec="all")


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("what", WRITES)
def test_a_write_lets_the_others_run(what: str, older: bool) -> None:
    run_code(ARMED + WITHOUT_NOWAIT * older + WRITES[what], spec="all")


@pytest.mark.parametrize("older", [False, True])
def test_a_megabyte_goes_through_a_pipe_between_two_threads(older: bool) -> None:
    """All of it, in order, and the flags of the pipe are not touched."""
    code = ARMED + WITHOUT_NOWAIT * older + """
data = os.urandom(1 << 20)
seen, flags = [], set()
def drain():
    while sum(map(len, seen)) < len(data):
        seen.append(os.read(r, 10_000))
        flags.add((os.get_blocking(r), os.get_blocking(w)))
thread = soon(drain)
assert os.write(w, data) == len(data)
thread.join()
assert b"".join(seen) == data and flags == {(True, True)}
assert len(os.listdir("/proc/self/fd")) < 20
"""  # fmt: skip
    run_code(code, spec="all")


@pytest.mark.parametrize("older", [False, True])
def test_readers_of_other_processes_do_not_make_it_wait_in_c(older: bool) -> None:
    """Each byte is read once, whoever is faster: another process takes some between the look and the read."""
    code = ARMED + WITHOUT_NOWAIT * older + """
import subprocess
child = subprocess.Popen([sys.executable, "-S", "-E", "-c",
    f"import os\\nfor _ in range(300): os.read({r}, 1); os.write({w}, b'.')"], pass_fds=(r, w))
os.write(w, b"...")
for _ in range(300):
    os.read(r, 1)
    os.write(w, b".")
assert child.wait(20) == 0
os.set_blocking(r, False)
assert os.read(r, 99) == b"..."
"""  # fmt: skip
    run_code(code, spec="all")


def test_a_non_blocking_descriptor_says_so() -> None:
    """Also when some could be written."""
    code = ARMED + """
os.set_blocking(r, False)
os.set_blocking(w, False)
for call in (lambda: os.read(r, 1), lambda: os.read(r, 1 << 20), lambda: os.readv(r, [bytearray(1)])):
    try:
        call()
    except BlockingIOError as error:
        assert error.errno == errno.EAGAIN
    else:
        raise AssertionError("no BlockingIOError")
wrote = os.write(w, b"x" * (1 << 20))
assert 0 < wrote < 1 << 20
try:
    os.write(w, b"x")
except BlockingIOError:
    pass
else:
    raise AssertionError("no BlockingIOError")
a, b = socket.socketpair()
a.settimeout(0)
try:
    os.read(a.fileno(), 1)
except BlockingIOError:
    print("ok")
"""  # fmt: skip
    assert run_code(code, spec="all") == "ok\n"


@pytest.mark.parametrize("older", [False, True])
def test_a_pipe_that_nobody_reads_is_broken(older: bool) -> None:
    """Before the write, and in the middle of it."""
    code = ARMED + WITHOUT_NOWAIT * older + """
full(w)
soon(os.close, r)
for data in (b"x", b"x" * (1 << 20)):
    try:
        os.write(w, data)
    except BrokenPipeError:
        pass
    else:
        raise AssertionError("not broken")
"""  # fmt: skip
    run_code(code, spec="all")


def test_ends_of_a_wait() -> None:
    """A time-out, a kill and Ctrl-C end it, and what comes then is not lost."""
    code = ARMED + """
import signal
with gevent.Timeout(0.05, False):
    os.read(r, 1)
    raise AssertionError("read something")
greenlet = gevent.spawn(os.read, r, 1)
gevent.sleep(0.01)
greenlet.kill()
assert greenlet.dead
import subprocess
try:
    killer = subprocess.Popen(["/bin/sh", "-c", f"sleep 0.3; kill -INT {os.getpid()}"])
    os.read(r, 1)
except KeyboardInterrupt:
    pass
else:
    raise AssertionError("not interrupted")
os.write(w, b"x")
assert os.read(r, 9) == b"x"
try:
    os.read(w, 1)
except OSError as error:
    assert error.__context__ is None, error.__context__  # how we found out what it is is no business of theirs
"""  # fmt: skip
    run_code(code, spec="all")


def test_natively_where_there_is_no_hub_to_wait_in() -> None:
    """In a native thread, and where nobody has made a hub."""
    code = ARMED + """
import lazypatch, subprocess
from gevent._hub_local import get_hub_if_exists
assert get_hub_if_exists() is None
later = [sys.executable, "-S", "-E", "-c", f"import os, time; time.sleep(0.2); os.write({w}, b'abc')"]
env = {**os.environ, "PYTHONCOOPPATCH": ""}
os.set_inheritable(w, True)
def spawn(): lazypatch.get_original("os", "posix_spawn")(sys.executable, later, env)
spawn()
assert os.read(r, 3) == b"abc" and get_hub_if_exists() is None
got = []
native = lazypatch.original("threading").Thread(target=lambda: got.append((os.read(r, 3), get_hub_if_exists())))
spawn(); native.start(); native.join()
assert got == [(b"abc", None)], got
"""  # fmt: skip
    run_code(code, spec="all")


def test_regular_files_and_devices() -> None:
    code = ARMED + """
import tempfile
gevent.get_hub()
with tempfile.TemporaryFile(buffering=0) as file:
    fd = file.fileno()
    assert os.write(fd, b"abc") == 3 and os.writev(fd, [b"d", b"ef"]) == 3 and os.lseek(fd, 0, 0) == 0
    buffer = bytearray(2)
    assert os.read(fd, 2) == b"ab" and os.readv(fd, [buffer]) == 2 and buffer == b"cd" and os.read(fd, 99) == b"ef"
    assert os.read(fd, 9) == b"" and os.preadv(fd, [buffer], 1) == 2 and buffer == b"bc"
    assert os.pwritev(fd, [b"xy"], 0) == 2 and os.pread(fd, 3, 0) == b"xyc"
null = os.open(os.devnull, os.O_RDWR)
assert os.read(null, 5) == b"" and os.write(null, b"x" * (1 << 20)) == 1 << 20 and os.writev(null, [b"ab"]) == 2
import array
assert os.write(w, array.array("i", [1, 2])) == 8 and os.read(r, 99) == array.array("i", [1, 2]).tobytes()
"""  # fmt: skip
    run_code(code, spec="all")


def test_mistakes_are_told_as_ever() -> None:
    code = """
import os, gevent
gevent.get_hub()
r, w = os.pipe()
def said(call, *args):
    try:
        return call(*args)
    except Exception as error:
        return type(error).__name__, str(error)
print(said(os.read, -1, 1), said(os.read, "x", 1), said(os.read, r, "x"), said(os.read, r, -1), said(os.read, r, 0))
print(said(os.read, w, 1), said(os.read, 1 << 80, 1), said(os.read, r, 1 << 80))
print(said(os.write, -1, b"x"), said(os.write, w, "x"), said(os.write, r, b"x"), said(os.write, w, b""), said(os.write, w, 3))
print(said(os.write, w, memoryview(b"abcdef")[::2]), said(os.writev, w, [b"x", "y"]), said(os.writev, w, 3), said(os.writev, w, []))
print(said(os.readv, r, 3), said(os.readv, r, [b"x"]), said(os.readv, r, []), said(os.readv, w, [bytearray(1)]))
print(said(os.preadv, r, [bytearray(1)], 0), said(os.pwritev, w, [b"x"], 0), said(os.preadv, "x", 1, 2), said(os.pread, r, 1, 0))
print(said(os.eventfd_read, -1), said(os.eventfd_read, "x"), said(os.sendfile, -1, r, 0, 1), said(os.splice, 'x', w, 1), said(os.splice, r, w, -1))
"""
    assert run_code(code, spec="all") == run_code(code)


def test_the_functions_look_like_the_originals() -> None:
    code = """
import inspect, os, pickle, posix, gevent
for name in "read write readinto readv writev preadv pwritev eventfd_read eventfd_write sendfile splice".split():
    function = getattr(os, name, None)
    if function:
        print(name, function is getattr(posix, name), function.__name__, function.__qualname__.removesuffix(".__func__"), function.__doc__)
        print(inspect.signature(function), pickle.loads(pickle.dumps(function)) is function)
"""
    assert run_code(code, spec="all") == run_code(code)


def test_nothing_is_loaded_before_gevent_is() -> None:
    code = """
import os, sys
r, w = os.pipe(); os.write(w, b"x"); os.read(r, 1)
print([name for name in sys.modules if name.startswith(("gevent", "lazypatch.adapters"))])
import gevent
print("lazypatch.adapters.os_read" in sys.modules, "lazypatch.adapters._streams" in sys.modules)
"""
    assert run_code(code, spec="all") == "[]\nTrue False\n"


def test_gevent_alone_leaves_them_native() -> None:
    run_code("import os, gevent; assert type(os.read) is type(len)", spec="gevent")


def test_they_are_no_methods_in_a_class_as_builtin_functions_are_not() -> None:
    """``_close = os.close`` in the body of a class, to have it at the end of the interpreter."""
    code = """
import os, tempfile, threading
threading.Thread(target=int).start()
class File:
    _close, _read, _write, _dup2 = os.close, os.read, os.write, os.dup2
    def __init__(self):
        self.r, self.w = os.pipe()
    def use(self):
        self._write(self.w, b"x")
        self._dup2(self.r, self.r)
        got = self._read(self.r, 9)
        self._close(self.r)
        self._close(self.w)
        return got
assert File().use() == b"x"
"""
    for spec in (None, "all"):
        run_code(code, spec=spec)


def test_opening_a_fifo_lets_the_others_run() -> None:
    """Each end by os.open(), with each kind of path; nothing of what is written at once is lost."""
    code = """
import os, tempfile, threading, time
folder = tempfile.mkdtemp()
path = os.path.join(folder, "fifo")
os.mkfifo(path)
ways = (path, {}), (os.fsencode(path), {}), ("fifo", {"dir_fd": os.open(folder, os.O_DIRECTORY)})
for where, options in ways:
    for others_write in (True, False):
        ticks, got, opened = [], [], threading.Event()
        def tick():
            while not opened.is_set(): ticks.append(1); time.sleep(0.001)
        def other():
            while len(ticks) < 20: time.sleep(0.001)
            if others_write:
                end = os.open(where, os.O_WRONLY, **options)
                os.write(end, b"at once"); os.close(end)
            else:
                end = os.open(where, flags=os.O_RDONLY, **options)
                got.append(os.read(end, 100)); os.close(end)
        threads = [threading.Thread(target=each) for each in (tick, other)]
        for each in threads: each.start()
        end = os.open(where, os.O_RDONLY if others_write else os.O_WRONLY, **options)
        opened.set()
        if others_write: got.append(os.read(end, 100))
        else: os.write(end, b"at once")
        os.close(end)
        for each in threads: each.join()
        print(got, os.get_blocking(end := os.open(where, os.O_RDONLY | os.O_NONBLOCK, **options)), len(ticks) >= 20)
        os.close(end)
# A writer that writes nothing is enough, and so is one that has gone again.
for seconds in (0, 0.3):
    def come():
        end = os.open(path, os.O_WRONLY); time.sleep(seconds); os.close(end)
    thread = threading.Thread(target=come); thread.start()
    end = os.open(path, os.O_RDONLY); print(os.read(end, 1)); thread.join(); os.close(end)
for call in (
    lambda: os.open(path, os.O_WRONLY | os.O_NONBLOCK), lambda: os.open(folder + "/none", os.O_RDONLY),
    lambda: os.open(path, "r"), lambda: os.open(3.5, os.O_RDONLY), lambda: os.open("a\\0b", 0),
):
    try: print("no error", call())
    except (OSError, TypeError, ValueError) as error: print(type(error).__name__, str(error).replace(folder, ""))
print(os.get_inheritable(os.open(path, os.O_RDWR)))
"""
    plain, armed = run_code(code), run_code(code, spec="all")
    assert armed == plain and plain.count("b'at once'] False True") == 6, armed


def test_what_ends_the_wait_for_the_other_end_of_a_fifo_leaves_nothing_open() -> None:
    code = """
import os, tempfile, threading, gevent
threading.Thread(target=bool).start()
path = tempfile.mktemp()
os.mkfifo(path)
gevent.sleep(0)
for flags in (os.O_RDONLY, os.O_WRONLY):
    open_ones = os.listdir("/proc/self/fd")
    try:
        with gevent.Timeout(0.05): os.open(path, flags)
    except gevent.Timeout: print("timeout")
    waits = gevent.spawn(os.open, path, flags)
    gevent.sleep(0.02)
    waits.kill()
    print(os.listdir("/proc/self/fd") == open_ones)
"""
    assert run_code(code, spec="all") == "timeout\nTrue\n" * 2


def test_an_error_keeps_no_hold_of_what_was_to_be_written_or_filled() -> None:
    """Who catches it may change the size of a bytearray: tornado's streams are tested for it."""
    code = """
import os, socket, threading, time
threading.Thread(target=time.sleep, args=(0.01,)).start(); time.sleep(0.02)
r, w = os.pipe(); os.close(r)
data, caught = bytearray(100), []
for function in (os.write, os.writev, os.readv, *([os.readinto] if hasattr(os, "readinto") else ())):
    many = function in (os.writev, os.readv)
    try: function(w, [memoryview(data)] if many else memoryview(data))
    except OSError as error: caught.append(error)
data.clear(); print([type(error).__name__ for error in caught][:3])
"""
    assert run_code(code) == run_code(code, spec="all") == "['BrokenPipeError', 'BrokenPipeError', 'OSError']\n"
