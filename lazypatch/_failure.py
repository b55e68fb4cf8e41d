"""What is to be done when something is raised where we are at work inside a user's import or call.

The import goes on, and says what it leaves native; only what is the user's own (Ctrl-C, SystemExit, GreenletExit, what
a signal's handler raises) goes on to the user. Everything here may be done twice: Ctrl-C can also come in the middle of
tidying up.
"""

from __future__ import annotations

import _frozen_importlib
import sys

from ._around_gevent import in_the_way, origin
from ._look_up import half_imported
from ._targets import GEVENT_IS
from ._whose import is_users, is_veto

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Protocol

    from ._gevent import Truth
    from ._originals import Originals
    from ._standins import StandIns
    from ._targets import Selection

    class Worker(Protocol):
        """What has to be put in order: the scheduler."""

        originals: Originals
        truth: Truth
        busy: dict[str, list[int]]

        def release_standins(self) -> None: ...
        def let_go(self) -> None: ...


class During:
    """The step of ours that was left.

    *nested*: it was one inside the loading of gevent by the same thread. *done*: the target whose body has just run.
    *ahead*: the one whose body is about to run; it may be without what has to come first.
    """

    # No NamedTuple: what failed may have been a step inside an import that typing is in the middle of.
    __slots__ = ("ahead", "done", "nested")

    def __init__(self, nested: bool, done: str, ahead: str) -> None:
        self.nested = nested
        self.done = done
        self.ahead = ahead


_bootstrap: Any = _frozen_importlib


def gave_up(
    selection: Selection, standins: StandIns, worker: Worker | None, error: BaseException, during: During
) -> None:
    """A step of ours was left by *error*; *worker* is the scheduler, if there is one."""
    originals = worker.originals if worker is not None else None
    native = [name for name in selection.wanted if _is_left_native(originals, standins, name, during.done)]
    passing = _left_for_now(selection, native, error)
    if worker is not None:
        _drop_claims(worker.busy)
        if not during.nested:
            worker.release_standins()
            worker.let_go()
        worker.truth.forget(native)
    if is_users(error):
        raise error
    if during.ahead and worker is not None and not passing:
        selection.failed.add(during.ahead)
        worker.truth.forget([during.ahead])
    from . import _errors

    if native and not passing:
        _errors.warn(_errors.not_installed(native, error))


def could_not_look(error: BaseException) -> None:
    """Looking for what was too late was left by *error*: a line on stderr, if it is not the user's own."""
    if is_users(error):
        raise error
    from . import _errors

    _errors.complain(_errors.not_looked(error))


def _drop_claims(busy: dict[str, list[int]]) -> None:
    """Those of this thread, which was interrupted."""
    me = _bootstrap._thread.get_ident()
    for key in [key for key, claim in list(busy.items()) if claim[0] == me]:
        busy.pop(key, None)


def not_loaded(selection: Selection, standins: StandIns, quiet: bool, error: Exception, armed: list[str]) -> None:
    """gevent could not be loaded. *quiet*: that is no news yet if it is not to be found. *armed*: sys.path then."""
    if is_users(error):
        standins.come_back()
        raise error
    not_yet = quiet and isinstance(error, ModuleNotFoundError) and error.name == "gevent"
    if not_yet or _is_between_threads(error) or isinstance(error, RecursionError):
        if not_yet:
            selection.unfound = True
        standins.come_back()  # who comes next tries again
        return
    standins.retire()
    selection.failed.update(selection.wanted)
    from . import _errors

    _errors.warn_once(_errors.no_gevent(selection.wanted, error, _files_instead(armed)))


def _files_instead(armed: list[str]) -> list[str]:
    """Files that are, or would be, taken for something that gevent is made of."""
    found = [file for name, file in in_the_way(armed) if name not in sys.modules]
    homes = {name: origin(name) for name in GEVENT_IS if name in sys.modules}
    return found + [file for name, file in homes.items() if not hasattr(sys.modules[name], "__path__")]


def _is_between_threads(error: BaseException) -> bool:
    """Whether two threads wanted each other's module, and importlib let this one go on without: not gevent's fault."""
    if not sys.modules["_thread"]._count():
        return False
    return type(error).__name__ == "_DeadlockError" or "circular import" in str(error)


def _left_for_now(selection: Selection, native: list[str], error: BaseException) -> bool:
    """Put on record that *native* stay so: False if for good, True if the next end of a target's import tries again."""
    if is_users(error):
        return True  # Ctrl-C is no reason; late/trying_again.py goes on
    if _is_between_threads(error):
        selection.came_late([name for name in native if name in selection.wanted])
        return True
    selection.failed.update(native)
    return False


def not_installed(selection: Selection, worker: Worker, names: Iterable[str], error: BaseException) -> None:
    """The install of *names* was left by *error*, and what it had changed was put back."""
    native = [name for name in names if not worker.originals.recorded(sys.modules.get(name))]
    if is_users(error):
        raise error
    passing = is_veto(error)
    if passing:
        selection.vetoed.update(native)
    else:
        passing = _left_for_now(selection, native, error)
    worker.truth.forget(native)
    if native and not passing:
        from . import _errors

        _errors.warn_once(_errors.not_installed(native, error))


def _is_left_native(originals: Originals | None, standins: StandIns, name: str, done: str) -> bool:
    module = sys.modules.get(name)
    if module is None or any(cell.module is module for cell in standins.cells.values()):
        return False
    if name != done and half_imported(name):
        return False  # its own end comes, or it fails
    return originals is None or not originals.recorded(module)
