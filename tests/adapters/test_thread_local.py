"""threading.local is Python's for whoever looks: weak references, name, subclasses; each thread has its own values."""

import pytest
from conftest import run_code, same_as_plain

CASES = """
import gc, sys, threading, weakref
local = threading.local
assert not {"_threading_local", "gevent.local"} & set(before), before

def tell(call):
    try: print(call())
    except Exception as error: print(type(error).__name__)

class Plain(local): pass
class Made(local):
    number = 3
    def __init__(self, a, b=2): self.a, self.b = a, b
class Slots(local):
    __slots__ = ("shared",)
    def __getattr__(self, name): return name.upper()
class Other: pass
class Mixed(local, Other): pass
class Other_way(Other, local): pass

tell(lambda: (local, local.__module__, local.__name__, local.__doc__, type(local())))
tell(lambda: re_of(local()))
tell(lambda: local(1)); tell(lambda: Plain(1)); tell(lambda: vars(Made(1))); tell(lambda: Made())
for kind in (local, Plain, Slots, Mixed, Other_way):
    one = kind(); seen = weakref.ref(one); table = weakref.WeakKeyDictionary({one: 1})
    print(seen() is one, len(table)); del one; gc.collect(); print(seen(), len(table))
slots = Slots(); slots.shared = 5; slots.own = 3
tell(lambda: (slots.shared, slots.own, slots.other, slots.__dict__))
one, made, said = local(), Made(1, b=9), []
one.x = 1
class Gone:
    def __del__(self): said.append("gone")
def work():
    said.append((dict(vars(one)), dict(vars(made)), slots.shared, dict(vars(slots))))
    one.x, made.a, slots.shared, one.gone = 2, 8, 6, Gone()
thread = threading.Thread(target=work); thread.start(); thread.join()
gc.collect()
print(said, one.x, vars(made), slots.shared, hasattr(one, "gone"))
tell(lambda: setattr(one, "__dict__", {})); tell(lambda: delattr(one, "missing")); tell(lambda: one.missing)
import _thread, _threading_local
print(_thread._local is local, issubclass(Made, _thread._local))
"""


@pytest.mark.parametrize("wait", ["", "import time; time.sleep(0.001)\n"], ids=["no hub", "a hub"])
def test_it_is_as_in_plain_python(wait: str) -> None:
    code = f"import re, sys\nbefore = [*sys.modules]\nre_of = lambda x: re.sub('0x.*', '', repr(x))\n{wait}{CASES}"
    said = same_as_plain(code)
    assert said.count("True") > 3 and "gone" in said


def test_without_the_adapter_it_is_gevents() -> None:
    code = "import threading, sys; print(threading.local.__module__, 'lazypatch.adapters.thread_local' in sys.modules)"
    assert run_code(code, spec="all").split() == ["_thread", "True"]
    assert run_code(code, spec="all,-thread-local").split() == ["gevent._gevent_clocal", "False"]


def test_what_a_thread_had_is_gone_when_its_end_is_known_and_may_wait() -> None:
    code = """
import sys, threading, time
own, lock, said = threading.local(), threading.Lock(), []
class Gone:
    def __init__(self, wait): self.wait = wait
    def __del__(self):
        if self.wait:
            with lock: said.append("with the lock")
        said.append("gone")
def work(wait=False, start=None):
    if start: start.wait()
    own.x = Gone(wait)
start = threading.Event()
thread = threading.Thread(target=work, args=(False, start)); thread.start()
threading.Timer(0.01, start.set).start()
thread.join()
print(said)
del said[:]
lock.acquire()
thread = threading.Thread(target=work, args=(True,)); thread.start()
time.sleep(0.01); print(said); lock.release()
thread.join()
while sys.version_info < (3, 11) and len(said) < 2: time.sleep(0.001)
print(said)
"""
    assert same_as_plain(code).splitlines() == ["['gone']", "[]", "['with the lock', 'gone']"]
