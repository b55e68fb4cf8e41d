"""A greenlet that the program makes by itself inside a thread is that thread: its ident, its locals, its RLocks.

Problem. To gevent every greenlet is a thread. SQLAlchemy's asyncio, greenback, Playwright and many a scheduler make
greenlets of greenlet's own class inside a thread, and switch to them by themselves. Natively these belong to the thread
that they were made in, whatever they ask for.

Solution. Such a greenlet stands for the thread that is at the end of its parents: one of gevent's greenlets, or the one
in which a native thread began. One whose parent is the hub is a thread of its own, as is one whose thread has ended.
gevent's ``get_ident()``, which everybody holds, gets other code; what asks for the current greenlet to tell threads
apart gets :func:`current`.

``threading.local`` asks greenlet in C, finds no values for such a greenlet, makes an empty dict for it, and calls the
``__init__`` of the class: there the values of the thread move into the new dict, which is the thread's from then on.
So nothing has to be done when a greenlet starts, switches or ends, and of those that take turns only the last one is
known to the local: the others come this way again.

All of this begins when the program first asks for ``greenlet.greenlet``: until then nothing costs anything.

What does not work. To put a subclass in the place of ``greenlet.greenlet``: greenlets that are there are not of it. To
copy all locals when a greenlet starts: there may be hundreds, and what is set first inside is not seen outside. A trace
function: every switch costs half as much again.

What stays. Who keeps the ``__dict__`` of a local has the one of before. An ``__init__`` that is put into a subclass of
local later on is called for each such greenlet, and its values are apart.
"""

import functools
import sys
from gc import get_referents
from weakref import ref

from gevent import thread
from gevent.greenlet import Greenlet
from gevent.hub import Hub
from gevent.local import _greenlet_deleted, _local_deleted, _localimpl, _wrefdict
from gevent.local import _localimpl_dict_entry as _entry
from greenlet import getcurrent

from .._threads import root_greenlet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def begin(local: "Any", prefix: str, who_ask: "tuple[str, ...]") -> None:
    """From now on, for *local*, which keeps its values in a greenlet's dict by names that begin with *prefix*.

    :param who_ask: the modules that tell threads apart by ``getcurrent()``.
    """
    global _local, _prefix, _root
    _local, _prefix, _root = local, prefix, root_greenlet()
    for name in who_ask:
        space = vars(sys.modules[name]) if name in sys.modules else {}
        if space.get("getcurrent") is getcurrent:  # else a signal's handler runs (_main_identity.py), and asks us
            space["getcurrent"] = current
    vars(thread).update(_lazypatch_getcurrent=getcurrent, _lazypatch_root=_root)
    thread.get_ident.__code__ = _get_ident.__code__
    local.__init__ = _init
    local.__init_subclass__ = classmethod(_init_subclass)
    for kind in _below(local):
        _share(kind)


def _get_ident(gr: "Any" = None) -> int:  # runs with the globals of gevent.thread, which has all that it names
    if gr is None:
        try:
            gr = _lazypatch_getcurrent()  # type: ignore[name-defined]  # noqa: F821
            if type(gr) is not Greenlet and gr is not _lazypatch_root:  # type: ignore[name-defined]  # noqa: F821
                gr = getcurrent()
        except RuntimeError:
            gr = None
    return id(gr)


def current() -> "Any":
    """The greenlet that stands for the thread that runs."""
    me = getcurrent()
    if type(me) is Greenlet:
        return me
    above = me.parent  # mostly it is right below the one that is looked for
    return above if above is _root or (type(above) is Greenlet and not above.dead) else thread_of(me)


def thread_of(me: "Any") -> "Any":
    """The greenlet that stands for the thread of the greenlet *me*."""
    one = me
    while not (isinstance(one, (Greenlet, Hub)) or type(one).__module__.startswith(_THREADS_OF)):
        above = one.parent
        if above is None or isinstance(above, Hub):
            break
        one = above
    return me if one.dead else one


_THREADS_OF = ("gevent.", "lazypatch.")  # each greenlet of a class of these stands for a thread, also natively
_root: "Any" = None  # of the native thread in which this began: mostly the main one
_local: "Any"
_prefix: str


# --- threading.local


def _init(self: "Any", /, *args: "Any", **kwargs: "Any") -> None:
    if args or kwargs:
        if type(self).__init__ is _init:
            raise TypeError("Initialization arguments are not supported")
        object.__init__(self, *args, **kwargs)  # says what is wrong
    _is_known(self)


def _init_subclass(cls: "Any", /, **kwargs: "Any") -> None:
    super(_local, cls).__init_subclass__(**kwargs)
    _share(cls)


def _below(kind: "Any") -> "set[Any]":
    found = set(kind.__subclasses__())
    return found.union(*map(_below, found))


def _share(kind: "Any") -> None:
    """Have the ``__init__`` of *kind*, a subclass of local, be called for threads only."""
    home = next(each for each in kind.__mro__ if "__init__" in vars(each))
    if home is kind:
        original = vars(kind)["__init__"]
    elif issubclass(home, _local) or home is object:
        return
    else:  # that of another class, which may be that of objects of other kinds, too
        original = None

    @functools.wraps(kind.__init__)
    def __init__(self: "Any", /, *args: "Any", **kwargs: "Any") -> None:
        if _is_known(self):
            return
        if original is None:
            super(kind, self).__init__(*args, **kwargs)
        else:
            original.__get__(self, type(self))(*args, **kwargs)

    kind.__init__ = __init__


class _Of(ref):  # type: ignore[type-arg]
    """What a local keeps of the greenlet whose values it has; with that below it which has come last, and its entry."""

    __slots__ = ("last",)


def _is_known(local: "Any") -> bool:
    """Have *local*, which has made an empty dict for the current greenlet, and the thread of that share one.

    True if the thread had values there, which are in the new dict, too, by then.
    """
    me, stands = getcurrent(), thread.getcurrent()
    if me is stands:
        return False
    impl, dicts = _inside(local)
    ident, mine = id(stands), dicts[id(me)]
    values, theirs = _parts(mine)[1], dicts.get(ident)
    had = None if theirs is None else _parts(theirs)[1]
    if had is values:
        return False
    ended = _greenlet_deleted(ident, ref(dicts))
    new: Any = _Of(stands, ended)
    new.last = id(me), mine
    if had is not None:
        values.update(had)
    else:
        if hasattr(stands, "rawlink"):
            stands.rawlink(ended)
        key = _prefix + str(id(impl))
        vars(stands)[key] = ref(impl, _local_deleted(key, ref(stands), ended))
    dicts[ident] = _entry(new, values)
    if theirs is not None:
        forget_last(dicts, theirs)
    _forget_handlers(dicts, me)
    return had is not None


def _inside(local: "Any") -> "tuple[Any, Any]":
    """The object in which gevent's class has all that belongs to *local*, and the dicts of greenlets in that."""
    for impl in get_referents(local):
        if type(impl) is _localimpl:
            for dicts in get_referents(impl):
                if type(dicts) is _wrefdict:
                    return impl, dicts
    raise AttributeError("gevent's threading.local has changed")


def _parts(entry: "Any") -> "tuple[Any, Any]":
    """The weak reference to the greenlet, and the values."""
    one, other = get_referents(entry)
    return (other, one) if type(one) is dict else (one, other)


def forget_last(dicts: "Any", entry: "Any") -> None:
    """*entry* is not a thread's any more: the greenlet below it that has come last is to come again."""
    ident, its = getattr(_parts(entry)[0], "last", (0, None))
    if its is not None and dicts.get(ident) is its:
        del dicts[ident]


def _forget_handlers(dicts: "Any", me: "Any") -> None:
    """The same for handlers of signals that run, each in a greenlet of its own."""
    identity = sys.modules.get(f"{__package__}._main_identity")
    for run in [] if identity is None else list(identity.bearers()):
        if run is not me:
            dicts.pop(id(run), None)
