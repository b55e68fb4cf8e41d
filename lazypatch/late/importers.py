"""Who may have imported a module that was loaded before anybody watched: inferred from what is in memory."""

from __future__ import annotations

import re
import sys
import types
from typing import TYPE_CHECKING, Any

from .._places import Place, place
from .._targets import STAND_INS

if TYPE_CHECKING:
    from .._install import Originals
    from .._targets import Selection


def inferred(selection: Selection, originals: Originals | None, name: str) -> list[Place]:
    """Who holds, or held until it was mended, the module *name* or something out of it; the most likely importer first.

    A module goes to the end of ``sys.modules`` when its body has run, so the first importer is most likely the first
    holder that stands after *name*; next come those whose bodies are still running, such as ``__main__``. Nobody is
    found where the importer kept nothing.
    """
    target = sys.modules.get(name)
    if not isinstance(target, types.ModuleType):
        return []
    theirs = {id(value) for value in originals.of(name).values()} if originals is not None else set()
    theirs.update(id(value) for value in list(vars(target).values()) if getattr(value, "__module__", None) == name)
    mended = {reference.module for reference in selection.references if reference.target == name}
    before: list[Place] = []
    after: list[Place] = []
    found = before
    for other, module in list(sys.modules.items()):
        if other == name:
            found = after
        elif _is_written_in_python(other, module) and (other in mended or _holds(module, target, theirs)):
            found.append(_place(other, module, name))
    return [*after[:1], *before, *after[1:]]


def likely(selection: Selection, originals: Originals | None, name: str) -> str:
    """Who most likely imported *name* before it was armed, in words."""
    if name in STAND_INS:
        return "the interpreter itself"
    places = inferred(selection, originals, name)
    return place(places[0]) if places else "somebody who kept no reference to it"


def _is_written_in_python(name: str, module: object) -> bool:
    if name.partition(".")[0] in ("lazypatch", "gevent", "greenlet") or not isinstance(module, types.ModuleType):
        return False
    return name == "__main__" or str(getattr(module, "__file__", None)).endswith((".py", ".pyc"))


def _holds(module: types.ModuleType, target: types.ModuleType, theirs: set[int]) -> bool:
    values = list(vars(module).values())
    return any(value is target for value in values) or not theirs.isdisjoint(map(id, values))


def _place(name: str, module: types.ModuleType, target: str) -> Place:
    file: Any = getattr(module, "__file__", None)
    return Place(name, str(file or name), _line(str(file or ""), target), "<module>")


def _line(file: str, target: str) -> int:
    """The first line of *file* that looks like an import of *target*; 0 if none does, or it cannot be read."""
    if not file.endswith(".py"):
        return 0
    statement = re.compile(rf"\s*(?:import\s(?:.*[\s,])?{re.escape(target)}\b|from\s+{re.escape(target)}\s+import\b)")
    try:
        with open(file, encoding="utf-8", errors="replace") as lines:
            return next((number for number, line in enumerate(lines, 1) if statement.match(line)), 0)
    except OSError:
        return 0
