"""Waiting for children lets the others run, and finds what the kernel keeps, as natively."""

from __future__ import annotations

import os

import pytest
from conftest import run_code, run_python

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork does not exist here")

START = """
import os, sys, threading, time
ticks, due = [], []
def tick():
    while True:
        ticks.append(1)
        time.sleep(0.01)
        if due and len(ticks) > due[0][0]: os.write(due.pop(0)[1], b"x")
threading.Thread(target=tick, daemon=True).start()
assert "gevent" in sys.modules and type(os.wait).__name__ == "function", "not armed, so this tests nothing"
def child(status, told=None):
    "One that ends when the others have run, or when *told* is written to: a wait that stops them never ends."
    r, w = told or os.pipe()
    pid = os.fork()
    if not pid:
        os.read(r, 1)
        os._exit(status)
    if told is None: due.append((len(ticks) + 4, w))
    return pid
"""


WAITS = {
    "wait": "os.wait() == (pid, 7 << 8)",
    "wait3": "os.wait3(0)[:2] == (pid, 7 << 8)",
    "wait4": "os.wait4(pid, 0)[:2] == (pid, 7 << 8)",
    "waitpid": "os.waitpid(pid, 0) == (pid, 7 << 8)",
    "waitpid of any": "os.waitpid(-1, 0) == (pid, 7 << 8)",
    "waitpid of a group": "os.waitpid(0, 0) == (pid, 7 << 8)",
    "waitid": "os.waitid(os.P_PID, pid, os.WEXITED).si_status == 7",
    "waitid of any": "os.waitid(os.P_ALL, 0, os.WEXITED).si_pid == pid",
    "waitid of a descriptor": "os.waitid(os.P_PIDFD, os.pidfd_open(pid), os.WEXITED).si_status == 7",
}


@pytest.mark.parametrize("way", WAITS)
@pytest.mark.parametrize("pidfd", [True, False])
def test_a_wait_for_a_child_lets_the_others_run(way: str, pidfd: bool) -> None:
    """With pidfds and, as on kernels and systems that have none, without."""
    if "descriptor" in way and not (pidfd and hasattr(os, "pidfd_open")):
        pytest.skip("pidfds do not exist here")
    run_code(
        START + ("" if pidfd else "if hasattr(os, 'pidfd_open'): del os.pidfd_open\n") + "pid = child(7)\n"
        f"assert {WAITS[way]}\n"
        "try: os.waitpid(pid, 0)\n"
        "except ChildProcessError: pass\n"
        "else: raise AssertionError('waited for twice')\n",
        spec="all",
    )


def test_system_lets_the_others_run_also_many_at_once() -> None:
    """More of them than the hub's threadpool has threads, of which the first wait for the last."""
    run_code(
        START + "r, w = os.pipe(); os.set_inheritable(r, True); os.set_inheritable(w, True)\n"
        "found = []\n"
        "def wait(): found.append(os.system(f'read x <&{r}; exit 3'))\n"
        "threads = [threading.Thread(target=wait) for _ in range(14)]\n"
        "for t in threads: t.start()\n"
        "assert os.system(f'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do echo >&{w}; done') == 0\n"
        "for t in threads: t.join()\n"
        "assert found == [3 << 8] * 14, found\n",
        spec="all",
    )


def test_wait_beside_a_living_popen() -> None:
    """os.wait() may take Popen's child; Popen then cannot tell how it ended, as natively."""
    code = START.replace("assert", "assert True or") + (
        "import subprocess\n"
        "p = subprocess.Popen(['/bin/sh', '-c', 'exit 5']); pid = child(3)\n"
        "found = dict(os.wait() for _ in range(2))\n"
        "print(found == {p.pid: 5 << 8, pid: 3 << 8}, p.wait(), p.poll(), p.returncode)\n"
    )
    assert run_code(code) == run_code(code, spec="all") == "True 0 0 0\n"


@pytest.mark.parametrize("pidfd", [True, False])
def test_gevents_own_popen_in_twenty_threads(pidfd: bool) -> None:
    run_code(
        START + ("" if pidfd else "if hasattr(os, 'pidfd_open'): del os.pidfd_open\n") + "import gevent.subprocess\n"
        "found = []\n"
        "def run(n): found.append(gevent.subprocess.run(['/bin/sh', '-c', f'exit {n}']).returncode == n)\n"
        "threads = [threading.Thread(target=run, args=(n,)) for n in range(20)]\n"
        "for t in threads: t.start()\n"
        "for t in threads: t.join()\n"
        "assert found == [True] * 20, found\n",
        spec="all",
    )


def test_handlers_of_sigchld_are_ordinary_ones() -> None:
    """For any child, with the frame, in the thread that runs; getsignal() gives what was set; SIG_IGN reaps."""
    code = """
import os, signal, subprocess, threading, time
threading.Thread(target=time.sleep, args=(0.01,)).start()
seen = []
def handler(number, frame): seen.append((number, frame is not None))
print(signal.signal(signal.SIGCHLD, handler), signal.getsignal(signal.SIGCHLD) is handler)
subprocess.run(["/bin/true"])
os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
pid = os.fork()
if not pid:
    os._exit(0)
os.waitpid(pid, 0)
time.sleep(0.05)
print(seen)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
pid = os.fork()
if not pid:
    os._exit(0)
try:
    os.waitpid(pid, 0)
except ChildProcessError:
    print("nobody", signal.getsignal(signal.SIGCHLD))
print(subprocess.run(["/bin/false"]).returncode)
"""
    expected = run_code(code)
    assert "[(17, True), (17, True), (17, True)]" in expected or "(<Signals.SIGCHLD" in expected
    assert run_code(code, spec="all") == expected


def test_fork_and_watch_and_hand_made_watchers_go_on_working() -> None:
    """The callback is called, the status is kept for whoever waits later, and given once."""
    run_code(
        START
        + """
import gevent, resource
seen = []
def made(status, seconds=0):
    pid = gevent.os.fork_and_watch(lambda watcher: seen.append((watcher.pid, watcher.rpid, watcher.rstatus)))
    if not pid:
        time.sleep(seconds)
        os._exit(status)
    return pid
def is_gone(pid):
    try: os.waitpid(pid, 0)
    except ChildProcessError: return True
def until(what):
    while not what(): gevent.sleep(0.01)
pid = made(1)
until(lambda: seen)
found = os.wait4(pid, 0)
assert found[:2] == (pid, 256) and isinstance(found[2], resource.struct_rusage) and is_gone(pid)
pid = made(2)
until(lambda: len(seen) == 2)
assert os.wait() == (pid, 512) and is_gone(pid)
pid = made(3)
until(lambda: len(seen) == 3)
info = os.waitid(os.P_PID, pid, os.WEXITED)
assert (info.si_pid, info.si_status, info.si_code) == (pid, 3, os.CLD_EXITED) and is_gone(pid)
pid = made(4, 0.1)  # waited for before its watcher has seen its end
assert os.waitpid(pid, 0) == (pid, 4 << 8)
until(lambda: len(seen) == 4)
assert seen[-1] == (pid, pid, 4 << 8) and is_gone(pid), seen
loop = gevent.get_hub().loop
pid, others = child(5), []
with loop.child(pid) as one, loop.child(0) as any_child:
    any_child.start(lambda: others.append((any_child.rpid, any_child.rstatus)))
    gevent.get_hub().wait(one)
    assert (one.pid, one.rpid, one.rstatus) == (pid, pid, 5 << 8), one
    until(lambda: others)
    assert others == [(pid, 5 << 8)]
    any_child.stop()
    assert not any_child.active and is_gone(pid)
""",
        spec="all",
    )


def test_stopping_is_seen_by_who_asks() -> None:
    run_code(
        START
        + """
import gevent, signal
pid = child(0, os.pipe())
threading.Timer(0.05, os.kill, (pid, signal.SIGSTOP)).start()
assert os.waitpid(pid, os.WUNTRACED) == (pid, signal.SIGSTOP << 8 | 0x7F)
threading.Timer(0.05, os.kill, (pid, signal.SIGCONT)).start()
assert os.WIFCONTINUED(os.waitpid(pid, os.WCONTINUED)[1])
threading.Timer(0.05, os.kill, (pid, signal.SIGSTOP)).start()
assert os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED).si_code == os.CLD_STOPPED
with gevent.get_hub().loop.child(pid, True) as traced:
    threading.Timer(0.05, os.kill, (pid, signal.SIGCONT)).start()
    gevent.get_hub().wait(traced)
    assert os.WIFCONTINUED(traced.rstatus), traced
os.kill(pid, signal.SIGKILL)
assert os.waitpid(pid, 0) == (pid, signal.SIGKILL)
""",
        spec="all",
    )


def test_a_wait_that_is_interrupted_loses_nothing() -> None:
    """By gevent.Timeout, by kill, and by what a handler of signals raises."""
    run_code(
        START
        + """
import gevent, signal
told = os.pipe()
pid = child(7, told)
waits = [os.wait, lambda: os.waitpid(pid, 0), lambda: os.waitid(os.P_PID, pid, os.WEXITED)]
for wait in waits:
    try:
        with gevent.Timeout(0.02): wait()
    except gevent.Timeout: pass
    else: raise AssertionError(wait)
    one = gevent.spawn(wait)
    gevent.sleep(0.02)
    one.kill()
def handler(*args): raise KeyError
signal.signal(signal.SIGALRM, handler)
try: signal.setitimer(signal.ITIMER_REAL, 0.05); os.waitpid(pid, 0)
except KeyError: pass
else: raise AssertionError("no KeyError")
os.write(told[1], b"x")
assert os.wait() == (pid, 7 << 8)
""",
        spec="all",
    )


def test_in_a_native_thread_it_waits_natively() -> None:
    run_code(
        START
        + """
import lazypatch
pids, found = [child(n) for n in (1, 2)], []
def wait(): found.append(os.waitpid(pids[0], 0)); found.append(os.system("exit 3"))
native = lazypatch.original("threading").Thread(target=wait)
native.start()
assert os.waitpid(pids[1], 0) == (pids[1], 512)
while len(found) < 2: time.sleep(0.01)
assert found == [(pids[0], 256), 3 << 8], found
""",
        spec="all",
    )


def test_the_functions_look_like_the_originals() -> None:
    code = """
import inspect, os, pickle, threading, time
threading.Thread(target=time.sleep, args=(0,)).start()
for name in ("fork", "wait", "wait3", "wait4", "waitid", "waitpid", "system"):
    function = getattr(os, name)
    print(name, function.__name__, inspect.signature(function), function.__doc__, pickle.loads(pickle.dumps(function)) is function)
for call in ("os.waitpid(-1, 0)", "os.wait()", "os.wait3(0)", "os.wait4(options=os.WNOHANG, pid=99999999)",
             "os.waitpid(pid=1, options=0)", "os.waitid(os.P_ALL, 0, os.WEXITED)", "os.system(3)", "os.waitpid('x', 0)"):
    try: eval(call)
    except Exception as error: print(call, type(error).__name__, getattr(error, "errno", None))
"""
    assert run_code(code, spec="all") == run_code(code)


def test_a_hub_that_was_there_before_keeps_gevents_way() -> None:
    """Its watchers are libev's already, and reap every child: then everything is as gevent has it."""
    done = run_python(
        "-c",
        "import gevent, os\n"
        "gevent.sleep(0.001)\n"
        "original = os.wait\n"
        "import lazypatch; lazypatch.enable()\n"
        "assert os.wait is original\n"
        "seen = []\n"
        "pid = os.fork()\n"
        "if not pid: os._exit(3)\n"
        "assert os.waitpid(pid, 0) == (pid, 3 << 8)\n"
        "import subprocess\n"
        "assert subprocess.run(['/bin/sh', '-c', 'exit 4']).returncode == 4\n",
    )
    assert done.returncode == 0, done.stderr


LOOKS = {
    "waitpid": "os.waitpid(pid, os.WNOHANG)",
    "waitpid of any": "os.waitpid(-1, os.WNOHANG)",
    "wait4": "os.wait4(pid, os.WNOHANG)",
    "waitid": "os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)",
    "waitid of any": "os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG)",
    "another wait": "os.waitpid(pid, 0)",
}
WAITING = """
import os, sys, threading
sys.setswitchinterval(1000)  # who says that it is about to wait has no turn taken away before it does
def child():
    r, w = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(w)
        os.read(r, 1)
        os._exit(7)
    os.close(r)
    return pid, w
def end():
    os.close(w)
    while True:  # lets nobody run: its thread has had no turn yet when the child has ended
        with open(f"/proc/{pid}/stat") as file:
            if file.read().rpartition(")")[2].split()[0] == "Z":
                return
pid, w = child()
found = []
def wait(call):
    waits.set()
    found.append(call())
waits = threading.Event()
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="it reads what Linux says of a process")
@pytest.mark.parametrize("pidfd", [True, False])
@pytest.mark.parametrize("look", LOOKS)
def test_a_child_for_which_somebody_waits_is_that_ones(look: str, pidfd: bool) -> None:
    """Who looks at it in the middle of that wait finds no child, as natively; and so does who begins to wait later."""
    run_code(
        ("" if pidfd else "import os\nif hasattr(os, 'pidfd_open'): del os.pidfd_open\n") + WAITING + f"""
thread = threading.Thread(target=wait, args=[lambda: os.wait4(pid, 0)])
thread.start()
waits.wait()
end()
try:
    print({LOOKS[look]})
except ChildProcessError:
    pass
else:
    raise AssertionError("it was taken away")
thread.join()
assert found[0][:2] == (pid, 7 << 8), found
assert found[0][2].ru_maxrss > 0, found
""",
        spec="all",
    )  # fmt: skip


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="it reads what Linux says of a process")
def test_a_child_is_anybodys_again_when_who_waited_for_it_was_ended() -> None:
    """The status was left to a greenlet that is killed before it has its turn."""
    run_code(
        WAITING + """
import gevent
one = gevent.spawn(wait, lambda: os.waitpid(pid, 0))
waits.wait()
end()
try:
    os.waitpid(pid, os.WNOHANG)
except ChildProcessError:
    pass
one.kill()
assert not found
assert os.waitpid(pid, 0) == (pid, 7 << 8)
""",
        spec="all",
    )  # fmt: skip


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="it reads what Linux says of a process")
def test_a_signal_to_a_process_that_has_ended_does_not_lose_its_status_to_asyncio() -> None:
    """Popen.send_signal() looks first, and a thread of asyncio's waits for each child. (3.12 loses it to a pidfd natively.)"""
    run_code(
        """
import asyncio, sys, warnings
warnings.simplefilter("ignore")
async def main():
    watcher = getattr(asyncio, "ThreadedChildWatcher", None)
    if watcher is not None and sys.version_info < (3, 13):
        asyncio.set_child_watcher(watcher())
    process = await asyncio.create_subprocess_exec("sh", "-c", "read line; exit 3", stdin=-1)
    await asyncio.sleep(0.01)
    process.stdin.close()
    await asyncio.sleep(0)
    while True:  # lets nobody run
        with open(f"/proc/{process.pid}/stat") as file:
            if file.read().rpartition(")")[2].split()[0] == "Z":
                break
    process.send_signal(0)
    assert await process.wait() == 3, process.returncode
asyncio.run(main())
""",
        spec="all",
    )
