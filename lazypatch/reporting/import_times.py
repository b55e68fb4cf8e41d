"""Time every import, for a report that was asked for in advance.

importlib calls ``_find_and_load_unlocked`` for each module that is not loaded yet, whoever asks for it and whichever
finder and loader it has. A function of ours around that one sees all of them, nested as they are, and is taken out
of the tracebacks of failing imports like importlib's own frames, whose file name it bears. Nothing of this exists
when no report was asked for.
"""

from __future__ import annotations

import _frozen_importlib
import _thread
from time import perf_counter
from typing import Any

_bootstrap: Any = _frozen_importlib
_ENOUGH = 50_000


class Timer:
    """What was imported while this recorded: begin, end, name, native thread, and whether it failed."""

    def __init__(self) -> None:
        self.imports: list[tuple[float, float, str, int, bool]] = []
        self.over = False  # what is imported to make the report is not part of it

    def start(self) -> None:
        """From now on."""
        _bootstrap._find_and_load_unlocked = _timed(_bootstrap._find_and_load_unlocked, self)


def _timed(inner: Any, timer: Timer) -> Any:
    get_ident, imports = _thread.get_ident, timer.imports

    def find_and_load(name: str, *more: Any, **options: Any) -> Any:  # 3.15 has more than one
        begin, failed = perf_counter(), True
        try:
            module = inner(name, *more, **options)
            failed = False
            return module
        finally:
            if len(imports) < _ENOUGH and not timer.over:
                imports.append((begin, perf_counter(), name, get_ident(), failed))

    find_and_load.__code__ = find_and_load.__code__.replace(co_filename="<frozen importlib._bootstrap>")
    return find_and_load
