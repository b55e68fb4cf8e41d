"""What became of a target, and what is true of it from now on."""

from __future__ import annotations

import _frozen_importlib
import os
import sys
import types
from collections.abc import Collection

from ._adapters import ADAPTERS, Waiting, theirs
from ._install import names
from ._originals import Originals
from ._standins import no_waitpid
from ._targets import STAND_INS, TARGETS, Selection, Target

_bootstrap: Any = _frozen_importlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._places import State


def state(selection: Selection, originals: Originals | None, name: str) -> State:
    """What became of the target *name*; "gevent" if gevent.monkey has patched it without us."""
    module = sys.modules.get(name)
    if originals is not None and name in selection.wanted and originals.recorded(module):
        return "late" if originals.late(module) else "installed"
    if name not in selection.wanted:
        return "gevent" if name in getattr(sys.modules.get("gevent.monkey"), "saved", {}) else "skipped"
    if name in selection.vetoed:
        return "skipped"
    native = name in selection.failed or (selection.unfound and name not in STAND_INS)
    return "failed" if native and module is not None else "waiting"


def adapter_state(selection: Selection, waiting: Waiting | None, word: str) -> State:
    """The same for an adapter."""
    rows = (
        (*ADAPTERS, *selection.extra.values(), *theirs())
        if waiting is None
        else (row for rows in waiting.rows.values() for row in rows)
    )
    if not any(row.word == word and row.is_wanted(selection) for row in rows):
        return "skipped"
    return "waiting" if waiting is None else waiting.state(word)


def will_be_cooperative(selection: Selection, originals: Originals | None, name: str) -> bool:
    """Whether whoever imports the target *name* from now on gets a cooperative one."""
    found = state(selection, originals, name)
    if found != "waiting":
        return found in ("installed", "late")
    return "gevent" in sys.modules or gevent_can_be_found()


def gevent_can_be_found() -> bool:
    """Whether an import of gevent would find it, and not a file of the program's that has its name."""
    spec = _bootstrap._find_spec("gevent", None)  # importlib.util would import threading, which is a target
    return spec is not None and spec.submodule_search_locations is not None


# What adapters replace in targets, beyond what the targets' sources do.
_BY_ADAPTERS = {
    "os-close": "close closerange dup2",
    "os-read": "read write readinto readv writev preadv pwritev eventfd_read eventfd_write sendfile splice",
    "select-epoll": "epoll",
}


def will_replace(selection: Selection, name: str, item: str) -> bool:
    """Whether *item* is among what will be replaced or removed in the waiting target *name*."""
    row, options = TARGETS[name], selection.wanted.get(name, frozenset())
    if item in _will_be_removed(name, options):
        return True
    for adapter in ADAPTERS:
        if name in adapter.modules and item in _BY_ADAPTERS.get(adapter.word, "").split():
            return adapter.is_wanted(selection) or item in names(name, _known(row), options)
    if name == "threading" and item == "Event":
        return "Event" in options
    if name == "os" and no_waitpid() and item in ("waitpid", "posix_spawn", "posix_spawnp"):
        return False
    return item in names(name, _known(row), options)


def _known(row: Target) -> types.SimpleNamespace:
    return types.SimpleNamespace(__implements__=row.names.split())


def _will_be_removed(name: str, options: Collection[str]) -> tuple[str, ...]:
    """What aggressive removes; only one system's worth of it ever exists."""
    if "aggressive" not in options or os.name == "nt":  # an option of two targets
        return ()
    if name == "select":
        return ("epoll",) if sys.platform == "linux" else ("kqueue", "kevent")
    return ("EpollSelector",) if sys.platform == "linux" else ("KqueueSelector",)
