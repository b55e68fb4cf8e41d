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

    from ._targets import Selection

_STDLIB = os.path.dirname(os.__file__)
# What comes with a target in gevent.monkey, too, and has no word of its own: its target and an option of it decide.
PART = "part"
# Makes what gevent replaced behave as Python documents it; makes cooperative what gevent leaves alone.
CORRECTION, EXTENSION = "correction", "extension"


class Adapter:
    """One row: the *word* by which a spec names it, and the *modules* that it waits for, each by itself.

    ``needs`` are targets that have to be installed before. ``usual`` tells whether it is in ``all``. ``plan`` is where
    its function is, as ``module:function``. ``option`` is the option of the first target that it needs without which
    a part does nothing.
    """

    __slots__ = ("kind", "modules", "needs", "option", "plan", "usual", "word")

    def __init__(self, word: str, modules: str, needs: str = "", kind: str = EXTENSION, usual: bool = True) -> None:
        self.word = word
        self.modules = modules.split()
        self.needs = needs.split()
        self.kind = kind
        self.usual = usual
        self.plan = f"lazypatch.adapters.{word.replace('-', '_')}:plan"
        self.option = ""

    def is_wanted(self, selection: "Selection") -> bool:
        """Whether it was asked for, and so was what it needs."""
        if not all(need in selection.wanted for need in self.needs):
            return False
        if self.kind == PART:
            return not self.option or self.option in selection.wanted[self.needs[0]]
        asked = selection.adapters
        if self.word in asked:
            return True
        return "-" + self.word not in asked and self.usual and ("all" in asked or self.kind + "s" in asked)

    def load(self) -> object:
        """Its function."""
        module, _, function = self.plan.partition(":")
        return getattr(__import__(module, fromlist=[function]), function)


def _part(word: str, modules: str, needs: str, option: str = "") -> Adapter:
    row = Adapter(word, modules, needs, PART)
    row.option = option
    return row


ADAPTERS = (
    _part("logging-locks", "logging", "threading", "logging"),
    _part("futures-lock", "concurrent.futures.thread", "threading", "existing_locks"),
    Adapter("ssl-classes", "ssl", "ssl", CORRECTION),
    _part("fork-by-default", "multiprocessing.context", "subprocess"),
)


class Waiting:
    """The adapters that may have something to do, by the module that they wait for."""

    def __init__(self, rows: "Iterable[Adapter]") -> None:
        self.rows: "dict[str, list[Adapter]]" = {}
        self._open: "set[str]" = set()  # the names of modules that have to be looked at
        self._done: "dict[tuple[str, str], object]" = {}  # (word, module's name) -> the module object it was done in
        self.add(rows)

    def add(self, rows: "Iterable[Adapter]") -> None:
        """Wait for what *rows* wait for, too."""
        for row in rows:
            for name in row.modules:
                self.rows.setdefault(name, []).append(row)
                self._open.add(name)

    def again(self, names: "Iterable[str]" = ()) -> bool:
        """Look at these modules, or at all, once more; False if nothing waits for them."""
        mine = self.rows.keys() & (names or self.rows.keys())
        self._open |= mine
        return bool(mine)

    def ready(
        self,
        selection: "Selection",
        is_whole: "Callable[[str], bool]",
        is_installed: "Callable[[ModuleType | None], bool]",
    ) -> "Iterator[tuple[Adapter, ModuleType]]":
        """Each wanted one whose module is loaded, and whose needs are installed; each once per module object."""
        for name in self._open & sys.modules.keys():  # in C, and mostly empty
            module, waits = sys.modules[name], False
            for row in self.rows[name] if is_whole(name) else ():
                if self._done.get((row.word, name)) is not module and row.is_wanted(selection):
                    if all(is_installed(sys.modules.get(need)) for need in row.needs):
                        self._done[row.word, name] = module
                        yield row, module
                    else:
                        waits = True
            if not waits and is_whole(name):
                self._open.discard(name)


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


def theirs(path: "Iterable[str] | None" = None) -> "list[Adapter]":
    """The adapters of third parties."""
    return Plugins(list(sys.path if path is None else path)).adapters
