"""Libraries whose threads have to run while the program does not keep native ones."""

from __future__ import annotations

import pathlib

import pytest
from conftest import run_python


def run(folder: pathlib.Path, **files: str) -> None:
    """A program that imports an ipykernel of ours; it asserts its facts itself."""
    (folder / "ipykernel").mkdir()
    (folder / "ipykernel" / "__init__.py").touch()
    for name, text in files.items():
        (folder / f"{name}.py" if name == "app" else folder / "ipykernel" / f"{name}.py").write_text(text)
    done = run_python(str(folder / "app.py"), spec="all", cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", ""), done


HEART = """
import threading, queue
from queue import Queue
from threading import Thread, Event

class Heartbeat(Thread):
    def __init__(self, step):
        Thread.__init__(self, daemon=True)
        self.step = step
    def run(self):
        self.step()
"""
APP = """
import threading, queue, time
{first}
from ipykernel import heartbeat
import lazypatch
{then}
assert lazypatch.state("native-threads") in ("installed", "late"), lazypatch.state("native-threads")
native = lazypatch.original("threading")
assert heartbeat.Event is native.Event is not threading.Event
assert heartbeat.threading.Thread is native.Thread and heartbeat.Heartbeat.__bases__ == (native.Thread,)
assert heartbeat.Queue is lazypatch.original("queue").Queue
beats = []
heartbeat.Heartbeat(lambda: beats.append(1)).start()
end = time.monotonic() + 20
while not beats and time.monotonic() < end:
    pass  # no greenlet would run meanwhile
assert beats
ended = []
threading.Thread(target=lambda: (time.sleep(.1), ended.append(1))).start()
heartbeat.Heartbeat(lambda: ended.append(2)).start()
time.sleep(.3)
assert sorted(ended) == [1, 2]
print("ok")
"""


@pytest.mark.parametrize(("first", "then"), [("", ""), ("import socket", "import ssl")])
def test_a_thread_that_beats_while_the_program_computes(tmp_path: pathlib.Path, first: str, then: str) -> None:
    run(tmp_path, heartbeat=HEART, app=APP.format(first=first, then=then))


def test_a_timer_of_pytest_timeout_fires_in_a_circle(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("pytest_timeout", reason="pytest-timeout is not installed")
    (tmp_path / "app.py").write_text(
        "import socket, pytest_timeout, os\n"
        "pytest_timeout.threading.Timer(.2, os._exit, (7,)).start()\n"
        "while True: pass\n"
    )
    assert run_python(str(tmp_path / "app.py"), spec="all", cwd=tmp_path).returncode == 7
