"""logging keeps locks that it made before threads were cooperative: its own, and one for each handler."""

from __future__ import annotations

import sys

from .._install import Change
from .._threads import logging_locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def plan(logging: Any) -> list[Change]:
    """New locks where the old ones are native."""
    return logging_locks(logging, sys.modules["threading"])
