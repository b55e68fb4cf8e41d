"""A thread imports ``in_a_circle``, which imports ``queue``; another one has the lock of ``queue`` and wants that module.

importlib ends such a circle with a _DeadlockError in one of them, also if the lock was let go of meanwhile; nothing
is left locked, and whoever comes next gets what was asked for.
"""

import _frozen_importlib
import _thread
import faulthandler
import sys
import warnings

import lazypatch

assert not {"gevent", "queue", "threading"} & set(sys.modules)
faulthandler.dump_traceback_later(40, exit=True)
warnings.simplefilter("error", lazypatch.LazyPatchWarning)
start = lazypatch.get_original("_thread", "start_new_thread")
ended, others = _thread.allocate_lock(), []
ended.acquire()


def other_thread():
    with _frozen_importlib._ModuleLockManager("queue"):
        others.append(_thread.get_ident())
        try:
            import in_a_circle  # noqa: F401
        except ImportError:
            pass
    ended.release()


def look(event, args):
    """When gevent is about to be loaded, the lock of ``queue`` is free."""
    if event == "import" and args[0] == "gevent" and not others:
        start(other_thread, ())
        while not (others and _frozen_importlib._blocking_on.get(others[0])):
            pass


sys.addaudithook(look)
try:
    import in_a_circle  # noqa: F401
except _frozen_importlib._DeadlockError:
    others.append("got away")
assert others[1:] == ["got away"]
while not ended.acquire(False):
    sys.modules["gevent"].sleep(0.001)
import in_a_circle
import queue

import gevent.queue

assert in_a_circle.Queue is queue.Queue is gevent.queue.Queue
for name in ("queue", "threading"):
    assert lazypatch.state(name) in ("installed", "late"), (name, lazypatch.state(name))
locks = [ref() for ref in _frozen_importlib._module_locks.values()]
assert not [lock.name for lock in locks if lock is not None and lock.owner is not None]
faulthandler.cancel_dump_traceback_later()
print("ok", flush=True)
