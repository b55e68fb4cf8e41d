"""when=fork in a spec: this process stays native, and each that it forks is armed before fork() returns there.

Problem. A server that loads the application before it forks its workers (gunicorn --preload) wants to share what that
takes. Armed itself, it has gevent's loop and its threads' locks at the fork, for nothing.

What does not work. To arm in the hook that was registered when this was asked for: it is the first one, and those of
threading and logging, which make native locks anew and free what is held over the fork, come after it in the child.

Solution. A hook that runs before the fork registers another one, which so is the last in the child; again only if
modules were loaded meanwhile, since they may have hooks. A child that is to run another program (``subprocess`` with a
*preexec_fn*, ``pty``) is left alone. So is a child of a process with other native threads: what these held at the fork,
locks of importlib's among them, nobody lets go of in the child.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from ._session import Session

_WILL_EXEC = ("subprocess", "gevent.subprocess", "pty")
_waiting: "list[tuple[Session, Callable[[], object]]]" = []
_turn = 0
_loaded: "frozenset[str]" = frozenset()  # the modules that the parent had when it forked, as far as it was looked
_others: "list[str] | None" = None  # the parent's other native threads


def arm_children(session: "Session", arm: "Callable[[], object]") -> None:
    """Have each forked child call *arm*, and what it forks be what it is."""
    from . import _programs

    _programs.native = "when=fork in the SPEC means the processes that it forks"
    if not _waiting:
        os.register_at_fork(before=_before)
    _waiting.append((session, arm))


def forget() -> None:
    """Leave children native from now on."""
    _waiting.clear()


def begin(session: "Session", loaded: "frozenset[str] | None" = None) -> None:
    """Nothing that is *loaded* in this child was watched, and others hold what they took out of it."""
    session.met_before = frozenset(sys.modules) if loaded is None else loaded
    session.selection.forked = session.selection.unrepaired = True


def _before() -> None:
    global _turn, _loaded, _others
    if _waiting:
        _others = _threads() if len(sys._current_frames()) > 1 else None
        if len(sys.modules) != len(_loaded):
            _loaded = frozenset(sys.modules)  # not in the child: who looks at each name there writes to its memory
            _turn += 1
            os.register_at_fork(after_in_child=_in_child(_turn))


def _in_child(turn: int) -> "Callable[[], None]":
    def last() -> None:
        if turn == _turn and _waiting and not _will_exec(sys._getframe().f_back):
            _arm()

    return last


def _will_exec(caller: "FrameType | None") -> bool:
    return caller is not None and caller.f_globals.get("__name__") in _WILL_EXEC


def _arm() -> None:
    from . import _programs

    if _others is not None:
        from ._errors import complain, threads_at_the_fork

        complain(threads_at_the_fork(_others))
        _programs.native = "it was forked by a process with other native threads"
        return
    _programs.native = ""
    todo = _waiting.copy()
    _waiting.clear()
    try:
        for session, arm in todo:
            begin(session, _loaded)
            session.selection.sharing = True
            arm()
    except BaseException as error:  # of a signal's handler: a hook's own would be printed and forgotten
        from ._raised_at_fork import raise_soon

        raise_soon(error, None)


def _threads() -> "list[str]":
    """The names of the native threads other than this one, as far as threading knows them."""
    from _thread import get_ident

    active = getattr(sys.modules.get("threading"), "_active", {})
    return [getattr(active.get(ident), "name", "one of C") for ident in sys._current_frames() if ident != get_ident()]
