"""One way to run a program in a clean child: a fresh interpreter on the installed package, with a short timeout."""

from __future__ import annotations

import os
import pathlib
import pty
import select
import signal
import subprocess
import sys
import time
import warnings
from typing import Any

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background of a shell; children inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)

APPS = pathlib.Path(__file__).parent / "apps"
# How a program begins in which a thread ticks, to be seen to go on while something waits for a pipe.
BESIDE_TICKS = """
import os, select, selectors, sys, threading, time
ticks = []
def tick():
    while True:
        ticks.append(1)
        time.sleep(0.001)
threading.Thread(target=tick, daemon=True).start()
r, w = os.pipe()
assert type(os.read) is not type(len)
"""
HANGS_AFTER = 120  # seconds; a machine under load is slow, a hang is for ever


def clean_environment(**extra: str) -> dict[str, str]:
    """This process's environment without anything that changes how Python starts."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_", "COVERAGE"))}
    return {**keep, **extra}


def run_python(
    *args: str, spec: str | None = None, cwd: Any = None, stdin: str = "", python: str = sys.executable, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run this Python, or another, with *args*, armed by *spec* if given. A hang fails the test and shows all stacks.

    Not in the checkout: there ``-c`` and ``-m`` would find its lazypatch before the installed one.
    """
    if spec is not None:
        env["PYTHONCOOPPATCH"] = spec
    child = subprocess.Popen(
        [python, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=cwd or APPS, env=clean_environment(PYTHONFAULTHANDLER="1", **env),
    )  # fmt: skip
    try:
        out, err = child.communicate(stdin, timeout=HANGS_AFTER)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGABRT)  # faulthandler prints every thread's stack
        out, err = child.communicate()
        raise AssertionError(f"hangs: {args}\n{out}\n{err}") from None
    return subprocess.CompletedProcess(child.args, child.returncode, out, err)


def at_terminal(arguments: list[str], talk: list[tuple[str, str]], **env: str) -> tuple[str, int]:
    """What Python with *arguments* writes to its terminal, and its status; *talk*: what it says, and what to answer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the child runs another program at once
        child, terminal = pty.fork()
    if not child:
        os.chdir(APPS)
        os.execve(sys.executable, [sys.executable, *arguments], clean_environment(**env))
    said, end = "", time.monotonic() + HANGS_AFTER

    def hear(until: str = "") -> bool:
        nonlocal said
        while not until or until not in said:
            if not select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
                os.kill(child, 9)
                return False
            try:
                said += os.read(terminal, 1 << 16).decode()
            except OSError:  # it has ended
                return False
        said = said.partition(until)[2]
        return True

    for words, answer in talk:
        assert hear(words), f"it did not say {words!r}, but {said!r}"
        os.write(terminal, answer.encode())
    hear()
    os.close(terminal)
    return said, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run_code(code: str, spec: str | None = None, **env: str) -> str:
    """Run *code* in a clean child and give its stdout; it must exit 0."""
    done = run_python("-c", code, spec=spec, **env)
    assert done.returncode == 0, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def same_as_plain(code: str) -> str:
    """What *code* prints under ``all``, which is the same without lazypatch."""
    plain, armed = run_code(code), run_code(code, spec="all")
    assert armed == plain
    return armed


def all_the_same_as_plain(code: str, **env: str) -> str:
    """What *code* prints under ``all``; its stderr and its status are the same without lazypatch, too.

    Its argument is ``all`` or ``none``, by which it can tell what it runs under.
    """
    plain, armed = (run_python("-c", code, spec or "none", spec=spec, **env) for spec in (None, "all"))
    assert (armed.stdout, armed.stderr, armed.returncode) == (plain.stdout, plain.stderr, plain.returncode)
    return armed.stdout


def unwrapped(text: str) -> str:
    """*text* on one line, with single spaces: a report is broken to fit a width."""
    return " ".join(text.split())


@pytest.fixture
def app() -> Any:
    """Run ``tests/apps/NAME.py`` armed; it asserts its fact itself, prints ``ok`` at its end and exits 0."""

    def run(name: str, spec: str | None = "gevent", **env: str) -> subprocess.CompletedProcess[str]:
        done = run_python(str(APPS / f"{name}.py"), spec=spec, **env)
        assert done.returncode == 0 and done.stdout.rstrip().endswith("ok"), (
            f"{name}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done

    return run
