"""Who may have imported a module that was loaded before anybody watched: inferred from what is in memory."""

from __future__ import annotations

import os
import re
import sys
import types
from typing import TYPE_CHECKING, Any

from .._places import Place, place
from .._targets import STAND_INS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._originals import Originals
    from .._targets import Selection

OUR_PTH = "lazypatch.pth"


def inferred(selection: Selection, originals: Originals | None, name: str) -> list[Place]:
    """Who holds, or held until it was mended, the module *name* or something out of it; the most likely importer first.

    A module goes to the end of ``sys.modules`` when its body has run, so the first importer is most likely the first
    holder that stands after *name*; next come those whose bodies are still running, such as ``__main__``. Nobody is
    found where the importer kept nothing. Before all of them comes the line of the program that imports it above the
    one that arms, if there is one; and a .pth file that did, while Python started.
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
    first = [*start_up_files(selection, name), *own_line(selection, name)]
    return [*first, *(where for where in (*after[:1], *before, *after[1:]) if where not in first)]


def own_line(selection: Selection, name: str) -> list[Place]:
    """Where the file that arms imports *name* above the line that does so: that needs no inference."""
    if selection.armed_at is None:
        return []
    file, armed = selection.armed_at
    line = _line(file, name)
    return [Place("__main__", file, line, "<module>")] if 0 < line < armed else []


def start_up_files(selection: Selection, name: str) -> list[Place]:
    """The .pth files that may have imported *name*: those that site read before ours, and that import something.

    If some of them name it, or something that holds it, the others are left out.
    """
    if name not in selection.at_start:
        return []
    ranked: dict[int, list[Place]] = {0: [], 1: [], 2: []}
    for file, number, text in _lines_before_ours():
        words = set(re.findall(r"\w+", text))
        rank = 0 if name in words else 1 if _hold(words, name) else 2
        ranked[rank].append(Place("site", file, number, "<module>"))
    return next((found for found in ranked.values() if found), [])


def _lines_before_ours() -> Iterator[tuple[str, int, str]]:
    """Each line of code of the .pth files that site reads before ours, with its file and number."""
    for folder in sys.path:
        try:
            names = sorted(name for name in os.listdir(folder or ".") if name.endswith(".pth"))
        except OSError:
            continue
        ours = names.index(OUR_PTH) if OUR_PTH in names else len(names)
        for name in names[:ours]:
            file = os.path.join(folder, name)
            for number, text in enumerate(read(file), 1):
                if text.startswith(("import ", "import\t")):
                    yield file, number, text
        if OUR_PTH in names:
            return


def _hold(packages: set[str], name: str) -> bool:
    target = sys.modules[name]
    return any(
        other.partition(".")[0] in packages and isinstance(module, types.ModuleType) and _holds(module, target, set())
        for other, module in list(sys.modules.items())
    )


def likely(selection: Selection, originals: Originals | None, name: str) -> str:
    """Who most likely imported *name* before it was armed, in words."""
    if name in STAND_INS:
        return "by the interpreter itself"
    places = inferred(selection, originals, name)
    if not places:
        return "by somebody who kept no reference to it"
    sure = places[0] in own_line(selection, name) or places[0] in start_up_files(selection, name)
    return f"by {place(places[0])}" + ("" if sure else ", inferred")


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
    return next((number for number, line in enumerate(read(file), 1) if statement.match(line)), 0)


def read(file: str) -> list[str]:
    """Its lines; none if it cannot be read."""
    try:
        with open(file, encoding="utf-8", errors="replace") as lines:
            return list(lines)
    except OSError:
        return []
