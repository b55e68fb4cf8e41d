"""What gevent imports and does not use: the import waits until somebody does.

Problem. Half of what a first import of gevent costs is not gevent: zope.interface for two calls, logging for two
loggers that nobody writes to, re, textwrap and traceback for documentation and reports, signal for one number; and
what these import in turn (typing, enum, string, contextlib, tokenize).

What does not work. Placeholders that can do what gevent needs and no more: a signal handler, a hook or another version
of gevent that meets one gets an AttributeError, or keeps it.

Solution. While gevent loads, sys.modules holds for each of them the very module object that it is going to be, unread
(see _unread.py), and only where nobody could look. When gevent is loaded they leave sys.modules: a program's import is
an ordinary first import. What gevent's bodies take out of them, by ``DEFERRED``, is put right when they are imported.

What still fails. ``type()`` tells an unread module, and one of gevent's four that keep something, from others. A
zope.interface that is there and cannot be imported is found out by who imports it, not by who imports gevent.
"""

import _frozen_importlib_external
import _thread
import builtins
import os
import sys

from ._look_up import half_imported
from ._unread import INSTEAD, MEANWHILE, Later, Unread, Veil, empty, exchange, is_read, new, stands_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from types import ModuleType
    from typing import Any

    from ._protocols import Host


# The calls of classImplements that were made while gevent loaded.
_implements: "list[tuple[Any, Later]]" = []


def _name(unread: "ModuleType", name: str) -> Later:
    return Later(unread, name)


def _noted(unread: "ModuleType", name: str) -> Later:
    return Later(unread, name, calls=_implements)


def _called(unread: "ModuleType", name: str) -> "Callable[..., Later]":
    return lambda *args: Later(unread, name, args)


def _dedent(text: str) -> str:
    """The same as textwrap's, which needs re."""
    lines = [line if line.strip(" \t") else "" for line in text.split("\n")]
    indents = [line[: len(line) - len(line.lstrip(" \t"))] for line in lines if line] or [""]
    least, most = min(indents), max(indents)
    while not most.startswith(least):
        least = least[:-1]
    return "\n".join([line[len(least) :] for line in lines])


class Row:
    """One *module* whose import is put off; *word* names it in ``PYTHONCOOPPATCH_DEFER``.

    ``takes`` are the names that the bodies of the gevent modules ``bodies`` look up in it; ``how`` gives what they get.
    All other use is use, and imports it.
    """

    __slots__ = ("bodies", "how", "module", "takes", "word")

    def __init__(self, word: str, module: str, takes: str = "", how: "Any" = None, bodies: str = "") -> None:
        self.word = word
        self.module = module
        self.takes = takes.split()
        self.how = how
        self.bodies = bodies.split()

    def meanwhile(self, unread: "ModuleType", name: str) -> "Any":
        """What *name* is for the body that is running now; None if none of them is."""
        return self.how(unread, name) if any(map(half_imported, self.bodies)) else None


_CORE = "gevent.libev.corecext"
# What gevent wants each for. tests/ground/test_deferred.py has the tests of each row.
DEFERRED = (
    # classImplements(loop, ILoop) and classImplements(callback, ICallback): only zope.interface can be asked about it.
    Row("zope", "zope.interface", "classImplements", _noted, _CORE),
    Row("zope", "gevent._interfaces", "ILoop ICallback", _name, _CORE),
    # A logger in each; neither is used.
    Row("logging", "logging", "getLogger", _called, "gevent.monkey._errors gevent.monkey._state"),
    # The documentation of gevent.config's settings is brought to the margin.
    Row("textwrap", "textwrap", "dedent", lambda *_: _dedent, "gevent._config"),
    # To print that a greenlet failed.
    Row("traceback", "traceback", "print_exception", _name, _CORE),
    # The pattern by which _tblib reads tracebacks that are texts.
    Row("re", "re", "compile", _called, "gevent._tblib"),
    # NSIG, when a watcher for a signal is made. It is a target: its import goes the way of all targets.
    Row("signal", "signal"),
)
# Where gevent keeps what it took.
_KEPT = {
    _CORE: ("ILoop", "ICallback", "classImplements", "print_exception"),
    "gevent._tblib": ("FRAME_RE",),
    "gevent.monkey._errors": ("logger",),
    "gevent.monkey._state": ("logger",),
}
MEANWHILE.update({(row.module, name): row.meanwhile for row in DEFERRED for name in row.takes})
_MAY_BE_PUT_OFF = frozenset(row.module for row in DEFERRED)


def _display(kind: "Any", value: "Any", tb: "Any", file: "Any") -> None:
    # A report must not be lost because traceback cannot be imported: no descriptor is left, or Python is ending.
    stderr = sys.stderr
    try:
        sys.stderr = file or stderr
        sys.__excepthook__(kind, value, tb)
    finally:
        sys.stderr = stderr


def _print_exception(
    exc: "Any", value: "Any" = None, tb: "Any" = None, limit: object = None, file: object = None, chain: bool = True
) -> None:
    error = exc if isinstance(exc, BaseException) else value
    _display(type(error), error, tb or getattr(error, "__traceback__", None), file)


INSTEAD["traceback", "print_exception"] = _print_exception
INSTEAD["traceback", "print_exc"] = lambda limit=None, file=None, chain=True: _print_exception(
    sys.exc_info()[1], file=file
)


class Deferred:
    """What is put off in this process."""

    def __init__(self, host: "Host") -> None:
        self._host = host
        self._unread: "dict[str, ModuleType]" = {}
        self._veil = Veil(_KEPT)

    def begin(self) -> None:
        """gevent is about to be loaded."""
        if "gevent" in sys.modules or _is_watched():
            return
        names = _wanted()
        self._host.watch(names)
        self._host.libraries.add("zope.interface")
        for name in names:
            self._unread[name] = sys.modules[name] = self._unread.get(name) or new(name)

    def during(self, load: "Callable[[], object]") -> None:
        """Put off what can be while *load* loads gevent."""
        try:
            self.begin()
            load()
        finally:
            try:
                self.end()
            except KeyboardInterrupt:
                self.end()  # every step can be taken again
                raise

    def end(self) -> None:
        """gevent is loaded, or could not be."""
        for name, unread in self._unread.items():
            if stands_in(unread):
                del sys.modules[name]
        self._veil.cover()
        gevent, interfaces = sys.modules.get("gevent"), self._unread.get("gevent._interfaces")
        if _implements and gevent is not None and interfaces is not None:
            vars(gevent).setdefault("_interfaces", interfaces)  # as the import of a submodule does

    def give(self, name: str) -> "ModuleType | None":
        """The object that the module *name* is to be, for the finder."""
        unread = self._unread.get(name)
        if type(unread) is not Unread:
            return None
        type(sys).__init__(empty(unread), name)
        return unread

    def ahead(self, name: str) -> bool:
        """The body of *name* is about to run, its import lock let go of; False if that is none of ours.

        ``gevent._interfaces`` comes with zope.interface, whoever begins: two threads that began with one each would
        wait for each other.
        """
        if name != "gevent._interfaces":
            return False
        try:
            __import__("zope.interface")
        except Exception:
            return True  # the body raises it again
        return True

    def arrived(self, name: str, module: "ModuleType", others: "tuple[Container[str], ...]") -> bool:
        """The body of *name* has just run; whether that matters to us alone, and to none of *others*."""
        unread = self._unread.get(name)
        if unread is not None:
            self._put_right(name, unread, module)
        return name in _MAY_BE_PUT_OFF and not any(name in each for each in others)

    def _put_right(self, name: str, unread: "ModuleType", module: "ModuleType") -> None:
        if unread is module:
            is_read(unread)
        else:
            exchange(unread, module)
        if name == "zope.interface":
            self._with_zope()
        elif name == "gevent._interfaces":
            for cls, interface in _implements:
                sys.modules["zope.interface"].classImplements(cls, getattr(module, interface._name))
            _implements.clear()
        self._veil.settle(unread)
        del self._unread[name]

    def _with_zope(self) -> None:
        """Make up for the calls that were not made, now that zope.interface is there."""
        if self._host.finder.once:
            self._host.finder.once["zope"] = sys.modules["zope"]
        interfaces = self._unread.get("gevent._interfaces")
        if interfaces is not None and stands_in(interfaces):
            del sys.modules["gevent._interfaces"]
        if _implements:
            try:
                __import__("gevent._interfaces")
            except Exception:
                return  # who imports it himself is told why


def _wanted() -> "list[str]":
    """The modules whose import is to be put off."""
    said = "" if sys.flags.ignore_environment else os.environ.get("PYTHONCOOPPATCH_DEFER", "")
    words = said.replace(" ", "").split(",") if said else []
    only = [word for word in words if not word.startswith("-")]
    rows = [row for row in DEFERRED if row.module not in sys.modules and "-" + row.word not in words]
    if len([row for row in rows if row.word == "zope"]) < 2 or not _has_zope():
        rows = [row for row in rows if row.word != "zope"]
    return [row.module for row in rows if not only or row.word in only]


def _has_zope() -> bool:
    """Whether zope.interface can be found; without it gevent's loop cannot be loaded, which is for gevent to say."""
    find, zope = _frozen_importlib_external.PathFinder.find_spec, sys.modules.get("zope")
    path = (
        getattr(find("zope"), "submodule_search_locations", None) if zope is None else getattr(zope, "__path__", None)
    )
    return path is not None and find("zope.interface", path) is not None


_HARMLESS = ("_frozen_importlib", "_frozen_importlib_external", "lazypatch", "six", "_distutils_hack", "_virtualenv")


def _is_watched() -> bool:
    """Whether anybody could look into sys.modules while gevent loads: a thread, a profiler, an import hook of others.

    Whoever did would find modules that read themselves, so no harm is done, but nobody is to find them. (There is no
    asking for audit hooks. They see an import when it happens.)
    """
    if _thread._count() or len(sys._current_frames()) > 1 or sys.gettrace() or sys.getprofile():
        return True
    importer: Any = builtins.__import__
    if type(importer) is not type(len):
        return True
    tool: Any = getattr(getattr(sys, "monitoring", None), "get_tool", None)
    if tool is not None and any(map(tool, range(6))):
        return True
    for finder in sys.meta_path:
        home = str(getattr(finder, "__module__", "")).partition(".")[0]
        if home not in _HARMLESS and not home.startswith("__editable__"):
            return True
    return False


def lighten(config: "Any") -> None:
    """Put off an import of gevent's.

    Every hub resolves ``format_context`` when it is made, though only a report of an error uses it. Its default,
    ``pprint.saferepr``, brings dataclasses, inspect, ast and dis: as much as a third of gevent itself.
    """
    setting: "Any" = getattr(config, "settings", {}).get("format_context")
    untouched = getattr(setting, "default", None) == "pprint.saferepr" and "value" not in vars(setting)
    if untouched and setting.environment_key not in os.environ:
        config.format_context = [_saferepr]


def _saferepr(value: object) -> str:
    try:
        from pprint import saferepr
    except Exception:  # no descriptor is left, say: the report must not fail
        return repr(value)
    return saferepr(value)
