"""What is raised in a thread of _thread's ends that thread, and nothing else."""

from __future__ import annotations

import _thread
import os

import pytest
from conftest import run_python

START = """
import _thread, sys, threading, time
threading.Thread(target=int).start()
def run(function, *args):
    _thread.start_new_thread(function, args)
    time.sleep(0.2)  # natively a thread counts only when it has begun
    while _thread._count(): time.sleep(0.001)
"""


def same(code: str) -> str:
    """What *code* prints, which is the same without lazypatch."""
    plain, armed = (run_python("-c", START + code, spec=spec) for spec in (None, "all"))
    assert (armed.stdout, armed.returncode) == (plain.stdout, plain.returncode), armed.stderr
    hide = __import__("re").compile("0x[0-9a-f]+")
    assert hide.sub("", armed.stderr) == hide.sub("", plain.stderr)
    return armed.stdout + armed.stderr


def test_an_exit_ends_the_thread_in_silence() -> None:
    code = """
run(sys.exit, 3)
run(_thread.exit)
print("still here")
"""
    assert same(code) == "still here\n"


def test_what_is_raised_is_told_in_pythons_words() -> None:
    code = """
def wrong(what):
    raise what("that was wrong")
run(wrong, ValueError)
run(wrong, KeyboardInterrupt)
print("still here")
"""
    said = same(code)
    assert "Exception ignored in thread started by" in said and "still here" in said


def test_a_hook_hears_of_it() -> None:
    code = """
def wrong():
    raise ValueError("that was wrong")
def hook(told):
    text = (told.err_msg + (repr(told.object) if told.object else "")).partition(" at ")[0]
    print(told.exc_type, told.exc_value, told.exc_traceback.tb_frame.f_code.co_name, text)
sys.unraisablehook = hook
run(wrong)
"""
    assert "that was wrong wrong" in same(code)


def test_what_gevent_spawned_stays_gevents_business() -> None:
    code = """
import _thread, gevent, threading, sys
threading.Thread(target=int).start()
hub = gevent.get_hub()
told = []
hub.print_exception = lambda context, *error: told.append(error[0])
gevent.spawn(int, "x").join()
hub.handle_error([], ValueError, ValueError(1), None)
assert told == [ValueError, ValueError]
try:
    gevent.spawn(sys.exit, 3).join()
except SystemExit as error:
    print(error)
"""
    done = run_python("-c", code, spec="all")
    assert done.stdout == "3\n", done.stderr


@pytest.mark.skipif(not hasattr(_thread, "set_name"), reason="it came with Python 3.14")
@pytest.mark.skipif(not os.path.exists("/proc/self/comm"), reason="it reads what Linux says of a process")
def test_a_thread_does_not_rename_the_process() -> None:
    """The main thread does, also in a handler of a signal, and a thread that has forked is one."""
    code = """
import os, signal, threading, warnings
warnings.simplefilter("ignore")  # of a fork beside threads, where these are native
def name():
    with open("/proc/self/comm") as file:
        return file.read().strip()
first = name()
def work():
    assert name() == first
    threading.current_thread().name = "renamed"
    assert name() == first
    child = os.fork()
    if not child:
        threading.current_thread().name = "child"
        os._exit(name() == "child")
    assert os.waitpid(child, 0) == (child, 1 << 8)
thread = threading.Thread(target=work, name="worker")
thread.start()
thread.join()
print(name() == first, thread.name)
threading.current_thread().name = "main"
print(name())
def handler(*_):
    threading.current_thread().name = "handled"
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.01)
signal.pause()
print(name())
try:
    threading._set_name(5)
except TypeError as error:
    print(error)
"""
    assert "handled" in same(code)
