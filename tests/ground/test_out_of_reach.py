"""Where lazypatch's files, descriptors or memory are out of reach, and where Ctrl-C comes: as without lazypatch."""

from __future__ import annotations

import os
import pathlib
import signal
import sys

import pytest
from conftest import APPS, run_python

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="resource limits and fork are POSIX's")


def same(code: str, *args: str, says: bool = False, crashes: tuple[int, ...] = ()) -> None:
    """*code* does the same plain and armed; armed it may *say* one line on stderr, or end with a status of *crashes*."""
    plain, armed = run_python("-c", code, *args), run_python("-c", code, *args, spec="all")
    if armed.returncode in crashes:
        return
    assert (armed.returncode, armed.stdout) == (plain.returncode, plain.stdout), armed.stderr
    told = sum("lazypatch" in line for line in armed.stderr.splitlines())
    assert plain.returncode == 0 and told <= says and "Traceback" not in armed.stderr, armed.stderr


CALLS = {
    "sleep": "time.sleep(0.01)",
    "fork": "pid = os.fork()\nif not pid: os._exit(7)\nprint(os.waitpid(pid, 0)[1])",
    "thread": "lock = _thread.allocate_lock(); lock.acquire()\n_thread.start_new_thread(lock.release, ()); lock.acquire()",
    "waitpid": "try: os.waitpid(-1, 0)\nexcept ChildProcessError: print('none')",
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("free", [0, 1, 2, 5, 9])
def test_a_stand_in_calls_the_original_where_no_descriptor_is_left(call: str, free: int) -> None:
    """Neither for gevent nor for the words that say so."""
    code = f"""
import os, resource, sys, time, _thread
assert "gevent" not in sys.modules
last = os.dup(0); os.close(last)
resource.setrlimit(resource.RLIMIT_NOFILE, (last + {free}, last + {free}))
{CALLS[call]}
print("ran")
"""
    same(code, says=True)


@pytest.mark.parametrize("call", CALLS)
def test_a_stand_in_calls_the_original_where_the_files_are_gone(call: str, tmp_path: pathlib.Path) -> None:
    """As after chroot(), which only root may call: nothing can be imported any more."""
    code = f"""
import os, sys, time, _thread
assert "gevent" not in sys.modules
sys.path[:] = []
sys.path_importer_cache.clear()
import lazypatch
lazypatch.__path__[:] = []
lazypatch.__file__ = {str(tmp_path / "lazypatch" / "__init__.py")!r}
for count in range(2):
    {CALLS[call].replace(chr(10), chr(10) + "    ")}
print("ran")
"""
    plain = code.replace("import lazypatch\n", "").replace("lazypatch.__path__[:] = []", "").split("lazypatch.__file__")
    expected = run_python("-c", plain[0] + plain[1].partition("\n")[2])
    done = run_python("-c", code, spec="gevent")
    assert (done.returncode, done.stdout) == (expected.returncode, expected.stdout), done.stderr
    assert expected.returncode == 0 and done.stderr.count("\n") == 1 and "cannot load its files" in done.stderr


@pytest.mark.parametrize("megabytes", [0, 1, 2, 4, 8, 16, 32])
def test_a_stand_in_raises_nothing_where_memory_ends(megabytes: int) -> None:
    """At the first sleep, more or less of what gevent needs is left."""
    code = f"""
import os, resource, time
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + ({megabytes} << 20),) * 2)
time.sleep(0.01)
os.write(1, b"ran")
"""
    if sys.platform != "linux":
        return
    # 3.10 by itself aborts or crashes where no memory is left to make a MemoryError of, now and then: so it does where a
    # program without lazypatch imports gevent in so little memory.
    same(code, says=True, crashes=(-signal.SIGABRT, -signal.SIGSEGV) if sys.version_info < (3, 11) else ())


@pytest.mark.parametrize("before", ["", "from time import sleep", "time.sleep(0)", "import threading, socket"])
def test_a_destructor_may_sleep_at_the_very_end(before: str) -> None:
    """The interpreter runs it when no greenlet can run any more."""
    code = f"""
import os, sys, time
{before}
class Late:
    def __del__(self, time=time, os=os, sys=sys):
        try:
            time.sleep(0.001), os.write(1, b"slept %d" % sys.is_finalizing())
        except BaseException as error:
            os.write(1, repr(error).encode())
late = Late()
"""
    same(code)


AT_THE_END = """
import os, sys, threading, time
def save():
    time.sleep(0.2)
    os.write(1, b"saved")
{start}
assert "gevent" in sys.modules or {plain}
{gone}
"""
GONE = "sys.path[:] = []; sys.path_importer_cache.clear()\nfor name in [n for n in sys.modules if n.startswith('lazypatch.')]: del sys.modules[name]\n" \
    "sys.modules['lazypatch'].__path__[:] = []; sys.modules['lazypatch'].__file__ = '/nowhere/__init__.py'"  # fmt: skip


@pytest.mark.parametrize(
    "start",
    ["threading.Thread(target=save).start()", "import concurrent.futures as f; f.ThreadPoolExecutor().submit(save)"],
)
def test_threads_are_waited_for_at_the_end_where_the_files_are_gone(start: str) -> None:
    """A daemon changes its root or its user, an upgrade takes the files away: after the first thread has begun."""
    done = run_python("-c", AT_THE_END.format(start=start, gone=GONE, plain=False), spec="gevent")
    assert (done.returncode, done.stdout, done.stderr) == (0, "saved", "")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root may change its root")
def test_the_same_after_chroot(tmp_path: pathlib.Path) -> None:
    gone = f"os.chroot({str(tmp_path)!r})"
    for spec in (None, "gevent", "all"):
        code = AT_THE_END.format(start="threading.Thread(target=save).start()", gone=gone, plain=spec is None)
        done = run_python("-c", code, spec=spec)
        assert (done.returncode, done.stdout, done.stderr) == (0, "saved", "")


def test_ctrl_c_in_an_at_fork_hook_reaches_the_program_and_the_fork_is_whole() -> None:
    """The interpreter drops what is raised there."""
    code = """
import os, signal, time
time.sleep(0)
from lazypatch._session import session
truth, calls = session().scheduler.truth, []
inner = truth.before_fork
def before_fork():
    calls.append(1)
    if len(calls) == 1:
        signal.raise_signal(signal.SIGINT)
    inner()
truth.before_fork = before_fork
handler, pid = signal.getsignal(signal.SIGINT), None
try:
    pid = os.fork()
    if not pid:
        time.sleep(0.01)
        os._exit(5)
    while True:
        time.sleep(0.01)
except KeyboardInterrupt:
    print("interrupted", len(calls), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
assert signal.getsignal(signal.SIGINT) is handler
"""
    done = run_python("-c", code, spec="all")
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "interrupted 2 5\n",
        done.stderr,
    )  # gevent prints what comes in its hub


def test_ctrl_c_in_gevents_own_import_reaches_the_program_and_nothing_is_lost() -> None:
    """At some of the lines of that import; tests/by_hand/interrupts.py tries all."""
    program = APPS.parent / "by_hand" / "interrupts.py"
    done = run_python(str(program), "3/450", "import socket", spec="all")
    assert done.returncode == 0 and done.stdout.endswith("lost 0\nok\n"), done


def test_a_second_ctrl_c_stops_gevents_import_and_the_next_try_completes_it() -> None:
    """The first is kept until the import is over; the second is meant."""
    code = """
import _signal, sys
seen = []
def trace(frame, event, argument):
    if frame.f_code.co_name == "<module>" and frame.f_globals["__name__"] == "gevent.event":
        seen.append(1)
        if len(seen) == 1:
            _signal.raise_signal(_signal.SIGINT), _signal.raise_signal(_signal.SIGINT)
sys.settrace(trace)
try:
    import socket
except KeyboardInterrupt:
    print("interrupted")
sys.settrace(None)
import socket, threading, queue, gevent.socket, gevent.event, lazypatch
assert seen and socket.socket is gevent.socket.socket and gevent.event.Event
print({lazypatch.state(name) for name in ("socket", "threading", "queue", "os", "time", "_thread")} <= {"installed", "late"})
thread = threading.Thread(target=print, args=["ran"]); thread.start(); thread.join()
"""
    done = run_python("-c", code, spec="all")
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\nTrue\nran\n", "")


INTERRUPTED = {
    "an install": """
inner = session().scheduler.commit
def commit(*given):
    session().scheduler.commit = inner
    _signal.raise_signal(_signal.SIGUSR1)
    return inner(*given)
import signal; session().scheduler.commit = commit
""",
    "the plan of an adapter": """
inner = _adapters.Adapter.load
def load(row):
    _adapters.Adapter.load = inner
    _signal.raise_signal(_signal.SIGUSR1)
    return inner(row)
import signal; _adapters.Adapter.load = load
""",
    "gevent's import": """
def trace(frame, event, argument):
    if frame.f_code.co_name == "<module>" and frame.f_globals["__name__"] == "gevent.event":
        sys.settrace(None)
        _signal.raise_signal(_signal.SIGUSR1)
sys.settrace(trace)
""",
}


@pytest.mark.parametrize("what", INTERRUPTED)
def test_what_a_signals_handler_raises_reaches_the_program_and_the_next_try_completes(what: str) -> None:
    """Whatever it is: it is no fault of what it interrupts."""
    code = f"""
import _signal, sys
from lazypatch import _adapters
from lazypatch._session import session
class Late(Exception): pass
def handler(*_): raise Late
_signal.signal(_signal.SIGUSR1, handler)
assert "queue" not in sys.modules and "gevent" not in sys.modules
{INTERRUPTED[what]}
try:
    import queue
except Late:
    print("raised")
import queue, lazypatch
print(lazypatch.state("queue"), lazypatch.state("queue-class"), queue.Queue is not lazypatch.get_original("queue", "Queue"))
"""
    done = run_python("-c", code, spec="all")
    assert (done.returncode, done.stdout, done.stderr) == (0, "raised\ninstalled installed True\n", "")
