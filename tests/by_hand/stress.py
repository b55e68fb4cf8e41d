"""First imports at random, armed and not: ``python tests/by_hand/stress.py --seeds 200`` on the installed package.

Python itself fails now and then, from 3.15 on in a few of a hundred seeds: those errors are told from ours
(apps/pythons_own.py), and counted. ``--native`` counts them in a run in which nothing is armed, to compare.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Iterable

from conftest import APPS, run_python

OWN = "Python's own: "


def errors_of(seed: int, spec: str | None) -> list[str]:
    """What imports raised under *seed*. Whatever else is wrong, a hang above all, is an AssertionError."""
    done = run_python(str(APPS / "import_from_everywhere.py"), str(seed), spec=spec)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and lines[-1:] == ["ok"], (
        f"seed {seed}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    )
    assert "un-acquired lock" not in done.stdout + done.stderr, f"seed {seed}\n{done.stdout}\n{done.stderr}"
    return lines[:-1]


def try_seed(seed: int) -> int:
    """Fail if the armed program meets an error that the same seed does not give natively; how many are Python's own."""
    found = errors_of(seed, "gevent")
    armed = {line for line in found if not line.startswith(OWN)}
    if armed:
        native = errors_of(seed, None)
        assert armed <= set(native), f"seed {seed}: {sorted(armed - set(native))}"
    return sum(line.startswith(OWN) for line in found)


def try_seeds(seeds: Iterable[int]) -> tuple[int, int]:
    """Print what goes wrong, and in how many seeds: in ours, and in Python's own way."""
    failed = own = 0
    for number in seeds:
        try:
            own += bool(try_seed(number))
        except AssertionError as error:
            failed += 1
            print(error, flush=True)
    return failed, own


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--native", action="store_true")
    given = parser.parse_args()
    chosen = range(given.first, given.first + given.seeds)
    if given.native:
        failing = [errors for errors in [errors_of(seed, None) for seed in chosen] if errors]
        own = sum(errors[0].startswith(OWN) for errors in failing)
        lost, how = len(failing) - own, "natively"
    else:
        (lost, own), how = try_seeds(chosen), "armed"
    print(
        f"{platform.python_version()}, {how}: {given.seeds} seeds, {lost} failed, {own} met an error that is Python's own"
    )
    raise SystemExit(bool(lost))
