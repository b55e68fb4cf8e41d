"""The table: each target, the gevent module that supplies it, and what must come with it."""

import os
import sys

_JOINABLE = sys.version_info >= (3, 13)


class Target:
    """One row of the table.

    ``names`` is what the source replaces, known before gevent is loaded; it answers questions about a
    target that is still waiting. What is installed is read from the source itself.
    """

    __slots__ = ("after", "name", "names", "source", "together")

    def __init__(self, name: str, source: str, names: str, after: str = "", together: str = "") -> None:
        self.name = name
        self.source = "gevent." + source
        self.names = frozenset(names.split())
        self.after = after  # installed no earlier than this target, if that one is wanted too
        self.together = together  # a switch of the thread group: installed with it, not by the loop


DNS = frozenset("getaddrinfo getfqdn gethostbyaddr gethostbyname gethostbyname_ex getnameinfo".split())
# What aggressive removes; only one system's worth of them ever exists.
BLOCKING_SELECT = ("epoll", "kqueue", "kevent", "devpoll")
BLOCKING_SELECTORS = ("EpollSelector", "KqueueSelector", "DevpollSelector")

# In the order in which what is ready is installed. gevent's reasons hold here too: threads before time
# (thread code captures the real sleep), selectors before select (its body must see the real one).
TARGETS = {
    target.name: target
    for target in (
        Target(
            "_thread",
            "thread",
            "LockType _local allocate_lock exit get_ident stack_size start_new_thread"
            + (" _ThreadHandle _make_thread_handle lock start_joinable_thread" if _JOINABLE else ""),
            together="thread",
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
            together="thread",
        ),
        Target("_threading_local", "local", "local"),
        Target("os", "os", "close fork forkpty posix_spawn posix_spawnp waitpid"),
        Target("time", "time", "sleep"),
        Target("signal", "signal", "getsignal set_wakeup_fd signal"),
        Target("selectors", "selectors", "DefaultSelector"),
        Target("select", "select", "poll select", after="selectors"),
        Target(
            "socket",
            "socket",
            "SocketType create_connection fromfd socket socketpair getaddrinfo getfqdn gethostbyaddr "
            "gethostbyname gethostbyname_ex getnameinfo" + (" _fallback_socketpair" if sys.version_info >= (3, 12) else ""),
        ),
        Target(
            "ssl",
            "ssl",
            "SSLContext SSLSocket get_server_certificate" + ("" if sys.version_info >= (3, 12) else " wrap_socket"),
        ),
        Target(
            "subprocess",
            "subprocess",
            "CompletedProcess Popen _USE_POSIX_SPAWN _posixsubprocess _use_posix_spawn call check_call "
            "check_output run" + (" _fork_exec" if sys.version_info >= (3, 11) else ""),
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
GEVENT_NEEDS = frozenset(("gevent", "logging", "threading", "_thread", "signal", "os", "time"))

# A group is what a spec, or an argument of patch_all, can name.
GROUPS = ("socket", "dns", "ssl", "select", "thread", "os", "time", "subprocess", "signal", "queue")
OPTIONS = ("dns", "aggressive", "Event", "logging", "existing_locks")

# What a group cannot work without, and what goes wrong if it has to.
NEEDS = {
    "subprocess": (
        ("os", "after one subprocess.run(), os.fork() with os.waitpid() fails with ChildProcessError"),
        ("signal", "handlers of SIGCHLD are not called"),
    ),
    "thread": (("select", "asyncio.to_thread() and every other wait in selectors block all threads for ever"),),
    "ssl": (("socket", "an SSLSocket is made from a blocking socket"),),
    "signal": (("os", "handlers of SIGCHLD are not called and os.waitpid() may miss children"),),
}

Wanted = dict[str, frozenset[str]]  # target -> its options


def wanted(groups: frozenset[str], options: frozenset[str]) -> Wanted:
    """The targets of *groups*, each with those of *options* that concern it."""
    chosen: Wanted = {name: frozenset() for name in groups if name in TARGETS}
    if "socket" in groups:
        chosen["socket"] = frozenset(("sockets", "dns") if "dns" in options else ("sockets",))
    if "dns" in groups:
        chosen["socket"] = chosen.get("socket", frozenset()) | {"dns"}
    if "select" in groups:
        chosen["select"] = chosen["selectors"] = options & {"aggressive"}
    if "thread" in groups:
        chosen["threading"] = options & {"Event", "logging", "existing_locks"}
        chosen["_thread"] = chosen["_threading_local"] = frozenset()
    return chosen


def unmet(groups: frozenset[str]) -> list[tuple[str, str, str]]:
    """Each (group, group it needs and lacks, what goes wrong) of *groups*."""
    return [(name, need, harm) for name in GROUPS if name in groups for need, harm in NEEDS.get(name, ()) if need not in groups]


def everything() -> Wanted:
    """What the spec ``all`` stands for."""
    return wanted(frozenset(GROUPS), frozenset(OPTIONS))


def no_waitpid() -> bool:
    """Whether GEVENT_NOWAITPID tells gevent to leave os.waitpid alone."""
    return os.environ.get("GEVENT_NOWAITPID", "").lower() in ("1", "true", "yes", "on", "y")
