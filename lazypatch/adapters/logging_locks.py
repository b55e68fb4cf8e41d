"""logging keeps locks that it made before threads were cooperative: its own, and one for each handler."""

from __future__ import annotations

import sys
from typing import Any

from .._install import Change
from .._threads import logging_locks


def plan(logging: Any) -> list[Change]:
    """New locks where the old ones are native."""
    return logging_locks(logging, sys.modules["threading"])
