"""What runs in another interpreter of the process lets the threads of this one run."""

from __future__ import annotations

import sys

import pytest
from conftest import run_code

pytestmark = pytest.mark.skipif(sys.version_info < (3, 14), reason="concurrent.interpreters came with Python 3.14")


def same(code: str) -> str:
    """What *code* prints in plain Python, and armed."""
    plain, armed = run_code(code), run_code(code, spec="all")
    assert armed == plain
    return plain


def test_others_run_while_code_in_another_interpreter_waits() -> None:
    """Else the one that it waits for would never come."""
    same("""
import os, threading
from concurrent import interpreters
r, w = os.pipe()
for start in (
    lambda one: threading.Thread(target=one.exec, args=(f"import os; os.read({r}, 1)",)),
    lambda one: threading.Thread(target=one.call, args=(os.read, r, 1)),
    lambda one: one.call_in_thread(os.read, r, 1),
):
    one = interpreters.create()
    thread = start(one)
    if not thread.is_alive():
        thread.start()
    os.write(w, b"x")
    thread.join()
    one.close()
""")


def test_jobs_of_a_pool_run_at_the_same_time() -> None:
    out = same("""
import os
from concurrent.futures import InterpreterPoolExecutor
r, w = os.pipe()
with InterpreterPoolExecutor(2) as executor:
    reads = executor.submit(os.read, r, 1)
    print(executor.submit(os.write, w, b"x").result(), reads.result())
    print(executor.submit(int, "x").exception())
    print([*executor.map(abs, range(-20, 0))])
""")
    assert out.startswith("1 b'x'\ninvalid literal")


def test_what_is_raised_and_what_is_not_alive_is_told_as_ever() -> None:
    same("""
from concurrent import interpreters
one = interpreters.create()
for step in (lambda: one.exec("1 / 0"), lambda: one.call(int, "x"), lambda: one.call(divmod, 7, 2)):
    try:
        print(step())
    except interpreters.ExecutionFailed as error:
        print(error.excinfo.type.__name__, error.excinfo.msg)
one.close()
try:
    one.exec("")
except interpreters.InterpreterError as error:
    print(type(error).__name__)
""")
