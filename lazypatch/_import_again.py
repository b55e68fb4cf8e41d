"""Import gevent once more, after Ctrl-C or an error has stopped its import somewhere.

Problem. importlib takes the module out of sys.modules whose body was stopped, and the packages around it; what was
complete stays. A submodule becomes an attribute of its package only at the end of its own import: the next package of
that name is without it, and without the right to import it again. Plain Python cannot import gevent again then.

What does not work. Taking the others out, too: extension modules cannot be executed twice, and what others hold by then
would be a second gevent.

Solution. The new package gets the submodules that are there before its body runs.
"""

from __future__ import annotations

import _frozen_importlib
import sys
from typing import Any

from ._look_up import half_imported
from ._targets import GEVENT_IS

_bootstrap: Any = _frozen_importlib


def import_again() -> None:
    """Import gevent, if its body has not run to its end."""
    if "gevent" not in sys.modules:
        lock = _bootstrap._get_module_lock("gevent")
        lock.acquire()
        try:
            _execute(_bootstrap._find_spec("gevent", None))
        finally:
            lock.release()
    complete()


def _execute(spec: Any) -> None:
    package = sys.modules["gevent"] = _bootstrap.module_from_spec(spec)
    complete()
    try:
        spec.loader.exec_module(package)  # ours, which marks the module as half imported meanwhile
    except BaseException:
        sys.modules.pop("gevent", None)
        raise


def complete() -> None:
    """Give packages of gevent's the submodules that are loaded."""
    for name in [name for name in sys.modules if name.partition(".")[0] in GEVENT_IS]:
        package, _, last = name.rpartition(".")
        if package in sys.modules and last not in vars(sys.modules[package]) and not half_imported(name):
            setattr(sys.modules[package], last, sys.modules[name])
