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

from ._targets import GEVENT_IS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_bootstrap: Any = _frozen_importlib


def import_again() -> None:
    """Import gevent, if its body has begun and has not run to its end."""
    if "gevent" not in sys.modules and any(name.startswith("gevent.") for name in sys.modules):
        lock = _bootstrap._get_module_lock("gevent")
        lock.acquire()
        try:
            spec = _bootstrap._find_spec("gevent", None)
            if spec is not None:  # else the import that follows says so
                _execute(spec)
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
        module = sys.modules[name]
        is_whole = not getattr(getattr(module, "__spec__", None), "_initializing", False)
        if package in sys.modules and last not in vars(sys.modules[package]) and is_whole:
            setattr(sys.modules[package], last, module)
