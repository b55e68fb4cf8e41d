"""What the garbage collector calls may wait wherever it runs, in the event loop as well (finalizers.py)."""

from __future__ import annotations

import importlib.util

import pytest
from conftest import APPS, all_the_same_as_plain, run_python

# gevent's loops that can be had here, which are written with cffi but for one; and gevent without its modules in C.
CFFI = ["GEVENT_LOOP=libev-cffi", "GEVENT_LOOP=libuv-cffi"] if importlib.util.find_spec("_cffi_backend") else []
APP = str(APPS / "waits_in_finalizers.py")


@pytest.mark.parametrize("setting", ["GEVENT_LOOP=libev-cext", "PURE_PYTHON=1", *CFFI])
def test_every_wait_is_as_it_is_natively(setting: str) -> None:
    plain = run_python(APP)
    armed = run_python(APP, spec="all", **dict([setting.split("=")]))
    assert (armed.stdout, armed.returncode) == (plain.stdout, 0), armed.stderr
    assert len(plain.stdout.splitlines()) > 20
    assert "Error" not in plain.stdout + armed.stderr


def test_without_the_adapter_gevent_refuses_its_own_waits() -> None:
    code = (
        WAITS
        + """
began.wait()
over.wait()
"""
    )
    without = code.replace("go.wait()", "one, two = socket.socketpair(); one.settimeout(5); one.recv(1)")
    armed = run_python("-c", without, "all", spec="all,-finalizers")
    assert armed.stderr.rstrip().endswith("Impossible to call blocking function in the event loop callback")
    with_it = without.replace("go.wait()", "pass").replace("settimeout(5)", "settimeout(0.01)")
    armed = run_python("-c", with_it, "all", spec="all")
    assert armed.stderr.rstrip().endswith("TimeoutError: timed out")


WAITS = """
import gc, socket, sys, threading, time
assert ("gevent" in sys.modules) == (sys.argv[1] == "all")
class Waits:
    def __init__(self):
        self.me = self
    def __del__(self):
        began.set()
        try:
            go.wait()
            print("waited")
        finally:
            over.set()
began, go, over = threading.Event(), threading.Event(), threading.Event()
def collect():
    if "gevent" in sys.modules:
        import gevent.hub
        gevent.hub.get_hub().loop.run_callback(gc.collect)
    else:
        threading.Thread(target=gc.collect).start()
gc.disable()
threading.Thread(target=int).start()
Waits()
collect()
began.wait()
"""


def same(code: str) -> str:
    """What WAITS and *code* print, which is the same without lazypatch."""
    return all_the_same_as_plain(WAITS + code, PYTHONWARNINGS="ignore")  # of fork() beside threads


def test_the_others_run_meanwhile() -> None:
    code = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor() as pool:
    print(list(pool.map(lambda n: time.sleep(0.01) or n, range(5))))
go.set()
over.wait()
"""
    assert same(code) == "[0, 1, 2, 3, 4]\nwaited\n"


def test_a_child_that_is_forked_meanwhile_goes_on_without_it() -> None:
    code = """
import os
sys.stdout.flush()
child = os.fork()
if not child:
    done = threading.Event()
    threading.Thread(target=done.set).start()
    done.wait()
    go.set()
    print("child")
    sys.exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
go.set()
over.wait()
"""
    assert same(code) == "child\n7\nwaited\n"


def test_a_signal_that_comes_meanwhile_is_handled_by_the_main_thread() -> None:
    code = """
import signal
def handler(*_):
    time.sleep(0.01)
    print("handled", threading.current_thread().name)
    raise KeyError("from the handler")
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.05)
try:
    threading.Event().wait()
except KeyError as error:
    print(error)
go.set()
over.wait()
"""
    assert same(code) == "handled MainThread\n'from the handler'\nwaited\n"


def test_the_program_does_not_end_in_the_middle_of_it() -> None:
    code = """
threading.Timer(0.05, go.set).start()
"""
    assert same(code) == "waited\n"


def test_a_wait_inside_of_such_a_wait_is_refused_and_harms_nobody() -> None:
    code = """
import gevent.hub
def inside():
    try:
        threading.Event().wait(5)
    except gevent.exceptions.BlockingSwitchOutError:
        print("refused")
gevent.hub.get_hub().loop.run_callback(inside)
time.sleep(0)
print("goes on")
go.set()
over.wait()
"""
    armed = run_python("-c", WAITS + code, "all", spec="all")
    assert (armed.stdout, armed.stderr, armed.returncode) == ("refused\ngoes on\nwaited\n", "", 0)


def test_time_outs_of_gevents_end_such_a_wait() -> None:
    code = """
class Ends(Waits):
    def __del__(self):
        with gevent.Timeout(0.01, False):
            threading.Event().wait()
        print("timed out")
        done.set()
import gevent
done = threading.Event()
go.set()
over.wait()
time.sleep(0)
Ends()
collect()
done.wait()
"""
    armed = run_python("-c", WAITS + code, "all", spec="all")
    assert (armed.stdout, armed.stderr, armed.returncode) == ("waited\ntimed out\n", "", 0)


def test_the_collector_is_asked_for_only_where_there_is_a_hub() -> None:
    code = """
import gc, threading
print(len(gc.callbacks))
threading.Thread(target=int).start()
print([function.__module__ for function in gc.callbacks])
"""
    assert run_python("-c", code, spec="all").stdout == "0\n['lazypatch.adapters.finalizers']\n"
