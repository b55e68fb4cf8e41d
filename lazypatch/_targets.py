"""The table of targets: what supplies each, what comes with it; what is wanted of them, and what happened to them."""

import os
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

# The modules that adapters wait for (_adapters.py has the table): one that is being imported while gevent loads must
# have been watched from its beginning.
ADAPTED = ("concurrent.futures.thread", "logging", "multiprocessing.context")

# A group is what a spec, or an argument of patch_all, can name.
GROUPS = ("socket", "dns", "ssl", "select", "thread", "os", "time", "subprocess", "signal", "queue")
OPTIONS = ("dns", "aggressive", "Event", "logging", "existing_locks")
MANY = frozenset(("all", "corrections", "extensions"))  # words that stand for many adapters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from importlib.machinery import ModuleSpec
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
        self.unrepaired = False  # something was armed late since the last repair
        self.references: "list[Reference]" = []  # what late repair found

    def add_adapters(self, words: "Iterable[str]") -> None:
        """Want the adapters *words*, too; what only one of two specs takes out of all is wanted."""
        new, old = frozenset(words), frozenset(self.adapters)
        self.adapters = {*_taken_out(old, new), *_taken_out(new, old), *(w for w in old | new if w[0] != "-")}

    def came_late(self, names: "Iterable[str]") -> None:
        """The targets *names* were loaded without us: others may have taken originals out of them."""
        self.early.update(names)
        self.unrepaired = True


def _taken_out(one: "frozenset[str]", other: "frozenset[str]") -> "Iterable[str]":
    """What *one* takes out of many, unless *other* has many and leaves it in."""
    if MANY.isdisjoint(one):
        return ()
    return [word for word in one if word[0] == "-" and (MANY.isdisjoint(other) or word in other)]


# What is loaded for the first target.
_NEXT = ["_scheduler", "_adapters", "_progress", "_gevent", "_install", "_importlock", "_threads", "_since_arming"]


def names_to_watch(wanted: "Iterable[str]") -> "list[str]":
    """The modules whose imports matter where *wanted* are."""
    names = [*wanted, *GEVENT_IS, "wrapt", *ADAPTED, *("lazypatch." + file for file in _NEXT)]
    names += [row.source for row in TARGETS.values() if row.name not in GEVENT_NEEDS]
    return [*names, "threading", "logging"] if "_thread" in wanted else names  # their bodies must not meet a stand-in


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


def own_folders(armed: "list[str]") -> "list[str]":
    """Where the program itself is, as entries of sys.path; *armed* is what that was before the program began."""
    try:
        own = ["", os.getcwd()]
    except OSError:  # it was removed
        own = [""]
    return own + [folder for folder in sys.path[:1] if folder not in armed]


def look_elsewhere(ask: "Callable[..., ModuleSpec | None]", name: str, armed: "list[str]") -> "ModuleSpec | None":
    """The spec of what gevent is made of; None for anything else, or if only the program's own folder has it."""
    if name not in GEVENT_IS:
        return None
    own = own_folders(armed)
    spec = ask(name, None, None, [folder for folder in dict.fromkeys((*armed, *sys.path)) if folder not in own])
    if spec is None or spec.origin or not any(os.access(os.path.join(folder, name), os.R_OK) for folder in own):
        return spec
    usual = ask(name, None, None)  # another part of a namespace
    return usual if usual is not None and not usual.origin else spec


def in_the_way(armed: "list[str]") -> "list[tuple[str, str]]":
    """Names that gevent is made of, and files of the program that have them; *armed* is sys.path before the program."""
    return [
        (name, file)
        for folder in dict.fromkeys(own_folders(armed))
        if folder in sys.path
        for name in GEVENT_IS
        for file in (os.path.join(folder, name + ".py"), os.path.join(folder, name, "__init__.py"))
        if os.access(file, os.R_OK) and file != origin(name)
    ]


def origin(name: str) -> str:
    """The file of the loaded module *name*, or its folder."""
    module: "Any" = sys.modules.get(name)
    return getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), name)


_STDLIB = os.path.dirname(getattr(os, "__file__", "")) + os.sep
_PACKAGES = "-packages" + os.sep


def is_standard(spec: "ModuleSpec") -> bool:
    """Whether *spec* is of the standard library, and not of somebody's module that has such a name."""
    origin = spec.origin or ""
    if origin.startswith(_STDLIB) and _PACKAGES not in origin[len(_STDLIB) :]:
        return True
    if origin in ("built-in", "frozen") or len(_STDLIB) <= 1:
        return True
    return os.path.basename(os.path.dirname(origin)) in ("lib-dynload", "DLLs")


def is_meant(spec: "ModuleSpec") -> bool:
    """Whether *spec* is of what its name says to us, and not of a user's own module of that name."""
    name = spec.name
    if name == "gevent":
        return spec.submodule_search_locations is not None
    if is_standard(spec) or name.startswith(("gevent.", "wrapt")):
        return True
    return name in ADAPTED and name.partition(".")[0] not in sys.stdlib_module_names
