"""The table: each target, the gevent module that supplies it, what comes with it; and stand-ins for three of them.

Stand-ins are plain functions in targets that are loaded before any hook can run: the first call loads gevent and calls
through. They exist until gevent does: they step aside while it looks at the originals, come back if it cannot be loaded
this time, else leave for good. What somebody else puts over one stays in place: it leads here, so it is cooperative.
(They are in this file because every file that arming loads costs every armed process 0.3 M instructions.)
"""

import sys

_JOINABLE = sys.version_info >= (3, 13)


class Target:
    """One row of the table.

    ``names`` is what the source replaces, known before gevent is loaded; it answers questions about a target that
    is still waiting. What is installed is read from the source itself.
    """

    __slots__ = ("after", "group", "name", "names", "source")

    def __init__(self, name: str, source: str, names: str, after: str = "", group: bool = False) -> None:
        self.name = name
        self.source = "gevent." + source
        self.names = names
        self.after = after  # installed no earlier than this target, if that one is wanted too
        self.group = group  # installed with the thread group, not by the loop


# In the order in which what is ready is installed. gevent's reasons hold here too: threads before time (thread code
# captures the real sleep), selectors before select (its body must see the real one).
TARGETS = {
    target.name: target
    for target in (
        Target(
            "_thread",
            "thread",
            "LockType _local allocate_lock exit get_ident stack_size start_new_thread"
            + (" _ThreadHandle _make_thread_handle lock start_joinable_thread" if _JOINABLE else ""),
            group=True,
        ),
        Target(
            "threading",
            "threading",
            "Lock Thread Timer _CRLock _DummyThread _allocate_lock _shutdown get_ident local"
            + (
                " _ThreadHandle _make_thread_handle _start_joinable_thread"
                if _JOINABLE
                else " _set_sentinel _start_new_thread"
            ),
            group=True,
        ),
        Target("_threading_local", "local", "local"),
        Target("os", "os", "close fork forkpty posix_spawn posix_spawnp waitpid"),
        Target("time", "hub", "sleep"),  # gevent.time has it from there, and costs another import
        Target("signal", "signal", "getsignal set_wakeup_fd signal"),
        Target("selectors", "selectors", "DefaultSelector"),
        Target("select", "select", "poll select", after="selectors"),
        Target(
            "socket",
            "socket",
            "SocketType create_connection fromfd socket socketpair getaddrinfo getfqdn gethostbyaddr gethostbyname "
            "gethostbyname_ex getnameinfo" + (" _fallback_socketpair" if sys.version_info >= (3, 12) else ""),
        ),
        Target(
            "ssl",
            "ssl",
            "SSLContext SSLSocket get_server_certificate" + ("" if sys.version_info >= (3, 12) else " wrap_socket"),
        ),
        Target(
            "subprocess",
            "subprocess",
            "CompletedProcess Popen _USE_POSIX_SPAWN _use_posix_spawn call check_call check_output run"
            + (" _fork_exec" if sys.version_info >= (3, 11) else " _posixsubprocess"),
        ),
        Target("queue", "queue", "LifoQueue PriorityQueue Queue SimpleQueue"),
    )
}

# Loaded before any import hook can run, so armed by stand-ins: the functions whose first call loads gevent.
STAND_INS = {
    "os": ("fork", "forkpty", "posix_spawn", "posix_spawnp", "waitpid"),
    "time": ("sleep",),
    "_thread": ("start_new_thread", "start_new", "start_joinable_thread"),
}

# What gevent's own start imports: a thread that loads gevent may be waiting for one of these.
GEVENT_NEEDS = ("gevent", "logging", "threading", "_thread", "signal", "os", "time")

# Watched beside the targets: they hold locks or a default that a target supplied.
COMPANIONS = {"threading": ("logging", "concurrent.futures.thread"), "subprocess": ("multiprocessing.context",)}

# A group is what a spec, or an argument of patch_all, can name.
GROUPS = ("socket", "dns", "ssl", "select", "thread", "os", "time", "subprocess", "signal", "queue")
OPTIONS = ("dns", "aggressive", "Event", "logging", "existing_locks")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType
    from typing import Any

    Wanted = dict[str, frozenset[str]]  # target -> its options

    class StandIn:
        """One function in one module, and what it leads to now."""

        module: ModuleType
        name: str
        original: Any
        function: Callable[..., Any]
        target: Any  # the cooperative object, once there is one
        over: Any  # what somebody else had put over the stand-in when it stepped aside

        def __init__(self, **values: Any) -> None: ...
else:
    StandIn = type(sys.implementation)  # types.SimpleNamespace: each class costs every armed process something


def wanted(groups: "Iterable[str]", options: "Iterable[str]") -> "Wanted":
    """The targets of *groups*, each with those of *options* that concern it."""
    given = frozenset(options)
    chosen: "Wanted" = {}
    for group in groups:
        if group == "thread":
            chosen["threading"] = given & {"Event", "logging", "existing_locks"}
            chosen["_thread"] = chosen["_threading_local"] = frozenset()
        elif group == "select":
            chosen["select"] = chosen["selectors"] = given & {"aggressive"}
        elif group in ("socket", "dns"):
            mine = given & {"dns"} | {"sockets"} if group == "socket" else {"dns"}
            chosen["socket"] = chosen.get("socket", frozenset()) | mine
        else:
            chosen[group] = frozenset()
    return chosen


def _stand_in(module: "ModuleType", name: str, load: "Callable[[str], object]") -> "StandIn":
    cell = StandIn(module=module, name=name, original=getattr(module, name), target=None, over=None)
    cell.function = _function(cell, load)
    setattr(module, name, cell.function)
    return cell


def _function(cell: "StandIn", load: "Callable[[str], object]") -> "Callable[..., Any]":
    # Whoever copies this function (``from time import sleep``) keeps it for good, so it goes on forwarding. It must
    # not look at the module again: a mock found there may be calling this very function.
    def stand_in(*args: "Any", **kwargs: "Any") -> "Any":
        if cell.target is None:
            load(cell.module.__name__)
        return (cell.target or cell.original)(*args, **kwargs)

    stand_in.__name__ = stand_in.__qualname__ = cell.name
    stand_in.__module__ = cell.module.__name__
    stand_in.__doc__ = cell.original.__doc__
    return stand_in


class StandIns:
    """All stand-ins of the process; *load* is called, with the module's name, before the first call goes through."""

    def __init__(self, load: "Callable[[str], object]") -> None:
        self._load = load
        self.cells: "dict[tuple[str, str], StandIn]" = {}  # in place
        self.spent: "list[StandIn]" = []  # only in the hands of those who copied them
        self.behind: "dict[int, tuple[object, object]]" = {}  # id of each that ever was -> it, and its original

    def put(self, module: "Any", names: "tuple[str, ...]") -> None:
        """Put a stand-in for each of *names* in *module*."""
        for name in names:
            if hasattr(module, name) and (module.__name__, name) not in self.cells:
                cell = self.cells[module.__name__, name] = _stand_in(module, name, self._load)
                self.behind[id(cell.function)] = cell.function, cell.original

    def step_aside(self) -> None:
        """Show the originals: gevent is about to look."""
        for cell in self.cells.values():
            found = getattr(cell.module, cell.name, None)
            cell.over = None if found is cell.function else found
            setattr(cell.module, cell.name, cell.original)

    def come_back(self) -> None:
        """Stand where :meth:`step_aside` left from."""
        for cell in self.cells.values():
            setattr(cell.module, cell.name, cell.over or cell.function)

    def retire(self, replacement: "Callable[[ModuleType, str], Any] | None" = None) -> None:
        """Leave for good, for what ``replacement(module, name)`` gives; without it, or for None, for the original."""
        for cell in self.cells.values():
            cell.target = (replacement and replacement(cell.module, cell.name)) or cell.original
            if cell.over is not None:
                setattr(cell.module, cell.name, cell.over)
        self.spent += self.cells.values()
        self.cells = {}

    def remove(self, module: str) -> None:
        """Take the stand-ins of *module* out again; the copies that others hold call the originals."""
        for key in [key for key in self.cells if key[0] == module]:
            cell = self.cells.pop(key)
            if getattr(cell.module, cell.name, None) is cell.function:
                setattr(cell.module, cell.name, cell.original)
            cell.target = cell.original
            self.spent.append(cell)

    def lead(self, module: "ModuleType", name: str, target: object) -> None:
        """A stand-in that has left now leads to *target*: installed later than gevent was loaded."""
        for cell in self.spent:
            if cell.module is module and cell.name == name:
                cell.target = target
