"""input(), getpass() and the interpreter's prompt at a terminal let the others run while they wait for a key."""

from __future__ import annotations

import pytest
from conftest import at_terminal

# It writes without a buffer: a Ctrl-C that answers at once is not to meet it in the middle of a flush.
TICKS = """
import os, sys, threading, time
def others():
    for _ in range(20): time.sleep(0.001)
    os.write(1, b"the others ran\\n")
"""


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
