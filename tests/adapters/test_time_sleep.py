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
there = []
def meet():
    there.append(1)
    while len(there) < 8: time.sleep(0.001)
threads = [threading.Thread(target=meet) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
"""
    run_code(code, spec="all")


def test_what_is_shorter_than_a_millisecond_is_not_rounded_up_to_one() -> None:
    """Fifty sleeps of a tenth of one are over before another thread's single sleep of forty; as often as it may take."""
    code = """
import threading, time
def fifty():
    for _ in range(50): time.sleep(0.0001)
    ended.append("fifty")
def one():
    time.sleep(0.04)
    ended.append("one")
for _ in range(20):
    ended = []
    threads = [threading.Thread(target=each) for each in (one, fifty)]
    for each in threads: each.start()
    for each in threads: each.join()
    if ended == ["fifty", "one"]: break
print(ended)
"""
    for spec in (None, "all"):
        assert run_code(code, spec=spec) == "['fifty', 'one']\n"


def test_short_sleeps_end_whoever_else_never_waits_and_whoever_is_killed_or_forks() -> None:
    code = """
import os, sys, threading, time, gevent
over = []
def spin():
    while not over: time.sleep(0)
def short():
    for _ in range(100): time.sleep(0.0002)
    over.append(1)
spinning, sleeping = threading.Thread(target=spin), threading.Thread(target=short)
spinning.start(); sleeping.start(); sleeping.join(); spinning.join()
for _ in range(20):
    sleeper = gevent.spawn(time.sleep, 0.0009)
    gevent.sleep(0)
    sleeper.kill()
try:
    with gevent.Timeout(0.01):
        while True: time.sleep(0.0001)
except gevent.Timeout: print("timeout")
stop = []
def for_ever():
    while not stop: time.sleep(0.0005)
threads = [threading.Thread(target=for_ever) for _ in range(3)]
for each in threads: each.start()
for _ in range(3):
    child = os.fork()
    if not child:
        time.sleep(0.0001); time.sleep(0.02)
        os._exit(gevent.get_hub()._lazypatch_short_sleeps._idle.active)  # it would keep the processor busy
    assert os.waitpid(child, 0)[1] == 0
stop.append(1)
for each in threads: each.join()
print("ok")
"""
    assert run_code(code, spec="all") == "timeout\nok\n"
