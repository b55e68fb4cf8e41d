"""The table of adapters: what each waits for and needs; and those of third parties, found in entry points.

An adapter makes one library behave under gevent as it does without. Its file has a function ``plan(module)`` that gives
the changes to make, like those of a target's install: so they are made at once or not at all, originals are on record,
and state(), the report, reload and late arming know of them. Nothing of it is loaded before its module is, nor before
gevent: until then no second thread can exist, and the original is right.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import ModuleType
    from typing import Any

    from ._places import State
    from ._protocols import Host, Wish
    from ._targets import Selection

_STDLIB, _OURS = os.path.dirname(os.__file__), "lazypatch.adapters."
# What comes with a target in gevent.monkey, too, and has no word of its own: its target and an option of it decide.
PART = "part"
# Makes what gevent replaced behave as Python documents it; makes cooperative what gevent leaves alone.
CORRECTION, EXTENSION = "correction", "extension"


class Adapter:
    """One row: the *word* by which a spec names it, and the *modules* that it waits for, each by itself.

    ``needs`` are targets that have to be installed before. ``usual`` tells whether it is in ``all``. ``plan`` is where
    its function is, as ``module:function``. ``option``: that of the first target without which a part does nothing.
    ``better``: the adapter with which it is not needed.
    """

    __slots__ = ("better", "kind", "modules", "needs", "option", "plan", "usual", "word")

    def __init__(self, word: str, modules: str, needs: str = "", kind: str = EXTENSION, usual: bool = True) -> None:
        self.word = word
        self.modules, self.needs = modules.split(), needs.split()
        self.kind = kind
        self.usual = usual
        self.plan = f"{_OURS}{word.replace('-', '_')}:plan"
        self.option = ""
        self.better: "tuple[Adapter, ...]" = ()

    def is_wanted(self, selection: "Wish") -> bool:
        """Whether it was asked for, and so was what it needs."""
        if not all(map(selection.wanted.__contains__, self.needs)) or any(x.is_wanted(selection) for x in self.better):
            return False
        if self.kind == PART:
            return not self.option or self.option in selection.wanted[self.needs[0]]
        asked, usual = selection.adapters, self.usual and "-" + self.word not in selection.adapters
        return self.word in asked or (usual and ("all" in asked or self.kind + "s" in asked))

    def load(self) -> "Any":
        """Its function; what a third party's gives is looked over first."""
        module, _, function = self.plan.partition(":")
        plan = getattr(__import__(module, fromlist=[function]), function)
        if module.startswith(_OURS):
            return plan
        return __import__(f"{_OURS}_looked_over", fromlist=["with_a_look"]).with_a_look(plan)


def _part(word: str, modules: str, needs: str, option: str = "", *better: Adapter) -> Adapter:
    row = Adapter(word, modules, needs, PART)
    row.option, row.better = option, better
    return row


# Drivers: the word, and the module if that has another name. And those that can only be named.
_DRIVERS = "psycopg2 psycopg=psycopg.waiting zmq grpc grpc-aio=grpc.aio pynng pycurl confluent-kafka=confluent_kafka"
_DRIVERS += " mysqlclient=MySQLdb.connections curl-cffi=curl_cffi pymssql pylibmc python-ldap=ldap.ldapobject"
_DRIVERS += " mysql-connector=mysql.connector.connection_cext"
_NAMED = "adbc_driver_postgresql aerospike apsw cx_Oracle duckdb ibm_db lmdb mariadb oracledb primp pulsar"
_NAMED += " pyarrow.flight pyodbc rados"
_ASYNCIO = "asyncio.events asyncio.base_events asyncio.selector_events asyncio.unix_events"
_MULTIPROCESSING = "_multiprocessing multiprocessing.resource_tracker multiprocessing.resource_sharer"
_PROCESSES = Adapter("multiprocessing", _MULTIPROCESSING, "_thread threading")
ADAPTERS = (
    _part("logging-locks", "logging", "threading", "logging"),
    _part("futures-lock", "concurrent.futures.thread", "threading", "existing_locks"),
    Adapter("ssl-classes", "ssl", "ssl", CORRECTION),
    Adapter("ssl-socket", "ssl", "ssl", CORRECTION),
    _part("fork-by-default", "multiprocessing.context", "subprocess", "", _PROCESSES),
    # The first two rows of os come before the others, which wrap what they put there.
    Adapter("os-close", "os posix", "os", CORRECTION),
    Adapter("os-read", "os posix"),
    Adapter("os-wait", "os signal", "os", CORRECTION),
    Adapter("os-daemon", "os", "os", CORRECTION),
    Adapter("os-lockf", "os"),
    Adapter("fork-threads", "threading multiprocessing.popen_fork", "threading", CORRECTION),
    Adapter("thread-errors", "_thread", "_thread threading", CORRECTION),
    Adapter("thread-classes", "_thread threading", "_thread threading", CORRECTION),
    Adapter("ctrl-c", "_signal", "threading", CORRECTION),
    Adapter("signal-main", "signal", "signal threading", CORRECTION),
    Adapter("signal-waits", "signal", "threading"),
    Adapter("thread-rlock", "_thread threading", "_thread threading", CORRECTION),
    Adapter("finalizers", "_thread threading", "_thread threading", CORRECTION),
    Adapter("thread-raise", "ctypes", "_thread threading", CORRECTION),
    Adapter("thread-local", "_thread threading _threading_local", "_thread threading", CORRECTION),
    Adapter("polling", "threading os", "threading", CORRECTION),
    Adapter("queue-class", "queue", "queue", CORRECTION),
    Adapter("time-sleep", "time", "time", CORRECTION),
    Adapter("select-epoll", "select selectors", "select selectors", CORRECTION),
    Adapter("select-poll", "select selectors", "select selectors", CORRECTION),
    Adapter("socket-class", "socket", "socket", CORRECTION),
    Adapter("socket-calls", "socket", "socket", CORRECTION),
    Adapter("socket-sharing", "socket", "socket", CORRECTION),
    Adapter("name-lookups", "gevent.resolver.thread", "socket", CORRECTION),
    Adapter("subprocess-run", "subprocess", "subprocess", CORRECTION),
    # After the one before, which puts there what it wraps.
    Adapter("signal-masks", "signal _posixsubprocess subprocess", "signal threading", CORRECTION),
    Adapter("socket-detach", "socket subprocess", "socket", CORRECTION),
    Adapter("asyncio", _ASYNCIO, "threading", CORRECTION),
    Adapter(
        "native-threads",
        "pytest_timeout ipykernel.control ipykernel.displayhook ipykernel.heartbeat ipykernel.iostream "
        "ipykernel.ipkernel ipykernel.kernelbase ipykernel.parentpoller ipykernel.shellchannel ipykernel.subshell "
        "ipykernel.subshell_manager ipykernel.thread ipykernel.zmqshell",
        "_thread threading",
    ),
    Adapter("pydevd", "_pydevd_bundle _pydevd_bundle.pydevd_constants", "_thread threading"),
    Adapter("eventlet", "eventlet.patcher", "_thread"),
    Adapter("uvloop", "uvloop", "_thread threading select selectors"),
    Adapter("io-open", "builtins io"),
    Adapter("stdin", "sys"),
    Adapter("input", "builtins _pyrepl.unix_console"),
    Adapter("getpass", "getpass"),
    Adapter("fcntl", "fcntl"),
    _PROCESSES,
    Adapter("interpreters", "concurrent.interpreters", "threading"),
    Adapter("sqlite3", "sqlite3"),
    Adapter("curses", "_curses curses _curses_panel curses.panel", "threading"),
    Adapter("tkinter", "_tkinter", "threading"),
    *(Adapter(word, module or word, "threading") for word, _, module in (x.partition("=") for x in _DRIVERS.split())),
    Adapter("driver-warnings", _NAMED, "threading"),
)


class Waiting:
    """The adapters that may have something to do, by the module that they wait for."""

    def __init__(self, rows: "Iterable[Adapter]", selection: "Selection", host: "Host") -> None:
        self.rows: "dict[str, list[Adapter]]" = {}
        self._selection = selection
        self._host = host
        self.open: "set[str]" = set()  # the names of modules that have to be looked at
        self._done: "dict[tuple[str, str], object]" = {}  # (word, module's name) -> the module object it was done in
        self._outcomes: "dict[tuple[str, str], State]" = {}  # the same -> installed, late or failed
        self._libraries_are_known = False
        self._add((*rows, *selection.extra.values()))

    def _add(self, rows: "Iterable[Adapter]") -> None:
        for row in rows:
            for name in row.modules:
                self.rows.setdefault(name, []).append(row)
                self.open.add(name)

    def find_libraries(self, plugins: "Callable[[], Plugins]", is_half: "Callable[[str], bool]") -> None:
        """Have the libraries watched that adapters wait for, those of other distributions' adapters, too.

        Not at arming: what is imported before gevent is finds its adapter installed when that is loaded, and one whose
        body is running then is heard of at its end.
        """
        if not self._selection.adapters or self._libraries_are_known:
            return
        self._libraries_are_known = True
        self._add(plugins().adapters)
        names = [name for name in self.rows if name.partition(".")[0] not in sys.stdlib_module_names]
        self._host.libraries.update(names)
        self._host.watch(names)
        for name in filter(is_half, sys.modules.keys() & names):
            self._host.at_work().watch_half(name)

    def look_again(self, row: "Adapter") -> None:
        """At the modules of *row*, which is new, or wants more than before."""
        for name in row.modules:
            if row not in self.rows.get(name, ()):
                self._add([row])
            self._done.pop((row.word, name), None)
            self.open.add(name)

    def words(self) -> "list[str]":
        """Of all that are known, each once."""
        return list({row.word: None for rows in self.rows.values() for row in rows})

    def state(self, word: str) -> "State":
        """What became of the adapter *word*: the worst of what it is in its modules; waiting if it is in none."""
        found = {outcome for (name, _), outcome in self._outcomes.items() if name == word}
        return next((state for state in ("failed", "late", "installed") if state in found), "waiting")

    def ran(self, name: str) -> None:
        """The body of the module *name* ran, perhaps in a reload."""
        for row in self.rows.get(name, ()):
            self._done.pop((row.word, name), None)
            self.open.add(name)

    def ready(
        self, done: str, is_half: "Callable[[str, str], bool]", is_installed: "Callable[[str], bool]"
    ) -> "Iterator[tuple[Adapter, ModuleType]]":
        """Each wanted one whose module is loaded, and whose needs are installed; each once per module object."""
        for name in self.open & sys.modules.keys():
            module, waits = sys.modules[name], False
            done_in, wish = self._done.get, self._selection
            rows = [row for row in self.rows[name] if done_in((row.word, name)) is not module and row.is_wanted(wish)]
            if rows and is_half(name, done):  # nothing is read of it: that may be what its body is put off until
                continue
            spec = getattr(module, "__spec__", None) if rows else None
            for row in rows if spec is None or self._host.at_work().accepts(spec) else ():
                if all(map(is_installed, row.needs)):
                    self._done[row.word, name] = module
                    yield row, module
                else:
                    waits = True
            if not waits:
                self.open.discard(name)

    def install(self, row: Adapter, module: "ModuleType", commit: "Callable[[Any, bool], object]") -> None:
        """Change *module* as *row* plans; whatever fails is told, and leaves it as it was."""
        name = module.__name__
        late = name in self._host.met_before and name not in (*sys.builtin_module_names, "os", "io")
        try:
            if row.plan.startswith(_OURS):
                self._host.at_once(*__import__(_OURS[:-1], fromlist=["with_needed"]).with_needed(row.plan))
            commit(row.load()(module), late)
        except Exception as error:
            from ._errors import not_adapted, warn_once
            from ._whose import is_users

            if is_users(error):
                raise
            self._outcomes[row.word, name] = "failed"
            warn_once(not_adapted(row.word, error))
        else:
            self._outcomes[row.word, name] = "late" if late else "installed"
            self._selection.unrepaired = self._selection.unrepaired or late


# The entry points that matter to us: gevent's listeners, by the beginning of their groups' names, and adapters.
_PLUGINS, _GROUP = b"gevent.plugins.monkey.", b"lazypatch.adapters"


class Plugins:
    """What the distributions on a path bring."""

    def __init__(self, folders: "Iterable[str]") -> None:
        self.listen = False  # whether one of them wants to hear gevent's events
        self.adapters: "list[Adapter]" = []
        for text in _entry_points(folders):
            self.listen = self.listen or _PLUGINS in text
            if _GROUP in text:
                self.adapters += _of(text.decode("utf-8", "replace"))


def _entry_points(folders: "Iterable[str]") -> "Iterator[bytes]":
    """The entry_points.txt of each distribution in *folders*; thousands may be in one."""
    for folder in folders:
        if folder.startswith(_STDLIB) and "-packages" not in folder:
            continue
        try:
            found = os.listdir(folder or ".")
        except OSError:
            continue
        for name in found:
            # gevent's own plugin only warns of a choice that we warn of ourselves.
            if name.endswith(("-info", ".egg")) and not name.startswith("gevent-"):
                path = f"{folder}/{name}/entry_points.txt"
                if os.access(path, os.R_OK):  # most have none, and this raises nothing
                    yield _read(path)


def _read(path: str) -> bytes:
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(file, 1 << 20)
    finally:
        os.close(file)


def _of(text: str) -> "Iterator[Adapter]":
    """The adapters in *text*, an entry_points.txt: ``name = package.module:plan`` waits for the module ``name``."""
    inside = False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            inside = line[1:-1].strip() == _GROUP.decode()
        elif inside and "=" in line and not line.startswith(("#", ";")):
            name, _, value = (part.strip() for part in line.partition("="))
            row = Adapter(name, name)
            row.plan = value.partition("[")[0].strip()
            yield row


def theirs() -> "list[Adapter]":
    """The adapters of third parties."""
    return Plugins(list(sys.path)).adapters
