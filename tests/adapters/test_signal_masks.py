"""A signal mask belongs to a thread (signal_masks.py)."""

from __future__ import annotations

import pytest
from conftest import all_the_same_as_plain, run_python

START = """
import os, signal, sys, threading, time
assert ("gevent" in sys.modules) == (sys.argv[1] == "all")
USR1, USR2, TERM = signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM
def mask(*change):
    return sorted(signal.pthread_sigmask(*change or (signal.SIG_BLOCK, ())))
def in_thread(step, *args):
    thread = threading.Thread(target=step, args=args)
    thread.start()
    return thread
def stays():
    began.set()
    end.wait()
began, end, came = threading.Event(), threading.Event(), threading.Event()
def handler(number, frame):
    print("handled", signal.Signals(number).name, threading.current_thread().name)
    came.set()
for each in USR1, TERM:
    signal.signal(each, handler)
"""


def same(code: str) -> str:
    """What *code* prints, which is the same without lazypatch."""
    return all_the_same_as_plain(START + code, PYTHONWARNINGS="ignore")  # of fork() beside threads


def test_a_thread_that_blocks_all_leaves_signals_to_the_main_thread() -> None:
    code = """
def work():
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    print(len(mask()) > 50)
    stays()
thread = in_thread(work)
began.wait()
print(mask())
os.kill(os.getpid(), TERM)
came.wait()
end.set()
thread.join()
"""
    assert same(code) == "True\n[]\nhandled SIGTERM MainThread\n"


def test_what_the_main_thread_blocks_is_blocked_once_nobody_else_does_not() -> None:
    code = """
thread = in_thread(stays)
began.wait()
print(mask(signal.SIG_BLOCK, [USR1]), mask())
end.set()
thread.join()
os.kill(os.getpid(), USR1)
time.sleep(0.01)
print(came.is_set(), sorted(signal.sigpending()))
mask(signal.SIG_SETMASK, [])
came.wait()
"""
    # Natively the thread may still be there for the system for a moment after it was joined.
    printed = run_python("-c", START + code, "all", spec="all").stdout.splitlines()
    assert printed[1:] == ["False [<Signals.SIGUSR1: 10>]", "handled SIGUSR1 MainThread"]


def test_a_thread_begins_with_the_mask_of_who_starts_it() -> None:
    code = """
def outer():
    mask(signal.SIG_BLOCK, [USR1, USR2])
    in_thread(inner).join()
    print("outer", mask())
def inner():
    print("inner", mask(signal.SIG_UNBLOCK, [USR2]))
    in_thread(lambda: print("innermost", mask())).join()
in_thread(outer).join()
print(mask())
mask(signal.SIG_BLOCK, [TERM])
in_thread(lambda: print(mask())).join()
"""
    assert same(code).count("SIGUSR2") == 2


@pytest.mark.parametrize("how", ["fork", "subprocess", "_posixsubprocess", "posix_spawn"])
def test_a_child_begins_with_the_mask_of_who_starts_it(how: str) -> None:
    code = """
import subprocess
SHOW = [sys.executable, "-S", "-c", "import signal; print(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())), flush=True)"]
def start():
    sys.stdout.flush()
    if how == "fork":
        child = os.fork()
        if not child:
            print(mask(), flush=True)
            in_thread(lambda: print(mask(), flush=True)).join()
            os._exit(0)
        os.waitpid(child, 0)
    elif how == "subprocess":
        subprocess.run(SHOW, env={**os.environ, "PYTHONCOOPPATCH": ""})
    elif how == "posix_spawn":
        os.waitpid(os.posix_spawn(SHOW[0], SHOW, {**os.environ, "PYTHONCOOPPATCH": ""}), 0)
    else:
        from multiprocessing import util
        os.environ["PYTHONCOOPPATCH"] = ""
        os.waitpid(util.spawnv_passfds(os.fsencode(SHOW[0]), SHOW, ()), 0)
def work():
    mask(signal.SIG_BLOCK, [USR1])
    start()
    stays()
thread = in_thread(work)
began.wait()
start()
print(mask())
end.set()
thread.join()
"""
    printed = same(f"how = {how!r}\n{code}").splitlines()
    assert len(printed) == (5 if how == "fork" else 3)
    assert printed[0] == "[<Signals.SIGUSR1: 10>]"
    assert printed[-1] == "[]"


def test_a_signal_that_is_sent_to_a_thread_waits_for_it() -> None:
    code = """
def work():
    mask(signal.SIG_BLOCK, [USR1, USR2])
    began.set()
    end.wait()
    print(signal.sigwait([USR1]).name, threading.current_thread().name)
    end.clear()
    began.set()
    end.wait()
    mask(signal.SIG_UNBLOCK, [USR1])
thread = in_thread(work)
began.wait()
signal.pthread_kill(thread.ident, USR1)
began.clear()
end.set()
began.wait()
signal.pthread_kill(thread.ident, USR1)
time.sleep(0.01)
print(came.is_set(), mask())
end.set()
while not came.wait(0.01):  # natively a wait without an end is not interrupted by what came to another thread
    pass
thread.join()
"""
    assert same(code).splitlines()[1:] == ["False []", "handled SIGUSR1 MainThread"]


def test_arguments_are_refused_as_they_are_natively() -> None:
    code = """
def work():
    for change in (99, []), (signal.SIG_BLOCK, [0]), (signal.SIG_BLOCK, [1000]), (signal.SIG_BLOCK, 3), ():
        try:
            print(signal.pthread_sigmask(*change))
        except Exception as error:
            print(type(error).__name__, error)
    print(mask(signal.SIG_BLOCK, [signal.SIGKILL, 40]), mask(signal.SIG_SETMASK, ()))
in_thread(work).join()
"""
    assert "TypeError" in same(code)


def test_nothing_is_kept_once_all_block_the_same() -> None:
    code = """
thread = in_thread(lambda: (mask(signal.SIG_BLOCK, [USR1]), mask(signal.SIG_UNBLOCK, [USR1]), stays()))
began.wait()
from lazypatch.adapters import signal_masks
print(signal_masks.are_kept(), mask())
end.set()
"""
    assert run_python("-c", START + code, "all", spec="all").stdout == "False []\n"
