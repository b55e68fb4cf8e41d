"""A fault at a step of an install: the user's import goes on, the target is wholly one or the other, and can be had later.

Here a share of the steps is tried; ``tests/by_hand/faults.py`` tries all of them.
"""

from __future__ import annotations

import os

import pytest
from faults import CASES, FAULTS, try_case


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the process is copied at each step, by fork")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("stage", "statement"), [(stage, statement) for stage in CASES for statement in CASES[stage]])
def test_a_fault_at_a_step_loses_nothing(stage: str, statement: str, fault: str) -> None:
    """No lock is held, nothing is half installed or misreported, and another try installs everything."""
    every = {"first": 307, "late": 223}.get(stage, 111)
    try_case(fault, stage, statement, f"{FAULTS.index(fault)}/{every}")
