"""The command ``lazypatch``: run a program, look at this Python, look through a program."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from .._nearest import did_you_mean
from .printing import say

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from typing import NoReturn

_COMMANDS = ("run", "info", "check", "--help", "--version")
_DOCS = "docs/command.md"
_HELP = """\
Make blocking Python programs cooperative with gevent, each module exactly when it first loads.

  lazypatch run [OPTIONS] PROGRAM [ARGS]   run a program, armed; the same as python -m lazypatch
  lazypatch info [--json]                  what is armed in this Python, by what, and what is in the way
  lazypatch check [OPTIONS] PROGRAM        what would be too late in a program, without running it

  lazypatch COMMAND --help                 the options of one
  lazypatch --version

Examples:
  lazypatch run --report app.py            and tell at its end what became of each module
  lazypatch run --patch all,-subprocess -m flask run
  lazypatch info                           first of all, and whenever it does not work
  lazypatch check --format github app.py   in CI

Exit status: run: the program's, 2 if it was not told well, 3 in strict mode; info and check: 0 if there is nothing to
mend, 1 if there is, 2 if it was not told well.

docs/command.md tells more, docs/reference.md what a SPEC is.
"""


def main(words: list[str] | None = None) -> None:
    """Do what the command line says; run becomes the program."""
    words = sys.argv[1:] if words is None else words
    first, rest = (words[0], words[1:]) if words else ("--help", [])
    if first == "run":
        from .main import main as run

        sys.argv[1:] = rest
        run()
    elif first in ("-h", "--help", "help"):
        say(_HELP.rstrip("\n"))
    elif first in ("-V", "--version"):
        from .. import __version__

        say(f"lazypatch {__version__}")
    elif first in ("info", "check"):
        sys.exit(_info(rest) if first == "info" else _check(rest))
    else:
        _fail(f"unknown command {first!r}" + _meant(first))


def _meant(word: str) -> str:
    if word and os.path.exists(word):
        return f"; a program is started with 'lazypatch run {word}'"
    return did_you_mean(word, _COMMANDS)


def _fail(message: str, command: str = "lazypatch") -> NoReturn:
    from .._errors import complain

    complain(f"{message.rstrip('.')}; {command} --help tells all of it")
    sys.exit(2)


def _parser(command: str, what: str, example: str) -> ArgumentParser:
    from argparse import ArgumentParser, RawDescriptionHelpFormatter

    class Parser(ArgumentParser):
        def print_help(self, file: object = None) -> None:
            say(self.format_help().rstrip("\n"))

        def error(self, message: str) -> NoReturn:
            known = [word for action in self._actions for word in action.option_strings]
            _, unknown, words = message.partition("unrecognized arguments: ")
            near = did_you_mean(words.split()[0], known) if unknown else ""
            _fail(f"{command}: {message}{near}", f"lazypatch {command}")

    return Parser(
        prog=f"lazypatch {command}",
        description=what,
        epilog=f"example:\n  {example}\n\n{_DOCS} tells more",
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _info(words: list[str]) -> int:
    parser = _parser(
        "info", "What is armed in this Python, by what, and what is in the way.", "PYTHONCOOPPATCH=all lazypatch info"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, for programs")
    given = parser.parse_args(words)
    from .info import as_json, as_text, look

    found = look()
    say(as_json(found) if given.json else as_text(found))
    return 1 if found.problems else 0


def _check(words: list[str]) -> int:
    parser = _parser(
        "check",
        "What would be too late in a program, or block whatever is patched. It is read, not run.",
        "lazypatch check --format github app.py",
    )
    parser.add_argument(
        "--format", choices=("text", "json", "github"), default="text", help="lines, one JSON list, or annotations"
    )
    parser.add_argument("-m", dest="module", metavar="MODULE", help="a module, as python -m would run it")
    parser.add_argument(
        "program", nargs="*", metavar="PROGRAM", help="files, a folder with a __main__.py, or - for stdin"
    )
    given = parser.parse_args(words)
    programs = [["-m", given.module]] if given.module else []
    programs += [[program] for program in given.program if program]
    if not programs:
        parser.error("no program was named")
    import gc

    from . import check
    from .named_program import Unreadable, find_program

    gc.disable()  # syntax trees are many objects, and none of them is garbage
    found = []
    for program in programs:
        try:
            found += check.check(*find_program(program))
        except Unreadable as error:
            parser.error(str(error))
    form = {"text": check.as_text, "json": check.as_json, "github": check.as_github}[given.format]
    if found or given.format == "json":
        say(form(found))
    return 1 if found else 0
