"""The report as text: in lines that fit a terminal, or 80 columns; with colours if they are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._errors import printable
from .._places import place
from . import phrases, table
from .phrases import milliseconds, own_times, seconds
from .verdict import in_words
from .wrapping import USUAL, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .records import Facts

_COLOURS = {"good": "32", "warn": "33", "bad": "31", "soft": "36", "title": "1"}
_RIGHT = (2, 3)  # columns of numbers


def text(report: Facts, width: int = USUAL, colours: bool = False) -> str:
    """The whole report; lines are broken between words so as to fit *width* columns."""
    painter = _Painter(width, colours)
    lines = [*_summary(report, painter), "", *_Table(report, painter).lines()]
    for title, rows in (
        ("Stalls", phrases.stalls(report)),
        ("Raw references", list(_references(report))),
        ("Calls of gevent.monkey by others", list(_foreign(report))),
        ("Most expensive imports", list(_imports(report))),
        ("Strict mode would stop this program", [f"{problem}" for problem in report.problems]),
    ):
        if rows:
            lines += ["", painter.paint("title", title)]
            lines += [line for row in rows for line in wrapped(f"  {row}", width, 4)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


class _Painter:
    def __init__(self, width: int, colours: bool) -> None:
        self.width = width
        self.colours = colours

    def paint(self, kind: str, words: str) -> str:
        return f"\x1b[{_COLOURS[kind]}m{words}\x1b[0m" if self.colours and kind in _COLOURS else words

    def painted(self, kind: str, line: str) -> list[str]:
        return [self.paint(kind, part) for part in wrapped(line, self.width)]


def _summary(report: Facts, painter: _Painter) -> list[str]:
    kind = {"cooperative": "good", "not patched": "bad"}.get(report.verdict.kind, "warn")
    lines = painter.painted(kind, f"lazypatch: {in_words(report.verdict)}")
    for thing in report.verdict.things:
        lines += wrapped(f"  - {thing}", painter.width, 4)
    lines += ["", *painter.painted("title", phrases.title(report))]
    for line in (phrases.armed(report), phrases.loading(report)):
        lines += wrapped(line, painter.width)
    return lines


class _Table:
    """Groups of rows under the same columns. Where the terminal is too narrow for columns, cells follow each other."""

    def __init__(self, report: Facts, painter: _Painter) -> None:
        self.painter = painter
        self.groups = table.groups(report)
        rows = [_cells(row) for group in self.groups for row in group.rows]
        headings = [(group.name, *table.COLUMNS) for group in self.groups]
        self.widths = [max(len(row[column]) for row in (*headings, *rows)) for column in range(len(headings[0]))]
        self.begin = self.widths[0] + 2  # of the states
        self.end = sum(self.widths) + 2 * len(self.widths)  # of the columns that are aligned
        self.narrow = self.end + max(len(group.told) for group in self.groups) > painter.width

    def lines(self) -> Iterator[str]:
        for count, group in enumerate(self.groups):
            columns = table.COLUMNS if not count else ("STATE", "", "", "")
            if count:
                yield ""
            yield from self._line((group.name, *columns), group.told, "title")
            for row in group.rows:
                yield from self._line(_cells(row), printable(row.told), row.look)
                if row.others:
                    yield from self._below(table.others(row))

    def _line(self, cells: tuple[str, ...], told: str, look: str) -> Iterator[str]:
        if self.narrow:
            narrow = wrapped("  ".join(filter(None, (*cells, told))), self.painter.width, 2)
            yield from (self.painter.paint(look, one) if look == "title" else one for one in narrow)
            return
        aligned = "  ".join(
            cell.rjust(size) if column in _RIGHT else cell.ljust(size)
            for column, (cell, size) in enumerate(zip(cells, self.widths, strict=True))
        )
        fits = len(told) <= self.painter.width - self.end
        line = f"{aligned}  {told if fits else ''}".rstrip()
        yield self.painter.paint("title", line) if look == "title" else self._with_state(line, look)
        if not fits:
            yield from self._below(told)

    def _with_state(self, line: str, look: str) -> str:
        end = self.begin + self.widths[1]
        return line[: self.begin] + self.painter.paint(look, line[self.begin : end]) + line[end:]

    def _below(self, words: str) -> list[str]:
        begin = min(self.begin, self.painter.width // 4)
        return wrapped(" " * begin + words, self.painter.width, begin + 2)


def _cells(row: table.Row) -> tuple[str, ...]:
    return (row.name, row.state, row.after, row.cost, printable(row.thread, 40))


def _references(report: Facts) -> Iterator[str]:
    found = report.references
    if not found:
        return
    mended = sum(reference.mended for reference in found)
    yield f"{len(found)} found, {mended} mended, {len(found) - mended} left"
    for reference in found:
        if not reference.mended:
            what = f"{reference.target}.{reference.name}"
            yield f"left: {reference.place} = {what} ({reference.kind}): {reference.why}"


def _foreign(report: Facts) -> Iterator[str]:
    for call in report.foreign:
        by = place(call.callers[0]) if call.callers else "nobody who can be found"
        yield f"{call.function}() after {seconds(call.when)}, {by}, thread {call.thread}"


def _imports(report: Facts) -> Iterator[str]:
    """Those whose own time, without what they imported, was longest."""
    ranked = sorted(zip(own_times(report.imports), report.imports, strict=True), key=lambda pair: -pair[0])
    for mine, row in ranked[:10]:
        yield f"{milliseconds(mine):>8}  {row.name}" + (" (failed)" if row.failed else "")
