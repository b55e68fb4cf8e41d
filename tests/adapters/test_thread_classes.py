"""The classes of threads are related as Python documents it."""

from __future__ import annotations

import pytest
from conftest import run_code


@pytest.mark.parametrize("spec", ["all", "gevent,thread-classes"])
def test_every_thread_is_one(spec: str) -> None:
    """The main thread, one of _thread's, one that native code made, one of a subclass, and in a forked child."""
    code = """
import _thread, os, sys, threading, time
class Mine(threading.Thread):
    def run(self): seen.append(isinstance(self, threading.Thread))
seen = []
look = lambda: seen.append(isinstance(threading.current_thread(), threading.Thread))
Mine().start()
thread = threading.Thread(target=look)
print(repr(thread))
thread.start()
thread.join()
_thread.start_new_thread(look, ())
look()
while len(seen) < 4: time.sleep(0.001)
print(seen, isinstance(threading.main_thread(), threading.Thread), issubclass(threading.Timer, threading.Thread))
print(all(isinstance(each, threading.Thread) for each in threading.enumerate()), thread.is_alive())
if hasattr(os, "fork"):
    if not os.fork():
        look()
        os._exit(10 + seen.pop())
    print(os.wait()[1] >> 8)
"""
    assert run_code(code, spec=spec) == run_code(code)


def test_exit_raises_what_it_does_natively() -> None:
    code = """
import _thread, threading, time
def leave():
    try:
        _thread.exit()
    except SystemExit as error:
        print("leaves", error.code); left.append(1)
        raise
    print("not reached")
left = []
for start in (lambda: threading.Thread(target=leave).start(), lambda: _thread.start_new_thread(leave, ())):
    before = len(left)
    start()
    while len(left) == before: time.sleep(0.001)
time.sleep(0.05)
"""
    assert run_code(code, spec="all") == run_code(code)
