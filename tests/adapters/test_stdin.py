"""Whoever reads sys.stdin, which is a pipe, lets the others run meanwhile, and gets what is natively got."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from conftest import APPS, HANGS_AFTER, clean_environment

BEGINNING = """
import sys, threading, time
def others():
    for _ in range(20): time.sleep(0.001)
    print("the others ran", file=sys.stderr, flush=True)
thread = threading.Thread(target=others)
thread.start()
"""
WAYS = {
    "for": "for line in sys.stdin: print(repr(line))",
    "fileinput": "import fileinput\nfor line in fileinput.input([]): print(repr(line))",
    "read1 and peek": "print(sys.stdin.buffer.read1(3)); print(sys.stdin.read())",
    "input": "print(input('prompt '), input())\ntry: input()\nexcept EOFError: print('end')",
    "open(0)": "print(open(0).read())",
    "readline": "print(list(iter(sys.stdin.readline, '')))",
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_reading_lets_the_others_run(way: str) -> None:
    found = []
    for spec in ("", "all"):
        child = subprocess.Popen(
            [sys.executable, "-c", BEGINNING + way], env=clean_environment(PYTHONCOOPPATCH=spec), text=True, cwd=APPS,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert child.stderr is not None
        if spec:  # nothing comes before the others have run
            watch = threading.Timer(HANGS_AFTER, child.kill)
            watch.start()
            assert child.stderr.readline() == "the others ran\n"
            watch.cancel()
        found.append((child.communicate("abc\ndef\n", timeout=HANGS_AFTER)[0], child.returncode))
    assert found[0] == found[1] and found[0][1] == 0, found
