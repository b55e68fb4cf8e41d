"""time.sleep() is what it is natively, and lets the others run."""

from __future__ import annotations

from conftest import run_code

CODE = """
import time, threading, fractions, decimal, pickle, inspect
threading.Thread(target=int).start()
def said(*args, **kwargs):
    try:
        return time.sleep(*args, **kwargs)
    except Exception as error:
        return type(error).__name__, str(error)
class Index:
    def __index__(self): return 0
print([said(x) for x in (-1, -0.1, float("nan"), 1 << 80, 1e300, "x", None, 0, 0.0, True, Index())])
print([said(fractions.Fraction(1, 1000)), said(decimal.Decimal("0.001")), said()[0], said(1, 2)[0], said(seconds=1)[0]])
class Waits:
    sleep = time.sleep
print(Waits().sleep(0.001), time.sleep.__name__, time.sleep.__module__, time.sleep.__doc__)
print(pickle.loads(pickle.dumps(time.sleep)) is time.sleep)
"""


def test_it_is_what_it_is_natively() -> None:
    assert run_code(CODE, spec="all") == run_code(CODE)


def test_the_others_run() -> None:
    code = """
import threading, time
begin = time.monotonic()
threads = [threading.Thread(target=time.sleep, args=(0.3,)) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
assert time.monotonic() - begin < 1.2
"""
    run_code(code, spec="all")
