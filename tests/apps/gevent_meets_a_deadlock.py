"""importlib sees that two threads wait for each other, and lets the one that loads gevent go on with an error, once.

gevent is not broken: the next that comes loads it, nothing is called failed, and nobody is warned.
"""

import sys

assert not {"gevent", "socket", "threading"} & set(sys.modules)
import _frozen_importlib
import _thread
import warnings

import lazypatch

warnings.simplefilter("error")
ended, gate = _thread.allocate_lock(), _thread.allocate_lock()
ended.acquire()
gate.acquire()


class Once:
    """Stands for the other thread's part in it."""

    raised = False

    def find_spec(self, name, path=None, target=None):
        if name == "gevent.lock" and not self.raised:
            self.raised = True
            raise _frozen_importlib._DeadlockError("deadlock detected by _ModuleLock('gevent.lock')")


def other():
    gate.acquire()
    ended.release()


lazypatch.get_original("_thread", "start_new_thread")(other, ())
while not _thread._count():
    pass
once = Once()
sys.meta_path.insert(1, once)
import socket

assert once.raised
import queue

assert {lazypatch.state(name) for name in ("socket", "queue", "threading", "time")} <= {"installed", "late"}
gate.release()
ended.acquire()
import gevent.socket

assert socket.socket is gevent.socket.socket
print("ok")
