"""Modules that are not ours to know: a third party's own targets, and wrapt with its queue of hooks."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from .._install import Change

if TYPE_CHECKING:
    from types import ModuleType

    from .._scheduler import Scheduler


def loaded(scheduler: Scheduler, name: str, module: ModuleType) -> None:
    """The module *name*, for which somebody called patch_module, or wrapt itself, has just been imported."""
    if name == "wrapt":
        register_with_wrapt(scheduler, module)
    for source, items in scheduler.session.foreign.get(name, ()):
        patch_module(scheduler, module, source, items)


def patch_module(scheduler: Scheduler, module: ModuleType, source: ModuleType | str, items: list[str] | None) -> bool:
    """Change *module* now, with the hooks and events that gevent specifies. False if one of them vetoed it."""
    supply: Any = importlib.import_module(source) if isinstance(source, str) else source
    chosen = list(supply.__implements__) if items is None else items
    events = scheduler.truth.events
    try:
        _call_hook(supply, "will", module, chosen)
        if events is not None:
            events.will_patch_foreign(module, supply, chosen)
    except BaseException as error:
        from .._failure import is_veto

        if is_veto(error):
            return False
        raise
    changes = [Change(module, name, getattr(supply, name)) for name in chosen]
    scheduler.commit(changes, late=True)
    scheduler.truth.mirror(module.__name__)
    _call_hook(supply, "did", module, chosen)
    if events is not None:
        events.did_patch(module, supply)
    return True


def _call_hook(source: Any, name: str, module: ModuleType, items: list[str]) -> None:
    from .._errors import warn

    hook = getattr(source, f"_gevent_{name}_monkey_patch", None)
    if hook is not None:
        hook(module, items, warn)


def register_with_wrapt(scheduler: Scheduler, wrapt: Any) -> None:
    """Be the first in wrapt's queue for every target that is not loaded yet.

    Whichever finder stands first on sys.meta_path then, who hooks a target through wrapt sees it installed.
    """
    from .wrapt_hooks import register

    for name in [name for name in scheduler.session.wanted if name not in sys.modules]:
        register(wrapt, name, lambda module, name=name: scheduler.session.after(name, module))  # type: ignore[misc]
