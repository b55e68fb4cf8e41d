"""A program in C that ends Python in its own exit(), as uWSGI's workers do: greenlets have ended before that."""

import pytest
from conftest import run_python

ENDS = """
import atexit, ctypes, logging, queue, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
logging.basicConfig(stream=sys.stdout, format="%(message)s")
threads = [threading.Thread(target=time.sleep, args=(0.01,)) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
with ThreadPoolExecutor(2) as pool: print(list(pool.map(abs, [1, -2])))
lock, jobs, done = threading.RLock(), queue.Queue(), threading.Event()
waits = threading.Thread(target=done.wait, daemon=True); waits.start()
if "signal" in sys.argv: import signal; signal.signal(signal.SIGTERM, print)
@atexit.register
def last():
    import colorsys  # with the lock of a module
    with lock: jobs.put(1); jobs.get()
    logging.warning("%s %s %s", threading.current_thread().name, jobs.qsize(), waits.is_alive() or "is gone")
    time.sleep(0.01); print("ended", flush=True)
"""
EXIT = """
exit_of_c = ctypes.PyDLL(None)
# The handler that C calls last, when greenlet has freed what it keeps for this thread.
finalize = ctypes.cast(ctypes.pythonapi.Py_FinalizeEx, ctypes.c_void_p)
exit_of_c.__cxa_atexit.argtypes = [ctypes.c_void_p] * 3
exit_of_c.__cxa_atexit(finalize, None, None)
exit_of_c.exit(7)
"""


@pytest.mark.parametrize("signal", ["", "signal"])
@pytest.mark.parametrize("spec", ["all", "gevent"])
def test_python_is_ended_in_the_exit_of_a_program_in_c(spec: str, signal: str) -> None:
    plain = run_python("-c", ENDS + EXIT, signal)
    armed = run_python("-c", ENDS + EXIT, signal, spec=spec)
    assert (plain.returncode, plain.stdout) == (7, "[1, 2]\nMainThread 0 True\nended\n"), plain.stderr
    # A daemon of plain Python goes on until Python is finalizing. A greenlet cannot.
    assert (armed.returncode, armed.stdout) == (7, "[1, 2]\nMainThread 0 is gone\nended\n"), armed.stderr
    assert armed.stderr == ""


def test_so_it_is_where_nobody_has_waited() -> None:
    """greenlet keeps something for the thread, and there is no hub."""
    code = """
import atexit, ctypes, threading
lock = threading.RLock()
with lock: print(threading.current_thread().name)
atexit.register(lambda: print(lock.acquire(), threading.get_ident() == threading.main_thread().ident, flush=True))
"""
    plain, armed = run_python("-c", code + EXIT), run_python("-c", code + EXIT, spec="all")
    assert (plain.returncode, plain.stdout) == (7, "MainThread\nTrue True\n"), plain.stderr
    assert (armed.returncode, armed.stdout, armed.stderr) == (plain.returncode, plain.stdout, "")
