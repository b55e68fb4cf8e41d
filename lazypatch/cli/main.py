"""The command line: what to arm, and which program to run."""

import os
import sys

from .. import _programs
from .._session import session
from .._spec import parse
from .._targets import is_report_asked_for
from .._with_options import arm_with

_USAGE = (
    "usage: python -m lazypatch [--patch SPEC] [--report[=FILE]] [--strict] [--inherit] [--verbose] "
    "(app.py | -m mod | -c code | - | dir | zip) [args], or with gevent.monkey's options --no-NAME, --NAME and --module"
)
_HELP = f"""\
{_USAGE}

Run a program as python itself would, with its standard library made cooperative.

what is made cooperative:
  --patch SPEC       all (the default), or words: socket,ssl / all,-subprocess,monitor=100 (docs/reference.md)
  --NAME, --no-NAME  gevent.monkey's options, such as --no-subprocess
what is told:
  --report[=FILE]    at the end, what became of each module; FILE.json, FILE.html, or text (docs/report.md); may be
                     said again for another FILE; --report FILE works if FILE ends in .json, .html or .txt
  --strict           end with status 3 as soon as anything is too late
  --verbose          say what is armed
  --inherit          child processes are armed, too
the program:
  -m mod, -c code, - (stdin), a file, a folder, a zip; --module is gevent.monkey's -m
instead of a program:
  --info [--json]    what is armed in this Python, and what is in the way (docs/command.md)
  --check PROGRAM    what would be too late in a program, without running it
  --help, --version

examples:
  python -m lazypatch app.py --port 80
  python -m lazypatch --patch all,-subprocess --report=start.html -m flask run

Exit status: the program's; 2 for a command line that makes no sense; 3 from strict mode.
"""
# What gevent.monkey's command line can name; those that do nothing on Python 3 are accepted like the others.
_NAMES = ("socket", "dns", "ssl", "select", "thread", "os", "time", "subprocess", "signal", "queue")
_OPTIONS = ("--patch", "--report", "--strict", "--inherit", "--verbose", "--module")
# What is done in place of running a program.
_ALONE = {
    "--info": "python -m lazypatch --info [--json]",
    "--check": "python -m lazypatch --check [--format text|json|github] PROGRAM",
    "--help": "python -m lazypatch --help",
    "--version": "python -m lazypatch --version",
}
_IDLE = ("sys", "builtins", "contextvars", "aggressive", "Event")


class _UsageError(Exception):
    """The command line makes no sense; says why in one line."""


class Options:
    """What the options say: a spec, or gevent's switches turned into one, and how to take the program."""

    def __init__(self) -> None:
        self.spec = ""
        self.only: "list[str]" = []
        self.without: "list[str]" = []
        self.module = False
        self.reports: "list[str]" = []  # files; "" is stderr
        self.strict = False
        self.inherit = False
        self.verbose = False

    def to_spec(self) -> str:
        """One spec for all of it."""
        if self.spec and (self.only or self.without):
            raise _UsageError("--patch SPEC and gevent.monkey's --NAME options exclude each other; use one of them")
        return self.spec or ",".join([*(self.only or ["all"]), *self.without])


def parse_options(words: "list[str]") -> "tuple[Options, list[str]]":
    """Take the options off the front of *words*."""
    options, rest = Options(), list(words)
    while rest and rest[0].startswith("--") and rest[0] != "--":
        word = rest.pop(0)
        name, equals, value = word[2:].partition("=")
        if name == "patch":
            _patch_option(options, value if equals else rest.pop(0) if rest else "")
        elif name == "report":
            options.reports.append(value if equals or not _is_for_a_report(rest) else rest.pop(0))
        elif name in ("module", "strict", "inherit", "verbose") and not equals:
            setattr(options, name, True)
        elif not equals:
            _gevent_option(options, name)
        else:
            raise _unknown(word)
    return options, rest[1:] if rest[:1] == ["--"] else rest


def _is_for_a_report(rest: "list[str]") -> bool:
    """Whether what comes behind --report is a file to write, and a program comes after it."""
    word = rest[0].lower() if len(rest) > 1 else ""
    return word.endswith((".json", ".html", ".htm", ".txt")) and not word.startswith("-")


def _patch_option(options: Options, spec: str) -> None:
    if not spec.strip():
        raise _UsageError("--patch needs a SPEC, such as --patch all; --patch none makes nothing cooperative")
    if options.spec:
        raise _UsageError("--patch was given twice; put all words into one SPEC, with commas between them")
    options.spec = spec


def _unknown(word: str) -> _UsageError:
    from .._nearest import did_you_mean

    name, equals, _ = word.partition("=")
    if name in _ALONE:
        return _UsageError(f"{name} stands alone, before all other options: {_ALONE[name]}")
    if equals and name in (*_OPTIONS, *("--" + name for name in _NAMES + _IDLE)):
        return _UsageError(f"the option {name} takes no value, and was given {word!r}")
    known = [*_OPTIONS, *_ALONE, *("--" + name for name in _NAMES + _IDLE), *("--no-" + name for name in _NAMES)]
    return _UsageError(f"unknown option {word!r}" + did_you_mean(name, known))


def _gevent_option(options: Options, name: str) -> None:
    off = name.startswith("no-")
    word = name[3:] if off else name
    if word not in _NAMES + _IDLE:
        raise _unknown("--" + name)
    if word in ("aggressive", "Event"):
        options.without.append(f"{word}={int(not off)}")
    elif word in _NAMES:
        (options.without if off else options.only).append(f"-{word}" if off else word)


def _must_be_a_program(words: "list[str]") -> None:
    """Whatever Python would look for is one; it says itself that it is not there."""
    if not words:
        raise _UsageError("no program was named")
    if words[0] in ("-m", "-c") and len(words) < 2:
        raise _UsageError(f"{words[0]} needs an argument")
    if words[0].startswith("-") and words[0] not in ("-", "-m", "-c"):
        raise _unknown(words[0])
    if words[0] in ("info", "check") and not os.path.exists(words[0]):
        raise _UsageError(f"there is no program {words[0]!r} here; the command is python -m lazypatch --{words[0]}")


def _is_told(words: "list[str]") -> bool:
    """Whether *words* ask for something to read, which is then printed."""
    if words[:1] in (["-h"], ["--help"]):
        told = _HELP.rstrip("\n")
    elif words[:1] in (["-V"], ["--version"]):
        from .. import __version__

        told = f"lazypatch {__version__}"
    else:
        return False
    from .printing import say

    say(told)
    return True


def main() -> None:
    """Arm, then become the program that was named. Exits with 2 for a command line that makes no sense."""
    from .._errors import LazyPatchError, complain, printable, warn

    words = sys.argv[1:]
    if _is_told(words):
        return
    try:
        options, program = parse_options(words)
        spec = options.to_spec()
        choice = parse(spec)
        _must_be_a_program(program)
    except (_UsageError, LazyPatchError) as error:
        complain(f"{printable(str(error), 1000)}; {_USAGE}")
        sys.exit(2)
    choice.inherit = True if options.inherit else choice.inherit
    native = _programs.is_left_native(choice, spec)
    for message in choice.warnings:
        warn(message)
    if options.verbose and native:
        print(f"lazypatch: {spec!r} leaves this program native: {_programs.native}; Python {sys.version}")
    elif options.verbose:
        print(f"lazypatch: armed with {spec!r}: {', '.join(sorted(choice.wanted))}; Python {sys.version}")
    for file in options.reports:
        from ..reporting.requests import ask

        ask(session(), file)
    if choice and not native:
        if is_report_asked_for():
            from ..reporting.requests import take

            take(session())
        if options.strict:
            choice.options["strict"] = True
        arm_with(session(), choice.options, lambda: session().arm(choice.wanted, choice.adapters))
    from .runner import run

    run(["-m", *program] if options.module and program[0] != "-m" else program)
