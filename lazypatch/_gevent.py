"""The bridge to gevent: its modules supply, its record mirrors ours, its functions lead here, subscribers are heard."""

from __future__ import annotations

import os
import sys
import types

from ._adapters import Plugins
from ._around_gevent import ONCE, in_the_way, known_spec, origin, try_descriptors, unsignalled
from ._deferred import Deferred, lighten
from ._look_up import half_imported
from ._originals import MISSING, Originals
from ._targets import TARGETS
from ._targets import in_main_interpreter as on_main_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ._protocols import Host
    from ._targets import Selection, Target
    from .peers.gevent_events import Events


class _Waiting(dict[str, object]):
    """What ``gevent.monkey.saved`` holds for a target that is armed and not loaded.

    It says yes to the names that will be replaced. Asked for an original, it loads the target, as ``get_original``
    always did, and answers from what was recorded then.
    """

    def __init__(self, selection: Selection, originals: Originals, name: str) -> None:
        super().__init__()
        self._selection, self._originals, self._name = selection, originals, name

    def __contains__(self, item: object) -> bool:
        from ._state import will_replace

        return self._name in self._selection.wanted and will_replace(self._selection, self._name, str(item))

    def __missing__(self, item: str) -> object:
        if item not in self:
            raise KeyError(item)
        __import__(self._name)
        found = self._originals.of(self._name).get(item, MISSING)
        return getattr(sys.modules[self._name], item) if found is MISSING else found


def native(module: str, name: str) -> Any:
    """The original of a name in a module that is always loaded, also if gevent.monkey has patched it already."""
    found = getattr(sys.modules.get("gevent.monkey"), "saved", {}).get(module, {}).get(name, MISSING)
    return getattr(sys.modules[module], name) if found is MISSING else found


greenlet_was_there = False  # before gevent was loaded by us: others may have taken its class


class Truth:
    """The bridge to gevent.monkey and gevent.events; both are left alone until somebody has loaded them."""

    def __init__(self, selection: Selection, originals: Originals, host: Host) -> None:
        self.selection = selection
        self.host = host
        self.note = host.note
        self._originals = originals
        self.deferred = Deferred(host)
        self._redirected: object = None
        self._tried = False  # gevent's import has begun at least once
        self.called: set[str] = set()  # the words of those of gevent.monkey's functions that somebody has called
        self._events: Events | None = None
        self._idle_hub: Any = None  # made to listen for children, before anything needed one
        self._plugins: Plugins | None = None

    def before_fork(self) -> None:
        """Have what gevent needs to hear of the child's end, if os is cooperative."""
        if self._originals.original(os, "fork") is not MISSING:  # an adapter alone replaces other names
            self.listen_for_children()

    def load(self, native_ident: Any, native_lock: Any) -> None:
        """Import of gevent what the thread group needs, and be heard by it; the arguments are _thread's originals."""
        unsignalled(self._load)
        self.host.at_once("_importlock", "_threads", "_since_arming")
        from . import _importlock

        _importlock.install(native_ident, native_lock)
        self.host.finder.again = known_spec
        self.host.finder.once = {root: sys.modules[root] for root in ONCE if root in sys.modules}
        self.adopt()

    def _load(self) -> None:
        again, self._tried = self._tried, True
        try_descriptors()
        others = [] if "gevent" in sys.modules else in_the_way(self.host.path)
        if others:
            from ._state import gevent_can_be_found

            if not gevent_can_be_found():  # but a file of that name
                raise ModuleNotFoundError("No module named 'gevent'", name="gevent")
        if again:
            from ._import_again import import_again

            import_again()
        self.deferred.during(self._import)
        for name, file in others:
            from . import _errors

            _errors.warn_once(_errors.in_the_way(name, file, origin(name)))

    def _import(self) -> None:
        global greenlet_was_there
        greenlet_was_there = "greenlet" in sys.modules
        import gevent  # alone: whoever imports a submodule does not wait for a thread that is in gevent's own body
        import gevent.thread  # with gevent.monkey

        if "threading" in self.selection.wanted or "_thread" in self.selection.wanted:
            import gevent.threading
        if "gevent.libev.corecext" not in sys.modules:  # its import passes over what it cannot find
            gevent._config.Loop().get()  # or no hub can be made

    def supply(self, name: str, done: str) -> types.ModuleType | None:
        """The source *name*, imported; None while it, or one that it needs, is half imported: until their end."""
        if name != done and half_imported(name):
            return None
        try:
            load = lambda: unsignalled(lambda: __import__(name))
            __import__(name) if name in sys.modules else self.host.at_work().undisturbed(load)
        except Exception as error:
            # _DeadlockError: another native thread is importing it and waits for what we hold.
            parts = [part for part in list(sys.modules) if part.startswith("gevent.") and half_imported(part)]
            if type(error).__name__ != "_DeadlockError" and not parts:
                raise
            for part in set(parts) - {row.source for row in TARGETS.values()}:  # those are watched
                self.host.at_work().watch_half(part)
            return None
        return sys.modules[name]

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
                    self._originals.record(module, current, late=True)
            _redirect(monkey, self)
            lighten(getattr(sys.modules["gevent"], "config", None))

    def installed(self, row: Target) -> None:
        """The target *row* is."""
        self.mirror(row.name)
        if self.events is not None:
            self.events.installed(row)

    def all_done(self) -> None:
        """All that is wanted and loaded is installed."""
        self.mirror_all()
        if self.events is not None:
            self.events.tell(self.events.all_done)

    def mirror_all(self) -> None:
        """Make ``gevent.monkey.saved`` say what we know; other patchers' entries stay."""
        monkey: Any = sys.modules.get("gevent.monkey")
        names = {*self.selection.wanted, *self._originals.names()}
        for name in names if hasattr(monkey, "saved") else ():
            if name not in monkey.saved and name not in self.selection.vetoed:
                if name in sys.modules and self._originals.recorded(sys.modules[name]):
                    self.mirror(name)
                elif name not in sys.modules:
                    monkey.saved[name] = _Waiting(self.selection, self._originals, name)

    def mirror(self, name: str) -> None:
        """The same for one target that is installed."""
        monkey: Any = sys.modules.get("gevent.monkey")
        if hasattr(monkey, "saved"):
            known = monkey.saved.get(name)
            if known is None or isinstance(known, _Waiting):
                known = monkey.saved[name] = {}
            known.update(self._originals.of(name))

    def forget(self, names: Iterable[str]) -> None:
        """*names* are not waited for any more."""
        saved: Any = getattr(sys.modules.get("gevent.monkey"), "saved", {})
        for name in names:
            if isinstance(saved.get(name), _Waiting):
                del saved[name]

    def listen_for_children(self) -> None:
        """Have the main thread's hub before a child is made: one that ends earlier would never be waited for."""
        from ._standins import no_waitpid

        if self._originals.original(os, "wait") is not MISSING:
            return  # the adapter os-wait is installed, which needs nothing of the kind
        if on_main_thread() and not no_waitpid():
            from gevent import get_hub
            from gevent._hub_local import get_hub_if_exists

            known = get_hub_if_exists()
            hub = known or get_hub()
            hub.loop.install_sigchld()
            if known is None:
                self._idle_hub = hub

    def after_fork(self) -> None:
        """In the child, do without a hub that was only made to listen.

        A daemon closes all descriptors, those of the loop too. Its first wait makes a new hub.
        """
        hub, self._idle_hub = self._idle_hub, None
        # A hub that has never run is false. In another greenlet than the one that made it, leave it alone.
        if hub is not None and not hub and hub.loop is not None:
            from greenlet import getcurrent

            if getcurrent() is hub.parent:
                hub.destroy(destroy_loop=True)

    @property
    def events(self) -> Events | None:
        """The way to those who listen; None if nobody does: importing gevent.events costs more than all of this."""
        zope: Any = sys.modules.get("zope.event")
        if not (self._plugins or self.plugins).listen and not getattr(zope, "subscribers", None):
            return None
        if self._events is None and not half_imported("gevent.events"):
            from .peers.gevent_events import Events

            self._events = Events(self.selection, self._originals, self.plugins.listen)
        return self._events

    @property
    def plugins(self) -> Plugins:
        """What other distributions bring; they are looked through once."""
        self._plugins = self._plugins or Plugins(list(sys.path))
        return self._plugins

    def asked(self, row: Target, source: types.ModuleType | None) -> list[str] | None:
        """The names that gevent's subscribers, if there are any, let be replaced."""
        return None if self.events is None else self.events.asked(row, source)

    def notify(self, event: Any, _warnings: list[str] | None = None) -> None:
        """Pass on an event of gevent.monkey's own."""
        event._warnings = _warnings
        if self.events is not None:
            self.events.notify(event)


_OURS = ("os", "thread", "time", "socket", "dns", "select", "selectors", "ssl", "subprocess", "signal", "queue")


def _redirect(monkey: Any, truth: Truth) -> None:
    """Lead gevent.monkey's patch functions here, also for those who hold them already.

    Each is a wrapper around a function in its closure; exchanging that one keeps the wrapper, its signature and
    everybody's reference to it. ``patch_all`` calls these, so it becomes lazy without being touched.
    """
    for word in _OURS:
        wrapper = getattr(monkey, "patch_" + word, None)
        if wrapper is None:
            continue
        cells = dict(zip(wrapper.__code__.co_freevars, wrapper.__closure__ or (), strict=False))
        if "func" in cells:
            cells["func"].cell_contents = _foreign("patch_" + word, truth)
        else:
            setattr(monkey, "patch_" + word, _foreign("patch_" + word, truth))
    if hasattr(monkey, "_notify_patch"):
        monkey._notify_patch = truth.notify


def _foreign(name: str, truth: Truth) -> Callable[..., Any]:
    def patch(*args: Any, **kwargs: Any) -> Any:
        from .peers.monkey_calls import called

        return called(truth, name, args, kwargs)

    return patch
