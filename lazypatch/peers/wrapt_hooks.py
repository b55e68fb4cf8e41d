"""The only file that imports wrapt: our place in its queue of hooks, and when_imported."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

Hook = TypeVar("Hook", bound=Callable[[ModuleType], Any])


def register(wrapt: Any, name: str, hook: Callable[[ModuleType], object]) -> None:
    """Put *hook* into the queue of *wrapt*, the module that has just been imported, for the module *name*."""
    wrapt.register_post_import_hook(hook, name)


def when_imported(name: str) -> Callable[[Hook], Hook]:
    """Decorate a function to be called with the module *name* once it is imported; at once if it is already.

    A wrapt post-import hook. For a target it is called with cooperative objects in place. Importing wrapt 2.2 or
    later imports asyncio, and with it nearly every target.

    :param name: the module's full name.
    :return: a decorator that gives the function back unchanged.
    """
    import wrapt

    def decorate(hook: Hook) -> Hook:
        wrapt.register_post_import_hook(hook, name)
        return hook

    return decorate
