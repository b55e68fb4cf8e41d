"""What each call of the standard library that waits is worth: ``python tests/by_hand/census.py PYTHON [PYTHON ...]``.

Each PYTHON has gevent and lazypatch installed. Each case (tests/apps/census_cases.py) runs in a fresh process beside a
thread that ticks every 10 ms, and is judged by plain Python's run of the same case. Verdicts: ``ok`` (the right result,
in about plain Python's time, with three quarters of its ticks, or half where somebody polls, and no long gap between
them), ``BLOCKS``, ``SLOW``, ``FAILS: ...`` (another result, or back too early), ``HANGS`` (killed after 8 seconds),
``NOT ARMED``. With ``--alone`` no thread ticks, and the
process has to end by itself, with status 0. What is not ok is tried three times, because machines are busy.

``--jobs N`` tries N cases at once, and what is not ok then again with no other beside it. Exit status 1 where a case is
not ok; with ``--modes gevent,lazy`` where one is that gevent.monkey has right.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

CASES = pathlib.Path(__file__).parent.parent / "apps" / "census_cases.py"
LIMIT = 8  # seconds; the longest case takes two
GAP = 0.15  # seconds without a tick that nobody would call cooperative


def load() -> object:
    """The module of the cases."""
    spec = importlib.util.spec_from_file_location("census_cases", CASES)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


cases = load()


def run(python: str, how: str, spec: str, name: str) -> str:
    """What came of the case *name*: ``ok SECONDS TICKS LONGEST-GAP``, or a verdict."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHONCOOPPATCH", "GEVENT"))}
    if how.startswith("lazy"):
        env["PYTHONCOOPPATCH"] = spec
    command = [python, *(["-m", "gevent.monkey"] if how.startswith("gevent") else []), str(CASES), how, name]
    with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory() as folder:
        child = subprocess.Popen(
            command, env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
            start_new_session=True,
        )  # fmt: skip
        try:
            child.wait(LIMIT)
        except subprocess.TimeoutExpired:
            log.write(b"\nverdict HANGS\n")
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()
        log.seek(0)
        said = log.read().decode(errors="replace")
    found = [line[8:] for line in said.splitlines() if line.startswith("verdict ")]
    if not found:
        return "FAILS: " + (said.strip().splitlines() or ["no output"])[-1][:120]
    if "-alone" in how and found[-1].startswith("ok") and child.returncode:
        return f"FAILS: it ends with status {child.returncode}"
    return found[-1]


def judge(name: str, plain: str, found: str, alone: bool) -> str:
    """What *found* is worth beside what plain Python's run of the case gave."""
    if not (found.startswith("ok ") and plain.startswith("ok ")):
        return found
    (took, count, gap), (least, usual, usual_gap) = (map(float, text.split()[1:]) for text in (found, plain))
    if took < 0.7 * least - 0.05:
        return f"FAILS: back after {took:.2f} s, plain Python after {least:.2f}"
    if took > 1.5 * least + 0.3:
        return f"SLOW: {took:.2f} s, plain Python {least:.2f}"
    if name in cases.ALONE or alone:
        return "ok"
    least_share = 0.5 if name in cases.TURNS else 0.75
    few = took >= cases.D / 2 and count / took < least_share * usual / least
    return "BLOCKS" if few or gap > max(GAP, 2 * usual_gap) else "ok"


def once(python: str, mode: str, spec: str, name: str, alone: bool) -> str:
    """What the case *name* is worth under *mode* in one try."""
    end = "-alone" if alone else ""
    plain = run(python, "plain" + end, spec, name)
    found = plain if mode == "plain" else run(python, mode + end, spec, name)
    return judge(name, plain, found, alone)


def census(python: str, modes: list[str], names: list[str], options: argparse.Namespace) -> dict[str, dict[str, str]]:
    """What each of the cases is worth under each mode: the best of three tries, the last two one after the other.

    Where gevent.monkey's column is there, only what is worse than it is tried again.
    """
    found = {}
    for mode in modes:
        with ThreadPoolExecutor(options.jobs) as pool:
            tries = pool.map(lambda name: once(python, mode, options.spec, name, options.alone), names)  # noqa: B023
            found[mode] = dict(zip(names, tries, strict=True))
        for name in names * 2:
            known = found.get("gevent", {}).get(name, "ok")
            if found[mode][name] != "ok" and (mode != "gevent" and known == "ok"):
                found[mode][name] = once(python, mode, options.spec, name, options.alone)
    return found


def main() -> None:
    """Count, and show what is not ok."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pythons", nargs="+", metavar="PYTHON")
    parser.add_argument("--modes", default="lazy", help="of plain, gevent and lazy, separated by commas")
    parser.add_argument("--spec", default="all")
    parser.add_argument("--only", default="", help="words of the names of cases, separated by commas")
    parser.add_argument("--alone", action="store_true", help="no thread ticks, and an ordinary exit")
    parser.add_argument("--jobs", type=int, default=1, help="how many cases to try at once")
    options = parser.parse_args()
    words, modes, bad = options.only.split(","), options.modes.split(","), 0
    names = [name for name in cases.CASES if any(word in name for word in words)]
    for python in options.pythons:
        found = census(python, modes, names, options)
        wrong = {mode: [name for name in names if found[mode][name] != "ok"] for mode in modes}
        for mode in modes:
            print(f"{python} {mode}: {len(names) - len(wrong[mode])} of {len(names)}", flush=True)
            for name in wrong[mode]:
                print(f"    {name:50} {found[mode][name][:100]}", flush=True)
        if {"gevent", "lazy"} <= found.keys():
            worse = [name for name in wrong["lazy"] if name not in wrong["gevent"]]
            print(f"{python}: worse than gevent.monkey: {', '.join(worse) or 'none'}", flush=True)
            bad += len(worse)
        else:
            bad += sum(map(len, wrong.values()))
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
