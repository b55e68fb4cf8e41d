"""Tell gevent the truth: its record mirrors ours, its patch functions lead to ours, its subscribers are heard."""

import os
import sys
import types
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from ._originals import MISSING
from ._importlock import half_imported
from ._plans import names, will_replace
from ._targets import Target

if TYPE_CHECKING:
    from ._enable import Request, Session

_PLUGINS = b"gevent.plugins.monkey."


class _Waiting(dict[str, object]):
    """What ``gevent.monkey.saved`` holds for a target that is armed and not loaded.

    It says yes to the names that will be replaced. Asked for an original, it loads the target, as
    ``get_original`` always did, and answers from what was recorded then.
    """

    def __init__(self, session: "Session", name: str) -> None:
        super().__init__()
        self._session = session
        self._name = name

    def __contains__(self, item: object) -> bool:
        wanted = self._session.wanted.get(self._name)
        return wanted is not None and will_replace(self._session.rows[self._name], wanted, str(item))

    def __missing__(self, item: str) -> object:
        if item not in self:
            raise KeyError(item)
        __import__(self._name)
        found = self._session.originals.of(self._name).get(item, MISSING)
        return getattr(sys.modules[self._name], item) if found is MISSING else found


class Truth:
    """The bridge to gevent.monkey and gevent.events; both are left alone until somebody has loaded them."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._redirected: object = None
        self._plugins: "bool | None" = None

    # gevent.monkey

    def adopt(self) -> None:
        """Take over what gevent.monkey has patched already, and make it ask us from now on."""
        monkey: Any = sys.modules.get("gevent.monkey")
        if monkey is None or not hasattr(monkey, "saved"):
            return
        if self._redirected is not monkey:
            self._redirected = monkey
            for name, items in list(monkey.saved.items()):
                module = sys.modules.get(name)
                if isinstance(module, types.ModuleType) and not isinstance(items, _Waiting):
                    current = {item: (old, getattr(module, item, None)) for item, old in items.items()}
                    self._session.originals.record(module, current, late=True)
            _redirect(monkey, self)
        self.mirror()

    def mirror(self) -> None:
        """Make ``gevent.monkey.saved`` say what we know; other patchers' entries stay."""
        monkey: Any = sys.modules.get("gevent.monkey")
        if monkey is None or not hasattr(monkey, "saved"):
            return
        for name in self._session.wanted:
            originals = self._session.originals.of(name)
            if originals:
                self._replace(monkey.saved, name, originals)
            elif self._session.state(name) == "waiting":
                monkey.saved.setdefault(name, _Waiting(self._session, name))
            else:
                self._drop(monkey.saved, name)

    def _replace(self, saved: dict[str, Any], name: str, originals: dict[str, object]) -> None:
        if isinstance(saved.get(name), _Waiting) or name not in saved:
            saved[name] = originals
        else:
            saved[name].update(originals)

    def _drop(self, saved: dict[str, Any], name: str) -> None:
        if isinstance(saved.get(name), _Waiting):
            del saved[name]

    def forget(self, name: str) -> None:
        """*name* is not waited for any more."""
        monkey: Any = sys.modules.get("gevent.monkey")
        if monkey is not None:
            self._drop(monkey.saved, name)

    # gevent.events

    def _heard(self) -> Any:
        """gevent.events if anybody listens, else None; it and importlib.metadata cost more than all of lazypatch."""
        zope = sys.modules.get("zope.event")
        if self._plugins is None:
            self._plugins = any(_has_plugins(entry) for entry in list(sys.path))
        if not self._plugins and not (zope is not None and zope.subscribers):
            return None
        if half_imported("gevent.events"):
            return None  # importing it has led here; nobody can have subscribed
        from gevent import events

        return events

    def notify(self, event: Any) -> None:
        """Tell subscribers, then plugins, where there are any. Raises what they raise, DoNotPatch among it."""
        if self._heard() is None:
            return
        from gevent import events

        if self._plugins:
            events.notify_and_call_entry_points(event)
        else:
            events.notify(event)

    def announce_all(self) -> None:
        """gevent has just been loaded with requests waiting: a veto now means that nothing is installed."""
        if not all([self.announce(request) for request in self._session.requests]):
            self._session.vetoed.update(self._session.wanted)

    def announce(self, request: "Request") -> bool:
        """Say that *request* will be granted, once. False if somebody vetoed it."""
        events = self._heard()
        if events is None or request.announced:
            return True
        request.announced = True
        try:
            self.notify(events.GeventWillPatchAllEvent(request.arguments, request.kwargs))
        except events.DoNotPatch:
            request.done = True
            return False
        return True

    def all_done(self) -> None:
        """Everything that is wanted is installed or armed."""
        self.mirror()
        events = self._heard()
        for request in self._session.requests if events is not None else ():
            if not request.done:
                request.done = True
                self.notify(events.GeventDidPatchBuiltinModulesEvent(request.arguments, request.kwargs))
                self.notify(events.GeventDidPatchAllEvent(request.arguments, request.kwargs))

    def will_patch(
        self, row: Target, module: types.ModuleType, source: Any, options: Collection[str]
    ) -> "list[str] | None":
        """Ask subscribers; they may shorten the list of names. Raises DoNotPatch."""
        events = self._heard()
        if events is None:
            return None
        items = names(row.name, source, options)
        self.notify(events.GeventWillPatchModuleEvent(row.name, source, module, items))
        return items

    def did_patch(self, row: Target, module: types.ModuleType, source: Any) -> None:
        """One target is installed."""
        self.mirror()
        events = self._heard()
        if events is not None:
            self.notify(events.GeventDidPatchModuleEvent(row.name, source, module))


def _has_plugins(entry: str) -> bool:
    try:
        distributions = [name for name in os.listdir(entry or ".") if name.endswith((".dist-info", ".egg-info"))]
    except OSError:
        return False
    # gevent's own plugin only warns of a choice that we warn of ourselves.
    others = [name for name in distributions if not name.startswith("gevent-")]
    return any(_names_plugin(os.path.join(entry, name, "entry_points.txt")) for name in others)


def _names_plugin(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return _PLUGINS in file.read()
    except OSError:
        return False


_OURS = (
    "patch_os patch_thread patch_time patch_socket patch_dns patch_select patch_selectors patch_ssl patch_subprocess "
    "patch_signal patch_queue"
).split()


def _redirect(monkey: Any, truth: Truth) -> None:
    """Lead gevent.monkey's patch functions here, also for those who hold them already.

    Each is a wrapper around a function in its closure; exchanging that one keeps the wrapper, its signature and
    everybody's reference to it. ``patch_all`` calls these, so it becomes lazy without being touched.
    """
    from . import _api

    for name in _OURS:
        wrapper = getattr(monkey, name, None)
        if wrapper is not None:
            _exchange(monkey, name, wrapper, _foreign(getattr(_api, name)))
    if hasattr(monkey, "_check_repatching"):
        monkey._check_repatching = _nothing_was_patched
    if hasattr(monkey, "_notify_patch"):
        monkey._notify_patch = lambda event, _warnings=None: truth.notify(event)


def _exchange(monkey: Any, name: str, wrapper: Any, ours: Callable[..., Any]) -> None:
    cells = dict(zip(wrapper.__code__.co_freevars, wrapper.__closure__ or ()))
    if "func" in cells:
        cells["func"].cell_contents = ours
    else:
        setattr(monkey, name, ours)


def _foreign(function: Callable[..., Any]) -> Callable[..., Any]:
    def patch(*args: Any, **kwargs: Any) -> Any:
        kwargs.pop("_warnings", None)
        kwargs.pop("_first_time", None)
        if function.__name__ == "patch_thread" and len(args) < 3:
            kwargs.setdefault("Event", True)  # gevent's default
        return function(*args, **kwargs)

    return patch


def _nothing_was_patched(**settings: Any) -> tuple[list[str], bool, dict[str, Any]]:
    # gevent's own answer to a second patch_all is a warning and no effect; ours is that it adds.
    settings.pop("kwargs", None)
    return [], False, settings
