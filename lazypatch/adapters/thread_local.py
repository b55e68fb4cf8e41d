"""threading.local can be referred to weakly, has Python's name, and works until the interpreter's very end.

What differs in gevent's. ``weakref.ref(threading.local())`` is a TypeError. ``repr()`` and messages name a class of
gevent's. What a thread had in one goes when others have heard of the thread's end, and in the hub, where a ``__del__``
cannot wait, for a lock, say. And from the moment that the interpreter finalizes, each look at one raises "greenlet is
being finalized": what a finalizer closes by way of a connection or session that is kept in one stays open. A greenlet
that a library makes by itself inside a thread (SQLAlchemy's asyncio, greenback, Playwright) is a thread of its own:
natively it shares the locals of the one that it is in, ``get_ident()``, ``current_thread()`` and RLocks.

What is replaced. The class, by a subclass of gevent's, which costs nothing more; and ``Thread._delete()``, the last
step of a thread, after which its values go. When the interpreter ends, the class is given methods in Python that find
what the main thread had (_locals_at_end.py). A program that takes ``greenlet.greenlet`` from its module has such
greenlets be the thread that they are in (_raw_greenlets.py), but for those below the hub, which are threads for gevent.

What it costs, from the moment that a program takes that class: a quarter more for each ``get_ident()``, some 20 ns. In
such a greenlet that call costs 0.1 to 0.4 microseconds, and its first look at a local as much as making it and
switching there and back; so does one after another greenlet of the same thread has looked. Before, nothing.

What stays. Who has taken ``gevent.local.local`` itself has that one. A local that the main thread has not used is empty
for finalizers, and its class's ``__init__`` is not called for them. On Python 3.10 ``join()`` does not wait for a
``__del__`` that waits.
"""

import sys
from gc import get_referents

from gevent import local as _gevents
from gevent._hub_local import get_hub_if_exists
from greenlet import getcurrent, greenlet

from .. import _gevent
from .._install import REMOVED, Change
from .._originals import at_end
from .changes import Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType
    from typing import Any


class _local(_gevents.local):  # type: ignore[misc]  # gevent's types are not known here
    """Thread-local data"""

    __slots__ = ("__weakref__",)


_local.__module__ = "_thread"


def plan(module: "ModuleType") -> "list[Change]":
    """The class in the module, unless it is native there: ``_threading_local=False`` has it stay so."""
    name = "_local" if module.__name__ == "_thread" else "local"
    if getattr(module, name, None) is not _gevents.local:
        return []
    if _go_on not in at_end:
        at_end.append(_go_on)
    threads: "Any" = sys.modules.get(f"{__package__}.fork_threads")
    if threads is not None:
        threads.drop_locals = drop
    changes = [Change(module, name, _local), *_until_asked(sys.modules["greenlet"])]
    if module.__name__ == "threading":
        global _delete
        _delete = _delete or module.Thread._delete
        changes.append(Change(module.Thread, "_delete", _end))
    return changes


def _until_asked(module: "Any") -> "list[Change]":
    """Have the module greenlet say when the program takes its class, unless somebody has it from before."""
    if _gevent.greenlet_was_there:
        return [Call(_asked)]
    space = vars(module)
    return [] if "greenlet" not in space else [Change(space, "greenlet", REMOVED), Change(space, "__getattr__", _get)]


def _get(name: str) -> "Any":
    """What the module greenlet has no more, and who wants it: gevent and lazypatch know what their greenlets are."""
    if name != "greenlet":
        raise AttributeError(f"module 'greenlet' has no attribute {name!r}")
    frame: Any = sys._getframe(1)
    while frame is not None and _root_of(frame) in _IMPORTLIB:
        frame = frame.f_back
    if frame is None or _root_of(frame) not in ("gevent", "lazypatch"):
        space = vars(sys.modules["greenlet"])
        space["greenlet"] = greenlet
        space.pop("__getattr__", None)
        _asked()
    return greenlet


def _root_of(frame: "Any") -> str:
    """The package, or the module, whose code runs in *frame*."""
    return str(frame.f_globals.get("__name__")).partition(".")[0]


_IMPORTLIB = ("importlib", "_frozen_importlib", "_frozen_importlib_external")


def _asked() -> None:
    global current
    try:
        from . import _raw_greenlets
    except Exception:  # the program has changed its root, or its rights
        return
    current = _raw_greenlets.current
    _raw_greenlets.begin(_local, LOCAL, ASK)


def _end(thread: "Any") -> None:
    """What a thread does last: natively what it has in locals goes after that, and before others can join it."""
    _delete(thread)
    drop(getcurrent())


def _go_on() -> None:
    from .._shutdown import last_greenlet
    from ._locals_at_end import go_on

    main = id(last_greenlet())
    go_on(_local, lambda local: _values(local, main))


def _values(local: object, ident: int) -> "Iterator[dict[str, Any]]":
    """The dict of the attributes that the greenlet with the id *ident* has in *local*, if it has any."""
    for held in get_referents(local):
        if type(held) is _impl:
            for entry in (dicts[ident] for dicts in get_referents(held) if type(dicts) is _dicts and ident in dicts):
                yield from (values for values in get_referents(entry) if type(values) is dict)


def drop(ended: "Any") -> None:
    """Let go of what the greenlet *ended*, of a thread, has in all locals."""
    impls = [seen() for key, seen in vars(ended).items() if key.startswith(LOCAL)]
    ident = id(ended)
    found = [dicts for impl in impls for dicts in get_referents(impl) if type(dicts) is _dicts and ident in dicts]
    values = [dicts.pop(ident) for dicts in found]
    if current is not getcurrent:
        from ._raw_greenlets import forget_last

        for dicts, entry in zip(found, values, strict=True):
            forget_last(dicts, entry)
    if values and getcurrent() is get_hub_if_exists():
        greenlet(values.clear).switch()  # in which a __del__ may wait


_delete: "Any" = None  # threading's own
current: "Any" = getcurrent  # gives the greenlet that stands for the thread that runs
ASK = ("gevent.thread", "gevent.threading", "lazypatch._importlock")  # who tells threads apart by ``getcurrent()``
LOCAL = "_gevent_local_localimpl_"  # what gevent.local names its entries in a greenlet's dict by
_impl, _dicts = _gevents._localimpl, _gevents._wrefdict
