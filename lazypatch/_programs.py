"""Which program this process runs, as the interpreter was told, and whether a SPEC means it.

Arming is decided while site is at work: nothing but ``sys.orig_argv`` knows the program then. Nothing is imported here,
fnmatch least of all: it brings functools, which takes RLock out of _thread.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._spec import Choice

VARIABLE = "PYTHONCOOPPATCH"
_WITH_VALUE = "WXcm"  # the interpreter's options of one letter that a value follows
_LONG_WITH_VALUE = "--check-hash-based-pycs"

# Never made cooperative, whatever is asked for. What stands behind -c begins so, after "from".
_SERVER = {
    "multiprocessing.forkserver import main": "multiprocessing's fork server, which has to stay free of threads",
    "billiard.forkserver import main": "billiard's fork server, which has to stay free of threads",
}
_NEVER = {
    "multiprocessing.resource_tracker import main": "multiprocessing's resource tracker, which only waits",
    "billiard.semaphore_tracker import main": "billiard's semaphore tracker, which only waits",
    **_SERVER,
}
# Left native unless an only= of the SPEC means it: the same of -c, -m's name, or the end of the path.
_USUALLY = {
    "joblib.externals.loky.backend.resource_tracker import main": "joblib's resource tracker, which only waits",
    "loky.backend.resource_tracker import main": "loky's resource tracker, which only waits",
    "debugpy.adapter": "the part of debugpy that talks to the editor, which runs no code of yours",
    "debugpy/adapter": "the part of debugpy that talks to the editor, which runs no code of yours",
}


native = ""  # why this program is left alone although it was asked for


def is_left_native(choice: "Choice", spec: str, forked: bool = False) -> bool:
    """Whether *choice*, made of *spec*, does not mean this program; if it does, settle what its children hear.

    *forked*: it is a child of a fork server, whose command line it shares.
    """
    global native
    reason = why_native(choice.only, choice.without, forked)
    if reason:
        native = reason if forked else native or reason
        return True
    native = ""
    pass_on(spec, choice.inherit)
    return False


def is_fork_server() -> bool:
    """Whether this process, or the one that forked it, is one of multiprocessing or billiard."""
    return bool(_listed(_program(sys.orig_argv[1:]), _SERVER))


def why_native(only: "Sequence[str]" = (), without: "Sequence[str]" = (), forked: bool = False) -> str:
    """Why this process is to be left alone; nothing if it is to be made cooperative.

    *only* and *without* are the patterns of a SPEC; a program that one of *without* matches is none of *only*'s.
    """
    program = _program(sys.orig_argv[1:])
    reason = "" if forked else _listed(program, _NEVER)
    if reason:
        return f"it is {reason}"
    known = names(program)
    if any(_matches(name, glob) for name in known for glob in without):
        return f"not={','.join(without)} in the SPEC means it, by the name {known[0]!r}"
    if only:
        meant = any(_matches(name, glob) for name in known for glob in only)
        return "" if meant else f"only={','.join(only)} in the SPEC does not mean it, by the name {known[0]!r}"
    reason = _listed(program, _USUALLY)
    return f"it is {reason}; only= in the SPEC overrides that" if reason else ""


def names(program: "Sequence[str]") -> "tuple[str, ...]":
    """What patterns are matched against, for a *program* as :func:`_program` gives it."""
    if not program:
        return ("",)  # the prompt
    if program[0] == "-m":
        return (program[1],)
    if program[0] in ("-", "-c"):
        return (program[0],)
    return (program[0], os.path.basename(program[0].rstrip(os.sep)))


def _program(words: "Sequence[str]") -> "list[str]":
    """``-m NAME``, ``-c CODE``, ``-``, or a path: what *words*, those behind the interpreter's name, tell to run."""
    rest = list(words)
    program = _behind_options(rest)
    return _behind_ours(rest) if program == ["-m", "lazypatch"] else program


def _behind_options(rest: "list[str]") -> "list[str]":
    """Take the interpreter's options off the front of *rest*, and what is behind them if that is -m or -c."""
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        if word.startswith("--"):
            del rest[: word == _LONG_WITH_VALUE]
            continue
        for place, letter in enumerate(word):
            if letter in _WITH_VALUE:
                value = word[place + 1 :] or (rest.pop(0) if rest else "")
                if letter in "cm":
                    return ["-" + letter, value]
                break
    return rest[:1]


def _behind_ours(rest: "list[str]") -> "list[str]":
    """The same behind ``-m lazypatch``, whose options are words of their own."""
    module = False
    while rest and rest[0].startswith("--"):
        word = rest.pop(0)
        module = module or word == "--module"
        if word == "--":
            break
        del rest[: word == "--patch"]
    if rest[:1] in (["-m"], ["-c"]):
        return [*rest, ""][:2]
    return ["-m", *rest[:1]] if module and rest else rest[:1]


def _listed(program: "Sequence[str]", table: "dict[str, str]") -> str:
    kind, _, text = "\0".join(program[:2]).rpartition("\0")
    begins = text.lstrip().removeprefix("import sys; ")  # as Python 3.14 has its fork server begin
    for known, reason in table.items():
        code = kind == "-c" and begins.startswith("from " + known)
        if code or (kind == "-m" and text == known) or (not kind and f"/{text}".rstrip("/").endswith(f"/{known}")):
            return reason
    return ""


def _matches(name: str, glob: str) -> bool:
    """Whether all of *name* is what *glob* stands for: ``*``, ``?``, ``[abc]``, ``[!abc]``, as in fnmatch."""
    parts = _parts(glob)
    at = place = 0
    star, resume = -1, 0
    while at < len(name):
        if place < len(parts) and parts[place] == "*":
            star, resume, place = place, at, place + 1
        elif place < len(parts) and _stands_for(parts[place], name[at]):
            at, place = at + 1, place + 1
        elif star >= 0:
            resume += 1
            at, place = resume, star + 1
        else:
            return False
    return all(part == "*" for part in parts[place:])


def _parts(glob: str) -> "list[str]":
    parts, at = [], 0
    while at < len(glob):
        end = glob.find("]", at + 2 + (glob[at + 1 : at + 2] == "!")) if glob[at] == "[" else -1
        parts.append(glob[at : end + 1] if end > 0 else glob[at])
        at += len(parts[-1])
    return parts


def _stands_for(part: str, letter: str) -> bool:
    if len(part) == 1:
        return part in ("?", letter)
    inside = part[2:-1] if part[1] == "!" else part[1:-1]
    return _is_among(letter, inside) != (part[1] == "!")


def _is_among(letter: str, inside: str) -> bool:
    at, found = 0, False
    while at < len(inside):
        ranged = inside[at + 1 : at + 2] == "-" and at + 2 < len(inside)
        found = found or inside[at] <= letter <= inside[at + 2 if ranged else at]
        at += 3 if ranged else 1
    return found


def pass_on(spec: str, inherit: "bool | None") -> None:
    """Have child processes asked for *spec*, too, or for nothing, as *inherit* says; as they are if it is None."""
    if inherit:
        os.environ[VARIABLE] = spec
    elif inherit is not None:
        os.environ.pop(VARIABLE, None)
