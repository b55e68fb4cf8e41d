"""Lazy patching: gevent's cooperative objects, installed into each standard module exactly when it first loads.

The same system as ``gevent.monkey``, without its cost at every start and without "patch before you import".

To switch it on    enable, Handle; from outside: PYTHONCOOPPATCH=all, or python -m lazypatch
As gevent.monkey   patch_all, patch_socket, patch_dns, patch_ssl, patch_os, patch_time, patch_select, patch_selectors,
                   patch_subprocess, patch_thread, patch_signal, patch_queue, patch_module, get_original,
                   is_module_patched, is_object_patched; patch_sys, patch_builtins, patch_contextvars do nothing
What happened      state, report, Report and what it is made of
What stops all     assert_cooperative, dump
The originals      original, exclude
Later              when_imported
Libraries of C     in_threadpool
What goes wrong    LazyPatchError, LazyPatchWarning

The rest of this package is private. Names are resolved when they are first used: importing it imports nothing else.
What lazypatch.pth and lazypatch.start call is here, too: every file that arming loads costs 0.15 M instructions.
PYTEST_DONT_REWRITE: pytest rewrites the packages of its plugins, and warns of one that is loaded already.
"""

import _frozen_importlib
import _frozen_importlib_external
import os
import sys
from _thread import _count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .api import names
    from .api.names import *  # noqa: F403  # all that is in its __all__

    __all__ = ["__version__"]
    __all__ += names.__all__

__version__ = "0.1.0"
_external: "Any" = _frozen_importlib_external
_in_files = type(__spec__.loader).__name__ == "SourceFileLoader"  # not in a zip file, say


def _find(name: str) -> object:
    if name.startswith("_") and name != "__all__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")  # as importlib asks of our own files
    from .api.names import find

    return find(name)


if not TYPE_CHECKING:
    __getattr__ = _find  # for those who check types, every name would exist


def __dir__() -> "list[str]":
    from .api.names import find

    return sorted({*globals(), *find("__all__"), "__all__"})


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
        _refuse(f"{where if len(where) < 80 else where[:80] + '...'}: {error}", spec)


_refused = ""  # why nothing is armed although it was asked for


def _refuse(reason: str, spec: str) -> None:
    """Nothing can be armed: say so in one line. In strict mode that means that the program does not start."""
    global _refused
    _refused, strict = reason if reason[-1:] == "?" else reason + ".", _is_strict(spec)
    ending = "Strict mode: the program is not started. Exit status 3." if strict else "Nothing is made cooperative."
    try:
        from ._errors import complain

        complain(f"{_refused} {ending}")
    except ImportError:  # this package is broken
        sys.stderr and sys.stderr.write(f"lazypatch: {ascii(_refused)[1:-1]} {ending}\n")
    if strict:
        try:
            sys.stdout and sys.stdout.flush()
        finally:
            os._exit(3)  # site would make a failure of SystemExit, and go on
    try:
        from ._targets import is_report_asked_for

        if is_report_asked_for():
            from ._session import session
            from .reporting.requests import take

            take(session())
    except Exception:
        pass  # what is broken has been told


def _is_strict(spec: object) -> bool:
    """Whether *spec*, which may be full of mistakes, means strict mode."""
    for word in str(spec).lower().replace(" ", "").split(","):
        name, _, value = word.partition("=")
        if name == "strict" and value not in ("0", "off", "false", "no"):
            return True
    return False


def _requested() -> "tuple[str, str]":
    option = sys._xoptions.get("cooppatch")
    if option is not None:
        return ("all" if option is True else option), f"-X cooppatch={option}"
    if sys.flags.ignore_environment and not hasattr(sys, "frozen"):  # all that are frozen have that flag
        return "", ""
    spec = os.environ.get("PYTHONCOOPPATCH", "")
    return spec, f"PYTHONCOOPPATCH={spec}"


# Programs that are left native by rule (_programs.py knows them) have one of these on their command line.
_HELPERS = ("_tracker import", "forkserver import", "debugpy")


def _plainly(spec: str) -> "tuple[dict[str, frozenset[str]], set[str]] | None":
    """The targets and adapters that *spec* asks for; None if that takes the parser, or a look at the program."""
    words = " ".join(sys.orig_argv[:20])
    if [helper for helper in _HELPERS if helper in words]:
        return None
    if spec in ("all", "1"):  # as nearly everybody says
        from ._targets import GROUPS, OPTIONS, wanted

        return wanted(GROUPS, OPTIONS), {"all"}
    _at_once("_plain_spec")
    from ._plain_spec import read

    return read(spec)


def _at_once(*files: str) -> None:
    """Load *files* of ours in this order, each where it is, at half the cost of an import; that finds them afterwards.

    What importlib does around a body is for the case that others import it, too, or have a say in where it is. So this
    is only for a process of one native thread. Otherwise, and where somebody wants to see each import
    (``-X importtime``), and where a file cannot be had, the import that follows does it in the usual way.
    """
    if not _in_files or _count() or "importtime" in sys._xoptions or sys.flags.verbose:
        return
    for file in files:
        name = "lazypatch." + file
        if name not in sys.modules:
            path = __file__[: -len("__init__.py")] + file.replace(".", "/") + ".py"
            loader = _external.SourceFileLoader(name, path)
            try:
                code = loader.get_code(name)
            except Exception:
                return
            _run(name, code, loader)


def _run(name: str, code: "Any", loader: "Any") -> None:
    """Make the module *name*, whose body is *code*."""
    spec: "Any" = _frozen_importlib.ModuleSpec(name, loader, origin=loader.path)
    spec._set_fileattr = True  # what its property has_location sets
    module = type(sys)(name)
    package, _, last = name.rpartition(".")
    vars(module).update(__spec__=spec, __loader__=loader, __package__=package, __file__=loader.path)
    try:
        sys.modules[name] = module
        exec(code, vars(module))
    except BaseException:
        sys.modules.pop(name, None)
        raise
    setattr(sys.modules[package], last, module)


def _arm(spec: str) -> None:
    _at_once("_targets", "_finder", "_standins", "_session")
    from ._session import session
    from ._targets import in_main_interpreter, is_report_asked_for

    if not in_main_interpreter():
        return
    current: "Any" = session()
    current.at_once = _at_once
    options: "dict[str, Any]" = {}
    plainly = _plainly(spec)
    if plainly:
        chosen, adapters = plainly
    else:
        _at_once("_adapters", "_plain_spec", "_spec_options", "_spec", "_programs")
        from ._spec import parse

        choice = parse(spec)
        from ._programs import is_fork_server, is_left_native

        if choice and is_left_native(choice, spec):
            if is_fork_server():
                from ._fork_server import serve

                serve(lambda: _requested()[0])
            if is_report_asked_for():
                from .reporting.requests import take

                take(current)
            return
        chosen, adapters, options = choice.wanted, choice.adapters, choice.options
        for message in choice.warnings:
            from ._errors import complain

            complain(message)
    if not (chosen or adapters):
        return
    if is_report_asked_for():
        from .reporting.requests import take

        take(current)
    if options:
        from ._with_options import arm_with

        arm_with(current, options, lambda: current.arm(chosen, adapters, quiet="when" not in options))
    else:
        current.arm(chosen, adapters, quiet=True)
