"""Real programs with PYTHONCOOPPATCH=all exported, each beside plain Python: the same output, status and time.

    python tests/by_hand/stacks.py [--rows WORD ...] [--markdown docs/compatibility.md] [--verbose]

For each row of ``stacks_tools.py`` and ``stacks_programs.py`` (runs and ends), ``stacks_terminals.py`` (is typed into, or
debugged), ``stacks_agents.py`` (runs below something that watches it), ``stacks_workers.py`` and ``stacks_brokers.py`` (takes
jobs), ``stacks_servers.py`` (answers requests until a signal) and
``stacks_signals.py`` (is sent signals that reload it, or change its workers) a folder of its own is made, the program is
started there twice, in a clean environment, and what it did is compared: stdout and stderr
without what differs from run to run, exit status, the files it wrote, and for servers how long eight requests took
that wait 0.4 s each, and how it ended on SIGINT and SIGTERM. Whatever is left running is killed. A row whose
distribution is not installed is left out, and named.

The exit status is 1 if a row works plain and not armed, unless the row says why that cannot be mended.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from typing import Any

SECONDS = 60  # after that a program hangs


@dataclass
class Done:
    """What a run came to."""

    status: int | str
    out: str = ""
    err: str = ""
    more: dict[str, object] = field(default_factory=dict)
    took: float = 0.0

    def lines(self) -> dict[str, object]:
        """What is to be the same in both runs."""
        return {"status": self.status, "stdout": bare(self.out), "stderr": bare(self.err), **self.more}


@dataclass
class Tool:
    """A program that ends: how it is started, and what it needs."""

    name: str
    dist: str  # what has to be installed; its version is shown
    words: list[str]  # behind the interpreter
    files: dict[str, str] = field(default_factory=dict)
    stdin: str = ""
    env: dict[str, str] = field(default_factory=dict)
    signal: int = 0  # sent once "ready" is on stdout
    unordered: bool = False  # its lines come in any order
    only: str = ""  # compare only the lines that this expression finds
    unlike: str = ""  # why it cannot be the same: the row does not count
    spec: str = "all"
    seconds: float = SECONDS  # after that it hangs

    def run(self, spec: str | None) -> Done:
        """Once, plain if *spec* is None."""
        with tempfile.TemporaryDirectory(prefix="stack") as name:
            folder = pathlib.Path(name)
            write(folder, self.files)
            begin = time.monotonic()
            done = self._finish(start(self.words, folder, spec, self.env), begin)
            done.out, done.err = (self._kept(text.replace(name, "FOLDER")) for text in (done.out, done.err))
            return done

    def _finish(self, child: subprocess.Popen[str], begin: float) -> Done:
        head = ""
        try:
            if self.signal:
                assert child.stdout is not None
                while "ready" not in head and (line := child.stdout.readline()):
                    head += line
                time.sleep(0.5)
                child.send_signal(self.signal)
            out, err = child.communicate(self.stdin, timeout=self.seconds)
            return Done(child.returncode, head + out, err, took=time.monotonic() - begin)
        except subprocess.TimeoutExpired:
            stop(child)
            out, err = child.communicate()
            return Done("hangs", head + out, err, took=time.monotonic() - begin)
        finally:
            stop(child)

    def _kept(self, text: str) -> str:
        lines = [line for line in text.splitlines() if not self.only or re.search(self.only, line) or OURS.search(line)]
        return "\n".join(sorted(lines) if self.unordered else lines)


OURS = re.compile(r"LazyPatch|^lazypatch:|LoopExit|BlockingSwitchOut")
# What differs from run to run: times, numbers, addresses, folders, places in a traceback.
_VARIES = [
    (re.compile(r"0x[0-9a-f]+"), "0x"),
    (re.compile(r"/tmp/[\w./-]+"), "TMP"),
    (re.compile(r"\d+(\.\d+)?"), "#"),
    (re.compile(r"[ \t]+"), " "),
    (re.compile(r"[-=~^]{3,}"), "---"),
    (re.compile(r"([-\\|/] )?\b(kB|MB|ms|us|µs|ns|s|sec|seconds|minutes)\b"), "TIME"),
]


def bare(text: str) -> str:
    """*text* without what is another thing each time."""
    for pattern, instead in _VARIES:
        text = pattern.sub(instead, text)
    return text.strip()


def write(folder: pathlib.Path, files: dict[str, str]) -> None:
    """Make *files* in *folder*."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def start(
    words: list[str], folder: pathlib.Path, spec: str | None, env: dict[str, str], log: Any = None
) -> subprocess.Popen[str]:
    """This Python with *words*, in a session of its own and with a home of its own, so that nothing of it survives :func:`stop`.

    A first word such as ``bin/uwsgi`` is a program of this environment instead. It writes to *log*, or to a pipe.
    """
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_", "COVERAGE"))}
    keep |= {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "100", "HOME": str(folder)}
    bin_folder = os.path.dirname(sys.executable)
    keep |= {"PATH": bin_folder + os.pathsep + keep.get("PATH", ""), **env}
    if spec is not None:
        keep["PYTHONCOOPPATCH"] = spec
    program = [os.path.join(bin_folder, words[0][4:])] if words[0].startswith("bin/") else [sys.executable, words[0]]
    child = subprocess.Popen(
        [*program, *words[1:]], cwd=folder, env=keep, stdin=subprocess.PIPE, stdout=log or subprocess.PIPE,
        stderr=log or subprocess.PIPE, text=True, errors="replace", start_new_session=True,
    )  # fmt: skip
    _homes[child.pid] = str(folder)
    return child


_homes: dict[int, str] = {}  # of each child that was not stopped


def stop(child: subprocess.Popen[str]) -> None:
    """Kill what is left of *child* and of its children, also of those in sessions of their own (Jupyter's kernels)."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    home = b"HOME=" + os.fsencode(_homes.pop(child.pid, "nobody's"))
    for environment in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            if home in environment.read_bytes().split(b"\0"):
                os.kill(int(environment.parent.name), signal.SIGKILL)
        except OSError:  # it is somebody else's, or has ended
            continue


def version(dist: str) -> str:
    """Of a distribution; nothing if it is not installed. The standard library has Python's."""
    if not dist:
        return sys.version.split()[0]
    try:
        return importlib.metadata.version(dist)
    except importlib.metadata.PackageNotFoundError:
        return ""


def differences(plain: Done, armed: Done) -> list[str]:
    """What the armed run did otherwise, in words."""
    one, other = plain.lines(), armed.lines()
    found = [
        f"{name}: {one[name]!r:.900} became {other.get(name)!r:.900}" for name in one if one[name] != other.get(name)
    ]
    words = [line for line in armed.err.splitlines() if OURS.search(line) and line not in plain.err]
    return found + [f"a word of ours: {line:.300}" for line in words]


def judge(row: object) -> tuple[str, str, list[str]]:
    """How a row went plain, armed, and what was different."""
    plain = row.run(None)  # type: ignore[attr-defined]
    armed = row.run(row.spec)  # type: ignore[attr-defined]
    found = differences(plain, armed)
    said = f"status {plain.status}, {plain.took:.1f} s"
    if found:
        return said, f"**differs**: status {armed.status}, {armed.took:.1f} s", found
    return said, f"the same, {armed.took:.1f} s", []


def all_rows() -> list[Any]:
    """The rows of all files, in the order of the page."""
    from stacks_agents import AGENTS
    from stacks_brokers import BROKERS
    from stacks_programs import PROGRAMS
    from stacks_servers import SERVERS
    from stacks_signals import SIGNALLED
    from stacks_terminals import TERMINALS
    from stacks_tools import TOOLS
    from stacks_workers import WORKERS

    return [*TOOLS, *PROGRAMS, *TERMINALS, *AGENTS, *WORKERS, *BROKERS, *SERVERS, *SIGNALLED]


def main() -> int:
    """Run the rows that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", nargs="*", default=[], help="only rows whose name contains one of these")
    parser.add_argument("--markdown", help="write the table into this file; this Python's rows that did not run stay")
    parser.add_argument("--verbose", action="store_true", help="show both runs of a row that differs")
    options = parser.parse_args()
    everything = all_rows()
    rows = [row for row in everything if not options.rows or any(word in row.name for word in options.rows)]
    table, missing, wrong = [], [], 0
    for row in rows:
        if not version(row.dist):
            missing.append(row.name)
            continue
        plain, armed, found = judge(row)
        wrong += bool(found) and not row.unlike
        print(f"{'WRONG ' if found and not row.unlike else 'ok    '}{row.name}: {plain}; {armed}", flush=True)
        for difference in found if options.verbose or not row.unlike else ():
            print(f"         {difference}", flush=True)
        if found and row.unlike:
            armed = f"{armed}: {row.unlike}"
        started = " ".join(word if len(word) < 60 and "\n" not in word else "..." for word in row.words).replace(
            "|", "\\|"
        )
        table.append(f"| {row.name} | {version(row.dist)} | `{started}` | {plain} | {armed} |")
    print(f"{len(table)} rows, {wrong} wrong; not installed: {', '.join(missing) or 'none'}")
    if options.markdown:
        from stacks_page import put

        put(pathlib.Path(options.markdown), table, missing, [row.name for row in everything])
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
