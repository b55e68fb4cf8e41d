"""The program that a command line names, found as python would find it, and read; or why it cannot be."""

from __future__ import annotations

import os
import sys

from .static_imports import Finder, Source, parsed


class Unreadable(Exception):
    """There is no such program, or it is not one: says what was looked at, what was found, what to do."""


def find_program(words: list[str]) -> tuple[Source, list[str]]:
    """The program that *words* name, a path, ``-`` or ``-m mod``, and its sys.path. Raises Unreadable."""
    rest = [folder for folder in sys.path[1:] if folder]
    if words[0] == "-m":
        return _module(words[1], [os.getcwd(), *rest])
    if words[0] == "-":
        return _parsed("stdin", "<stdin>", b"" if sys.stdin is None else sys.stdin.buffer.read()), [os.getcwd(), *rest]
    file = os.path.abspath(words[0])
    if os.path.isdir(file):
        file = os.path.join(file, "__main__.py")
        if not os.path.exists(file):
            raise Unreadable(f"the folder {words[0]} holds no __main__.py; name one that does, or a file in it")
    try:
        with open(file, "rb") as opened:
            text = opened.read()
    except OSError as error:
        raise Unreadable(f"cannot read {words[0]}: {error.strerror}; name a file that can be read") from None
    return _parsed(words[0], file, text), [os.path.dirname(file), *rest]


def _module(name: str, path: list[str]) -> tuple[Source, list[str]]:
    finder = Finder(path)
    found = finder.source(f"{name}.__main__") or finder.source(name)
    if found is not None:
        return found, path
    file = finder.file(f"{name}.__main__") or finder.file(name)
    if file:
        return find_program([file])  # which says why it cannot be read
    raise Unreadable(f"no module {name} was found here or on sys.path; name one whose code is a .py file")


def _parsed(said: str, file: str, text: bytes) -> Source:
    try:
        return parsed("__main__", file, text)
    except SyntaxError as error:
        where = f"{said}, line {error.lineno}" if error.lineno else said
        found = error.msg
    except (ValueError, RecursionError) as error:
        where, found = said, str(error)
    kind = "it is an archive: unpack it, and name its folder" if text[:2] == b"PK" else "mend that first"
    raise Unreadable(f"{where} is not what Python {sys.version.split()[0]} can read ({found}); {kind}")
