"""First imports at random, armed and not: ``python tests/stress.py --seeds 200`` on the installed package."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Iterable

from conftest import APPS, run_python


def errors_of(seed: int, spec: str | None) -> list[str]:
    """What imports raised under *seed*. Whatever else is wrong, a hang above all, is an AssertionError."""
    done = run_python(str(APPS / "import_from_everywhere.py"), str(seed), spec=spec)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and lines[-1:] == ["ok"], (
        f"seed {seed}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    )
    assert "un-acquired lock" not in done.stdout + done.stderr, f"seed {seed}\n{done.stdout}\n{done.stderr}"
    return lines[:-1]


def try_seed(seed: int) -> None:
    """Fail if the armed program meets an error that the same seed does not give natively."""
    armed = errors_of(seed, "all")
    if armed:
        native = errors_of(seed, None)
        assert set(armed) <= set(native), f"seed {seed}: {sorted(set(armed) - set(native))}"


def try_seeds(seeds: Iterable[int]) -> int:
    """Print what goes wrong, and how many seeds it was."""
    failed = 0
    for number in seeds:
        try:
            try_seed(number)
        except AssertionError as error:
            failed += 1
            print(error, flush=True)
    return failed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args()
    lost = try_seeds(range(given.first, given.first + given.seeds))
    print(f"{platform.python_version()}: {given.seeds} seeds, {lost} failed")
    raise SystemExit(bool(lost))
