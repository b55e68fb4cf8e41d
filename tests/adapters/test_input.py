"""input(), getpass() and the interpreter's prompt at a terminal let the others run while they wait for a key."""

from __future__ import annotations

import os
import pty
import select
import sys
import time

import pytest
from conftest import APPS, HANGS_AFTER, clean_environment

# It writes without a buffer: a Ctrl-C that answers at once is not to meet it in the middle of a flush.
TICKS = """
import os, sys, threading, time
def others():
    for _ in range(20): time.sleep(0.001)
    os.write(1, b"the others ran\\n")
"""


def at_terminal(arguments: list[str], talk: list[tuple[str, str]], **env: str) -> tuple[str, int]:
    """What Python with *arguments* writes to its terminal, and its status; *talk*: what it says, and what to answer."""
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


CALLS = {
    "input": "input('name? ')",
    "input with readline": "__import__('readline') and input('name? ')",
    "getpass": "__import__('getpass').getpass('name? ')",
    "sys.stdin": "sys.stdin.readline().strip()",
}


@pytest.mark.parametrize("spec", ["", "all"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_that_waits_for_a_line_lets_the_others_run(call: str, spec: str) -> None:
    code = f"{TICKS}\nthreading.Thread(target=others).start()\nprint('it is', {call})"
    said, status = at_terminal(["-c", code], [("the others ran", "Ada\n")], PYTHONCOOPPATCH=spec)
    assert "it is Ada" in said and status == 0, said


@pytest.mark.parametrize("spec", ["", "all"])
@pytest.mark.parametrize("env", [{}, {"PYTHON_BASIC_REPL": "1"}, {"TERM": "dumb"}], ids=["usual", "basic", "dumb"])
def test_the_prompt_lets_the_others_run(env: dict[str, str], spec: str) -> None:
    """Also where 3.13 and later leave it to C."""
    start = "exec(open('said_at_a_prompt.py').read())\n"
    talk = [(">>> ", start), ("the others ran", "print(6 * 7)\n"), ("42", "exit()\n")]
    env = {"TERM": "xterm", "HOME": "/nonexistent", **env}
    assert at_terminal(["-q"], talk, PYTHONCOOPPATCH=spec, **env)[1] == 0


@pytest.mark.parametrize("spec", ["", "all"])
def test_ctrl_c_ends_input_beside_others(spec: str) -> None:
    code = f"{TICKS}\nthreading.Thread(target=others).start()\ntry: input()\nexcept KeyboardInterrupt: print('Ctrl-C')"
    said, status = at_terminal(["-c", code], [("the others ran", "\x03")], PYTHONCOOPPATCH=spec)
    assert "Ctrl-C" in said and "KeyboardInterrupt" not in said and status == 0, said
