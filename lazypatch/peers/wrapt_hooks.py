"""The way to wrapt's queue of post-import hooks: our installs ahead of everybody's, and those of when_imported()."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType
    from typing import Any

    Hooks = dict[str, list[Callable[[ModuleType], object]]]


def register(wrapt: Any, name: str, hook: Callable[[ModuleType], object]) -> None:
    """Put *hook* into the queue of *wrapt* for the module *name*; it is called at once if that is loaded."""
    wrapt.register_post_import_hook(hook, name)


def hand_over(wrapt: Any, waiting: Iterable[str], after: Callable[[str, ModuleType], None], hooks: Hooks) -> None:
    """*wrapt* has just been imported: be the first in its queue for each target that is *waiting*, then our *hooks*.

    Whichever finder stands first on sys.meta_path then, who hooks a target through wrapt sees it installed.
    """
    for name in waiting:
        register(wrapt, name, lambda module, name=name: after(name, module))  # type: ignore[misc]
    for name in list(hooks):
        for hook in hooks.pop(name):
            register(wrapt, name, hook)
