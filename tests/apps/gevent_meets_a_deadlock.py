"""importlib sees that two threads wait for each other, and lets the one that loads gevent go on with an error, once.

gevent is not broken: the next that comes loads it, nothing is called failed, and nobody is warned.
"""

import sys

assert not {"gevent", "socket", "threading"} & set(sys.modules)
import warnings

import ends_in_a_deadlock

import lazypatch

warnings.simplefilter("error")
once = ends_in_a_deadlock.Once("gevent.lock")
import socket

assert once.raised
import queue

assert {lazypatch.state(name) for name in ("socket", "queue", "threading", "time")} <= {"installed", "late"}
once.end()
import gevent.socket

assert socket.socket is gevent.socket.socket
print("ok")
