"""enable(), and the handle that it gives: arming by a spec, from code."""

from ._enable import Session, session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Handle:
    """What :func:`enable` returns; also a context manager that cancels on its way out."""

    def __init__(self, current: Session, names: "Iterable[str]") -> None:
        self._session = current
        self._names = frozenset(names)

    def cancel(self) -> None:
        """Stop waiting for targets that are not loaded yet. What is installed stays installed."""
        from ._state import state

        current = self._session
        waiting = [name for name in self._names if state(current, name) == "waiting"]
        current.wanted = {name: options for name, options in current.wanted.items() if name not in waiting}
        for name in waiting:
            current.standins.remove(name)
        if current.started:
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
    from ._spec import parse, strict

    chosen, warnings = parse(spec)
    for message in warnings:
        from ._errors import warn

        warn(message)
    current = session()
    if not chosen or not _can_work_here():
        return Handle(current, ())
    if strict(spec):
        from ._strict import begin

        begin(current)
    current.arm_in_program(chosen)
    return Handle(current, chosen)


def _can_work_here() -> bool:
    import _thread

    known = getattr(_thread, "_is_main_interpreter", None)
    return known() if known is not None else _main_by_import()


def _main_by_import() -> bool:
    from ._enable import in_main_interpreter

    if in_main_interpreter():
        return True
    try:  # 3.10 and 3.11, in a thread that is not the main one
        import _xxsubinterpreters as interpreters
    except ImportError:
        return True
    return bool(interpreters.get_current() == interpreters.get_main())
