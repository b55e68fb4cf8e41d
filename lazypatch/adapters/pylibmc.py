"""pylibmc asks memcached in native threads, so that the others run meanwhile.

What waits. libmemcached, in C, which gives no descriptor to wait for, and has no call that only sends or only
receives.

What is replaced. The methods of ``pylibmc.Client`` that ask a server, in place: each call is made in a native thread,
one at a time on a client, which several threads must not use at once: greenlets that share one wait for one another.
Methods of the program's own that turn values into bytes and back (``serialize()``, ``deserialize()``) run in that
thread, too.

What it costs. Two switches of threads a call, as much as memcached's answer on the same machine takes:
``get_multi()`` instead of many ``get()``, or pymemcache, which needs no adapter. Who is ended while it waits ends
when the answer has come, or libmemcached gives up: after five seconds, if the behavior ``_poll_timeout`` (in
milliseconds) does not say otherwise.
"""

from __future__ import annotations

from ._pool import one_by_one
from .changes import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_METHODS = (
    "add add_multi append cas clone decr delete delete_multi disconnect_all flush_all get get_multi get_stats gets "
    "incr incr_multi prepend replace set set_behaviors set_multi touch"
)


def plan(pylibmc: Any) -> list[Change]:
    """The methods that this version has."""
    kind = pylibmc.Client
    return [Change(kind, name, one_by_one(getattr(kind, name))) for name in _METHODS.split() if hasattr(kind, name)]
