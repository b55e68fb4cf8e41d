"""What is to be done when something is raised where we are at work inside a user's import or call.

The import goes on, and says what it leaves native; only what is the user's own (Ctrl-C, SystemExit, GreenletExit)
goes on to the user. Everything here may be done twice: Ctrl-C can also come in the middle of tidying up.
"""

from __future__ import annotations

import _frozen_importlib
import sys
from typing import TYPE_CHECKING, Any

from ._gevent import half_imported

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._session import Session
    from ._scheduler import Scheduler

_bootstrap: Any = _frozen_importlib


def is_veto(error: BaseException) -> bool:
    """Whether it is gevent's DoNotPatch, which is no Exception."""
    return type(error).__name__ == "DoNotPatch"


def gave_up(session: Session, error: BaseException, nested: bool, done: str, ahead: str) -> None:
    """A step of ours was left by *error*.

    *nested*: it was one inside the loading of gevent by the same thread. *done*: the target whose body has just run.
    *ahead*: the one whose body is about to run; it may be without what has to come first.
    """
    native = [name for name in session.wanted if _is_left_native(session, name, done)]
    passing = _left_for_now(session, native, error)
    if session.started:
        _drop_claims(session.scheduler.busy)
        if not nested:
            session.scheduler.release_standins()
            session.scheduler.let_go()
        session.scheduler.truth.forget(native)
    if not isinstance(error, Exception) and not is_veto(error):
        raise error
    if ahead and session.started and not passing:
        session.failed.add(ahead)
        session.scheduler.truth.forget([ahead])
    from . import _errors

    if native and not passing:
        _errors.warn(_errors.not_installed(native, error))


def could_not_look(error: BaseException) -> None:
    """Looking for what was too late was left by *error*: a line on stderr, if it is not the user's own."""
    if not isinstance(error, Exception) and not is_veto(error):
        raise error
    from . import _errors

    _errors.complain(_errors.not_looked(error))


def _drop_claims(busy: dict[str, list[int]]) -> None:
    """Those of this thread, which was interrupted."""
    me = _bootstrap._thread.get_ident()
    for key in [key for key, claim in list(busy.items()) if claim[0] == me]:
        busy.pop(key, None)


def forgive(lock: Any) -> None:
    """This thread could not take importlib's *lock* again: have it released only by who holds it."""
    release = lock.release
    lock.release = lambda: release() if lock.owner == _bootstrap._thread.get_ident() else None


def not_loaded(scheduler: Scheduler, quiet: bool, error: Exception) -> None:
    """gevent could not be loaded. *quiet*: that is no news yet if it is not to be found."""
    session = scheduler.session
    not_yet = quiet and isinstance(error, ModuleNotFoundError) and error.name == "gevent"
    if not_yet or _is_between_threads(error):
        session.standins.come_back()  # who comes next tries again
        return
    session.standins.retire()
    session.failed.update(session.wanted)
    from . import _errors

    _errors.warn_once(_errors.no_gevent(session.wanted, error))


def _is_between_threads(error: BaseException) -> bool:
    """Whether two threads wanted each other's module, and importlib let this one go on without: not gevent's fault."""
    if not sys.modules["_thread"]._count():
        return False
    return type(error).__name__ == "_DeadlockError" or "circular import" in str(error)


def _left_for_now(session: Session, native: list[str], error: BaseException) -> bool:
    """Put on record that *native* stay so: False if for good, True if the next end of a target's import tries again."""
    if _is_between_threads(error):
        session.came_late([name for name in native if name in session.wanted])
        return True
    session.failed.update(native)
    return False


def not_installed(scheduler: Scheduler, names: Iterable[str], error: BaseException) -> None:
    """The install of *names* was left by *error*, and what it had changed was put back."""
    session = scheduler.session
    native = [name for name in names if not scheduler.originals.recorded(sys.modules.get(name))]
    passing = is_veto(error)
    if passing:
        session.vetoed.update(native)
    elif isinstance(error, Exception):
        passing = _left_for_now(session, native, error)
    else:
        raise error
    scheduler.truth.forget(native)
    if native and not passing:
        from . import _errors

        _errors.warn_once(_errors.not_installed(native, error))


def _is_left_native(session: Session, name: str, done: str) -> bool:
    module = sys.modules.get(name)
    if module is None or any(cell.module is module for cell in session.standins.cells.values()):
        return False
    if name != done and half_imported(name):
        return False  # its own end comes, or it fails
    return not (session.started and session.scheduler.originals.recorded(module))
