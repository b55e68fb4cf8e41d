"""ctypes.pythonapi.PyThreadState_SetAsyncExc() raises in the thread that it is told, as without lazypatch."""

from __future__ import annotations

from conftest import run_python

START = """
import ctypes, sys, threading, time
assert ("gevent" in sys.modules) == (sys.argv[1] == "all")
set_error = ctypes.pythonapi.PyThreadState_SetAsyncExc
class Stop(Exception):
    pass
def raise_in(thread, error=Stop):
    return set_error(ctypes.c_ulong(thread.ident), ctypes.py_object(error))
def work():
    try:
        ready.set()
        go.wait()
        for _ in range(1000):
            time.sleep(0)
        print("went on")
    except BaseException as error:
        print("raised", type(error).__name__, error.args)
        raise
    finally:
        print("finally")
ready, go = threading.Event(), threading.Event()
threading.excepthook = lambda args: print("hook", args.exc_type.__name__)
thread = threading.Thread(target=work)
"""


def same(code: str) -> str:
    """What *code* prints, which is the same without lazypatch."""
    plain, armed = (run_python("-c", START + code, spec or "none", spec=spec) for spec in (None, "all"))
    assert (armed.stdout, armed.returncode) == (plain.stdout, plain.returncode), armed.stderr
    return armed.stdout


def test_another_thread_ends_when_its_wait_does() -> None:
    code = """
thread.start(); ready.wait()
print(raise_in(thread), thread.is_alive())
go.set(); thread.join()
"""
    assert same(code) == "1 True\nraised Stop ()\nfinally\nhook Stop\n"


def test_an_exit_is_an_exception_like_others() -> None:
    code = """
thread.start(); ready.wait()
print(raise_in(thread, SystemExit))
go.set(); thread.join()
"""
    assert same(code) == "1\nraised SystemExit ()\nfinally\nhook SystemExit\n"


def test_the_last_one_counts_and_it_can_be_taken_back() -> None:
    code = """
thread.start(); ready.wait()
print(raise_in(thread, KeyError), raise_in(thread))
go.set(); thread.join()
ready.clear(); go.clear()
thread = threading.Thread(target=work)
thread.start(); ready.wait()
print(raise_in(thread), set_error(ctypes.c_ulong(thread.ident), None))
go.set(); thread.join()
print(raise_in(thread), set_error(ctypes.c_ulong(1), None))
"""
    assert same(code) == "1 1\nraised Stop ()\nfinally\nhook Stop\n1 1\nwent on\nfinally\n0 0\n"


def test_the_main_thread_and_oneself() -> None:
    code = """
def from_a_timer():
    print(raise_in(threading.main_thread()))
try:
    threading.Timer(0.01, from_a_timer).start()
    while True:
        time.sleep(0.001)
except Stop:
    print("stopped")
try:
    raise_in(threading.current_thread())
    while True:
        time.sleep(0.001)
except Stop:
    print("stopped myself")
"""
    assert same(code) == "1\nstopped\nstopped myself\n"


def test_types_of_arguments_can_be_set_and_wrong_ones_are_told() -> None:
    code = """
thread.start(); ready.wait()
try:
    set_error(thread.ident, Stop)
except ctypes.ArgumentError as error:
    print(error)
set_error.argtypes = [ctypes.c_ulong, ctypes.py_object]
print(set_error(thread.ident, Stop), set_error.__name__, isinstance(set_error, ctypes._CFuncPtr))
go.set(); thread.join()
"""
    said = same(code)
    assert "argument 1" in said or "argument 2" in said
    assert "1 PyThreadState_SetAsyncExc True\nraised Stop ()" in said
