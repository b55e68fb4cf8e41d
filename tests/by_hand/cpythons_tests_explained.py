"""The tests of CPython that fail under PYTHONCOOPPATCH=all and not under plain Python, and why that is right."""

from __future__ import annotations

from typing import NamedTuple


class Explained(NamedTuple):
    """One line: which tests (a pattern) of which file, on which Pythons, and the reason."""

    file: str
    tests: str
    versions: str
    reason: str


EXPLAINED: tuple[Explained, ...] = ()
