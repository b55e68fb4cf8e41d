"""The table of targets: the gevent module that supplies each, what comes with it; and what is wanted of them."""

import os
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

# The modules that adapters wait for (_adapters.py has the table): one that is being imported while gevent loads must
# have been watched from its beginning.
ADAPTED = (
    "_pyrepl.unix_console",
    "concurrent.futures.thread",
    "fcntl",
    "getpass",
    "logging",
    "multiprocessing.context",
    "multiprocessing.popen_fork",
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

# A group is what a spec, or an argument of patch_all, can name.
GROUPS = ("socket", "dns", "ssl", "select", "thread", "os", "time", "subprocess", "signal", "queue")
OPTIONS = ("dns", "aggressive", "Event", "logging", "existing_locks")
MANY = frozenset(("all", "corrections", "extensions"))  # words that stand for many adapters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    from ._places import Reference

    Wanted = dict[str, frozenset[str]]  # target -> its options


class Selection:
    """What is wanted of the targets, and what became of them: the facts that everybody else reads."""

    def __init__(self) -> None:
        self.wanted: "Wanted" = {}
        self.adapters: "set[str]" = set()  # words; "all" and a kind stand for many, "-WORD" takes one out
        self.early: "set[str]" = set()  # targets that were loaded when they were armed
        self.vetoed: "set[str]" = set()  # a subscriber of gevent's events was against these
        self.failed: "set[str]" = set()  # could not be installed, and are native
        # What third parties want replaced, by patch_module(): module -> (source, names).
        self.third_party: "dict[str, list[tuple[ModuleType | str, list[str] | None]]]" = {}
        # Calls of patch_all(): its arguments, more that subscribers get, what they have been told.
        self.announcements: "list[tuple[dict[str, bool], dict[str, object], list[str]]]" = []
        self.excluded: "set[str]" = set()  # modules that nothing is to be mended in
        self.asked: "set[str]" = set()  # modules that asked for originals
        self.unrepaired = False  # something was armed late since the last repair
        self.references: "list[Reference]" = []  # what late repair found
        self.told: "set[tuple[str, str]]" = set()  # targets and places in these that were warned of
        self.at_start: "set[str]" = set()  # targets that a .pth file had imported before ours was read
        self.armed_at: "tuple[str, int] | None" = None  # the line of the program that armed something late

    def add_adapters(self, words: "Iterable[str]") -> None:
        """Want the adapters *words*, too; what only one of two specs takes out of all is wanted."""
        new, old = frozenset(words), frozenset(self.adapters)
        self.adapters = {*_taken_out(old, new), *_taken_out(new, old), *(w for w in old | new if w[0] != "-")}

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


_STDLIB = os.path.dirname(getattr(os, "__file__", "")) + os.sep
_PACKAGES = "-packages" + os.sep


def is_standard(spec: "ModuleSpec") -> bool:
    """Whether *spec* is of the standard library, and not of somebody's module that has such a name, or of a copy."""
    if not COPIERS.isdisjoint(sys.modules):
        from ._private_copies import is_private

        if is_private(spec):
            return False
    origin = spec.origin or ""
    if origin.startswith(_STDLIB) and _PACKAGES not in origin[len(_STDLIB) :]:
        return True
    if origin in ("built-in", "frozen") or len(_STDLIB) <= 1:
        return True
    return os.path.basename(os.path.dirname(origin)) in ("lib-dynload", "DLLs")


def known_spec(packages: "dict[str, ModuleType]", name: str) -> "ModuleSpec | None":
    """The way to the module *name* of *packages* that was loaded already and is not in sys.modules; None if none was.

    A program that puts sys.modules back to an earlier state would get a second gevent otherwise, with a hub, locks and
    threads of its own. A package keeps its submodules as attributes, so they can be found; the others are put back too.
    """
    package = packages[name.partition(".")[0]]
    found: "Any" = package
    kind = type(sys)
    for part in name.split(".")[1:]:
        found = vars(found).get(part) if isinstance(found, kind) else None
    real = getattr(found, "__spec__", None)
    # A module's own name may be that of its twin in C, which gevent copies into it.
    if real is None or not isinstance(found, kind) or not found.__name__.startswith(package.__name__):
        return None

    def create_module(spec: "ModuleSpec") -> "ModuleType":
        # Not while its finder is asked: importlib would take what it finds in sys.modules then for a failed import.
        for root, each in packages.items():
            _put_back(root, each)
        return found

    def exec_module(module: "ModuleType") -> None:
        module.__spec__ = real

    loader: "Any" = type(sys.implementation)
    spec: "ModuleSpec" = type(real)(name, loader(create_module=create_module, exec_module=exec_module))
    return spec


def _put_back(name: str, module: "ModuleType") -> None:
    sys.modules.setdefault(name, module)
    for part, inner in list(vars(module).items()) if hasattr(module, "__path__") else ():
        if isinstance(inner, type(sys)) and inner.__name__ == f"{name}.{part}":
            _put_back(inner.__name__, inner)
