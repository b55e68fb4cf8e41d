"""``lazypatch check PROGRAM``: what would be too late, or block whatever is patched; found by reading the program."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from .._adapters import ADAPTERS
from .._errors import LazyPatchError
from .._places import short
from .._spec import parse
from .._targets import STAND_INS, TARGETS
from ..adapters.drivers import DRIVERS
from .static_imports import Finder, Import, Source, imports, is_library, statements

if TYPE_CHECKING:
    from collections.abc import Iterator

# The calls that arm, and what each asks for if it is given nothing.
_ARMING = {"gevent.monkey.patch_all": "gevent", "lazypatch.patch_all": "gevent", "lazypatch.enable": "all"}
# What a program can arm, and is not loaded with the interpreter.
_LOADABLE = TARGETS.keys() - STAND_INS.keys()
_OUTSIDE = "start the program with PYTHONCOOPPATCH=all, which comes before everything"


class Finding(NamedTuple):
    """One thing to mend, at its place."""

    file: str
    line: int
    column: int
    kind: str  # late-import, name-taken, driver, lazy-import
    message: str

    def __str__(self) -> str:
        return f"{short(self.file)}:{self.line}:{self.column}: {self.kind}: {self.message}"


class _Seen(NamedTuple):
    """An import of the program's own, and where it is."""

    source: Source
    what: Import


def check(main: Source, path: list[str]) -> list[Finding]:
    """What is to be mended in the program *main*, whose modules are looked for on *path*; nothing for a clean one."""
    program = _Program(main, Finder(path))
    program.run(main)
    found = list(program.drivers())
    if program.armed is not None:
        for seen in program.before:
            found += program.too_late(seen)
    return sorted(dict.fromkeys(found))


class _Program:
    """Its own modules, run in the mind: what they import, in order, until something arms."""

    def __init__(self, main: Source, finder: Finder) -> None:
        self.main, self.finder = main, finder
        self.armed: tuple[str, int] | None = None
        self.before: list[_Seen] = []  # imports before that
        self.all: list[_Seen] = []
        self.choice = parse("all")  # what is asked for, from outside if nothing in the program arms
        self._done: set[str] = set()
        self._bound: dict[str, dict[str, str]] = {}  # module -> its names -> what of gevent or lazypatch they are
        self._imports: dict[str, list[str]] = {}
        self._harmless: set[str] = set()  # modules that load no target

    def run(self, main: Source) -> None:
        """Go through the body of *main*, and of what it imports, in the order of a run."""
        bodies = [self._body(main)]
        while bodies:
            inner = next(bodies[-1], None)
            if inner is None:
                bodies.pop()
            else:
                bodies.append(self._body(inner))
        if self.armed is not None:
            return
        inside = [one for one in ast.walk(main.tree) if isinstance(one, ast.stmt)]
        for one in inside:
            self._bind(main, one)
        for one in inside:  # in a function, which is called when all of this has been imported
            if self._arms(main, one):
                return

    def _body(self, source: Source) -> Iterator[Source]:
        """Its imports; gives each module whose body is to be gone through before the next."""
        self._done.add(source.name)
        for one in statements(source.tree.body):
            if isinstance(one, (ast.Import, ast.ImportFrom)):
                self._bind(source, one)
                for what in imports(source, one, self.finder):
                    inner = self._import(source, what)
                    if inner is not None:
                        yield inner
            elif self.armed is None:
                self._arms(source, one)

    def _bind(self, source: Source, one: ast.stmt) -> None:
        """Keep which names of *source* stand for something of gevent's or ours, if *one* is an import that says so."""
        bound = self._bound.setdefault(source.name, {})
        if isinstance(one, ast.Import):
            for alias in one.names:
                name = alias.name if alias.asname else alias.name.partition(".")[0]
                bound[alias.asname or name] = name
        elif isinstance(one, ast.ImportFrom) and not one.level:
            bound.update({alias.asname or alias.name: f"{one.module}.{alias.name}" for alias in one.names})

    def _arms(self, source: Source, one: ast.stmt) -> bool:
        """Whether the statement *one* calls what arms; if so, that is known from now on."""
        call = getattr(one, "value", None)
        if not isinstance(call, ast.Call):
            return False
        first, dot, rest = ast.unparse(call.func).partition(".")
        default = _ARMING.get(self._bound.get(source.name, {}).get(first, "") + dot + rest)
        if default is None:
            return False
        self.armed = (source.file, one.lineno)
        given = getattr(call.args[0], "value", None) if default == "all" and call.args else None
        try:
            self.choice = parse(given if isinstance(given, str) else default)
        except LazyPatchError:  # the program is told when it runs
            self.choice = parse(default)
        return True

    def _import(self, source: Source, what: Import) -> Source | None:
        if what.module.partition(".")[0] in ("lazypatch", "gevent"):
            return None
        seen = _Seen(source, what)
        self.all.append(seen)
        if self.armed is None:
            self.before.append(seen)
        file = self.finder.file(what.module)
        if not file or what.module in self._done or is_library(file) or what.lazy:
            return None
        return self.finder.source(what.module)

    def too_late(self, seen: _Seen) -> Iterator[Finding]:
        """What is wrong with an import that comes before arming."""
        source, what = seen
        file, line = self.armed or ("", 0)
        arming = f"line {line}" if file == source.file else f"{short(file)}:{line}"
        at = (source.file, what.line, what.column)
        taken = [name for name in what.names if _is_replaced(what.module, name)]
        if taken:
            yield Finding(
                *at,
                "name-taken",
                f"{', '.join(taken)} of {what.module} is taken before {arming} arms it, and may stay native. "
                f"Move it below, or {_OUTSIDE}",
            )
            return
        own = self.finder.file(what.module)
        if own and not is_library(own):
            return  # what it imports is told in its own lines
        way = self.way(what.module)
        if way is None:
            return
        if what.lazy:
            yield Finding(
                *at, "lazy-import", f"{way[-1]} is loaded when this is first used; use it below {arming}, or {_OUTSIDE}"
            )
            return
        by = f", by way of {' < '.join(reversed(way[:-1]))}," if len(way) > 1 else ""
        yield Finding(
            *at, "late-import", f"this loads {way[-1]}{by} before {arming} arms it. Move it below, or {_OUTSIDE}"
        )

    def way(self, name: str) -> tuple[str, ...] | None:
        """The shortest way by which an import of *name* loads a target, which is its last; None if it does not."""
        if name in _LOADABLE:
            return (name,)
        ways: list[tuple[str, ...]] = [(name,)]
        met = {name} | self._harmless
        for way in ways:  # it grows
            for inner in self._inner(way[-1]):
                if inner in _LOADABLE:
                    return (*way, inner)
                if inner not in met:
                    met.add(inner)
                    ways.append((*way, inner))
        self._harmless.update(met)
        return None

    def _inner(self, name: str) -> list[str]:
        if name not in self._imports:
            source = self.finder.source(name)
            bodies = [] if source is None else statements(source.tree.body)
            found = [
                what.module for one in bodies if source for what in imports(source, one, self.finder) if not what.lazy
            ]
            self._imports[name] = list(dict.fromkeys(found))
        return self._imports[name]

    def drivers(self) -> Iterator[Finding]:
        """Libraries whose C code waits, and no adapter that was asked for sees to it; each at its first import."""
        told = set()
        for source, what in self.all:
            known, library = DRIVERS.get(what.module), what.module.partition(".")[0]
            if known is None or what.module in told or source.name.partition(".")[0] == library:
                continue
            told.add(what.module)
            if not self._is_adapted(what.module):
                yield Finding(
                    source.file, what.line, what.column, "driver", f"{what.module} waits in C. What to do: {known[1]}"
                )

    def _is_adapted(self, library: str) -> bool:
        rows = [row for row in ADAPTERS if row.word != "driver-warnings" and row.is_wanted(self.choice)]
        return any(name == library or name.startswith(library + ".") for row in rows for name in row.modules)


def _is_replaced(module: str, name: str) -> bool:
    row = TARGETS.get(module)
    return row is not None and (name == "*" or name in row.names.split() or name in STAND_INS.get(module, ()))


def as_json(found: list[Finding]) -> str:
    """A list of objects."""
    import json

    return json.dumps([one._asdict() for one in found], indent=1)


def as_github(found: list[Finding]) -> str:
    """Commands of GitHub's runner, which shows them at the lines."""
    lines = []
    for one in found:
        text = one.message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        where = f"file={short(one.file)},line={one.line},col={one.column},title=lazypatch {one.kind}"
        lines.append(f"::warning {where}::{text}")
    return "\n".join(lines)


def as_text(found: list[Finding]) -> str:
    """A line each."""
    return "\n".join(map(str, found))
