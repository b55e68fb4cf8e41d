"""A program in C that has Python in it keeps the handlers of signals that it has put over Python's."""

import pytest
from conftest import run_code

# What embeds Python gives it no command line; ctypes puts the handler there as a program in C does.
EMBEDS = """
import ctypes, os, signal, sys, threading, time
sys.orig_argv = []
came = []
handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(came.append)
if FOREIGN: ctypes.CDLL(None).signal(signal.SIGINT, handler)
signal.signal(signal.SIGTERM, lambda *given: came.append("TERM"))
thread = threading.Thread(target=time.sleep, args=(0.01,)); thread.start(); thread.join()
try:
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(1000): time.sleep(0.001)
except KeyboardInterrupt: came.append("KeyboardInterrupt")
os.kill(os.getpid(), signal.SIGTERM)
while "TERM" not in came: time.sleep(0.001)
print(came, signal.getsignal(signal.SIGRTMAX) is signal.SIG_DFL)
"""


@pytest.mark.parametrize("foreign", [False, True])
@pytest.mark.parametrize("first", ["", "import subprocess\n"])
def test_a_handler_of_c_stays(first: str, foreign: bool) -> None:
    code = first + EMBEDS.replace("FOREIGN", str(foreign))
    wanted = "[2, 'TERM'] True\n" if foreign else "['KeyboardInterrupt', 'TERM'] True\n"
    assert run_code(code) == run_code(code, spec="all") == wanted


def test_a_handler_of_c_stays_where_signal_is_not_imported() -> None:
    code = EMBEDS.replace("FOREIGN", "True").replace("ctypes, os, signal,", "ctypes, os, _signal as signal,")
    assert run_code(code) == run_code(code, spec="all") == "[2, 'TERM'] True\n"
