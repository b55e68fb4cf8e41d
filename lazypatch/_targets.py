"""The table of targets: what supplies each, what comes with it; what is wanted of them, and what happened to them."""

import os as os  # the same for _look_up.py
import sys
from _thread import get_ident
from time import perf_counter

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

# What gevent's core is made of: a file of the program that has such a name is not meant.
GEVENT_IS = ("gevent", "greenlet", "zope")

# What gevent's own start imports: a thread that loads gevent may be waiting for one of these.
GEVENT_NEEDS = ("gevent", "logging", "threading", "_thread", "signal", "os", "time")

# The standard modules that adapters wait for (the table is in _adapters.py): one that is being imported while gevent
# loads must have been watched from its beginning.
ADAPTED = (
    "_curses",
    "_curses_panel",
    "_multiprocessing",
    "_posixsubprocess",
    "_pyrepl.unix_console",
    "_threading_local",
    "_tkinter",
    "asyncio.base_events",
    "asyncio.events",
    "asyncio.selector_events",
    "asyncio.unix_events",
    "concurrent.futures.thread",
    "concurrent.interpreters",
    "ctypes",
    "curses",
    "curses.panel",
    "eventlet.patcher",
    "fcntl",
    "getpass",
    "io",
    "logging",
    "multiprocessing.context",
    "multiprocessing.popen_fork",
    "multiprocessing.resource_sharer",
    "multiprocessing.resource_tracker",
    "queue",
    "select",
    "selectors",
    "signal",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "threading",
)

# Who takes private copies of targets (_private_copies.py knows how).
COPIERS = frozenset(["eventlet.patcher", "_pydev_bundle._pydev_saved_modules"])
# What reads once, as its body runs, whether gevent is there: it is loaded before (adapters/pydevd.py).
ASKS_FOR_GEVENT = "_pydevd_bundle.pydevd_constants"

# A group is what a spec, or an argument of patch_all, can name.
GROUPS = ("socket", "dns", "ssl", "select", "thread", "os", "time", "subprocess", "signal", "queue")
OPTIONS = ("dns", "aggressive", "Event", "logging", "existing_locks")
MANY = frozenset(("all", "corrections", "extensions"))  # words that stand for many adapters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType, ModuleType
    from typing import Any

    from ._places import Reference

    Place = tuple[Any, CodeType, int]  # module, code and instruction: finding the line can wait
    Entry = tuple[float, str, tuple[str, ...], float, str | int, list[Place]]
    Wanted = dict[str, frozenset[str]]  # target -> its options


class Selection:
    """What is wanted of the targets, and what became of them: the facts that everybody else reads."""

    def __init__(self) -> None:
        self.wanted: "Wanted" = {}
        self.adapters: "set[str]" = set()  # words; "all" and a kind stand for many, "-WORD" takes one out
        self.extra: "dict[str, Any]" = {}  # those that a program asked for itself, by module
        self.early: "set[str]" = set()  # targets that were loaded when they were armed
        self.vetoed: "set[str]" = set()  # a subscriber of gevent's events was against these
        self.failed: "set[str]" = set()  # could not be installed, and are native
        self.expecting = False  # gevent may be brought by a .pth file that site has not read yet
        self.unfound = False  # gevent could not be found when it was looked for last; what is loaded is native
        # What third parties want replaced, by patch_module(): module -> (source, names).
        self.third_party: "dict[str, list[tuple[ModuleType | str, list[str] | None]]]" = {}
        # Calls of patch_all(): its arguments, more that subscribers get, what they have been told.
        self.announcements: "list[tuple[dict[str, bool], dict[str, object], list[str]]]" = []
        self.excluded: "set[str]" = set()  # modules that nothing is to be mended in
        self.asked: "set[str]" = set()  # modules that asked for originals
        self.forked = False  # this process was forked by one that was left native, and armed after that
        self.sharing = False  # and memory that it shares with that one is worth more than time
        self.unrepaired = False  # something was armed late since the last repair
        self.references: "list[Reference]" = []  # what late repair found
        self.told: "set[tuple[str, str]]" = set()  # targets and places in these that were warned of
        self.at_start: "set[str]" = set()  # targets that a .pth file had imported before ours was read
        self.armed_at: "tuple[str, int] | None" = None  # the line of the program that armed something late

    def add_adapters(self, words: "Iterable[str]") -> None:
        """Want the adapters *words*, too; what only one of two specs takes out of all is wanted."""
        new, old = frozenset(words), frozenset(self.adapters)
        self.adapters = {*_taken_out(old, new), *_taken_out(new, old), *[word for word in old | new if word[0] != "-"]}

    def came_late(self, names: "Iterable[str]", at_start: bool = False) -> None:
        """The targets *names* were loaded without us: others may have taken originals out of them."""
        self.early.update(names)
        self.at_start.update(names if at_start else ())
        self.unrepaired = True


def _taken_out(one: "frozenset[str]", other: "frozenset[str]") -> "Iterable[str]":
    """What *one* takes out of many, unless *other* has many and leaves it in."""
    if MANY.isdisjoint(one):
        return ()
    return [word for word in one if word[0] == "-" and (MANY.isdisjoint(other) or word in other)]


def names_to_watch(wanted: "Iterable[str]") -> "list[str]":
    """The modules whose imports matter where *wanted* are."""
    names = [*wanted, *GEVENT_IS, "wrapt", *ADAPTED]
    # A source may be imported before its target; those that gevent's own import brings along are never first.
    names += [row.source for row in TARGETS.values() if row.name not in GEVENT_NEEDS or row.name == "signal"]
    # The bodies of two must not meet a stand-in.
    return [*names, "threading", "logging", ASKS_FOR_GEVENT] if "_thread" in wanted else names


class Journal:
    """What happened, one entry a step, for whoever reads a report of it. Nothing is ever taken out."""

    def __init__(self) -> None:
        self.entries: "list[Entry]" = []
        self.home = get_ident()  # the native thread that armed first
        self.request: "Any" = None  # a report that was asked for in advance: keep all callers, not only the nearest
        self.timer: "Any" = None  # what times all imports then
        self.begun = False  # targets are being imported: there is something to keep short

    def note(self, what: str, names: "tuple[str, ...]", frame: "Any" = None, step: "Any" = bool) -> None:
        """Take a *step* and keep what it was, of which targets, how long, by whom, in which thread."""
        # Every first import comes this way, so no text is made. By whom: from *frame* on, those that called importlib
        # (or us) and the bodies of modules; if nobody has asked for a report, only the nearest of them.
        begin, found, calls = perf_counter(), [], True
        most = 99 if self.request or not self.begun else 2
        step()
        while frame is not None and most:
            code = frame.f_code
            if code.co_filename.startswith("<frozen importlib"):
                calls = True
            elif calls or code.co_name == "<module>":
                name = str(frame.f_globals.get("__name__"))
                calls = name.startswith(("lazypatch", "importlib"))
                if not calls:
                    found.append((name, code, frame.f_lasti))
                    most -= 1
            frame = frame.f_back
        now = getattr(sys.modules.get("_thread"), "get_ident", get_ident)  # gevent's, once threads are filed by it
        thread: "Any" = getattr(sys.modules.get("threading"), "_active", {}).get(now())
        if len(self.entries) < 2000:  # a program that reloads targets all day is not to fill memory
            who = getattr(thread, "_name", 0) or get_ident()
            self.entries.append((begin, what, names, perf_counter(), who, found))


def is_report_asked_for() -> bool:
    """Whether the environment or an -X option asks for a report (reporting/requests.py reads what they say)."""
    return "PYTHONCOOPPATCH_REPORT" in os.environ or "cooppatch_report" in sys._xoptions


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


def in_main_interpreter() -> bool:
    """Whether this is the main interpreter, as seen from the thread that runs its site.

    Asking costs an import on 3.10 and 3.11; signal.signal() refuses everywhere but in the main thread of the main
    interpreter, before it looks at the number.
    """
    import _signal  # type: ignore[import-not-found]  # the C module: signal itself would cost enum

    try:
        _signal.signal(0, _signal.SIG_DFL)
    except ValueError as error:
        return "main" not in str(error)
    return True
