"""Arming from code: enable(), and the handle that it gives."""

import sys

from .._session import Session, session
from .._targets import is_report_asked_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .._targets import Wanted


class Handle:
    """What :func:`enable` returns; also a context manager that cancels on its way out."""

    def __init__(self, current: Session, names: "Iterable[str]") -> None:
        self._session = current
        self._names = frozenset(names)

    def cancel(self) -> None:
        """Stop waiting for targets that are not loaded yet. What is installed stays installed."""
        from .._state import state

        forks = sys.modules.get("lazypatch._when_forked")
        if forks is not None:
            forks.forget()
        current = self._session
        waiting = [name for name in self._names if state(current.selection, current.originals, name) == "waiting"]
        selection = current.selection
        selection.wanted = {name: options for name, options in selection.wanted.items() if name not in waiting}
        for name in waiting:
            current.standins.remove(name)
        if current.made:
            current.scheduler.truth.forget(waiting)

    def __enter__(self) -> "Handle":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.cancel()


def enable(spec: str = "all") -> Handle:
    """Arm what *spec* says, as ``PYTHONCOOPPATCH=spec`` would; enabling again adds.

    :param spec: ``all``, or groups separated by commas, ``-GROUP`` and ``OPTION=0``; see docs/reference.md.
    :return: a handle whose ``cancel()`` stops waiting for what is not loaded yet; also a context manager.
    :raises LazyPatchError: for a word that is not of the spec language.
    """
    from .._fork_server import serve
    from .._programs import is_fork_server, is_left_native
    from .._spec import parse
    from .._with_options import arm_with

    front_door: "Any" = sys.modules[__name__.partition(".")[0]]  # above this file
    try:
        choice = parse(spec)
    except ValueError as error:
        if front_door._is_strict(spec):
            front_door._refuse(f"enable(): {error}", spec)  # sitecustomize would go on, and so would whoever catches it
        raise error.with_traceback(None) from None  # the reader of the traceback wrote the spec, not the parser
    for message in choice.warnings:
        from .._errors import warn

        warn(message)
    current = session()
    if not choice or not _can_work_here():
        return Handle(current, ())
    if is_left_native(choice, spec):
        if is_fork_server():
            serve(lambda: spec)
        return Handle(current, ())
    arm_with(current, choice.options, lambda: arm_in_program(current, choice.wanted, choice.adapters))
    return Handle(current, choice.wanted)


def arm_in_program(current: Session, wanted: "Wanted", adapters: "Iterable[str]" = ()) -> bool:
    """Add *wanted* on behalf of the program: unless site is still at work, it may have taken names already.

    Not of what has been armed all the time: gevent's patch_all() comes here once for each target. False if a subscriber
    vetoed any of it.
    """
    if is_report_asked_for():
        from ..reporting.requests import take

        take(current)
    frame = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__") != "site":
        frame = frame.f_back  # type: ignore[assignment]  # None at the bottom ends the loop
    if frame is None and not current.selection.unrepaired:
        selection = current.selection
        known = {name: it for name, it in selection.wanted.items() if name not in selection.vetoed | selection.failed}
        selection.unrepaired = any(name not in known or not it <= known[name] for name, it in wanted.items())
        if selection.unrepaired and selection.armed_at is None:
            selection.armed_at = _who_arms()
    return current.arm(wanted, adapters)


def _who_arms() -> "tuple[str, int] | None":
    """The line that called us, or the function of gevent's that did."""
    frame = sys._getframe(1)
    while frame is not None:
        if str(frame.f_globals.get("__name__")).partition(".")[0] not in ("lazypatch", "gevent"):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back  # type: ignore[assignment]  # None at the bottom ends the loop
    return None


def _can_work_here() -> bool:
    import _thread

    known = getattr(_thread, "_is_main_interpreter", None)
    return known() if known is not None else _main_by_import()


def _main_by_import() -> bool:
    from .._targets import in_main_interpreter

    if in_main_interpreter():
        return True
    try:  # 3.10 and 3.11, in a thread that is not the main one
        import _xxsubinterpreters as interpreters
    except ImportError:
        return True
    return bool(interpreters.get_current() == interpreters.get_main())
