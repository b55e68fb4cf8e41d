"""Four native threads import watched modules over and over; each child that is forked meanwhile imports a target."""

import sys
import types

assert not {"gevent", "socket", "colorsys", "netrc", "quopri", "tabnanny"} & set(sys.modules)
import os
import signal
import warnings

import lazypatch

# From 3.12 on fork() warns of other threads while it holds the import lock, and to print that imports modules: with
# threads that import the same ones that is a deadlock of Python's own.
warnings.simplefilter("ignore", DeprecationWarning)

# gevent's fork loses a child that ends before gevent's hub was made.
fork, waitpid = (lazypatch.get_original("os", name) for name in ("fork", "waitpid"))
source = types.ModuleType("source")
NAMES = {"colorsys": "ONE_THIRD", "netrc": "netrc", "quopri": "encode", "tabnanny": "check"}
running = True
done = {}


def work(name: str) -> None:
    while running:
        sys.modules.pop(name, None)
        assert getattr(__import__(name), NAMES[name]) is source
    done[name].release()


for name, item in NAMES.items():
    setattr(source, item, source)
    lazypatch.patch_module(name, source, [item])
    done[name] = lazypatch.get_original("_thread", "allocate_lock")()
    done[name].acquire()
    lazypatch.get_original("_thread", "start_new_thread")(work, (name,))
for _ in range(20):
    assert "socket" not in sys.modules
    reader, writer = os.pipe()
    pid = fork()
    if not pid:
        signal.alarm(20)
        import socket

        os.write(writer, lazypatch.state("socket").encode())
        os._exit(0)
    os.close(writer)
    said = os.read(reader, 100)
    os.close(reader)
    assert said == b"installed", said
    try:
        waitpid(pid, 0)
    except ChildProcessError:  # a hub of the parent has come round, and its loop waits for every child
        pass
running = False
for lock in done.values():
    lock.acquire()
print("ok")
