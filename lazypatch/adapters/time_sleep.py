"""time.sleep() refuses what C's refuses, and is no method in the body of a class.

gevent's takes a negative number for a turn of the others, no argument for zero, and a second one. And it is written in
Python: ``sleep = time.sleep`` in a class body, which is the builtin function for whoever reads it of an object, becomes
a method that is given the object to sleep. Here is one that passes for a builtin function, over gevent's; what is
shorter than a millisecond, to which gevent's rounds it up, is slept as long as it says (_short_sleeps.py).
"""

from __future__ import annotations

import sys
from operator import index

from gevent._hub_local import get_hub_if_exists
from gevent.hub import sleep as _sleep
from greenlet import getcurrent

from .._gevent import native
from .._install import Change
from ._as_builtin import as_builtin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_native: Any = native("time", "sleep")
_made: Any = None
_ANY_NUMBER = sys.version_info >= (3, 15)  # fractions and decimals, too
_SHORT = 0.001  # seconds, the least that the event loop tells apart
_LONGEST = 1 << 31  # seconds; of more than that, C says first whether it is too much


def sleep(_time: Any, seconds: Any, /) -> None:
    if not isinstance(seconds, (int, float)):
        if _ANY_NUMBER and hasattr(type(seconds), "__float__"):
            seconds = float(seconds)
        elif not hasattr(type(seconds), "__index__"):
            _native(seconds)  # says that this is no number
        else:
            seconds = index(seconds)
    if not 0 <= seconds < _LONGEST:
        _native(seconds)
        return
    hub = get_hub_if_exists()
    if hub is getcurrent():
        from . import _hub_waits

        _hub_waits.let_wait(hub)
    if 0 < seconds < _SHORT and hub is not None:
        from . import _short_sleeps

        _short_sleeps.sleep(hub, seconds)
    else:
        _sleep(seconds)


def plan(module: Any) -> list[Change]:
    """The one function."""
    global _made
    if _made is None:
        _made = as_builtin(sleep, _native, "time")
    return [Change(module, "sleep", _made)]
