"""Decide from the environment, once per process, whether to arm; called by lazypatch.pth and lazypatch.start."""

import os
import sys

_done = False


def start() -> None:
    """Arm what ``-X cooppatch=SPEC``, else ``PYTHONCOOPPATCH=SPEC``, asks for. Never raises.

    Like every PYTHON* variable, PYTHONCOOPPATCH is ignored under -E and -I. Nothing happens in a subinterpreter
    (gevent does not work there), nor when called again (in a virtual environment site runs a .pth file twice).
    """
    global _done
    if _done:
        return
    _done = True
    spec, where = _requested()
    if not spec or not main_interpreter():
        return
    try:
        _arm(spec)
    except Exception as error:
        if sys.stderr is not None:
            sys.stderr.write(f"lazypatch: {where}: {error}. Nothing is made cooperative.\n")


def _requested() -> "tuple[str, str]":
    option = sys._xoptions.get("cooppatch")
    if option is not None:
        return ("all" if option is True else option), f"-X cooppatch={option}"
    if sys.flags.ignore_environment:
        return "", ""
    spec = os.environ.get("PYTHONCOOPPATCH", "")
    return spec, f"PYTHONCOOPPATCH={spec}"


def _arm(spec: str) -> None:
    is_strict = False
    if spec in ("all", "1"):  # what nearly everybody says needs no parser
        from ._targets import GROUPS, OPTIONS, wanted

        chosen = wanted(GROUPS, OPTIONS)
    else:
        from ._spec import parse, strict

        chosen, warnings = parse(spec)
        is_strict = strict(spec)
        for message in warnings:
            sys.stderr.write(f"lazypatch: {message}\n")
    if chosen:
        from ._enable import session

        if is_strict:
            from ._strict import begin

            begin(session())
        session().arm(chosen, quiet=True)


def main_interpreter() -> bool:
    """Whether this is the main interpreter, as seen from the thread that runs its site.

    Asking costs an import on 3.10 and 3.11; signal.signal() refuses everywhere but in the main thread of the main
    interpreter, before it looks at the number.
    """
    import _signal  # type: ignore[import-not-found]  # the C module: signal itself would cost enum

    try:
        _signal.signal(0, _signal.SIG_DFL)
    except ValueError as error:
        return "main" not in str(error)
    return True
