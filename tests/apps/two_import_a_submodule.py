"""Two threads import ``logging.handlers``, and the first one has to load gevent before the body of ``logging`` runs.

Meanwhile it lets go of the lock of ``logging``. From Python 3.15 on the other thread then takes that one first and waits
for the submodule's: the first must not hold that, or each waits for the other.
"""

import _frozen_importlib
import _thread
import faulthandler
import sys
import warnings

import lazypatch

assert not {"gevent", "logging", "threading"} & set(sys.modules)
faulthandler.dump_traceback_later(40, exit=True)
warnings.simplefilter("error", lazypatch.LazyPatchWarning)
start = lazypatch.get_original("_thread", "start_new_thread")
ended, errors, others = _thread.allocate_lock(), [], []
ended.acquire()


def bring():
    try:
        import logging.handlers  # noqa: F401
    except BaseException as error:
        errors.append(repr(error))


def other_thread():
    others.append(_thread.get_ident())
    bring()
    ended.release()


def waits():
    """Whether the other thread waits for a lock, or for who loads gevent."""
    waiting = sys.modules.get("lazypatch._turns")
    return others and (_frozen_importlib._blocking_on.get(others[0]) or others[0] in getattr(waiting, "_awaited", ()))


def look(event, args):
    if event == "import" and args[0] == "gevent" and not others:
        start(other_thread, ())
        while not waits():
            pass


sys.addaudithook(look)
bring()
while not ended.acquire(False):
    sys.modules["gevent"].sleep(0.001)
assert not errors, errors
assert others
for name in ("threading", "socket", "queue", "signal"):
    __import__(name)
    assert lazypatch.state(name) in ("installed", "late"), (name, lazypatch.state(name))
faulthandler.cancel_dump_traceback_later()
print("ok", flush=True)
