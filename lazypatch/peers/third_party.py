"""A third party's own targets: what gevent specifies as patch_module()."""

from __future__ import annotations

import importlib

from .._install import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from .._gevent import Truth


def patch_first_load(
    truth: Truth, commit: Callable[..., None], module: ModuleType, source: ModuleType | str, items: list[str] | None
) -> None:
    """The same inside the first import of *module*, which must not fail because of what somebody else asked for."""
    try:
        patch_now(truth, commit, module, source, items)
    except Exception as error:
        from .. import _errors

        name = source if isinstance(source, str) else source.__name__
        _errors.warn(_errors.third_party_failed(module.__name__, name, error))


def patch_now(
    truth: Truth, commit: Callable[..., None], module: ModuleType, source: ModuleType | str, items: list[str] | None
) -> bool:
    """Change *module* now, with the hooks and events that gevent specifies. False if one of them vetoed it."""
    supply: Any = importlib.import_module(source) if isinstance(source, str) else source
    chosen = list(supply.__implements__) if items is None else items
    events = truth.events
    try:
        _call_hook(supply, "will", module, chosen)
        if events is not None:
            events.will_patch_foreign(module, supply, chosen)
    except BaseException as error:
        from .._whose import is_veto

        if is_veto(error):
            return False
        raise
    commit([Change(module, name, getattr(supply, name)) for name in chosen], late=True)
    truth.mirror(module.__name__)
    _call_hook(supply, "did", module, chosen)
    if events is not None:
        events.did_patch(module, supply)
    return True


def _call_hook(source: Any, name: str, module: ModuleType, items: list[str]) -> None:
    from .._errors import warn

    hook = getattr(source, f"_gevent_{name}_monkey_patch", None)
    if hook is not None:
        hook(module, items, warn)
