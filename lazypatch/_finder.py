"""The one entry on sys.meta_path: calls back before a watched module is created and right after its body ran.

Problem. A module's importers take names out of it as soon as its import returns, so replacing names must
happen inside that import; and what has to be loaded first (gevent) must be loaded before the body runs, or
half-imported modules meet each other.

What does not work. Work in ``find_spec``: the global import lock is held there, and an import of the same name
runs the body twice. ``importlib.util.find_spec``: it waits for the parent's lock while holding the global one.
A guard shared between threads or greenlets: the second one loses its hook. Removing the finder when done: an
import that iterates ``sys.meta_path`` skips its neighbour.

Solution. ``find_spec`` asks the finders after this one and wraps the loader they give. The wrapper's
``create_module`` runs before any body, and with the module's own lock let go: there the *before* callback may import
what it likes, even the very module asked for, which is then adopted (its body does not run twice).
``exec_module`` puts the real loader back, runs the body, then calls *after*. Both callbacks are idempotent, so it
does no harm if two wrappers, two finders or a wrapt hook lead to them.

What still fails. A finder in front of this one that answers for everything itself hides the import from us;
the session notices when it is next asked anything, and says so.
"""

import _frozen_importlib_external
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    from ._protocols import Owner

_external: "Any" = _frozen_importlib_external


class Finder:
    """Watch ``names``, on behalf of a session.

    *session* has ``steps``, or gives them by ``get_ready()``. They have ``accepts(spec)``, which may turn a spec down
    (a user's module that has a target's name), and ``wrap(spec, steps)``, which gives it the loader (_loader.py) that
    calls ``before(name)``, if ``minds(name)``, and ``after(name, module)``.
    """

    def __init__(self, session: "Owner") -> None:
        self.names: "set[str]" = set()
        self.first: "Callable[[str], ModuleSpec | None] | None" = None  # who may know better where a name is
        self.session = session
        self._moved = False
        self.once: "dict[str, ModuleType]" = {}  # packages that are never two in a process
        self.again: "Any" = None  # gives the spec of a module of theirs that is there already

    def find_spec(
        self, name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        """The spec that the finders after this one give, its loader wrapped if *name* is watched."""
        if self.once and target is None and name.partition(".")[0] in self.once:
            there: "ModuleSpec | None" = self.again(self.once, name)
            if there is not None:
                return there
        if name not in self.names:  # nearly every import ends here
            return None
        watcher = self.session.steps or self.session.get_ready()
        if watcher is None:
            return None
        spec = self.first(name) if path is None and self.first is not None else None
        if spec is None:
            spec = self.ask_each(name, path, target)
        if spec is not None and hasattr(spec.loader, "exec_module") and watcher.accepts(spec):
            watcher.wrap(spec, watcher)
        return spec

    def ask_each(
        self, name: str, path: "Sequence[str] | None", target: "ModuleType | None", folders: "list[str] | None" = None
    ) -> "ModuleSpec | None":
        """The first spec that a finder after this one gives; with *folders*, that is where the path finder looks."""
        finders = list(sys.meta_path or ())
        if self in finders:
            del finders[: finders.index(self) + 1]
        for finder in finders:
            find_spec = getattr(finder, "find_spec", None)
            if find_spec is not None:
                where = folders if folders is not None and finder is _external.PathFinder else path
                spec: "ModuleSpec | None" = find_spec(name, where, target)
                if spec is not None:
                    return spec
        return None

    def install(self) -> None:
        """Stand first on ``sys.meta_path``, once."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def in_front(self) -> "list[object]":
        """The finders that are asked before this one; it moves to the front of them, once in a process."""
        finders: "list[object]" = list(sys.meta_path or ())
        ahead = finders[: finders.index(self)] if self in finders else finders
        if ahead and not self._moved and sys.meta_path is not None:
            self._moved = True
            # Insert first, remove afterwards: an import that iterates the list meanwhile sees us twice, never not once.
            sys.meta_path.insert(0, self)
            if self in sys.meta_path[1:]:
                del sys.meta_path[sys.meta_path.index(self, 1)]
        return ahead
