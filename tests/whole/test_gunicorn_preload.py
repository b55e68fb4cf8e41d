"""gunicorn --preload with when=fork: a native master, cooperative workers, and the master's signals as in plain Python."""

from __future__ import annotations

import concurrent.futures
import contextlib
import importlib.util
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest
from conftest import HANGS_AFTER, clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(importlib.util.find_spec("gunicorn") is None, reason="gunicorn is not installed")
APP = """
import os, socket, sys, threading, time
from time import sleep
lock, there, VERSION = threading.Lock(), [], "1"

def app(environ, start_response):
    if environ["PATH_INFO"] == "/wait":
        print("it is being answered", file=sys.stderr, flush=True)
        sleep(0.3)
    if environ["PATH_INFO"] == "/meet":
        there.append(1)
        while len(there) < 8:
            sleep(0.001)
    with lock:
        said = f"{os.getpid()} {'gevent' in sys.modules} {type(lock).__mro__[1].__module__} {VERSION}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(said)))])
    return [said]
"""


class Server:
    """gunicorn with one worker, whose port is in its log."""

    def __init__(self, folder: pathlib.Path, spec: str | None, *words: str) -> None:
        (folder / "app.py").write_text(APP)
        self.log = folder / "log"
        more = {} if spec is None else {"PYTHONCOOPPATCH": spec}
        command = [sys.executable, "-m", "gunicorn", "-b", "127.0.0.1:0", "--preload", "--no-control-socket", *words]
        with self.log.open("w") as log:
            self.child = subprocess.Popen(
                [*command, "app:app"], cwd=folder, env=clean_environment(**more), stdout=log, stderr=log
            )

    def until(self, pattern: str) -> str:
        """What *pattern* finds in the log."""
        end = time.monotonic() + HANGS_AFTER
        while not (found := re.search(pattern, self.log.read_text())):
            assert self.child.poll() is None and time.monotonic() < end, self.log.read_text()
            time.sleep(0.02)
        return found[1]

    def get(self, path: str = "/") -> list[str]:
        """The worker's pid, whether it has gevent, whose its lock's class is, the version of the application."""
        url = self.until(r"Listening at: (\S+)") + path
        with urllib.request.urlopen(url, timeout=HANGS_AFTER) as answer:
            return str(answer.read().decode()).split()

    def end(self, number: int) -> tuple[int, bool, list[str]]:
        """The exit status after a signal, whether its worker is gone, and what was said that is no news."""
        worker = int(self.get()[0])
        self.child.send_signal(number)
        status = self.child.wait(HANGS_AFTER)
        with contextlib.suppress(OSError):
            os.kill(worker, 0)
            return status, False, []
        return status, True, [line for line in self.log.read_text().splitlines() if "[INFO]" not in line]


@contextlib.contextmanager
def serving(folder: pathlib.Path, spec: str | None, *words: str) -> Iterator[Server]:
    server = Server(folder, spec, *words)
    try:
        yield server
    finally:
        server.child.kill()
        server.child.wait()


WORKERS = {"sync": ["-k", "sync"], "gthread": ["-k", "gthread", "--threads", "8"]}


@pytest.mark.parametrize("kind", WORKERS)
def test_a_worker_is_cooperative_and_the_master_native(kind: str, tmp_path: pathlib.Path) -> None:
    with serving(tmp_path, "all,when=fork", *WORKERS[kind]) as server:
        assert server.get()[1:3] == ["True", "gevent._gevent_c_semaphore"]
        if kind == "gthread":
            with concurrent.futures.ThreadPoolExecutor(8) as pool:  # each is answered when all are there
                assert {pid for pid, *_ in pool.map(server.get, ["/meet"] * 8)} == {server.get()[0]}
        if sys.platform == "linux":
            assert "greenlet" not in pathlib.Path(f"/proc/{server.child.pid}/maps").read_text()
        assert server.end(signal.SIGTERM) == (0, True, [])


@pytest.mark.parametrize("kind", WORKERS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT, signal.SIGINT])
def test_it_ends_as_in_plain_python(number: int, kind: str, tmp_path: pathlib.Path) -> None:
    found = []
    for spec in None, "all,when=fork":
        with serving(tmp_path, spec, *WORKERS[kind]) as server:
            server.get()
            found.append(server.end(number))
    plain, armed = found
    assert plain[:2] == armed[:2] and armed[1]
    # A signal may meet the worker where it has just answered, which gunicorn logs: frames may be ours, and nothing else.
    said = [line for line in armed[2] if not line.startswith("  File ")]
    assert not [line for line in said if re.search("lazypatch|LoopExit|BlockingSwitchOut|Exception ignored", line)]


@pytest.mark.parametrize("kind", WORKERS)
def test_term_lets_the_request_end_that_is_being_answered(kind: str, tmp_path: pathlib.Path) -> None:
    with serving(tmp_path, "all,when=fork", *WORKERS[kind]) as server:
        server.get()
        answers: list[list[str]] = []
        thread = threading.Thread(target=lambda: answers.append(server.get("/wait")))
        thread.start()
        server.until("(it is being answered)")
        server.child.send_signal(signal.SIGTERM)
        thread.join()
        assert answers[0][1] == "True" and server.child.wait(HANGS_AFTER) == 0


@pytest.mark.parametrize("kind", WORKERS)
def test_hup_has_other_workers_which_are_armed_too(kind: str, tmp_path: pathlib.Path) -> None:
    """With --preload the application stays the one that was loaded, as in plain Python."""
    with serving(tmp_path, "all,when=fork", *WORKERS[kind]) as server:
        first = server.get()
        (tmp_path / "app.py").write_text(APP.replace('"1"', '"2"'))
        server.child.send_signal(signal.SIGHUP)
        end = time.monotonic() + HANGS_AFTER
        while (now := server.get())[0] == first[0]:
            assert time.monotonic() < end, server.log.read_text()
            time.sleep(0.05)
        assert now[1:] == first[1:] == ["True", "gevent._gevent_c_semaphore", "1"]
        assert server.end(signal.SIGTERM) == (0, True, [])
