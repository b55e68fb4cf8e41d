"""when=fork: the parent stays native, and what it forks is armed before fork() returns there."""

from __future__ import annotations

import json
import pathlib

import pytest
from conftest import run_code, run_python

HEAD = """
import logging, os, signal, socket, subprocess, sys, threading, time
from threading import Lock, Thread
from time import sleep
lock = Lock()

def is_armed():
    return any(type(finder).__module__ == "lazypatch._finder" for finder in sys.meta_path), "gevent" in sys.modules

def forked(function):
    "What function gives in a child."
    here, there = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.write(there, repr(function()).encode())
        finally:
            os._exit(0)
    os.close(there)
    with os.fdopen(here) as pipe:
        said = pipe.read()
    assert os.waitpid(pid, 0)[1] == 0
    return said
"""
FORK = "all,when=fork"


def test_a_child_is_armed_and_its_parent_is_native() -> None:
    code = """
def waits():
    import lazypatch
    there = []
    def meet():
        there.append(1)
        while len(there) < 8: sleep(0.001)
    threads = [Thread(target=meet) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    left = [str(one) for one in lazypatch.report().references if not one.mended]
    return len(there), type(lock).__mro__[1].__module__, left, lazypatch.is_module_patched("threading"), is_armed()
def deeper():
    return forked(is_armed)
for _ in range(2):
    print(forked(waits), forked(deeper), is_armed(), type(os.fork).__name__, type(time.sleep).__name__)
"""
    said = "(8, 'gevent._gevent_c_semaphore', [], True, (True, True)) '(True, True)' (False, False) "
    said += "builtin_function_or_method builtin_function_or_method\n"
    assert run_code(HEAD + code, FORK) == said * 2


def test_hooks_that_were_registered_later_come_before_it() -> None:
    """Those of threading and logging are such; at a second fork, too, and once more modules were loaded."""
    code = """
seen = []
hook = lambda: seen.append("gevent" in sys.modules)
os.register_at_fork(after_in_child=hook)
print(forked(lambda: (seen, is_armed())))
import decimal
os.register_at_fork(after_in_child=hook)
print(forked(lambda: (seen, is_armed())))
print(forked(lambda: (seen, is_armed())))
"""
    said = "([False], (True, True))\n" + "([False, False], (True, True))\n" * 2
    assert run_code(HEAD + code, FORK) == said


def test_who_is_to_run_another_program_is_not_armed() -> None:
    code = """
import pty
def show():
    os.write(1, repr(is_armed()).encode() + b"\\n")
subprocess.run(["true"], preexec_fn=show)
code = "import os, sys, socket; print('gevent' in sys.modules, flush=True); os.fork() or print('gevent' in sys.modules)"
print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split())
pid, terminal = pty.fork()
if not pid:
    show()
    os._exit(0)
print(os.read(terminal, 100).decode().strip())
os.waitpid(pid, 0)
"""
    assert run_code(HEAD + code, FORK) == "(False, False)\n['False', 'True']\n(False, False)\n"


def test_the_child_of_a_parent_with_other_native_threads_is_left_native() -> None:
    """It says so in one line, and what is forked once they have ended is armed."""
    code = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
end = threading.Event()
thread = Thread(target=end.wait, name="exporter")
thread.start()
print(forked(is_armed), forked(lambda: forked(is_armed)))
end.set()
thread.join()
print(forked(is_armed))
"""
    done = run_python("-c", HEAD + code, spec=FORK)
    assert done.stdout == "(False, False) '(True, True)'\n(True, True)\n", done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 2 and all("other native threads when it forked (exporter)" in line for line in lines), lines


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing(method: str, tmp_path: pathlib.Path) -> None:
    """A spawned one is a parent of its own."""
    code = """
import multiprocessing
def asked(queue):
    queue.put((is_armed(), forked(is_armed)))
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    queue = context.SimpleQueue()
    process = context.Process(target=asked, args=(queue,))
    process.start()
    print(queue.get(), process.join(), process.exitcode, is_armed())
"""
    (tmp_path / "many.py").write_text(HEAD + code)
    done = run_python("many.py", method, spec=FORK, cwd=tmp_path)
    first = "(False, False)" if method == "spawn" else "(True, True)"
    assert (done.stdout, done.stderr) == (f"({first}, '(True, True)') None 0 (False, False)\n", "")


def test_however_it_is_asked_for(tmp_path: pathlib.Path) -> None:
    show = HEAD + "print(is_armed(), forked(is_armed))\n"
    (tmp_path / "app.py").write_text(show)
    said = "(False, False) (True, True)\n"
    for words in ["-X", f"cooppatch={FORK}", "app.py"], ["-m", "lazypatch", "--patch", FORK, "app.py"]:
        assert run_python(*words, cwd=tmp_path).stdout == said, words
    enabled = f"import lazypatch\nhandle = lazypatch.enable({FORK!r})\n"
    assert run_code(enabled + show) == said
    assert run_code(enabled + "handle.cancel()\n" + show) == "(False, False) (False, False)\n"
    assert run_code(show, "all,when=fork,not=-c") == "(False, False) (False, False)\n"
    assert run_code(show, "all,when=fork,strict=1") == said
    done = run_python("-c", show, spec="all,when=exec")
    assert done.stdout == "(False, False) (False, False)\n" and "the nearest" not in done.stderr
    assert "value for the option when" in done.stderr and "Known: fork" in done.stderr


def test_a_report_and_info_say_it(tmp_path: pathlib.Path) -> None:
    code = HEAD + "import sys\nif os.fork(): os.wait()\n"
    run_code(code, FORK, PYTHONCOOPPATCH_REPORT=str(tmp_path / "report.json"))
    found = {file.name: json.loads(file.read_text())["verdict"] for file in tmp_path.glob("report*.json")}
    parent = found.pop("report.json")
    assert (
        parent["kind"] == "not patched" and "when=fork in the SPEC means the processes that it forks" in parent["why"]
    )
    assert [verdict["kind"] for verdict in found.values()] == ["cooperative"]
    assert "left native: when=fork in the SPEC" in run_python("-m", "lazypatch", "--info", spec=FORK).stdout


def test_what_a_signal_handler_raises_meanwhile_is_the_programs() -> None:
    """The hook's own error would be printed and forgotten."""
    code = """
import lazypatch._session
def handler(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGUSR1, handler)
def interrupted(*given, **more):
    os.kill(os.getpid(), signal.SIGUSR1)
    for _ in range(1000): pass
lazypatch._session.Session.arm = interrupted
pid = os.fork()
if not pid:
    try:
        for _ in range(100): sleep(0.1)
    except KeyboardInterrupt:
        os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    assert run_code(HEAD + code, FORK) == "7\n"


def test_the_parent_has_what_it_needs_and_no_more() -> None:
    code = "import sys; print(*sorted(name for name in sys.modules if name.startswith(('lazypatch', 'gevent', 'threading'))))"
    loaded = {*run_code(code, FORK).split()}
    assert not [name for name in loaded if "gevent" in name or "late" in name or "adapters." in name], loaded
    assert "threading" not in loaded and "lazypatch._scheduler" not in loaded


FINDS = """
import functools, gc, os, socket, subprocess, sys, threading, time
from time import sleep
lock, local = threading.Lock(), threading.local()
table, row = {"a": sleep, socket.socket: 1}, [time.sleep, lock]
take = lock.acquire
class Here:
    wait = staticmethod(sleep)
    class Inner:
        guard = threading.RLock()
        def __init__(self, wait=sleep):
            self.event = threading.Event()
here = Here.Inner()
def around():
    inside = sleep
    return lambda: inside
closed, part = around(), functools.partial(sleep, 1)
class Worker(threading.Thread): pass
def keyword(*, wait=sleep): pass
@functools.wraps(keyword)
def wrapped(): pass
if FROZEN:
    gc.freeze()
from lazypatch.late.walk import Walker
walk = Walker.walk
def both(self):
    slots = walk(self)
    all_modules = Walker(self._things, self._kinds, self._opened, self._left_alone)
    all_modules.further_kinds = self.further_kinds
    every = walk(all_modules)  # without the instances in instances, but for locals of threads
    here = {slot.text for slot in every if slot.text.startswith("__main__")}
    found = {(slot.name, slot.text) for slot in slots}
    missed = [slot for slot in every if (slot.name, slot.text) not in found]
    print(self._leading is not None, not missed, len(here), flush=True)
    if missed: print([(slot.text, slot.module) for slot in missed], file=sys.stderr)
    return slots
Walker.walk = both
pid = os.fork()
if not pid:
    os._exit(take.__self__ is not lock or "gevent" not in type(lock).__mro__[1].__module__)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.mark.parametrize("frozen", [False, True])
def test_late_repair_finds_all_without_walking_through_all(frozen: bool) -> None:
    """So most of what the parent had loaded stays shared with it; what it froze is not seen by the collector."""
    asked, same, here = run_code(FINDS.replace("FROZEN", str(frozen)), FORK).split()
    assert (asked, same) == (str(not frozen), "True") and int(here) >= 15


# Django's connections, say: what is each thread's own is kept by an instance in an instance of a module.
NESTED = """
class Storage:
    def __init__(self): self.local = threading.local(); self.local.of = "main"; self.lock = Lock()
class Handler:
    def __init__(self): self.storage = Storage()
handler = Handler()

def shared():
    found, locks = [], []
    def work(n):
        with handler.storage.lock: handler.storage.local.n = n; sleep(0.001)
        found.append((getattr(handler.storage.local, "n", None), getattr(handler.storage.local, "of", None)))
    threads = [Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return sorted(found), handler.storage.local.of
"""
OWN = "([(0, None), (1, None), (2, None), (3, None)], 'main')\n"


def test_what_an_instance_in_an_instance_keeps_for_each_thread_is_each_greenlets() -> None:
    code = HEAD + NESTED + "print(forked(shared), end='')\n"
    assert run_code(code, spec=FORK) + "\n" == run_code(code) + "\n" == OWN


def test_so_it_is_where_it_is_armed_late() -> None:
    # Not its lock: that is not looked for so far away, where everything is walked through.
    code = (
        HEAD
        + NESTED.replace("with handler.storage.lock: ", "")
        + "import lazypatch; lazypatch.enable('all')\nprint(shared())\n"
    )
    assert run_code(code) == OWN
