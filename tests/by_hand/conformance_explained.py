"""The tests of CPython that fail under lazypatch alone, and why that is right. Nothing else may."""

from __future__ import annotations

from typing import NamedTuple


class Explained(NamedTuple):
    """One line: which tests (a pattern) of which file, with which children, on which Pythons, and the reason."""

    file: str
    tests: str
    children: str  # "armed", or "native armed"
    versions: str
    reason: str


EXPLAINED = (
    Explained(
        "test_subprocess",
        "*.RunFuncTestCase.test_encoding_warning",
        "armed",
        "3.11 3.12",
        "A child runs with -X warn_default_encoding, and its subprocess is gevent's, whose warning names a line of "
        "gevent's file objects. A child that calls gevent.monkey.patch_all() warns in the same place.",
    ),
    Explained(
        "test_os",
        "*.ForkTests.test_fork_warns_when_non_python_thread_exists",
        "armed",
        "3.12 3.13 3.14 3.15",
        "A child forks beside a native thread and wants the DeprecationWarning for that. gevent's os.fork() silences it "
        "on purpose, in a child that calls gevent.monkey.patch_all() as well.",
    ),
)
