"""The report as text: for a terminal with colours and cut to its width, else plain and whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._errors import printable
from .._places import place
from ..adapters.drivers import said
from . import phrases
from .phrases import milliseconds, own_times, seconds
from .verdict import in_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .records import Facts, TargetReport

_COLOURS = {
    "installed": "32",
    "late": "33",
    "failed": "31",
    "waiting": "36",
    "skipped": "2",
    "gevent": "33",
    "title": "1",
    "bad": "31",
}
_HEADINGS = ("TARGET", "STATE", "AFTER", "COST", "THREAD", "IMPORTED BY")
_RIGHT = (2, 3)  # columns of numbers


def text(report: Facts, width: int | None = None, colours: bool = False) -> str:
    """The whole report; lines are cut to *width* columns if it is given."""
    painter = _Painter(width, colours)
    lines = [*_summary(report, painter), "", *_table(report, painter)]
    for title, rows in (
        ("Stalls", phrases.stalls(report)),
        ("Raw references", list(_references(report))),
        ("Calls of gevent.monkey by others", list(_foreign(report))),
        ("Adapters", list(phrases.adapters(report))),
        ("Drivers", list(_drivers(report))),
        ("Most expensive imports", list(_imports(report))),
        ("Strict mode would stop this program", [f"{problem}" for problem in report.problems]),
    ):
        if rows:
            lines += ["", painter.paint("title", title), *(painter.cut(f"  {row}") for row in rows)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


class _Painter:
    def __init__(self, width: int | None, colours: bool) -> None:
        self.width = width
        self.colours = colours

    def cut(self, line: str) -> str:
        """*line* as it may be shown: whatever a thread, a file or a module is called, it says nothing to a terminal."""
        line = printable(line)
        if self.width is None or len(line) <= self.width:
            return line
        return line[: max(self.width - 1, 0)] + "…"

    def paint(self, kind: str, words: str) -> str:
        return f"\x1b[{_COLOURS[kind]}m{words}\x1b[0m" if self.colours and kind in _COLOURS else words


def _summary(report: Facts, painter: _Painter) -> list[str]:
    kind = {"cooperative": "installed", "not patched": "bad"}.get(report.verdict.kind, "late")
    lines = [painter.paint(kind, painter.cut(f"lazypatch: {in_words(report.verdict)}"))]
    lines += [painter.cut(f"  - {thing}") for thing in report.verdict.things]
    lines += ["", painter.paint("title", painter.cut(phrases.title(report)))]
    return lines + [painter.cut(line) for line in (phrases.armed(report), phrases.loading(report))]


def _table(report: Facts, painter: _Painter) -> Iterator[str]:
    rows = [_HEADINGS, *(_cells(target) for target in report.targets)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    for row, target in zip(rows, (None, *report.targets), strict=True):
        cells = [
            cell.rjust(size) if column in _RIGHT else cell.ljust(size)
            for column, (cell, size) in enumerate(zip(row, widths, strict=True))
        ]
        line = painter.cut("  ".join(cells).rstrip())
        if target is None:
            yield painter.paint("title", line)
            continue
        begin = widths[0] + 2
        yield line[:begin] + painter.paint(target.state, line[begin : begin + widths[1]]) + line[begin + widths[1] :]
        others = target.importers[1:]
        if others and target.how == "seen":
            yield painter.cut(" " * begin + "by way of " + phrases.chain(others))
        elif others and target.how == "inferred":
            yield painter.cut(" " * begin + "also held by " + ", ".join(dict.fromkeys(map(place, others[:5]))))


def _cells(target: TargetReport) -> tuple[str, ...]:
    cost = target.load_ms + target.install_ms
    return (
        target.name,
        target.state,
        "" if target.when is None else seconds(target.when),
        milliseconds(cost) if cost else "",
        printable(target.thread, 40),
        phrases.importer(target),
    )


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


def _drivers(report: Facts) -> Iterator[str]:
    for driver in report.drivers:
        yield f"{driver.module}: {said(driver)}"


def _imports(report: Facts) -> Iterator[str]:
    """Those whose own time, without what they imported, was longest."""
    ranked = sorted(zip(own_times(report.imports), report.imports, strict=True), key=lambda pair: -pair[0])
    for mine, row in ranked[:10]:
        yield f"{milliseconds(mine):>8}  {row.name}" + (" (failed)" if row.failed else "")
