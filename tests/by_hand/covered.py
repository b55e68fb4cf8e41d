"""Line and branch coverage of lazypatch, in every process that a test starts: ``python tests/by_hand/covered.py [PYTEST ARGS]``.

coverage.py cannot be in those processes: its start imports threading and socket, and nearly every test is about what
happens before that. So each process tells, through sys.monitoring (Python 3.12 and 3.13) and with nothing imported, each
line and each branch of lazypatch the first time that it runs. A .pth file in this environment, removed at the end,
starts it. coverage.py then says which lines of a file there are.
"""

from __future__ import annotations

import collections
import os
import pathlib
import subprocess
import sys
import sysconfig
import tempfile
import types
from collections.abc import Iterator

import coverage
from environments import WATCHES

import lazypatch

FOLDER = pathlib.Path(lazypatch.__file__).parent
HERE = pathlib.Path(__file__).parent
HIDDEN = {
    "_Loader.create_module": ("_finder.py", ["_adopt"]),
    "_Loader.exec_module": ("_finder.py", ["_adopted"]),
    "_timed.<locals>.find_and_load": ("import_times.py", ["perf_counter"]),
}
TYPING = r"^if TYPE_CHECKING:"  # what type checkers see, and nobody runs
# Run at the start of every process. Three functions have importlib's file name.
RECORDER = """
def record():
    import posix, sys
    monitoring, hidden, seen, taken = sys.monitoring, {hidden!r}, set(), dict()
    def name(code):
        folder, _, file = code.co_filename.rpartition("/")
        if "-packages/lazypatch" in folder:  # also that of a test's own environment
            return file
        file, names = hidden.get(code.co_qualname, ("", ()))
        return file if set(code.co_names) >= set(names) else ""
    def write(*words):
        if words not in seen:
            seen.add(words)
            file = posix.open("{results}/%d" % posix.getpid(), posix.O_WRONLY | posix.O_APPEND | posix.O_CREAT, 0o600)
            posix.write(file, " ".join(map(str, words)).encode() + b"\\n")
            posix.close(file)
    def start(code, offset):
        if name(code):
            monitoring.set_local_events(4, code, monitoring.events.LINE | monitoring.events.BRANCH)
        return monitoring.DISABLE
    def line(code, number):
        write(name(code), number)
        return monitoring.DISABLE
    def branch(code, offset, to):
        targets = taken.setdefault((id(code), offset), set())
        if to not in targets:
            targets.add(to)
            write(name(code), code.co_firstlineno, code.co_qualname, offset, to)
        return monitoring.DISABLE if len(targets) > 1 else None
    monitoring.use_tool_id(4, "covered")
    monitoring.register_callback(4, monitoring.events.PY_START, start)
    monitoring.register_callback(4, monitoring.events.LINE, line)
    monitoring.register_callback(4, monitoring.events.BRANCH, branch)
    monitoring.set_events(4, monitoring.events.PY_START)
try:
    record()
except ValueError:
    pass  # site runs a .pth file twice
"""


def run_tests(arguments: list[str]) -> list[str]:
    """Run pytest, and give all that its processes told."""
    start = pathlib.Path(sysconfig.get_path("purelib"), WATCHES)
    with tempfile.TemporaryDirectory() as results:
        recorder = pathlib.Path(results, "recorder")
        recorder.write_text(RECORDER.format(hidden=HIDDEN, results=results))
        # Not open(): it would have to be closed, or children under -W error say so.
        start.write_text(
            f"import posix; f = posix.open({str(recorder)!r}, 0); exec(posix.read(f, 9999)); posix.close(f)\n"
        )
        try:
            subprocess.run([sys.executable, "-m", "pytest", "-q", *arguments], cwd=HERE.parents[1])
        finally:
            start.unlink()
            recorder.unlink()
        return [line for file in pathlib.Path(results).iterdir() for line in file.read_text().splitlines()]


def codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """*code* and all that it contains."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes(constant)


def ranges(numbers: list[int]) -> str:
    """Line numbers as people write them."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in found)


def report(told: list[str]) -> None:
    """Per file: how many lines and branches ran, and which did not."""
    lines: dict[str, set[int]] = collections.defaultdict(set)
    taken: dict[str, dict[tuple[str, str, int], set[int]]] = collections.defaultdict(dict)
    for words in map(str.split, told):
        if len(words) == 2:
            lines[words[0]].add(int(words[1]))
        else:
            key = words[1], words[2], int(words[3])
            taken[words[0]].setdefault(key, set()).add(int(words[4]))
    data = coverage.CoverageData(basename=os.devnull, no_disk=True)
    data.add_lines({str(FOLDER / file): numbers for file, numbers in lines.items()})
    measured = coverage.Coverage(data_file=None, config_file=False)
    measured.get_data().update(data)
    measured.exclude(TYPING)
    total = collections.Counter[str]()
    for path in sorted(FOLDER.glob("*.py")):
        _, statements, excluded, missing, _ = measured.analysis2(str(path))
        known = {
            (str(code.co_firstlineno), code.co_qualname): list(code.co_positions())
            for code in codes(compile(path.read_text(encoding="utf-8"), str(path), "exec"))
        }
        branches = both = 0
        one_way = set()
        for (first, name, offset), targets in taken[path.name].items():
            positions = known[first, name]
            line = positions[offset // 2][0] or 0
            if line in excluded:
                continue
            branches += 1
            both += len(targets) > 1
            if len(targets) == 1:
                one_way.add((line, positions[min(targets) // 2][0] or 0))
        total.update(lines=len(statements), run=len(statements) - len(missing))
        total.update(branches=branches, both=both)
        print(f"{path.name}: {len(statements) - len(missing)} of {len(statements)} lines", end="")
        print(f"; not {ranges(missing)}" if missing else "", end="")
        print("; only " + ", ".join(f"{a}->{b}" for a, b in sorted(one_way)) if one_way else "")
    print(f"{total['run']} of {total['lines']} lines, {total['both']} of {total['branches']} branches both ways")


if __name__ == "__main__":
    report(run_tests(sys.argv[1:]))
