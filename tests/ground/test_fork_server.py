"""Children of multiprocessing's fork server, which is native, are armed after the fork, as those of spawn are."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from typing import Any

import pytest
from conftest import run_python

METHODS = ("forkserver", "spawn")
# What every program here begins with. The names are taken natively where the server loads the main module beforehand.
HEAD = """
import concurrent.futures, multiprocessing, os, queue, signal, socket, subprocess, sys, threading, time
from threading import Lock, Thread
from time import sleep

context = multiprocessing.get_context(sys.argv[1])
lock, local = Lock(), threading.local()

def is_armed():
    return any(type(finder).__module__ == "lazypatch._finder" for finder in sys.meta_path)
"""


def run(folder: pathlib.Path, code: str, method: str, spec: str | None = "all", **env: str) -> str:
    """What the program prints, and on stderr nothing."""
    (folder / "many.py").write_text(HEAD + code)
    done = run_python("many.py", method, spec=spec, cwd=folder, **env)
    assert (done.returncode, done.stderr) == (0, ""), f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


COOPERATES = """
def waits():
    "What each thread waits for comes when all of them wait."
    import lazypatch
    here, there = socket.socketpair()
    r, w = os.pipe()
    begun = []
    def sleeps():
        begun.append(1)
        while len(begun) < 13:
            sleep(0.001)
    def runs():
        begun.append(1)
        subprocess.run(["sh", "-c", "read line"], stdin=r)
    def locks():
        begun.append(1)
        with lock: pass
    threads = [Thread(target=target) for target in (sleeps, runs, locks) for _ in range(4)]
    lock.acquire()
    for thread in threads:
        thread.start()
    sleeps()
    os.write(w, b"\\n" * 4)
    lock.release()
    for thread in threads:
        thread.join()
    cooperative = lambda thing: any(kind.__module__.startswith("gevent.") for kind in type(thing).__mro__)
    kinds = {cooperative(thing) for thing in (lock, here, threading.Lock())}
    left = [str(one) for one in lazypatch.report().references if not one.mended]
    return lazypatch.is_module_patched("threading"), kinds, left, type(local).__mro__[1].__module__

if __name__ == "__main__":
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as executor:
        print(executor.submit(waits).result())
    with context.Pool(1) as pool:
        print(pool.apply(waits))
"""


@pytest.mark.parametrize("method", METHODS)
def test_what_waits_in_a_child_waits_together(method: str, tmp_path: pathlib.Path) -> None:
    """Also what was made, and the names that were taken, when the server loaded the main module."""
    lines = run(tmp_path, COOPERATES, method).splitlines()
    assert lines[0].startswith("(True, {True}, [],"), lines
    assert lines[1] == lines[0]


ENDS = """
def fail(): raise LookupError("told")
def leave(): sys.exit(7)
def vanish(): os._exit(8)
def wait(connection):
    try:
        connection.send(os.getpid())
        threading.Event().wait()
    except KeyboardInterrupt:
        sys.exit(9)
def handles(connection):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(10))
    connection.send(os.getpid())
    Thread(target=sleep, args=(60,), daemon=True).start()
    sleep(60)

def signalled(target, number):
    here, there = context.Pipe()
    process = context.Process(target=target, args=(there,))
    process.start()
    pid = here.recv()
    assert pid == process.pid
    sleep(0.1)  # the message is read before its writer has gone on
    os.kill(pid, number)
    process.join()
    return process.exitcode

def deeper(queue):
    process = context.Process(target=leave)
    process.start()
    process.join()
    pid = os.fork()
    if not pid:
        os._exit(is_armed())
    queue.put((process.exitcode, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))

if __name__ == "__main__":
    for target in leave, vanish, fail:
        process = context.Process(target=target)
        process.start()
        process.join()
        print(process.exitcode)
    print(signalled(wait, signal.SIGINT), signalled(wait, signal.SIGTERM), signalled(handles, signal.SIGTERM))
    queue = context.Queue()
    process = context.Process(target=deeper, args=(queue,))
    process.start()
    print(queue.get()[0], process.join(), process.exitcode)
    from multiprocessing import forkserver
    print(os.path.exists(f"/proc/{forkserver._forkserver._forkserver_pid}"), forkserver._forkserver._forkserver_pid)
"""


def is_gone(pid: int) -> bool:
    """A process that was orphaned ends as soon as it sees that; nobody can wait for it but init."""
    for _ in range(600):
        try:
            state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        subprocess.run(["sleep", "0.05"], check=True)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_children_end_as_in_plain_python(tmp_path: pathlib.Path) -> None:
    """By sys.exit(), an exception, signals, Ctrl-C; and the server goes with the program."""
    found = []
    for spec in None, "all":
        (tmp_path / "many.py").write_text(HEAD + ENDS)
        done = run_python("many.py", "forkserver", spec=spec, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        *lines, last = done.stdout.splitlines()
        assert is_gone(int(last.split()[1])) and last.startswith("True")
        found.append((lines, [line for line in done.stderr.splitlines() if not line.startswith(" ")]))
    assert found[0] == found[1]
    assert found[1][0] == ["7", "8", "1", "9 -15 10", "7 None 0"]


ASKS = """
def asked(queue):
    queue.put((is_armed(), "gevent" in sys.modules, "gevent.socket" in sys.modules))

if __name__ == "__main__":
    {}
    queue = context.SimpleQueue()
    process = context.Process(target=asked, args=(queue,))
    process.start()
    print(is_armed(), *queue.get())
    process.join()
"""
ARMED, NATIVE = "True True True", "False False False"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("spec", "child"),
    [
        ("all", ARMED),
        ("all,only=many.py", NATIVE),
        ("all,only=many.py,only=-c", ARMED),
        ("all,not=-c", NATIVE),
        ("all,inherit=0", NATIVE),
        ("gevent", ARMED),
    ],
)
def test_a_child_decides_anew(method: str, spec: str, child: str, tmp_path: pathlib.Path) -> None:
    """As one of spawn does: it is a -c."""
    if (method, spec) == ("forkserver", "gevent") and sys.version_info >= (3, 14):
        pytest.skip("from 3.14 on forkserver reads a socket by its descriptor, which gevent's own sockets do not allow")
    assert run(tmp_path, ASKS.format("pass"), method, spec) == f"True {child}\n"


@pytest.mark.parametrize("method", METHODS)
def test_a_child_reads_the_variable_that_its_parent_left(method: str, tmp_path: pathlib.Path) -> None:
    off, on = "os.environ.pop('PYTHONCOOPPATCH')", "os.environ['PYTHONCOOPPATCH'] = 'all'"
    assert run(tmp_path, ASKS.format(off), method) == f"True {NATIVE}\n"
    assert run(tmp_path, ASKS.format(on), method, None) == f"False {ARMED}\n"


def test_a_preloaded_module_may_change_it(tmp_path: pathlib.Path) -> None:
    (tmp_path / "changes.py").write_text("import os\nos.environ['PYTHONCOOPPATCH'] = 'none'\n")
    code = ASKS.format("multiprocessing.set_forkserver_preload(['changes'])")
    assert run(tmp_path, code, "forkserver") == f"True {NATIVE}\n"
    (tmp_path / "changes.py").write_text("import os\nos.environ['PYTHONCOOPPATCH'] = 'everything'\n")
    (tmp_path / "many.py").write_text(HEAD + code)
    done = run_python("many.py", "forkserver", spec="all", cwd=tmp_path)
    assert done.stdout == f"True {NATIVE}\n" and "unknown word 'everything'" in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) == 1


PRELOADED = """
import _thread, http.client, logging, os, ssl, sys, threading
from subprocess import Popen
from threading import Thread
lock, pid = threading.RLock(), os.getpid()
native = isinstance(_thread.start_new_thread, type(len)) and "gevent" not in sys.modules
child = os.fork()
if not child:
    os._exit(any(type(finder).__module__ == "lazypatch._finder" for finder in sys.meta_path))
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""
USES_PRELOADED = """
def uses(queue):
    import preloaded as p
    queue.put((p.pid != os.getpid(), p.native, p.status, type(p.lock) is type(threading.RLock()), p.Thread is threading.Thread,
               p.Popen is subprocess.Popen, p.ssl.SSLSocket.__module__))

if __name__ == "__main__":
    multiprocessing.set_forkserver_preload(["preloaded"])
    for _ in range(2):
        queue = context.SimpleQueue()
        process = context.Process(target=uses, args=(queue,))
        process.start()
        print(*queue.get())
        process.join()
"""


def test_what_the_server_preloaded_natively_is_mended_in_each_child(tmp_path: pathlib.Path) -> None:
    """And a process that a preloaded module forks is left alone."""
    (tmp_path / "preloaded.py").write_text(PRELOADED)
    expected = "True True 0 True True True gevent.ssl\n"
    assert run(tmp_path, USES_PRELOADED, "forkserver") == expected * 2


@pytest.mark.parametrize("method", METHODS)
def test_strict_mode_does_not_object_to_what_was_loaded_before_the_fork(method: str, tmp_path: pathlib.Path) -> None:
    assert run(tmp_path, ASKS.format("pass"), method, "all,strict=1") == f"True {ARMED}\n"


def test_a_child_writes_its_report(tmp_path: pathlib.Path) -> None:
    run(tmp_path, ASKS.format("pass"), "forkserver", PYTHONCOOPPATCH_REPORT=str(tmp_path / "report.json"))
    found: list[Any] = [json.loads(file.read_text()) for file in tmp_path.glob("report.*json")]
    kinds = sorted(report["verdict"]["kind"] for report in found)
    assert kinds == ["cooperative", "cooperative", "not patched"], kinds  # the program, the child, the server


def test_enable_in_a_sitecustomize_reaches_them_too(tmp_path: pathlib.Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import lazypatch\nlazypatch.enable()\n")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    assert run(tmp_path, ASKS.format("pass"), "forkserver", None, PYTHONPATH=path) == f"True {ARMED}\n"
