"""Lines that are broken between words, so that they fit a width."""

from __future__ import annotations

from .._errors import printable

USUAL = 80  # columns, where nobody has a terminal


def wrapped(line: str, width: int, indent: int = 0) -> list[str]:
    """*line* in lines of at most *width*, all but the first indented. A word that is longer has a line of its own.

    Whatever a thread, a file or a module is called, it says nothing to a terminal.
    """
    line = printable(line)
    margin = line[: len(line) - len(line.lstrip())]
    lines, current, begin = [], margin, True
    for word in line.split():
        if not begin and len(current) + 1 + len(word) > width:
            lines.append(current)
            current, begin = " " * indent, True
        current += word if begin else f" {word}"
        begin = False
    return [*lines, current]
