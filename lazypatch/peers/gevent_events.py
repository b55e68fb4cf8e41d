"""gevent's subscribers and plugins: announced to, heard, obeyed. Loaded only where there are any."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Collection

from gevent import events

from .._install import names
from .._targets import OPTIONS, TARGETS, wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._originals import Originals
    from .._targets import Selection, Target, Wanted


class Events:
    """What gevent.monkey says while it patches, said at the moments at which lazypatch does the same."""

    def __init__(self, selection: Selection, originals: Originals, plugins: bool) -> None:
        self._selection = selection
        self._originals = originals
        self._plugins = plugins
        self._heard: set[str] = set()  # installed targets that subscribers were told of

    def notify(self, event: Any) -> None:
        """Tell subscribers, then plugins. Raises what they raise, DoNotPatch among it."""
        if self._plugins:
            events.notify_and_call_entry_points(event)
        else:
            events.notify(event)

    def tell(self, notify: Callable[[], object]) -> None:
        """Let subscribers hear; what they raise is theirs, not the user's import's."""
        try:
            notify()
        except Exception as error:
            from .. import _errors

            _errors.warn_once(_errors.subscriber_failed(error))

    def begin(self) -> list[str]:
        """Announce all that was requested; the names of the modules that this imported."""
        imported = set(sys.modules)  # gevent.events has brought importlib.metadata and much else already
        self.tell(self.announce_all)
        return [name for name in list(sys.modules) if name not in imported]

    def asked(self, row: Target, source: Any) -> list[str]:
        """The names that subscribers let be replaced in a target. Raises DoNotPatch."""
        return self.will_patch(row, sys.modules[row.name], source, self._selection.wanted[row.name])

    def installed(self, row: Target) -> None:
        """A target has been installed."""
        self.tell(lambda: self.did_patch(sys.modules[row.name], sys.modules[row.source]))

    def announce_all(self) -> None:
        """gevent has just been loaded with requests waiting: a veto now means that nothing is installed."""
        if not self._selection.announcements:
            self._selection.announcements.append((_arguments(self._selection.wanted), {}, []))
        granted = [self.announce(request) for request in self._selection.announcements]
        if not all(granted):
            self._selection.vetoed.update(self._selection.wanted)

    def announce(self, request: Any) -> bool:
        """Say that *request* will be granted, once. False if somebody vetoed it."""
        arguments, kwargs, said = request
        if "will" in said:
            return True
        said.append("will")
        try:
            self.notify(events.GeventWillPatchAllEvent(arguments, kwargs))
        except events.DoNotPatch:
            said.append("did")
            return False
        return True

    def all_done(self) -> None:
        """Everything that was requested is installed or armed."""
        for arguments, kwargs, said in self._selection.announcements:
            if "did" not in said:
                said.append("did")
                self.notify(events.GeventDidPatchBuiltinModulesEvent(arguments, kwargs))
                self.notify(events.GeventDidPatchAllEvent(arguments, kwargs))

    def will_patch(self, row: Target, module: types.ModuleType, source: Any, options: Collection[str]) -> list[str]:
        """Ask subscribers, who may shorten the list of names. Raises DoNotPatch."""
        items = names(row.name, source, options)
        self.will_patch_foreign(module, source, items)
        return items

    def will_patch_foreign(self, module: types.ModuleType, source: Any, items: list[str]) -> None:
        """The same for a third party's modules."""
        self.notify(events.GeventWillPatchModuleEvent(module.__name__, source, module, items))

    def did_patch(self, module: types.ModuleType, source: Any) -> None:
        """One target is installed."""
        self._heard.add(module.__name__)
        self.notify(events.GeventDidPatchModuleEvent(module.__name__, source, module))

    def again(self, word: str, repeated: bool) -> None:
        """A program calls ``gevent.monkey.patch_WORD``: announce what it concerns and is installed, as gevent does.

        The first such call of a program is the one that would have patched, had lazypatch not done it already: nobody
        hears of a target twice because of that. A veto comes too late; it only means that the end is not announced.
        """
        for name, options in _concerned(word).items():
            row, module = TARGETS[name], sys.modules.get(name)
            if module is None or not self._originals.recorded(module):
                continue
            if repeated or name not in self._heard:
                source = sys.modules[row.source]
                try:
                    self.will_patch(row, module, source, options)
                except events.DoNotPatch:
                    continue
                self.did_patch(module, source)


def _concerned(word: str) -> Wanted:
    if word in ("select", "selectors"):  # functions of their own, and one group
        return {word: frozenset()}
    return wanted([word], OPTIONS)


def _arguments(wanted: Collection[str]) -> dict[str, bool]:
    words = ("socket", "time", "select", "os", "ssl", "subprocess", "signal", "queue")
    return {**{word: word in wanted for word in words}, "thread": "_thread" in wanted, "sys": False}
