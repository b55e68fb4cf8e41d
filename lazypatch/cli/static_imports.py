"""Which modules a program would import, in which order, found by reading: nothing of it is run or imported.

Only what a body does at its top counts: imports inside functions happen later, or never. What is computed
(``__import__(name)``, plugins) cannot be seen.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_LAZY = re.compile(rb"^(\s*)lazy (?=(?:import|from)\s)", re.MULTILINE)  # 3.15's, which older Pythons cannot read
_STDLIB = os.path.dirname(os.__file__) + os.sep


class Import(NamedTuple):
    """One import statement, for one module."""

    module: str  # absolute
    names: tuple[str, ...]  # that it takes out of the module; none for "import x"
    line: int
    column: int
    lazy: bool


class Source(NamedTuple):
    """A module that was read."""

    name: str
    file: str
    tree: ast.Module
    lazy_lines: frozenset[int]

    @property
    def is_package(self) -> bool:
        return os.path.basename(self.file) == "__init__.py"


def read(name: str, file: str) -> Source | None:
    """The module in *file*; None if it is not Python that this Python can read."""
    try:
        with open(file, "rb") as opened:
            return parsed(name, file, opened.read())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None


def parsed(name: str, file: str, text: bytes) -> Source:
    """The module whose source is *text*. Raises SyntaxError, ValueError or RecursionError if it is not Python."""
    lazy = frozenset(text.count(b"\n", 0, match.start(1)) + 1 for match in _LAZY.finditer(text))
    return Source(name, file, ast.parse(_LAZY.sub(rb"\1", text)), lazy)


class Finder:
    """Finds the files of modules on a path, as an import would, and reads each once."""

    def __init__(self, path: list[str]) -> None:
        self.path = path
        self._files: dict[str, str] = {}
        self._read: dict[str, Source | None] = {}
        self._places: dict[str, list[str]] = {}  # where the modules of a package are

    def file(self, name: str) -> str:
        """The file of the module *name*; "" if it is not there, or not Python."""
        if name not in self._files:
            self._files[name] = self._find(name)
        return self._files[name]

    def _find(self, name: str) -> str:
        parent = name.rpartition(".")[0]
        if name in sys.builtin_module_names or (parent and not self.is_package(parent)):
            return ""
        try:
            spec = PathFinder.find_spec(name, self._places[parent] if parent else self.path)
        except (ImportError, ValueError, KeyError):
            return ""
        if spec is None:
            return ""
        if spec.submodule_search_locations is not None:
            self._places[name] = list(spec.submodule_search_locations)
        return spec.origin if spec.origin and spec.origin.endswith(".py") else ""

    def is_package(self, name: str) -> bool:
        """Whether there are modules inside of it."""
        self.file(name)
        return name in self._places

    def source(self, name: str) -> Source | None:
        """The module *name*, read; None if it is not there, or not Python."""
        if name not in self._read:
            file = self.file(name)
            self._read[name] = read(name, file) if file else None
        return self._read[name]

    def exists(self, name: str) -> bool:
        """Whether a module is there."""
        return bool(self.file(name)) or name in self._places


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """What a body does at its top, in order: the insides of ``if``, ``try``, ``with`` and classes, too."""
    for one in body:
        yield one
        if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(one, ast.If) and "TYPE_CHECKING" in ast.dump(one.test):
            yield from statements(one.orelse)
            continue
        for field in ("body", "handlers", "orelse", "finalbody"):
            for inner in getattr(one, field, ()):
                yield from statements(inner.body) if isinstance(inner, ast.ExceptHandler) else statements([inner])


def imports(source: Source, one: ast.stmt, finder: Finder) -> Iterator[Import]:
    """The modules that the statement *one* of *source* imports, those before them too: ``a`` before ``a.b``."""
    where = (one.lineno, one.col_offset + 1, one.lineno in source.lazy_lines)
    if isinstance(one, ast.Import):
        for alias in one.names:
            yield from (Import(name, (), *where) for name in _with_parents(alias.name))
    elif isinstance(one, ast.ImportFrom):
        module = _absolute(source, one)
        names = tuple(alias.name for alias in one.names)
        *parents, last = _with_parents(module) if module else [""]
        yield from (Import(name, (), *where) for name in parents)
        yield Import(last, names, *where)
        for name in names:
            if finder.is_package(module) and finder.exists(f"{module}.{name}"):
                yield Import(f"{module}.{name}", (), *where)


def _with_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


def _absolute(source: Source, one: ast.ImportFrom) -> str:
    if not one.level:
        return one.module or ""
    package = source.name.split(".") if source.is_package else source.name.split(".")[:-1]
    base = package[: len(package) - one.level + 1]
    return ".".join([*base, *([one.module] if one.module else [])])


def is_library(file: str) -> bool:
    """Whether *file* is the standard library's, or was installed."""
    return f"-packages{os.sep}" in file or file.startswith(_STDLIB)
