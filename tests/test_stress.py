"""Six native threads and fifty greenlets import at random; ``stress.py`` tries as many seeds as one has time for."""

from __future__ import annotations

import pytest
from stress import try_seed


@pytest.mark.parametrize("seed", range(8))
def test_first_imports_at_random(seed: int) -> None:
    """No hang, no error that native imports do not give, nothing half installed, everything installed at the end."""
    try_seed(seed)
