"""Lazy patching: gevent's cooperative objects, installed into each standard module exactly when it first loads.

The same system as ``gevent.monkey``, without its cost at every start and without "patch before you import". The
names here are resolved when they are first used: importing this package imports nothing else.

What lazypatch.pth and lazypatch.start call is here, too: every file that arming loads costs 0.3 M instructions.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._api import (
        patch_all,
        patch_builtins,
        patch_contextvars,
        patch_dns,
        patch_module,
        patch_os,
        patch_queue,
        patch_select,
        patch_selectors,
        patch_signal,
        patch_socket,
        patch_ssl,
        patch_subprocess,
        patch_sys,
        patch_thread,
        patch_time,
    )
    from ._errors import LazyPatchError, LazyPatchWarning
    from ._handle import Handle, enable
    from ._queries import exclude, get_original, is_module_patched, is_object_patched, original, state
    from ._report import Report, report
    from ._wrapt import when_imported

__version__ = "0.1.0"

__all__ = [
    "Handle",
    "LazyPatchError",
    "LazyPatchWarning",
    "Report",
    "__version__",
    "enable",
    "exclude",
    "get_original",
    "is_module_patched",
    "is_object_patched",
    "original",
    "patch_all",
    "patch_builtins",
    "patch_contextvars",
    "patch_dns",
    "patch_module",
    "patch_os",
    "patch_queue",
    "patch_select",
    "patch_selectors",
    "patch_signal",
    "patch_socket",
    "patch_ssl",
    "patch_subprocess",
    "patch_sys",
    "patch_thread",
    "patch_time",
    "report",
    "state",
    "when_imported",
]


def _home(name: str) -> str:
    if name.startswith("patch_"):
        return "_api"
    if name.startswith("LazyPatch"):
        return "_errors"
    if name in ("Handle", "enable"):
        return "_handle"
    if name in ("Report", "report"):
        return "_report"
    return "_wrapt" if name == "when_imported" else "_queries"


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(__import__(f"{__name__}.{_home(name)}", fromlist=[name]), name)
    globals()[name] = found
    return found


def __dir__() -> "list[str]":
    return sorted({*globals(), *__all__})


_done = False


def _start() -> None:
    """Arm what ``-X cooppatch=SPEC``, else ``PYTHONCOOPPATCH=SPEC``, asks for. Never raises.

    Like every PYTHON* variable, PYTHONCOOPPATCH is ignored under -E and -I. Nothing happens in a subinterpreter
    (gevent does not work there), nor when called again (in a virtual environment site runs a .pth file twice).
    """
    global _done
    if _done:
        return
    _done = True
    spec, where = _requested()
    if not spec:
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
    from ._enable import in_main_interpreter, session

    if not in_main_interpreter():
        return
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
        if is_strict:
            from ._strict import begin

            begin(session())
        session().arm(chosen, quiet=True)
