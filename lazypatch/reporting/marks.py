"""The installs above the bars of the picture: where each label stands, so that none touches another, nor a line.

A mark is a line down to the bars, with its label at the upper end, to the right. Marks that are close together share
one. From left to right each goes into the highest lane from which its line meets no label on its way down; all labels
of the lanes below it have ended by then, so those lanes are free again.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

from . import phrases

if TYPE_CHECKING:
    from collections.abc import Callable

    from .records import Install

LANE = 17  # pixels
GUTTER = 200  # pixels right of the bars, and the width of the longest label
_NARROWEST = 430  # pixels that the bars have where labels are shown
_LETTER = 6.9  # pixels
_TOGETHER = 2.5  # percent


class Mark(NamedTuple):
    """One line with its label."""

    x: float  # percent
    label: str
    said: str  # the label with every name
    width: float  # pixels that the label may have
    lane: int  # from above


def lay_out(installs: list[Install], x: Callable[[float], float]) -> tuple[list[Mark], int]:
    """The marks from left to right, where *x* is the place of a moment in percent; and how many lanes they need."""
    marks: list[Mark] = []
    ends: list[float] = []  # of the last label of each lane, in percent
    most = 0
    for at, names, ms in _groups(installs, x):
        label = f"{_shortened(names)}, {phrases.milliseconds(ms)}"
        width = min(len(label) * _LETTER + 10, GUTTER)
        lane = next(lane for lane in range(len(ends) + 1) if all(end <= at for end in ends[lane:]))
        ends[lane:] = [at + 100 * width / _NARROWEST]
        most = max(most, len(ends))
        marks.append(Mark(at, label, f"{', '.join(names)}, {phrases.milliseconds(ms)}", width, lane))
    return marks, most


def _groups(installs: list[Install], x: Callable[[float], float]) -> list[tuple[float, list[str], float]]:
    """Installs that would be drawn on top of each other are one."""
    found: list[tuple[float, list[str], float]] = []
    for install in sorted(installs, key=lambda one: one.when):
        if not install.targets:
            continue
        at = x(install.when)
        if found and at - found[-1][0] < _TOGETHER:
            begin, names, ms = found[-1]
            found[-1] = (begin, list(dict.fromkeys(names + install.targets)), ms + install.ms)
        else:
            found.append((at, list(dict.fromkeys(install.targets)), install.ms))
    return found


def _shortened(names: list[str]) -> str:
    return ", ".join(names) if len(names) < 3 else f"{names[0]} and {len(names) - 1} more"


def draw(marks: list[Mark]) -> str:
    """As HTML; the labels are cut where a font is wider than was reckoned."""
    return "".join(
        f'<div class="mark" style="left:{mark.x:.3f}%;--lane:{mark.lane}" title="installed: {escape(mark.said)}">'
        f'<b style="max-width:{mark.width - 6:.0f}px">{escape(mark.label)}</b></div>'
        for mark in marks
    )
