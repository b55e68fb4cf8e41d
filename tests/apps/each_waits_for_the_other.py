"""A thread that is importing something waits for gevent, and whoever loads gevent waits for that import.

Natively there is nothing to wait for, so it must not hang. What was taken in between is mended.
"""

import _thread
import faulthandler
import sys

import lazypatch

faulthandler.dump_traceback_later(40, exit=True)
import zope.event

assert not {"gevent", "socket", "threading", "queue"} & set(sys.modules)
start = lazypatch.get_original("_thread", "start_new_thread")
begun, gevent_is_loading, ended = [_thread.allocate_lock() for _ in range(3)]
for lock in (begun, gevent_is_loading, ended):
    lock.acquire()
met = []


def subscriber(event):
    if not met:
        met.append(event)
        gevent_is_loading.release()
        import takes_a_name_meanwhile  # noqa: F401


def other_thread():
    import takes_a_name_meanwhile  # noqa: F401

    ended.release()


zope.event.subscribers.append(subscriber)
start(other_thread, ())
begun.acquire()
import queue  # noqa: E402, F401

while not ended.acquire(False):
    sys.modules["gevent"].sleep(0.001)
faulthandler.cancel_dump_traceback_later()
import gevent.socket  # noqa: E402
import takes_a_name_meanwhile  # noqa: E402

import socket  # noqa: E402

assert met
assert socket.create_connection is gevent.socket.create_connection, lazypatch.state("socket")
assert takes_a_name_meanwhile.create_connection is gevent.socket.create_connection
assert lazypatch.state("socket") == "late"
assert lazypatch.state("queue") == "installed"
print("ok", flush=True)
