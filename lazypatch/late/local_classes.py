"""Subclasses of the native threading.local that can be made anew, of gevent's, because nobody has used them yet.

Problem. The layouts of the two classes differ, so that a subclass cannot get another base, nor its instances another
class; all greenlets of a thread share what it holds.

What can be done. multiprocessing's ``ForkAwareLocal`` is used by proxies of managers only, by its name in its module.
It is there in every child of a fork server, where that module was loaded natively.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from .._install import Change

if TYPE_CHECKING:
    from collections.abc import Iterator

_KNOWN = (("multiprocessing.util", "ForkAwareLocal"),)


def remade(native: type) -> Iterator[Change]:
    """A change for each that is loaded and made of *native*."""
    local: Any = sys.modules["threading"].local
    for name, item in _KNOWN:
        module = sys.modules.get(name)
        made: Any = getattr(module, item, None)
        if module is not None and getattr(made, "__bases__", ()) == (native,):
            members = {key: value for key, value in vars(made).items() if key not in ("__dict__", "__weakref__")}
            yield Change(module, item, type(made)(item, (local,), members))
