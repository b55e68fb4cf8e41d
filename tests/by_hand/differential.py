"""The same random program plain and armed: ``python tests/by_hand/differential.py [--seeds 0-100 | --minutes 5] [--spec SPEC]``.

A seed decides everything: the pieces of which the program is made (pieces.py), how they are nested, how it ends, and the
conditions under which it runs. Compared are output, exit status, what is on stderr (without places), files, and processes
that are left. A difference is tried again, twice, then shrunk: pieces and conditions are taken away as long as it stays.
Three kinds are explained: a line that tells of what cannot be had (TOLD), what gevent.monkey does as well where the spec
has no adapters, and what KNOWN names. Exits with 1 if there is another one.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

from pieces import ENDINGS, PIECES, TARGETS

TIMEOUT = 40  # seconds; a hang is for ever, a loaded machine is slow
SPECS = (
    "all",
    "all",
    "all",
    "all,strict=1",
    "gevent",
    "all,-queue",
    "all,-subprocess",
    "thread,socket,os,signal,subprocess,time,queue",
)

# Lines that are to be said, by the condition or the spec under which they are: what cannot be had is told.
TOLD = (
    (r"the libuv loop", r"gevent cannot be imported \(ModuleNotFoundError: No module named '_cffi_backend'\)"),
    (r"a (gevent|zope)\.py of the program", r"of the program has the name of (gevent|zope), which that needs"),
    (r"RLIMIT_\w+", r"cooperative: gevent cannot be imported \((MemoryError|OSError|ImportError)"),
    (r"-\w+", r"is made cooperative without \w+"),
    (r"nobody", r"cannot load its files \(\w+\)|gevent cannot be imported \(\w+"),  # where nobody may not read them
)
# What differs for a reason that is written down, by a part of what the shrunk program says. See docs/dev/differential.md.
KNOWN: dict[str, str] = {
    r"all,-queue .*status hangs": "it was warned of at the start: a pool without a cooperative queue hangs",
    r"multi-threaded, use of fork": "from 3.12 on fork() warns of native threads, and those of a pool are greenlets",
    r"sigwait .*status -12": "a blocked signal goes to a native thread of gevent's threadpool (see signal-waits)",
}


def _limit(what: int, value: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(what, (value, value))


def _close(*descriptors: int) -> Callable[[], None]:
    return lambda: [os.close(number) for number in descriptors] and None


class Condition(NamedTuple):
    """What is unusual about the process."""

    name: str
    flags: tuple[str, ...] = ()
    env: tuple[tuple[str, str | None], ...] = ()
    before: Callable[[], object] | None = None  # in the child, before Python starts
    code: str = ""  # the program's first line
    files: tuple[tuple[str, str], ...] = ()  # in its folder
    spec: str = ""  # another one than the program's
    ends: Callable[[], tuple[int, int]] | None = None  # what stdout and stderr are instead of files: (read, write)
    fed: bool = False  # stdin is a pipe with two lines, instead of nothing


CONDITIONS = (
    *[Condition("nothing")] * 12,
    *[Condition("stdout and stderr are pipes", ends=os.pipe)] * 6,
    *[Condition("stdout and stderr are terminals", ends=os.openpty)] * 3,
    *[Condition("stdin, stdout and stderr are pipes", ends=os.pipe, fed=True)] * 3,
    Condition("RLIMIT_NOFILE 40", before=_limit(resource.RLIMIT_NOFILE, 40)),
    Condition("RLIMIT_NOFILE 16", before=_limit(resource.RLIMIT_NOFILE, 16)),
    Condition("RLIMIT_AS 400 MB", before=_limit(resource.RLIMIT_AS, 400 << 20)),
    Condition("stdin closed", before=_close(0)),
    Condition("stdin, stdout and stderr closed", before=_close(0, 1, 2)),
    Condition("no HOME", env=(("HOME", None),)),
    Condition("no environment but the variable", env=(("PATH", None), ("HOME", None), ("LANG", None))),
    Condition("the C locale", env=(("LC_ALL", "C"),)),
    Condition("warnings are errors", flags=("-W", "error")),
    Condition("all warnings", flags=("-W", "always")),
    Condition("-X dev", flags=("-X", "dev")),
    Condition("-X faulthandler", flags=("-X", "faulthandler")),
    Condition("-I", flags=("-I",)),
    Condition("-E", flags=("-E",)),
    Condition("-S", flags=("-S",)),
    Condition("-O", flags=("-O",)),
    Condition("-u", flags=("-u",)),
    Condition("SIGINT is ignored", before=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)),
    Condition("SIGCHLD is ignored", before=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)),
    Condition("a new session", before=os.setsid),
    Condition("the folder is gone", code="import os, shutil; os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')"),
    Condition("nobody", code="import os; os.chmod('.', 0o777); os.setgid(65534); os.setuid(65534)"),
    Condition(
        "a gevent.py of the program", files=(("gevent.py", "raise ImportError('the program has its own gevent')\n"),)
    ),
    Condition("a zope.py of the program", files=(("zope.py", "x = 1\n"),)),
    Condition("a queue.py of the program", files=(("queue.py", "Queue = None\n"),)),
    Condition("armed late", code="import lazypatch; lazypatch.enable()", spec=""),
    Condition("the libuv loop", env=(("GEVENT_LOOP", "libuv"),)),
    Condition("recursion limit 120", code="import sys; sys.setrecursionlimit(120)"),
    Condition("no garbage collector", code="import gc; gc.disable()"),
    Condition("GC at each step", code="import gc; gc.set_threshold(1)"),
)


class Program(NamedTuple):
    """One example."""

    seed: int
    pieces: list[str]  # their code
    names: list[str]
    ending: str
    condition: Condition
    spec: str

    def text(self, how: str) -> str:
        """The file that is run: ``plain``, ``armed`` or under ``gevent.monkey``."""
        late = self.condition.name == "armed late"
        first = "" if late and how != "armed" else self.condition.code
        parts = ["import sys", "def say(*words): print(*words, flush=True)", first]
        if how == "gevent.monkey":
            parts.insert(0, "import gevent.monkey; gevent.monkey.patch_all()")
        for number, (name, code) in enumerate(zip(self.names, self.pieces, strict=True)):
            parts.append(
                f"# {name}\ndef piece{number}():\n{textwrap.indent(code.strip(), '    ')}\n    globals().update(locals())"
            )
            parts.append(f"try: piece{number}()\nexcept Exception as error: say({name!r}, type(error).__name__, error)")
        return "\n".join([*parts, ENDINGS[self.ending]]) + "\n"


def make(seed: int, spec: str | None) -> Program:
    """What *seed* stands for."""
    chance = random.Random(seed)
    names = chance.choices([*PIECES], k=chance.randint(1, 5))
    fill = lambda number: {
        "n": number, "target": chance.choice(TARGETS), "other": chance.choice(TARGETS), "ms": chance.randint(1, 200),
    }  # fmt: skip
    pieces = [PIECES[name].format(**fill(number)) for number, name in enumerate(names)]
    ending = chance.choice([*ENDINGS, *[""] * 6])
    condition = chance.choice(CONDITIONS)
    return Program(seed, pieces, names, ending, condition, spec or chance.choice(SPECS))


class Outcome(NamedTuple):
    """What one run showed."""

    status: int | str
    out: str
    err: str
    files: list[str]
    left: int  # processes

    def differs(self, other: Outcome) -> str:
        """In what, or nothing."""
        names = [name for name in self._fields if getattr(self, name) != getattr(other, name)]
        return ", ".join(names)


def run(program: Program, how: str) -> Outcome:
    """Run it in a folder of its own, in one of the ways of :meth:`Program.text`."""
    folder = pathlib.Path(tempfile.mkdtemp())
    mark = f"DIFFERENTIAL_{os.getpid()}_{program.seed}_{how}_{time.monotonic_ns()}"
    condition = program.condition
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | {"MARK": mark}
    if how == "armed" and condition.name != "armed late":
        env["PYTHONCOOPPATCH"] = program.spec
    for name, value in condition.env:
        env.pop(name, None) if value is None else env.__setitem__(name, value)
    (folder / "program.py").write_text(program.text(how))
    for name, text in condition.files if how != "gevent.monkey" else ():  # which would take the program's gevent.py
        (folder / name).write_text(text)
    out, err = folder.with_suffix(".out"), folder.with_suffix(".err")
    try:
        with open(out, "wb") as to_out, open(err, "wb") as to_err:
            files: Any = [to_out, to_err]
            readers: Any = []
            if condition.ends is not None:
                files, readers = zip(*(_reader(condition.ends, file) for file in files), strict=True)
            child = subprocess.Popen(
                [sys.executable, *condition.flags, "program.py"], cwd=folder, env=env, stdout=files[0], stderr=files[1],
                stdin=_two_lines() if condition.fed else subprocess.DEVNULL, preexec_fn=condition.before,
            )  # fmt: skip
            for file in files if readers else ():
                file.close()
            try:
                status: int | str = child.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                status = "hangs"
                child.send_signal(signal.SIGABRT)
                child.wait()
            left = list(_left(mark))
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            for reader in readers:
                reader.join()
        files = sorted(path.name for path in folder.rglob("*") if "__pycache__" not in str(path))
        return Outcome(
            status,
            _plain(out.read_text("utf-8", "replace")),
            _plain(err.read_text("utf-8", "replace")),
            files,
            len(left),
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        out.unlink(missing_ok=True)
        err.unlink(missing_ok=True)


def _two_lines() -> BinaryIO:
    read, write = os.pipe()
    os.write(write, b"one\ntwo\n")
    os.close(write)
    return open(read, "rb", 0)


def _reader(ends: Callable[[], tuple[int, int]], into: BinaryIO) -> tuple[BinaryIO, threading.Thread]:
    """A pipe's or a terminal's end to write to, and the thread that copies what comes out of the other end."""
    read, write = ends()

    def copy() -> None:
        try:
            while data := os.read(read, 1 << 16):
                into.write(data)
        except OSError:  # nobody has the terminal open any more
            pass
        os.close(read)

    reader = threading.Thread(target=copy)
    reader.start()
    return open(write, "wb", 0), reader


def _left(mark: str) -> Iterator[int]:
    """The processes that have *mark* in their environment: give those that are about to end a moment."""
    for _ in range(20):
        found = []
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                try:
                    if mark.encode() in pathlib.Path(entry.path, "environ").read_bytes():
                        found.append(int(entry.name))
                except OSError:
                    continue
        if not found:
            return
        time.sleep(0.05)
    yield from found


_PLACES = (
    (
        re.compile(r'^  File ".*$(\n    .*$|\n  .*\^.*$)*', re.M),
        "",
    ),  # frames of tracebacks: only what was raised counts
    (re.compile(r"0x[0-9a-f]+"), "0x"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "now"),  # with which gevent signs its reports
    (re.compile(r"\b(pid|thread|Thread-)[ =-]?\d+"), r"\1 N"),
    (re.compile(r"/tmp/\w+"), "/tmp"),
    (re.compile(r"^.*:\d+: (?=\w*Warning)", re.M), ""),
    (re.compile(r"\n\s*\n+"), "\n"),
)


def _plain(text: str) -> str:
    """*text* without what differs from one run to the next."""
    for pattern, instead in _PLACES:
        text = pattern.sub(instead, text)
    # A thread or a child that is not waited for may write between any two lines, and nobody promises who is finalized first.
    lines = text.strip().splitlines()
    late = [line for line in lines if line.startswith(("work done", "finalized", "the other end had"))]
    return "\n".join([*(line for line in lines if line not in late), *sorted(late)])


def difference(program: Program) -> str:
    """In what the two runs differ, if they do so in three of three tries; else nothing."""
    for _ in range(3):
        plain = run(program, "plain")
        if plain.status == "hangs":
            for_ever.append(program.seed)
            return ""
        armed = without_told(program, run(program, "armed"))
        found = plain.differs(armed)
        if not found or (program.spec.endswith("strict=1") and armed.status == 3):
            return ""
        if has_no_adapters(program) and is_gevents(plain, armed, run(program, "gevent.monkey")):
            as_gevent.append(program.seed)
            return ""
        shown = f"{found}\n  plain: {_shown(plain)}\n  armed: {_shown(armed)}"
        if known(program, shown):  # a hang takes long enough once
            return shown
    return shown


told: list[int] = []  # seeds of programs in which something was said that is to be said
as_gevent: list[int] = []  # and of those that did what they do under gevent.monkey
for_ever: list[int] = []  # and of those that wait for ever when they are plain, which says nothing about the armed run


def has_no_adapters(program: Program) -> bool:
    """Whether what is asked for is gevent.monkey's own end state, or a part of it."""
    return program.spec == "gevent" or not program.spec.startswith("all")


def is_gevents(plain: Outcome, armed: Outcome, gevent: Outcome) -> bool:
    """Whether each thing in which *armed* is not *plain* is what *gevent* shows, too."""
    new = {*armed.out.splitlines(), *armed.err.splitlines()} - {*plain.out.splitlines(), *plain.err.splitlines()}
    return armed.status in (plain.status, gevent.status) and new <= {*gevent.out.splitlines(), *gevent.err.splitlines()}


def without_told(program: Program, outcome: Outcome) -> Outcome:
    """*outcome* without the lines, and the lines of the program that they quote, that TOLD allows here."""
    lines, said = outcome.err.splitlines(), f"{program.condition.name} | {program.spec}"
    allowed = [text for where, text in TOLD if re.search(where, said)]
    for number in range(len(lines) - 1, -1, -1):
        is_ours = lines[number].startswith(("lazypatch: ", "LazyPatchWarning: "))
        if is_ours and any(re.search(text, lines[number]) for text in allowed):
            quoted = lines[number + 1 : number + 2]
            del lines[number : number + 1 + (bool(quoted) and quoted[0].startswith("  "))]
            told.append(program.seed)
    return outcome._replace(err="\n".join(lines))


def _shown(outcome: Outcome) -> str:
    return f"status {outcome.status}, left {outcome.left}, files {len(outcome.files)}\n    out: {outcome.out[-600:]!r}\n    err: {outcome.err[-900:]!r}"


def shrink(program: Program) -> tuple[Program, str]:
    """The smallest program that still differs, and how."""
    found = difference(program)
    smaller = True
    while smaller:
        smaller = False
        for one in _smaller(program):
            again = difference(one)
            if again:
                program, found, smaller = one, again, True
                break
    return program, found


def _smaller(program: Program) -> Iterator[Program]:
    for number in range(len(program.pieces)):
        if len(program.pieces) > 1:
            keep = [place for place in range(len(program.pieces)) if place != number]
            yield program._replace(
                pieces=[program.pieces[place] for place in keep], names=[program.names[place] for place in keep]
            )
    if program.ending:
        yield program._replace(ending="")
    if program.condition.name != "nothing":
        yield program._replace(condition=CONDITIONS[0])
    if program.spec not in ("all", "gevent"):
        yield program._replace(spec="all")


def known(program: Program, found: str) -> str:
    """The reason that is written down for this difference, or nothing."""
    said = f"{program.condition.name} | {program.spec} | {' + '.join(program.names)} | {program.ending} | {found}"
    return next((reason for pattern, reason in KNOWN.items() if re.search(pattern, said, re.S)), "")


def seeds(options: argparse.Namespace) -> Iterator[int]:
    """Those that are asked for, or as many as fit the time."""
    first, _, last = options.seeds.partition("-")
    number, end = int(first), time.monotonic() + options.minutes * 60
    while (options.minutes and time.monotonic() < end) or (not options.minutes and number <= int(last or first)):
        yield number
        number += 1


def main() -> None:
    """Try the seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0", help="FIRST-LAST, or FIRST with --minutes")
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--spec", help="instead of one that the seed chooses")
    parser.add_argument("--show", action="store_true", help="print the programs of the seeds, and run nothing")
    options = parser.parse_args()
    tried, explained, failures = 0, 0, 0
    for seed in seeds(options):
        program = make(seed, options.spec)
        if options.show:
            print(f"# seed {seed}, {program.condition.name}, {program.spec}\n{program.text('armed')}")
            continue
        tried += 1
        found = difference(program)
        if not found:
            continue
        smallest, reason = program, known(program, found)
        if not reason:
            smallest, found = shrink(program)
            reason = known(smallest, found)
        explained, failures = explained + bool(reason), failures + (not reason)
        print(
            f"seed {seed}: {reason or 'DIFFERS'} in {found if not reason else found.partition(chr(10))[0]}", flush=True
        )
        if not reason:
            print(
                f"# {smallest.condition.name}, {smallest.spec}\n{textwrap.indent(smallest.text('armed'), '    ')}",
                flush=True,
            )
    print(
        f"{tried} programs; in {len(set(told))} something was told, {len(set(as_gevent))} did what they do under "
        f"gevent.monkey, {len(set(for_ever))} wait for ever when plain, {explained} differ for a known reason, "
        f"{failures} for none"
    )
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
