"""What took the RLock class, a queue class or one of sqlite3's before they were armed gets what replaced them."""

import _thread
import queue
import sqlite3
import sys
import threading
import types

maker = sys.modules["maker"] = types.ModuleType("maker")
exec("from _thread import RLock; from queue import Queue; from sqlite3 import connect, Connection", vars(maker))
exec("class Mine(Queue): pass\nclass Base(Connection): pass\nmine = Mine()", vars(maker))

import lazypatch  # noqa: E402

lazypatch.enable("all")
assert maker.RLock is _thread.RLock is not lazypatch.get_original("_thread", "RLock")
assert maker.Queue is queue.Queue and maker.connect is sqlite3.connect
thread = threading.Thread(target=maker.mine.put, args=(1,))
thread.start()
assert maker.mine.get(timeout=20) == 1
thread.join()
told = [reference.place for reference in lazypatch.report().references if reference.kind == "subclass"]
assert told == ["maker.Base"], told  # not our own classes
print("ok")
