"""grpc waits by gevent's loop instead of in C, where most of it would hang: channels, servers, both in one process.

What waits. grpc's core, in C: a call stops every greenlet, a server answers nobody, and
``channel_ready_future(channel).result()`` never ends.

What is done. grpc's own switch for gevent, ``grpc.experimental.gevent.init_gevent()``, is called. It cannot be taken
back. Each call that waits then keeps a thread of the hub's pool, and so does looking up a name: with its ten threads,
nine calls and their server in one process all end in DEADLINE_EXCEEDED. So the pool may grow to 500 threads, unless the
program has set another size of its own.

What stays. grpc.aio has an adapter of its own. Where gevent is not loaded, nothing is changed. grpc itself calls its
switch experimental.
"""

from __future__ import annotations

from gevent.hub import Hub, get_hub

from .changes import Call, Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_USUAL, _MOST = Hub.threadpool_size, 500


def plan(grpc: Any) -> list[Change]:
    """One call."""
    return [Call(_switch)]


def _switch() -> None:
    from grpc._cython import cygrpc  # type: ignore[import-not-found,import-untyped,unused-ignore]
    from grpc.experimental.gevent import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
        init_gevent,
    )

    if not getattr(cygrpc, "g_gevent_activated", False):
        _make_room(get_hub())
        init_gevent()


def _make_room(hub: Any) -> None:
    """In the pool of *hub*, made already or not."""
    pool = hub._threadpool
    if hub.threadpool_size == _USUAL and (pool is None or pool.maxsize == _USUAL):
        hub.threadpool_size = _MOST
        if pool is not None:
            pool.maxsize = _MOST
