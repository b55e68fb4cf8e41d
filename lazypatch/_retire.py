"""How stand-ins leave: aside while gevent looks at the originals, back if it cannot be loaded, else for good."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

from ._originals import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._standins import StandIns


def step_aside(standins: StandIns) -> None:
    """Let the originals be seen: gevent is about to look."""
    for cell in standins.cells.values():
        found = getattr(cell.module, cell.name, None)
        cell.over = None if found is cell.function else found
        setattr(cell.module, cell.name, cell.original)


def come_back(standins: StandIns) -> None:
    """Stand where :func:`step_aside` left from: gevent could not be loaded, this time."""
    for cell in standins.cells.values():
        setattr(cell.module, cell.name, cell.over or cell.function)


def retire(standins: StandIns, replacement: Callable[[ModuleType, str], object]) -> None:
    """Leave for good: lead to ``replacement(module, name)``, or to the original where that is MISSING.

    What somebody else had put over a stand-in stays in place: it leads here, so it is cooperative.
    """
    for cell in standins.cells.values():
        found = replacement(cell.module, cell.name)
        cell.target = cell.original if found is MISSING else found
        if cell.over is not None:
            setattr(cell.module, cell.name, cell.over)
    standins.spent += standins.cells.values()
    standins.cells = {}


def remove(standins: StandIns, module: str) -> None:
    """Take the stand-ins of *module* out again; the copies that others hold call the originals."""
    for key in [key for key in standins.cells if key[0] == module]:
        cell = standins.cells.pop(key)
        if getattr(cell.module, cell.name, None) is cell.function:
            setattr(cell.module, cell.name, cell.original)
        cell.target = cell.original
        standins.spent.append(cell)


def lead(standins: StandIns, module: ModuleType, name: str, target: object) -> None:
    """A stand-in that has left now leads to *target*: installed later than gevent was loaded."""
    for cell in standins.spent:
        if cell.module is module and cell.name == name and sys.modules.get(module.__name__) is module:
            cell.target = target


def behind(standins: StandIns, value: object) -> object:
    """The original behind *value* if it is a stand-in, also one that was copied long ago; else MISSING."""
    for cell in (*standins.cells.values(), *standins.spent):
        if cell.function is value:
            return cell.original
    return MISSING
