"""in_threadpool(): name calls of a library that waits in C, and have them made in native threads."""

from __future__ import annotations

import sys

from .._look_up import half_imported
from .._pooled import add, read
from .._session import session


def in_threadpool(*calls: str) -> None:
    """Make the *calls* in native threads, so that the others run meanwhile; for a library that waits in C.

    They are exchanged when their module first loads, or now if it is loaded, and not before gevent is. A call costs
    two switches of native threads. See docs/drivers.md for what must be true of the library.

    :param calls: ``module:function`` or ``module:Class.method``, such as ``"pyodbc:connect"``.
    :raises LazyPatchError: for a text that names no call, also in a module that is loaded.
    """
    wanted = [one for text in calls for one in read(text)]
    for module, name in wanted:
        if module in sys.modules and not half_imported(module):
            from ..adapters._named_calls import find

            find(sys.modules[module], name)
    current = session()
    add(current, wanted)
    for module in {module for module, _ in wanted if module in sys.modules and half_imported(module)}:
        current.at_work().watch_half(module)
    current.arm({})
