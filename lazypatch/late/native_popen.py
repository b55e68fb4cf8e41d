"""subprocess's own Popen, which subclasses that were made before go on using: it works, natively.

gevent empties the names through which its methods start a process (``_fork_exec`` is None), so that nobody starts one
behind its back; ``class Mine(subprocess.Popen)`` then fails with TypeError each time it is called. Its methods get
globals of their own, in which those names are what they were. gevent's class cannot become the base of such a subclass:
it is made differently, and what the subclass overrides is not called there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._install import Change
from ..adapters.ssl_classes import with_globals

if TYPE_CHECKING:
    from collections.abc import Mapping


def native_popen(subprocess: Any, originals: Mapping[str, Any]) -> list[Change]:
    """Changes in the native class of the module *subprocess*, of which *originals* are on record; none if it is mended."""
    popen = originals["Popen"]
    emptied = {name for name in originals if name.startswith("_")}
    own = {**vars(subprocess), **originals}
    changes = []
    for name, member in list(vars(popen).items()):
        mended = with_globals(member, own, emptied)
        if mended is not member and member.__globals__ is vars(subprocess):
            changes.append(Change(popen, name, mended))
    return changes
