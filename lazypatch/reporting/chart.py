"""The picture: each import a bar, under the import that it was part of, from left to right as time went by.

Time in which nothing is imported is left out, so the width is the time that imports took; a long pause is a dashed
line. Installs are marks above the bars.
"""

from __future__ import annotations

import sys
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from . import marks, phrases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .records import Facts, Import, Install

_ROW = 21  # pixels
_WIDTH = 840  # pixels of the bars in a wide window, for which their labels are chosen
_NARROW = 320
_THINNEST = 0.09  # percent: about a pixel
_PAUSE = 0.05  # seconds
_DEEPEST = 30


class _Span(NamedTuple):
    """Something without an import around it: the axis is made of these, one after the other."""

    begin: float  # seconds after arming
    ms: float
    x: float  # ms, on the axis


class Chart:
    """The layout of one report's picture."""

    def __init__(self, report: Facts) -> None:
        self.imports = report.imports
        self.installs = report.installs
        targets = {target.name for target in report.targets}
        self.kinds = {row.name: _kind(row.name, targets) for row in report.imports}
        self._spans = self._lay_out()
        self.total = sum(span.ms for span in self._spans) or 1.0
        self.depths = self._find_depths()

    def _lay_out(self) -> list[_Span]:
        roots = [(row.when, row.ms) for row in self.imports if row.parent < 0]
        alone = [
            (install.when, install.ms)
            for install in self.installs
            if not any(begin <= install.when <= begin + ms / 1e3 for begin, ms in roots)
        ]
        spans, x = [], 0.0
        for begin, ms in sorted(roots + alone):
            spans.append(_Span(begin, ms, x))
            x += ms
        return spans

    def _find_depths(self) -> list[int]:
        depths: list[int] = []
        for row in self.imports:
            depths.append(0 if row.parent < 0 else depths[row.parent] + 1)
        return depths

    def x(self, moment: float) -> float:
        """Where *moment*, in seconds after arming, is on the axis, in percent."""
        before = [span for span in self._spans if span.begin <= moment]
        if not before:
            return 0.0
        inside = min((moment - before[-1].begin) * 1e3, before[-1].ms)
        return 100 * (before[-1].x + inside) / self.total

    def bars(self) -> Iterator[str]:
        """Each import that is wide enough to be seen, as HTML."""
        return (self._bar(row, left, width, depth) for row, left, width, depth in self.seen())

    def seen(self) -> Iterator[tuple[Import, float, float, int]]:
        """Each import that is wide enough to be seen, with its place and width in percent, and its depth."""
        left: list[float] = []
        for row, depth in zip(self.imports, self.depths, strict=True):
            # From its parent's place, not from the clock: two threads may have imported at once.
            parent = self.imports[row.parent] if row.parent >= 0 else None
            left.append(
                left[row.parent] + 100 * (row.when - parent.when) * 1e3 / self.total if parent else self._root(row)
            )
            width = 100 * row.ms / self.total
            if width >= _THINNEST and depth <= _DEEPEST:
                yield row, left[-1], width, depth

    def _root(self, row: Import) -> float:
        span = next(span for span in self._spans if (span.begin, span.ms) == (row.when, row.ms))
        return 100 * span.x / self.total

    def _bar(self, row: Import, left: float, width: float, depth: int) -> str:
        said = f"{row.name}: {told(row)}"
        label, size = _label(row.name, width)
        return (
            f'<div class="bar {self.kinds[row.name]}{size}" title="{escape(said)}" '
            f'style="left:{left:.3f}%;width:{width:.3f}%;top:{depth * _ROW}px">{label}</div>'
        )

    def height(self) -> int:
        """Of the bars, in pixels."""
        return (min(max(self.depths, default=0), _DEEPEST) + 1) * _ROW

    def marks(self) -> tuple[list[marks.Mark], int]:
        """The installs above the bars, and how many lanes their labels need."""
        return marks.lay_out(self.installs, self.x)

    def pauses(self) -> Iterator[str]:
        """A line wherever the program did something else for a while."""
        for earlier, later in zip(self._spans, self._spans[1:], strict=False):
            pause = later.begin - earlier.begin - earlier.ms / 1e3
            if pause >= _PAUSE:
                said = f"{phrases.seconds(pause)} without imports"
                yield f'<div class="pause" style="left:{100 * later.x / self.total:.3f}%" title="{escape(said)}"></div>'

    def ticks(self) -> Iterator[str]:
        """About five round numbers below the bars."""
        step = next((10.0**power * unit for power in range(-1, 6) for unit in (1, 2, 5)
                     if self.total / (10.0**power * unit) <= 7), self.total)  # fmt: skip
        value = 0.0
        while value <= self.total:
            at = 100 * value / self.total
            side = " last" if at > 94 else ""
            yield f'<div class="tick{side}" style="left:{at:.3f}%"><span>{value:g} ms</span></div>'
            value += step

    def shares(self) -> dict[str, float]:
        """The own time of each kind of module, in ms."""
        found: dict[str, float] = {}
        for row, mine in zip(self.imports, phrases.own_times(self.imports), strict=True):
            found[self.kinds[row.name]] = found.get(self.kinds[row.name], 0.0) + mine
        return found


def _label(name: str, width: float) -> tuple[str, str]:
    """What fits into a bar of *width* percent, the whole name or its end, and the class that says where it fits."""
    for words in (name, name.rpartition(".")[2]):
        wanted = len(words) * 6.4 + 9
        if wanted <= width / 100 * _WIDTH:
            fits_narrow = wanted <= width / 100 * _NARROW
            return f"<span>{escape(words)}</span>", "" if fits_narrow else " small"
    return "", " tiny" if width < 0.4 else ""


def _kind(name: str, targets: set[str]) -> str:
    top = name.partition(".")[0]
    if name in targets:
        return "target"
    if top in ("gevent", "greenlet", "zope"):
        return "gevent"
    if top == "lazypatch":
        return "ours"
    return "stdlib" if top in sys.stdlib_module_names else "other"


def installed_in(installs: list[Install]) -> float:
    """The ms of all installs."""
    return sum(install.ms for install in installs)


def told(row: Import) -> str:
    """What is known of one import, beside its name."""
    failed = ", failed" if row.failed else ""
    return f"{phrases.milliseconds(row.ms)}, at {phrases.seconds(row.when)}, thread {row.thread}{failed}"


def draw(chart: Chart) -> str:
    """The whole picture as HTML. What can be pointed at in it is in the lists of :func:`listed`, too."""
    found, lanes = chart.marks()
    said = f"{len(chart.imports)} imports, {phrases.milliseconds(chart.total)}; each is in the list below"
    return (
        f'<div class="chart" role="img" aria-label="{escape(said)}" style="--gutter:{marks.GUTTER}px">'
        f'<div class="marks" style="--lanes:{lanes};--lane-height:{marks.LANE}px">{marks.draw(found)}</div>'
        f'<div class="bars" style="height:{chart.height()}px">{"".join(chart.bars())}{"".join(chart.pauses())}</div>'
        f'<div class="axis">{"".join(chart.ticks())}</div></div>'
    )


def listed(chart: Chart, kinds: dict[str, str]) -> str:
    """The bars and the marks in words, for whoever points at nothing; *kinds* are the names of the colours."""
    bars = "".join(
        f'<li style="--depth:{min(depth, 12)}"><span class="mono">{escape(row.name)}</span> '
        f'<span class="soft">{escape(told(row))}, {kinds[chart.kinds[row.name]]}</span></li>'
        for row, _, _, depth in chart.seen()
    )
    installs = "".join(f"<li>{escape(mark.said)}</li>" for mark in chart.marks()[0])
    return (
        f'<details class="listed"><summary>The bars as a list</summary><ol class="tree">{bars}</ol></details>'
        f'<details class="listed"><summary>The installs as a list</summary><ol>{installs}</ol></details>'
    )
