"""Places in a program, as values: a line of code, and a name that holds an original."""

from __future__ import annotations

import os
import sys
from typing import Literal, NamedTuple

# What becomes of a target or an adapter, as lazypatch.state() says it.
State = Literal["waiting", "installed", "late", "failed", "skipped", "gevent"]
# What an adapter does: it makes what gevent replaced behave as Python documents it; it makes cooperative what gevent
# leaves alone; it is part of what gevent.monkey does.
AdapterKind = Literal["correction", "extension", "part"]
# What a place that held an original is.
PlaceKind = Literal[
    "global", "class attribute", "default argument", "partial", "closure", "lock", "subclass", "instance"
]


class Place(NamedTuple):
    """A line of code that imported or called something."""

    module: str
    file: str
    line: int  # 0 if it is not known
    function: str  # "<module>" for the body of a module

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return where if self.function == "<module>" else f"{where} in {self.function}"


class Reference(NamedTuple):
    """One place that held an original when its target was installed late."""

    target: str  # the module that the original comes from: "time"
    name: str  # its name there: "sleep"
    module: str  # the module that the place belongs to: "app.views"
    place: str  # where exactly, as a programmer would write it: "app.views.sleep", "app.Pool.QueueCls"
    kind: PlaceKind
    mended: bool
    why: str  # why it was not mended, else ""


def short(file: str) -> str:
    """*file* as seen from the current folder, or from the folder on sys.path in which it is."""
    try:
        here = os.getcwd() + os.sep
    except OSError:
        here = ""
    if here and file.startswith(here) and f"-packages{os.sep}" not in file:
        return file[len(here) :]
    folders = [folder + os.sep for folder in sys.path if folder and file.startswith(folder + os.sep)]
    return file[len(max(folders, key=len)) :] if folders else file


def place(where: Place) -> str:
    """``app.py:3``, or ``app.py:3 in main``."""
    return str(where._replace(file=short(where.file)))
