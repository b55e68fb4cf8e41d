"""importlib sees that two threads wait for each other, and lets one that installs a target go on with an error, once.

It may be any import that an install needs. Nothing is called failed and nobody is warned: the end of the next target's
import tries again, and what was taken out of the native one in between is mended.
"""

import sys

assert not {"gevent", "socket", "threading"} & set(sys.modules)
import types
import warnings

import ends_in_a_deadlock

import lazypatch

warnings.simplefilter("error")
warnings.filterwarnings("ignore", ".*_py_warnings._lock")  # from 3.14 on; the other native thread may be using it
once = ends_in_a_deadlock.Once("lazypatch._threads", "gevent.selectors")
import threading

assert once.raised == ["lazypatch._threads"], once.raised
# What is deferred while gevent loads may be imported right after it, and that tries again already.
assert lazypatch.state("threading") in ("waiting", "late"), lazypatch.state("threading")
user = sys.modules["user"] = types.ModuleType("user")  # not this one, which asks for originals
user.Lock = threading.Lock
import selectors

assert once.raised == list(once.names), once.raised
import subprocess

states = {name: lazypatch.state(name) for name in ("threading", "selectors", "subprocess", "time")}
assert set(states.values()) <= {"installed", "late"}, states
once.end()
import gevent.thread

assert threading.Lock is user.Lock is gevent.thread.LockType
print("ok")
