"""The warning of what was too late and could not be mended: one for one cause, with advice that can be followed."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from .._places import Place, place
from .._targets import STAND_INS
from . import importers

if TYPE_CHECKING:
    from .._originals import Originals
    from .._places import Reference
    from .._targets import Selection

_SHOWN = 3  # of each harm; the report has them all
_IMPORT = re.compile(r"(import|from)\s+(?!lazypatch\b|__future__\b)\w")


def harm(reference: Reference) -> str:
    """What comes of an original that *reference* still holds."""
    if (reference.target, reference.name) == ("_thread", "_local"):
        return "mixes up what belongs to different threads"
    if reference.why.startswith("it is a key") or "which is another class now" in reference.why:
        return "is out of step with its module"
    return "blocks all threads when it waits"


def too_late(selection: Selection, originals: Originals | None, references: list[Reference]) -> str:
    """Targets were loaded before they were armed, and *references* could not be mended."""
    targets = list(dict.fromkeys(reference.target for reference in references))
    if selection.sharing:  # it was the parent, and asking who there costs the memory that is shared
        by_whom = targets
    else:
        by_whom = [f"{name} ({importers.likely(selection, originals, name)})" for name in targets]
    by_harm: dict[str, list[Reference]] = {}
    for reference in references:
        by_harm.setdefault(harm(reference), []).append(reference)
    left = "; ".join(f"{what}: {_named(found)}" for what, found in by_harm.items())
    return (
        f"loaded before lazypatch was armed: {', '.join(by_whom)}. What others had taken out of "
        f"{'it' if len(targets) == 1 else 'them'} was to be mended; this could not be, and {left}. "
        f"{advice(selection, targets)} lazypatch.report() has it all."
    )


def _named(references: list[Reference]) -> str:
    shown = [f"{one.place} ({one.kind}{one.why and ', ' + one.why})" for one in references[:_SHOWN]]
    more = len(references) - _SHOWN
    return ", ".join(shown) + (f", and {more} more" if more > 0 else "")


def advice(selection: Selection, targets: list[str]) -> str:
    """What can be done about it where the program is armed now."""
    if selection.forked:
        return "Have this process import those holders, not the one that forked it (preloaded them)."
    if selection.armed_at is None:
        early = next((found for name in targets if (found := importers.start_up_files(selection, name))), [])
        if early:
            return f"Have {place(early[0])} run later, or not import it."
        return "Arm before that: with PYTHONCOOPPATCH=all in the environment, or python -m lazypatch."
    file, line = selection.armed_at
    here = place(Place("", file, line, "<module>"))
    first = first_import(file, line)
    if first is not None:
        number, text = first
        return f"Move the line that arms ({here}) above `{text}`, {place(Place('', file, number, '<module>'))}."
    if getattr(sys, "frozen", False) or set(targets) <= STAND_INS.keys():
        return f"Arm ({here}) before those holders are imported."
    return f"Arm ({here}) before that import, or with PYTHONCOOPPATCH=all or python -m lazypatch."


def first_import(file: str, before: int) -> tuple[int, str] | None:
    """The first line of *file* above line *before* that imports anything but lazypatch, and its text."""
    lines = enumerate(importers.read(file)[: before - 1], 1)
    return next(((number, _cut(text.strip())) for number, text in lines if _IMPORT.match(text)), None)


def _cut(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
