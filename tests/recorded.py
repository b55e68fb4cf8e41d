"""Parent side of the conformance runs: one process per test module, watched; outcomes by test."""

from __future__ import annotations

import argparse
import json
import math
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from conftest import clean_environment

IDLE_AFTER = 20  # seconds without an outcome, in which the processes hardly used the processor
STALLS_AFTER = 60  # seconds without an outcome, whatever they did
CAP = 600  # seconds for one module in one column, then what is left hangs
RESTARTS = 6  # each hang or crash costs one; what is left after the last one did not run
FAILING = ("fail", "hang", "crash")


class Outcome(NamedTuple):
    """What became of one test, and what was said about it."""

    what: str
    text: str = ""


Outcomes = dict[str, Outcome]


class Job(NamedTuple):
    """One test module in one set of circumstances."""

    module: str
    setup: str = ""  # Python code that is executed first
    spec: str = ""  # PYTHONCOOPPATCH
    armed_children: bool = False
    hanging: tuple[str, ...] = ()  # known to hang, so not tried
    only: tuple[str, ...] = ()  # if not empty, the tests to run
    plain: bool = False  # as they are, with no adjustment of gevent's
    idle_after: int = IDLE_AFTER
    cap: int = CAP
    recorder: str = "recorder.py"  # the program that runs the tests, in this file's folder
    python: str = sys.executable
    work: str = ""  # the folder to run in; one that is removed afterwards, if not given
    variables: tuple[tuple[str, str], ...] = ()  # of the environment, besides


def failing(outcomes: Outcomes) -> set[str]:
    """The tests that did not pass."""
    return {test for test, outcome in outcomes.items() if outcome.what in FAILING}


def ran(outcomes: Outcomes) -> set[str]:
    """The tests that ran; the end of the process is not a test."""
    return {test for test, outcome in outcomes.items() if outcome.what != "skip" and "<" not in test}


def run(job: Job) -> Outcomes:
    """Run *job*; after a hang or a crash another process runs what is left."""
    outcomes = {test: Outcome("hang", "not tried") for test in job.hanging}
    end = time.monotonic() + job.cap
    with tempfile.TemporaryDirectory(prefix="conformance", ignore_cleanup_errors=True) as folder:
        for _ in range(RESTARTS):
            if _run_once(job, pathlib.Path(folder), outcomes, end):
                return outcomes
            if time.monotonic() > end:
                break
    outcomes["<rest>"] = Outcome("hang", f"gave up after {RESTARTS} processes or {job.cap} seconds")
    return outcomes


def _run_once(job: Job, folder: pathlib.Path, outcomes: Outcomes, end: float) -> bool:
    """Run what is not in *outcomes* yet and add it. False if there is something left to run."""
    files = {name: folder / name for name in ("setup.py", "job.json", "results", "log")}
    files["setup.py"].write_text(job.setup, encoding="utf-8")
    files["results"].write_text("")
    given = {**job._asdict(), "results": str(files["results"]), "done": list(outcomes)}
    files["job.json"].write_text(json.dumps(given))
    with files["log"].open("wb") as log:
        ended = watch(_start(job, files, log), files["results"], end, job.idle_after)
    current, done = _read(files["results"], outcomes)
    said = files["log"].read_text(errors="replace")[-6000:]
    if done:
        if ended != 0:
            outcomes["<exit>"] = Outcome("hang" if ended is None else "fail", f"exit status {ended}\n{said}")
        return True
    outcomes[current or "<module>"] = Outcome("hang" if ended is None else "crash", f"exit status {ended}\n{said}")
    return not current


def _start(job: Job, files: dict[str, pathlib.Path], log: Any) -> subprocess.Popen[bytes]:
    work = files["log"].parent / "work"
    work.mkdir(exist_ok=True)
    recorder = str(pathlib.Path(__file__).with_name(job.recorder))
    arguments = [recorder, str(files["setup.py"]), str(files["job.json"])]
    return start(arguments, pathlib.Path(job.work or work), log, job.spec, job.python, **dict(job.variables))


def add_options(parser: argparse.ArgumentParser) -> None:
    """What each program that compares CPython's tests can be told: how many at once, and where outcomes and table go."""
    parser.add_argument("--jobs", type=int, default=1, help="how many modules to run at once")
    parser.add_argument("--results", type=pathlib.Path, help="keep outcomes in this folder, and take those that it has")
    parser.add_argument(
        "--no-run", action="store_true", help="only show what --results has of files that it has wholly"
    )
    parser.add_argument("--markdown", type=pathlib.Path, help="put the table into this file")


def interruptible() -> None:
    """Undo what a shell does to its background jobs: they ignore Ctrl-C, their children inherit that, and tests fail."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def start(
    arguments: list[str], work: pathlib.Path, log: Any, spec: str, python: str = sys.executable, **variables: str
) -> subprocess.Popen[bytes]:
    """*python* with *arguments*, in the folder *work* and in a process group of its own, armed by *spec* if given.

    :param variables: what else its environment holds.
    """
    extra = {"GEVENTTEST_USE_RESOURCES": "all,-network,-urlfetch,-largefile,-gui,-audio", **variables}
    if python != sys.executable:  # that of an environment of its own, whose programs come first
        extra["PATH"] = os.pathsep.join([str(pathlib.Path(python).parent), os.environ.get("PATH", os.defpath)])
    if spec:
        extra["PYTHONCOOPPATCH"] = spec
    return subprocess.Popen(
        [python, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=work,
        env=clean_environment(**extra), start_new_session=True,
    )  # fmt: skip


def watch(
    child: subprocess.Popen[bytes], results: pathlib.Path, end: float = math.inf, idle_after: int = IDLE_AFTER
) -> int | None:
    """The child's exit status; None if it hung, after all stacks were written to its log.

    It hangs if *results* did not grow for a while, or it still runs at *end*, by time.monotonic().
    """
    size, since = -1, time.monotonic()
    try:
        while child.poll() is None:
            if size != results.stat().st_size:
                size, since = results.stat().st_size, time.monotonic()
            quiet = time.monotonic() - since
            idle = quiet > idle_after and _is_idle(child)
            if idle or quiet > STALLS_AFTER or time.monotonic() > end:
                child.send_signal(signal.SIGABRT)  # faulthandler
                _wait(child, 10)
                return None
            time.sleep(0.05)
        return child.returncode
    finally:
        _end_group(child)


def _is_idle(child: subprocess.Popen[bytes]) -> bool:
    before = _processor_time(child.pid)
    _wait(child, 5)
    return child.returncode is None and _processor_time(child.pid) - before < 0.25


def _processor_time(group: int) -> float:
    """Seconds that the living processes of *group* have used; where there is no /proc none, so everything is idle."""
    ticks = 0
    for file in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text().rpartition(") ")[2].split()
        except OSError:
            continue  # it has ended
        if int(fields[2]) == group:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _wait(child: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        pass


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """End the child and the processes it left behind, which are in its group."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    child.wait()


def _read(results: pathlib.Path, outcomes: Outcomes) -> tuple[str, bool]:
    """Add the *results* to *outcomes*. Gives the test that was running at the end, and whether that was the end."""
    current = ""
    for line in results.read_text(errors="replace").splitlines():
        what, test, text = json.loads(line)
        if what == "done":
            return "", True
        if what in ("start", "stop"):
            current = test if what == "start" else ""
            continue
        known = outcomes.get(test)
        if known is None or known.what not in FAILING:
            outcomes[test] = Outcome(what, text)
    return current, False


class Store:
    """Outcomes kept in a folder, so that a run that was ended goes on where it was. Without a folder nothing is kept."""

    def __init__(self, folder: pathlib.Path | None = None, only_read: bool = False) -> None:
        self._folder = folder
        self._only_read = only_read

    def run(self, key: str, job: Job, how: Callable[[Job], Outcomes] = run) -> Outcomes:
        """What is stored under *key*; else run *job* and store it. Raises NotStored if this store only reads."""
        file = self._folder / f"{key}.json" if self._folder is not None else None
        if file is not None and file.exists():
            return {test: Outcome(*outcome) for test, outcome in json.loads(file.read_text()).items()}
        if self._only_read:
            raise NotStored(key)
        outcomes = how(job)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            new = file.with_suffix(".new")
            new.write_text(json.dumps(outcomes, indent=1))
            new.replace(file)
        return outcomes


class NotStored(Exception):
    """This has not been run yet."""


def write_section(file: pathlib.Path, title: str, text: str) -> None:
    """Put *text* into *file* under the heading *title*, in place of what stands there, else at the end."""
    heading = f"## {title}\n\n"
    before, _, rest = file.read_text().partition(heading) if file.exists() else ("", "", "")
    _, mark, after = rest.partition("\n## ")
    before = before.rstrip("\n") + "\n\n" if before else ""
    file.write_text(before + heading + text + mark + after)
