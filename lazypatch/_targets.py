"""The table: each target, the gevent module that supplies it, and what must come with it."""

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
    from collections.abc import Iterable

    Wanted = dict[str, frozenset[str]]  # target -> its options


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
