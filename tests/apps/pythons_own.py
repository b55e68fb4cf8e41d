"""Tells which errors of imports in several threads are Python's own.

Importlib marks a submodule as loaded, and only then makes it an attribute of its package: whoever imports it in between
in another thread may not find it there: without lazypatch, once in 39,000 imports by four threads at a time, on 3.11.

From 3.15 on importlib takes the locks of a submodule's packages first and keeps them, once the packages are loaded, for
as long as the submodule's body runs (gh-83065). Somebody who saw such a package half imported waits for it, and in the
circle that may come of it importlib hands out a module that is half imported (see python_waits_for_a_loaded_package.py).

Up to 3.14 nobody waits while holding the lock of a module that is loaded: a circle with such a lock is the proof.
"""

import _frozen_importlib as bootstrap
import sys

from lazypatch._targets import ADAPTED

handed_out = set()  # names of modules that such a circle ended at


def watch():
    """Look at every circle that importlib finds from now on."""
    if not hasattr(bootstrap, "_HierarchicalLockManager"):
        return
    original = bootstrap._ModuleLock.has_deadlock

    def has_deadlock(self):
        found = original(self)
        if found and any(is_loaded(lock.name) for lock in circle(self)):
            handed_out.add(self.name)
        return found

    bootstrap._ModuleLock.has_deadlock = has_deadlock


def circle(lock):
    """The locks that one waits for, whoever has it for the next, and so on back to this thread."""
    locks, me = [lock], bootstrap._thread.get_ident()
    while locks[-1].owner != me:
        waiting = bootstrap._blocking_on.get(locks[-1].owner)
        if not waiting or waiting[-1] in locks:
            return []
        locks.append(waiting[-1])
    return locks


def is_loaded(name):
    module = sys.modules.get(name)
    return module is not None and not getattr(module.__spec__, "_initializing", True)


def explains(error):
    """Whether *error* comes from a module handed out half imported, or refused, by such a circle, or not bound yet."""
    text = str(error)
    of_this_kind = isinstance(error, bootstrap._DeadlockError) or "circular import" in text
    if of_this_kind and any(f"'{name}'" in text or f"'{name.rpartition('.')[2]}'" in text for name in handed_out):
        return True
    if not isinstance(error, AttributeError):
        return False
    submodule = f"{getattr(error.obj, '__name__', None)}.{error.name}"
    looked_at = submodule.startswith(("gevent.", "lazypatch.")) or submodule in ADAPTED
    return is_loaded(submodule) and not looked_at  # else lazypatch has a part in it
