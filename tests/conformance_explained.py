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


EXPLAINED: tuple[Explained, ...] = ()
