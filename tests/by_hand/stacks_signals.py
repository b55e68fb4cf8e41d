"""The rows of stacks.py that are sent what reloads a server, changes the number of its workers, or ends one of them."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from stacks import OURS, Done, start, stop, write
from stacks_servers import GUNICORN, UVICORN, _free_port, _get, _until_it_answers

PATIENCE = 25.0  # seconds for each step
APP = {
    "app.py": "import time\nVERSION = b'first'\ndef app(environ, start_response):\n"
    "    if environ['PATH_INFO'] == '/waits': time.sleep(0.4)\n    if environ['PATH_INFO'] == '/hangs': time.sleep(60)\n"
    "    end = time.monotonic() + 5 * (environ['PATH_INFO'] == '/computes')\n    while time.monotonic() < end: pass\n"
    "    start_response('200 OK', [('Content-Type', 'text/plain')])\n    return [VERSION]\n"
}
ASGI_APP = {
    "app.py": "import asyncio\nVERSION = b'first'\nasync def app(scope, receive, send):\n    if scope['type'] == 'lifespan':\n"
    "        while True:\n            message = await receive()\n"
    "            await send({'type': message['type'] + '.complete'})\n"
    "            if message['type'] == 'lifespan.shutdown': return\n"
    "    if scope['path'] == '/waits': await asyncio.sleep(0.4)\n"
    "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
    "    await send({'type': 'http.response.body', 'body': VERSION})\n"
}


def children(pid: int) -> list[int]:
    """The pids of its children that are not zombies, without multiprocessing's helpers."""
    found = []
    for word in os.listdir("/proc"):
        try:
            stat = pathlib.Path(f"/proc/{word}/stat").read_text().rpartition(")")[2].split() if word.isdigit() else []
            if stat and int(stat[1]) == pid and stat[0] != "Z":
                if b"resource_tracker" not in pathlib.Path(f"/proc/{word}/cmdline").read_bytes():
                    found.append(int(word))
        except OSError:  # it has ended meanwhile
            continue
    return sorted(found)


def until(holds: Callable[[], object]) -> str:
    """Whether that came true in time."""
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            return "never"
        time.sleep(0.1)
    return "yes"


@dataclass
class Running:
    """A server that was started, in whose folder the application may be changed."""

    child: subprocess.Popen[str]
    url: str
    folder: pathlib.Path
    log: Callable[[], str]

    def send(self, number: int) -> None:
        self.child.send_signal(number)

    def change(self) -> None:
        """Another version of the application."""
        path = self.folder / "app.py"
        path.write_text(path.read_text().replace("b'first'", "b'the second'"))

    def version(self) -> str:
        return _get(self.url, 5)

    def workers(self) -> list[int]:
        return children(self.child.pid)

    def during(self, act: Callable[[], object]) -> str:
        """What a request is answered that is under way while *act* is done."""
        answers: list[str] = []
        thread = threading.Thread(target=lambda: answers.append(_get(f"{self.url}waits")))
        thread.start()
        time.sleep(0.15)
        act()
        thread.join()
        return answers[0]


def reload(it: Running) -> dict[str, object]:
    """SIGHUP: other workers, which load the application anew; what is being answered is answered."""
    old = it.workers()
    it.change()
    answered = it.during(lambda: it.send(signal.SIGHUP))
    new = until(lambda: len(it.workers()) == len(old) and not set(old) & set(it.workers()))
    return {"HUP, a request under way": answered, "HUP, other workers": new, "HUP, then": it.version()}


def more_and_fewer(it: Running) -> dict[str, object]:
    """SIGTTIN and SIGTTOU: one worker more, and one less again."""
    count = len(it.workers())
    found: dict[str, object] = {}
    for number, wanted in ((signal.SIGTTIN, count + 1), (signal.SIGTTOU, count)):
        it.send(number)
        found[number.name[3:]] = until(lambda wanted=wanted: len(it.workers()) == wanted)  # type: ignore[misc]
    return {**found, "TTIN and TTOU, then": it.version()}


def worker_killed(it: Running) -> dict[str, object]:
    """A worker that dies is replaced."""
    old = it.workers()
    os.kill(old[0], signal.SIGKILL)
    new = until(lambda: len(it.workers()) == len(old) and old[0] not in it.workers())
    return {"a worker killed, replaced": new, "a worker killed, then": it.version()}


def worker_timeout(it: Running) -> dict[str, object]:
    """A worker that gives no sign for --timeout seconds is killed and replaced."""
    answer = _get(f"{it.url}hangs", 8)
    return {
        "timeout, the request": answer,
        "timeout, told": "WORKER TIMEOUT" in it.log(),
        "timeout, then": it.version(),
    }


def computes(it: Running) -> dict[str, object]:
    """A request that takes longer than --timeout, and never waits."""
    return {"computes": _get(f"{it.url}computes", 15), "computes, timeout told": "WORKER TIMEOUT" in it.log()}


def another_master(it: Running) -> dict[str, object]:
    """SIGUSR2: a second master takes over the socket; the first ends on SIGTERM, then the second."""
    second = it.folder / "pid.2"
    it.change()
    it.send(signal.SIGUSR2)
    began = until(lambda: second.exists() and children(int(second.read_text())))
    if began != "yes":
        return {"USR2, a second master": began}
    pid = int(second.read_text())
    it.send(signal.SIGTERM)
    status = it.child.wait(PATIENCE)
    then = it.version()
    os.kill(pid, signal.SIGTERM)
    return {
        "USR2, a second master": began, "USR2, the first one's status": status, "USR2, then": then,
        "USR2, the second one ends": until(lambda: _is_gone(pid)),
    }  # fmt: skip


def touched(it: Running) -> dict[str, object]:
    """--reload: the application's file was changed."""
    it.change()
    return {"a changed file is loaded": until(lambda: "the second" in it.version())}


def _is_gone(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@dataclass
class Signalled:
    """A server, and what is done to it, one after the other."""

    name: str
    dist: str
    words: list[str]
    files: dict[str, str]
    steps: list[Callable[[Running], dict[str, object]]]
    unlike: str = ""
    spec: str = "all"
    env: dict[str, str] = field(default_factory=dict)

    def run(self, spec: str | None) -> Done:
        """All steps, then SIGTERM."""
        done, begin = Done(""), time.monotonic()
        with tempfile.TemporaryDirectory(prefix="stack") as name, tempfile.TemporaryFile("w+") as log:
            folder, port = pathlib.Path(name), _free_port()
            write(folder, self.files)
            child = start([word.replace("PORT", str(port)) for word in self.words], folder, spec, self.env, log)
            it = Running(
                child, f"http://127.0.0.1:{port}/", folder, lambda: os.pread(log.fileno(), 1 << 20, 0).decode()
            )
            try:
                _until_it_answers(it.url, child)
                for step in self.steps:
                    done.more |= step(it)
                if child.poll() is None:
                    child.terminate()
                done.more["TERM"] = child.wait(15)
            except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
                done.more["went wrong"] = type(error).__name__
            finally:
                stop(child)
            done.err = "\n".join(line for line in it.log().splitlines() if OURS.search(line))
            done.more["tracebacks"] = it.log().count("Traceback (most")
        done.status = (
            ", ".join(f"{name}: {found}" for name, found in done.more.items() if found in ("never", "hangs"))
            or "all right"
        )
        done.took = time.monotonic() - begin
        return done


_MASTER = [*GUNICORN, "--pid", "pid", "--no-control-socket"]
_THREADS = ["-k", "gthread", "--threads", "4"]
_WORKERS = [reload, more_and_fewer, worker_killed]

SIGNALLED = [
    Signalled("gunicorn sync: HUP, TTIN, TTOU, timeout", "gunicorn", [*_MASTER, "--timeout", "3", "app:app"], APP, [*_WORKERS, worker_timeout]),
    Signalled("gunicorn gthread: HUP, TTIN, TTOU", "gunicorn", [*_MASTER, *_THREADS, "app:app"], APP, _WORKERS),
    Signalled("gunicorn gevent: HUP, TTIN, TTOU", "gunicorn", [*_MASTER, "-k", "gevent", "app:app"], APP, _WORKERS),
    Signalled("gunicorn sync: USR2", "gunicorn", [*_MASTER, "app:app"], APP, [another_master]),
    Signalled("gunicorn gthread: USR2", "gunicorn", [*_MASTER, *_THREADS, "app:app"], APP, [another_master]),
    Signalled("gunicorn gthread, a request that computes for long", "gunicorn", [*_MASTER, *_THREADS, "--timeout", "3", "app:app"], APP, [computes], unlike="threads are greenlets, so the worker gives no sign while one computes: raise --timeout"),
    Signalled("gunicorn gthread --preload, when=fork", "gunicorn", [*_MASTER, *_THREADS, "--preload", "app:app"], APP, _WORKERS, spec="all,when=fork"),
    Signalled("gunicorn sync --preload, when=fork: timeout", "gunicorn", [*_MASTER, "--preload", "--timeout", "3", "app:app"], APP, [*_WORKERS, worker_timeout], spec="all,when=fork"),
    Signalled("gunicorn sync --preload, when=fork: USR2", "gunicorn", [*_MASTER, "--preload", "app:app"], APP, [another_master], spec="all,when=fork"),
    Signalled("uvicorn --workers 2: HUP, TTIN, TTOU", "uvicorn", [*UVICORN, "--workers", "2", "app:app"], ASGI_APP, _WORKERS),
    Signalled("uvicorn --reload, a changed file", "uvicorn", [*UVICORN, "--reload", "app:app"], ASGI_APP, [touched]),
    Signalled("gunicorn --reload, a changed file", "gunicorn", [*_MASTER, "--reload", "app:app"], APP, [touched]),
]  # fmt: skip
