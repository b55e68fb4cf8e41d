"""The report as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .records import Facts

FORMAT = 1  # goes up when a field changes its meaning or goes away


def to_json(report: Facts) -> str:
    """One object: every record is one, with its fields' names, every list is one."""
    fields = {name: _plain(value) for name, value in report._asdict().items()}
    return json.dumps({"format": FORMAT, **fields}, indent=1, ensure_ascii=True) + "\n"


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return {name: _plain(inner) for name, inner in value._asdict().items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return round(value, 6) if isinstance(value, float) else value
