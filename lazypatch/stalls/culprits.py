"""What stopped hubs, by the line of the program that did it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .._places import Place, place
from .frames import Line, call, culprit

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST = 200  # lines that are kept apart; a program that stalls everywhere is not to fill memory


class Stall(NamedTuple):
    """One line of the program that kept a hub from coming round, once or more often. Durations are milliseconds."""

    culprit: Place  # the innermost line of the program's own
    call: str  # the expression on that line, or the line
    times: int
    longest_ms: float
    total_ms: float
    stack: list[Place]  # of the longest, innermost first: its first line is what waited or computed

    def __str__(self) -> str:
        words = f"{place(self.culprit)}()" if _is_function(self.culprit) else place(self.culprit)
        return words + (f": {self.call}" if self.call else "")


def _is_function(where: Place) -> bool:
    return bool(where.line) and not where.function.startswith("<")


class Entry:
    """One culprit while it is being counted."""

    __slots__ = ("count", "longest", "stack", "total")

    def __init__(self) -> None:
        self.count = 0
        self.longest = 0.0
        self.total = 0.0
        self.stack: list[Line] = []


NOWHERE = Line(Place("", "C code", 0, "<C>"), None)


class Culprits:
    """Filled by one native thread, read by any."""

    def __init__(self) -> None:
        self._entries: dict[Place, Entry] = {}

    def add(self, stack: list[Line], seconds: float) -> tuple[Entry, list[Line]]:
        """One more stall; it may become longer: give what comes out to :meth:`prolong`."""
        worst = culprit(stack) or NOWHERE
        if worst.place not in self._entries and len(self._entries) >= _MOST:
            worst = Line(Place("", "elsewhere", 0, "<more>"), None)
        entry = self._entries.setdefault(worst.place, Entry())
        entry.count += 1
        entry.total += seconds
        self._longest(entry, stack, seconds)
        return entry, stack

    def prolong(self, handle: tuple[Entry, list[Line]], before: float, seconds: float) -> None:
        """The stall of *handle* lasted *seconds*, and not only *before*."""
        entry, stack = handle
        entry.total += seconds - before
        self._longest(entry, stack, seconds)

    @staticmethod
    def _longest(entry: Entry, stack: list[Line], seconds: float) -> None:
        if seconds > entry.longest:
            entry.longest, entry.stack = seconds, stack

    def found(self, text: Callable[[Line], str] = call) -> list[Stall]:
        """All of them, the longest first."""
        stalls = [
            Stall(
                where,
                text(culprit(entry.stack) or NOWHERE),
                entry.count,
                entry.longest * 1e3,
                entry.total * 1e3,
                [line.place for line in entry.stack],
            )
            for where, entry in list(self._entries.items())
        ]
        return sorted(stalls, key=lambda stall: -stall.longest_ms)


def headline(stalls: list[Stall]) -> str:
    """``stalls: 7, longest 412 ms, app.py:31 in charge()``; nothing if there was none."""
    if not stalls:
        return ""
    count = sum(stall.times for stall in stalls)
    return f"stalls: {count}, longest {stalls[0].longest_ms:.0f} ms, {stalls[0]}"
