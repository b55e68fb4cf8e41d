"""The one session of the process: what is armed, who watches the imports for it, and the way to what is done then."""

import atexit
import sys
from _thread import _count

from ._finder import Finder
from ._standins import StandIns
from ._targets import STAND_INS, Journal, Selection, names_to_watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    from ._originals import Originals
    from ._scheduler import Scheduler
    from ._steps import Steps
    from ._targets import Wanted


class Session:
    """What arming sets up, all that a program without a target pays for. There is one; tests may build others."""

    steps: "Steps | None" = None  # what is done at a watched import, once there was one

    def __init__(self) -> None:
        self.selection = Selection()
        self.journal = Journal()
        self.note = self.journal.note
        # Modules that cannot have met an armed target, and one that 3.13 loads for -c.
        self.met_before = frozenset((*sys.modules, "linecache"))
        self.check: "Callable[[], object] | None" = None  # strict mode's: ends the process if anything is too late
        self.hooks: "dict[str, list[Callable[[ModuleType], object]]]" = {}  # of when_imported(), by module
        self.libraries: "set[str]" = set()  # third parties' modules that something waits for
        self.accepted: "dict[str, ModuleSpec]" = {}  # those that were not turned down
        self.path: "list[str]" = []  # sys.path as it was when this was armed
        self.at_once: "Callable[..., object]" = lambda *files: None  # who arms at start-up loads our files quicker
        self.finder = Finder(self)
        self.made: "dict[str, Scheduler]" = {}  # "it", once there is something to do; else empty
        self.standins = StandIns(self.load)
        atexit.register(self.standins.end)

    @property
    def scheduler(self) -> "Scheduler":
        """What decides when a target is installed; made if it is not there."""
        return self.made["it"] if self.made else self.at_work().scheduler()

    @property
    def originals(self) -> "Originals | None":
        """The registry of originals, once anything can be in it."""
        return self.made["it"].originals if self.made else None

    def arm(self, wanted: "Wanted", adapters: "Iterable[str]" = (), quiet: bool = False) -> bool:
        """Add *wanted* and *adapters* to what is wanted; what is loaded is installed now.

        *quiet*: nothing is said if gevent cannot be found yet (a later .pth file may bring it). False if a subscriber
        vetoed any of it.
        """
        selection = self.selection
        self.path, selection.expecting = self.path or list(sys.path), quiet
        self.note("arm", tuple(wanted), None if quiet else sys._getframe(1))
        merged, present = dict(selection.wanted), False
        for name, options in wanted.items():
            merged[name] = merged.get(name, frozenset()) | options
            if name in sys.modules and name not in STAND_INS:
                present = True
                if name not in selection.wanted:
                    selection.came_late([name], quiet)
        selection.wanted = merged
        selection.add_adapters(adapters)
        selection.vetoed.difference_update(wanted)
        self.watch(names_to_watch(wanted))
        if not (self.made and self.made["it"].loaded):
            for name in STAND_INS:
                if name in wanted:
                    self.standins.put(sys.modules.get(name))
        if present or "gevent" in sys.modules or _count():
            # Other native threads: better now than inside one of their imports.
            self.at_work().guarded(self.at_work().catch_up, quiet)
        elif self.check is not None:
            self.at_work().guarded(self.at_work().begin_strictly)
        return selection.vetoed.isdisjoint(wanted)

    @property
    def unfinished(self) -> bool:
        """Whether something waits for the next import of anything."""
        return type(self.finder.names) is not set

    def watch(self, names: "Iterable[str]") -> None:
        """Be called for the modules *names*."""
        self.finder.names.update(names)
        self.finder.install()

    def at_work(self) -> "Steps":
        """What is done at watched imports."""
        if self.steps is None:
            self.at_once("_look_up", "_loader", "_steps")
            from ._steps import Steps

            vars(self).setdefault("steps", Steps(self))  # two threads may get here; one of theirs wins
            assert self.steps
        return self.steps

    def get_ready(self) -> "Steps | None":
        """The same for the finder and the stand-ins; None if that cannot be loaded any more.

        In find_spec the global import lock is held: nobody else can be at this, and what _steps.py imports is loaded.
        """
        try:
            return self.at_work()
        except Exception as error:
            self.out_of_reach(error)
            return None

    def out_of_reach(self, error: BaseException) -> None:
        """No memory, no descriptor, or no way to our files any more: what is not installed stays native."""
        self.finder.names = set()
        self.selection.failed.update(self.selection.wanted)
        self.standins.give_up(error)

    def load(self, module: str) -> None:
        """Load gevent now if it is not, for a stand-in of *module* that was called."""
        if not sys.is_finalizing():
            steps = self.steps or self.get_ready()
            if steps is not None:
                steps.load(module, sys._getframe(1))


_session: "Session | None" = None


def session() -> Session:
    """The session of this interpreter, also if another copy of this package made it."""
    global _session
    if _session is None:
        # pytest's finder has a session of another kind.
        ours: "Any" = [one for one in sys.meta_path if type(one).__module__ == Finder.__module__]
        _session = ours[0].session if ours else Session()
    return _session
