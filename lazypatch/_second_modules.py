"""A target's body has run again: after a reload, or because somebody took the module out of sys.modules.

Its source goes on with what it took out of the first one: it raises that one's exceptions, and its classes ask whether
something is an instance of that one's. ``except queue.Empty`` is to catch what gevent's queue raises.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from typing import Any


def shared(target: types.ModuleType, source: Any) -> dict[str, Any]:
    """What *target* is to have: the exceptions that *source* knows; in a second module, all that the first one has.

    The names that *source* implements are not among them: they are installed as ever.
    """
    first, space = getattr(source, f"__{target.__name__}__", target), vars(target)
    kept = {} if first is target else vars(first)
    mine = {name: value for name, value in kept.items() if not name.startswith("__")}
    for name, value in vars(source).items():
        if isinstance(value, type) and issubclass(value, BaseException) and name in space:
            mine[name] = value
    implemented = set(source.__implements__)
    return {name: value for name, value in mine.items() if name not in implemented}
