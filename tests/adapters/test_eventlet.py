"""eventlet.monkey_patch() in an armed program: a clear word, and threads that go on."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from conftest import run_python

CODE = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
import eventlet
eventlet.monkey_patch()
eventlet.monkey_patch(socket=True)
import threading, time
begin = time.time()
threads = [threading.Thread(target=time.sleep, args=(.3,)) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(time.time() - begin < .6)
"""


def test_it_warns_once_and_changes_nothing() -> None:

    if find_spec("eventlet") is None:
        pytest.skip("eventlet is not installed")
    done = run_python("-c", CODE, spec="all")
    assert (done.returncode, done.stdout) == (0, "True\n"), done
    assert done.stderr.count("two hubs do not wake each other") == 1, done.stderr
