"""Mend what was taken out of _thread, os and time between arming and installing them.

Those three are loaded before any hook can run. Stand-ins arm the functions that start something; the others, and
locks made with them at the top of a module, were native for whoever was imported in between (tempfile, _strptime).
"""

from __future__ import annotations

import sys
import types

from ._install import Change
from ._targets import STAND_INS, TARGETS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._originals import Originals


def captured(modules: list[str], originals: Originals, lock_type: type) -> list[Change]:
    """Changes for the globals of *modules* that hold an original, or a native lock that nobody holds."""
    known = [name for name in originals.names() if name in STAND_INS or name not in TARGETS]
    natives = {id(original): new for name in known for original, new in originals.pairs(name) if new is not None}
    allocate_lock = sys.modules["_thread"].allocate_lock
    changes: list[Change] = []
    for name in modules:
        module = sys.modules.get(name)
        if isinstance(module, types.ModuleType) and not _is_left_alone(name):
            values = vars(module).values()
            # Nearly every module is done with these two, which run in C.
            if natives.keys().isdisjoint(map(id, values)) and lock_type not in set(map(type, values)):
                continue
            changes += _of(module, natives, lock_type, allocate_lock)
    return changes


def _of(module: types.ModuleType, natives: dict[int, object], lock_type: type, new_lock: Any) -> list[Change]:
    space: dict[str, Any] = vars(module)
    changes = []
    for item, value in list(space.items()):
        if id(value) in natives:
            changes.append(Change(space, item, natives[id(value)]))
        elif type(value) is lock_type and not value.locked():  # type: ignore[attr-defined]
            changes.append(Change(space, item, new_lock()))
    return changes


def _is_left_alone(name: str) -> bool:
    return name in TARGETS or name.partition(".")[0] in ("lazypatch", "gevent", "greenlet", "zope", "ddtrace")
