"""Any selection of groups, on a program that uses everything: it works, or a warning names what will not."""

from __future__ import annotations

import itertools

import pytest
from conftest import run_code
from subsets import run, without

from lazypatch._spec import parse
from lazypatch._targets import GROUPS

# Which groups each row takes out: for any two groups there is a row for each of in-in, in-out, out-in and out-out.
PAIRS = (
    (),
    ("socket", "dns", "ssl", "select", "thread"),
    ("socket", "dns", "os", "time", "subprocess"),
    ("socket", "ssl", "os", "signal", "queue"),
    ("dns", "select", "time", "signal", "queue"),
    ("select", "thread", "os", "time", "signal", "subprocess"),
    ("ssl", "thread", "time", "subprocess", "queue"),
    ("dns", "thread", "os", "signal"),
    ("select", "os", "queue", "ssl", "subprocess"),
    ("socket", "time", "thread", "queue"),
    ("ssl", "time", "signal"),
    ("dns", "ssl", "subprocess"),
    ("dns", "os"),
    ("socket", "signal", "subprocess", "select"),
)


def test_the_rows_cover_all_pairs() -> None:
    for one, other in itertools.combinations(GROUPS, 2):
        assert len({(one in row, other in row) for row in PAIRS}) == 4, (one, other)


def distinct() -> list[str]:
    """A shortest list of words for each selection that a list of words can lead to."""
    found: dict[str, str] = {}
    for size in range(1, len(GROUPS)):
        for words in itertools.combinations(GROUPS, size):
            found.setdefault(repr(sorted(parse(",".join(words)).wanted.items())), ",".join(words))
    return list(found.values())


@pytest.mark.parametrize("spec", distinct())
def test_whatever_groups_are_named_everything_works(spec: str) -> None:
    """They bring what they need, so nothing has to be warned of."""
    outcome = run(spec, hangs_after=40)
    assert (outcome.failed, outcome.warnings) == ("", [])


@pytest.mark.parametrize("row", [*((group,) for group in GROUPS), *PAIRS], ids=",".join)
def test_what_was_taken_out_is_not_needed_or_warned_of(row: tuple[str, ...]) -> None:
    outcome = run(without(row), hangs_after=5)
    if outcome.failed and not outcome.warnings:  # a machine under load is slow
        outcome = run(without(row), hangs_after=40)
    assert not outcome.failed or outcome.warnings, f"{outcome.failed}, and nobody was told"
    for warning in outcome.warnings:
        assert any(f"without {group}: " in warning for group in row), warning


def test_the_program_notices_what_does_not_work() -> None:
    """Else all of the above would mean nothing."""
    assert run(without(("queue",)), hangs_after=5).failed.endswith("(hangs)")


def test_an_adapter_of_os_alone_leaves_the_programs_handler_of_children_alone() -> None:
    """gevent listens for children, in the place of the program's handler, only where it is to wait for them."""
    code = """
import os, signal, socket, threading
seen = []
signal.signal(signal.SIGCHLD, lambda *given: seen.append(1))
child = os.fork()
if not child: os._exit(0)
os.waitpid(child, 0)
assert seen == [1]
"""
    run_code(code, spec="dns,select,time,os-lockf")
