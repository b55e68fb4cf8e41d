"""Frames of running threads as lines of code: whose they are, and which call on the line is under way.

All of it may run in a native thread while the hub is blocked: nothing here imports, waits, or asks the hub.
"""

from __future__ import annotations

import _io
import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from .._places import Place

if TYPE_CHECKING:
    from types import CodeType, FrameType
    from typing import Any

_STDLIB = os.path.dirname(os.__file__) + os.sep
_MACHINERY = ("lazypatch", "gevent", "greenlet")
_DEEPEST = 60  # frames of a stack that are kept


class Line(NamedTuple):
    """One frame at a moment: the place, and the columns of the expression that it was in, if Python keeps them."""

    place: Place
    columns: tuple[int, int] | None


def stack(frame: FrameType | None) -> list[Line]:
    """*frame* and its callers, innermost first."""
    lines: list[Line] = []
    while frame is not None and len(lines) < _DEEPEST:
        name, line = str(frame.f_globals.get("__name__", "")), frame.f_lineno or 0
        place = Place(name, frame.f_code.co_filename, line, _name(frame.f_code))
        lines.append(Line(place, _columns(frame.f_code, frame.f_lasti, line)))
        frame = frame.f_back
    return lines


def _name(code: CodeType) -> str:
    return str(getattr(code, "co_qualname", code.co_name)).replace("<locals>.", "")


def _columns(code: CodeType, instruction: int, line: int) -> tuple[int, int] | None:
    if sys.version_info < (3, 11):
        return None
    for index, (first, last, begin, end) in enumerate(code.co_positions()):
        if index == instruction // 2:
            return (begin, end) if first == last == line and begin is not None and end is not None else None
    return None


def culprit(lines: list[Line]) -> Line | None:
    """The innermost line of the program's own; of a library's if there is none; else the innermost of all."""
    libraries = [line for line in lines if not _is_machinery(line.place)]
    program = [line for line in libraries if not _is_library(line.place.file)]
    return next(iter(program or libraries or lines), None)


def _is_machinery(place: Place) -> bool:
    standard = place.file.startswith((_STDLIB, "<frozen")) and f"-packages{os.sep}" not in place.file
    return standard or place.module.partition(".")[0] in _MACHINERY


def _is_library(file: str) -> bool:
    return f"-packages{os.sep}" in file


def call(line: Line) -> str:
    """The source text of what *line* was doing: the expression if it is known, else the line; "" if it has no file."""
    text = source(line.place.file, line.place.line)
    if line.columns is not None:
        begin, end = line.columns  # of the line in UTF-8
        text = text.encode()[begin:end].decode("utf-8", "replace")
    text = " ".join(text.split())
    return text if len(text) <= 80 else text[:79] + "…"


_sources: dict[str, list[str]] = {}


def source(file: str, number: int) -> str:
    """Line *number* of *file*, as it is on the disk now; read by C, which nothing of ours or gevent's is part of."""
    if file not in _sources:
        opened: Any = None
        try:
            opened = _io.FileIO(file)
            _sources[file] = opened.readall().decode("utf-8", "replace").splitlines()
        except (OSError, ValueError):
            _sources[file] = []
        finally:
            if opened is not None:
                opened.close()
    lines = _sources[file]
    return lines[number - 1] if 0 < number <= len(lines) else ""
