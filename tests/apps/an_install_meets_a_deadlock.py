"""importlib sees that two threads wait for each other, and lets one that installs a target go on with an error, once.

It may be any import that an install needs. Nothing is called failed and nobody is warned: the end of the next target's
import tries again, and what was taken out of the native one in between is mended.
"""

import sys

assert not {"gevent", "socket", "threading"} & set(sys.modules)
import _frozen_importlib
import _thread
import types
import warnings

import lazypatch

warnings.simplefilter("error")
warnings.filterwarnings("ignore", ".*_py_warnings._lock")  # from 3.14 on; the other native thread may be using it
ended, gate = _thread.allocate_lock(), _thread.allocate_lock()
ended.acquire()
gate.acquire()
NAMES = ("lazypatch._threads", "gevent.selectors")


class Once:
    """Stands for the other thread's part in it."""

    raised = []

    def find_spec(self, name, path=None, target=None):
        if name in NAMES and name not in self.raised:
            self.raised.append(name)
            raise _frozen_importlib._DeadlockError(f"deadlock detected by _ModuleLock('{name}')")


def other():
    gate.acquire()
    ended.release()


lazypatch.get_original("_thread", "start_new_thread")(other, ())
while not _thread._count():
    pass
once = Once()
sys.meta_path.insert(0, once)  # the next one finds what is lazypatch's own
import threading

assert once.raised == ["lazypatch._threads"], once.raised
assert lazypatch.state("threading") == "waiting", lazypatch.state("threading")
user = sys.modules["user"] = types.ModuleType("user")  # not this one, which asks for originals
user.Lock = threading.Lock
import selectors

assert once.raised == list(NAMES), once.raised
import subprocess

states = {name: lazypatch.state(name) for name in ("threading", "selectors", "subprocess", "time")}
assert set(states.values()) <= {"installed", "late"}, states
gate.release()
ended.acquire()
import gevent.thread

assert threading.Lock is user.Lock is gevent.thread.LockType
print("ok")
