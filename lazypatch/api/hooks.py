"""when_imported(): call a function once a module is there, in lazypatch's own finder or in wrapt's queue."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

from .._session import session
from ..peers.wrapt_hooks import register

Hook = TypeVar("Hook", bound=Callable[[ModuleType], Any])


def when_imported(name: str) -> Callable[[Hook], Hook]:
    """Decorate a function to be called with the module *name* once it is imported; at once if it is already.

    The contract is that of ``wrapt.when_imported``. For a target it is called with cooperative objects in place. Where
    wrapt is loaded, the hook is a wrapt post-import hook; where it is not, nothing is imported for it, and it becomes
    one if wrapt is imported before the module is.

    :param name: the module's full name.
    :return: a decorator that gives the function back unchanged. What the function raises reaches the importer.
    :raises LazyPatchError: if *name* is not a string.
    """
    if not isinstance(name, str):
        from .._errors import LazyPatchError

        raise LazyPatchError(f"when_imported() takes the full name of a module, a string; it was given {name!r}")

    def decorate(hook: Hook) -> Hook:
        wrapt: Any = sys.modules.get("wrapt")
        if hasattr(wrapt, "register_post_import_hook"):
            register(wrapt, name, hook)
        elif name in sys.modules:
            hook(sys.modules[name])
        else:
            current = session()
            current.hooks.setdefault(name, []).append(hook)
            current.libraries.add(name)
            current.watch([name, "wrapt"])
        return hook

    return decorate
