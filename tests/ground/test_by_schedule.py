"""The scheduler and the finder under threads that are switched on purpose, with invented modules: no chance involved."""

from __future__ import annotations

import sys

import pytest
from conftest import APPS, run_python


@pytest.mark.parametrize("seed", [None, 1])
def test_no_order_of_threads_loses_an_install_or_hangs(seed: int | None) -> None:
    """Bodies run once, sessions are told once, and failing bodies fail as natively, whoever runs when."""
    arguments = ["250"] if seed is None else ["250", str(seed)]
    done = run_python("-W", "ignore", str(APPS / "imports_by_schedule.py"), *arguments)
    assert done.stdout.endswith("ok\n"), f"{sys.version}\n{done.stdout}\n{done.stderr}"
