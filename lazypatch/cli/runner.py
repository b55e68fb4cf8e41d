"""Run a program as Python itself would have: the same __main__, paths, arguments, tracebacks and exit status.

Problem. The program is to see what plain ``python`` gives it, also after it has ended (atexit, pickling, threads),
but ``__main__`` is us. What does not work: ``runpy.run_path`` (other sys.path, ``__file__`` as typed, a ``__main__``
that is gone at exit, sixteen more lines in each traceback); a second process (not on every system, and every start
paid twice). Solution: a new ``__main__`` module takes our place for good, filled as the interpreter fills it, and our
own frames are taken off a traceback when it is printed.
"""

import builtins
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, ModuleType, TracebackType
    from typing import Any

_ours: "list[ModuleType]" = []  # keeps the module alive in whose namespace we run


def run(program: "list[str]") -> None:
    """Become *program*: ``-m mod``, ``-c code``, ``-``, or a path, each with its arguments."""
    first = program[0]
    if not _safe_path():
        del sys.path[0]  # what -m put there for us
    if first == "-m":
        _prepend("" if _safe_path() else os.getcwd())
        sys.argv[:] = ["-m", *program[2:]]
        _guarded(lambda main: _run_module(program[1], True))
    elif first == "-c":
        _prepend_empty()
        sys.argv[:] = ["-c", *program[2:]]
        _guarded(lambda main: _run_text(main, program[1]))
    elif first == "-":
        _prepend_empty()
        sys.argv[:] = program
        _guarded(_run_stdin)
    else:
        _run_path(program)


def _safe_path() -> bool:
    return bool(getattr(sys.flags, "safe_path", sys.flags.isolated))


def _prepend(folder: str) -> None:
    if folder:
        sys.path.insert(0, folder)


def _prepend_empty() -> None:
    if not _safe_path():
        sys.path.insert(0, "")


def _run_path(program: "list[str]") -> None:
    path = _absolute(program[0])
    sys.argv[:] = program
    if _has_importer(path):
        sys.path.insert(0, path)
        _guarded(lambda main: _run_module("__main__", False))
        return
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        sys.stderr.write(f"{sys.orig_argv[0]}: can't open file {path!r}: [Errno {error.errno}] {error.strerror}\n")
        sys.exit(2)
    if not _safe_path():
        sys.path.insert(0, os.path.dirname(os.path.realpath(program[0])))
    _guarded(lambda main: _run_file(main, path, source))


def _absolute(path: str) -> str:
    # As the interpreter does it: joined, not normalized.
    return os.path.join(os.getcwd(), path[2:] if path.startswith("." + os.sep) else path)


def _has_importer(path: str) -> bool:
    """Whether *path* is a folder or an archive that modules can be imported from."""
    for hook in sys.path_hooks:
        try:
            hook(path)
        except ImportError:
            continue
        return True
    return False


def _run_module(name: str, alter_argv: bool) -> None:
    import runpy

    runpy._run_module_as_main(name, alter_argv)  # type: ignore[attr-defined]  # what the interpreter calls for -m


def _run_file(main: "ModuleType", path: str, source: bytes) -> None:
    from importlib.machinery import SourceFileLoader, SourcelessFileLoader
    from importlib.util import MAGIC_NUMBER

    _name_file(main, path)
    compiled = source[:4] == MAGIC_NUMBER or path.endswith(".pyc")
    main.__loader__ = (SourcelessFileLoader if compiled else SourceFileLoader)("__main__", path)
    _execute(
        main, main.__loader__.get_code("__main__") if compiled else compile(source, path, "exec", dont_inherit=True)
    )
    _forget_file(main)


def _name_file(main: "ModuleType", path: str) -> None:
    main.__file__ = path
    if sys.version_info < (3, 15):
        vars(main)["__cached__"] = None


def _forget_file(main: "ModuleType") -> None:
    # The interpreter takes these out again when the script has run, before threads and atexit.
    for name in ("__file__", "__cached__"):
        vars(main).pop(name, None)


def _run_text(main: "ModuleType", text: str) -> None:
    if sys.version_info >= (3, 14):
        from textwrap import dedent

        text = dedent(text)
    code = compile(text, "<string>", "exec", dont_inherit=True)
    if sys.version_info >= (3, 13):
        import linecache

        # So that tracebacks show the line. 3.13 files it by name, later versions by code object.
        key = code if sys.version_info >= (3, 14) else "<string>"
        linecache._register_code(key, text, "<string>")  # type: ignore[attr-defined]
    _execute(main, code)


def _run_stdin(main: "ModuleType") -> None:
    if sys.stdin.isatty():
        from code import interact

        interact(banner=f"Python {sys.version} on {sys.platform}", local=vars(main), exitmsg="")
        return
    _name_file(main, "<stdin>")
    _execute(main, compile(sys.stdin.buffer.read(), "<stdin>", "exec", dont_inherit=True))
    _forget_file(main)


def _execute(main: "ModuleType", code: "CodeType | None") -> None:
    exec(code or "", vars(main))


def _new_main() -> "ModuleType":
    """``__main__`` as the interpreter makes it before it runs anything."""
    main = type(sys)("__main__")
    main.__builtins__ = builtins  # type: ignore[attr-defined]
    if sys.version_info < (3, 14):
        main.__annotations__ = {}
    from importlib.machinery import BuiltinImporter

    main.__loader__ = BuiltinImporter  # the class: so does the interpreter
    _ours.append(sys.modules["__main__"])
    sys.modules["__main__"] = main
    return main


def _guarded(body: "Callable[[ModuleType], None]") -> None:
    main = _new_main()
    try:
        body(main)
    except SystemExit as leaving:
        _forget_file(main)
        leaving.__traceback__ = _theirs(leaving.__traceback__)
        raise
    except BaseException as error:
        _trim_when_printed(main)
        raise error.with_traceback(_theirs(error.__traceback__)) from error.__cause__


def _theirs(traceback: "TracebackType | None") -> "TracebackType | None":
    """*traceback* without the frames at its beginning that are the launcher's."""
    rest, last = traceback, None
    while rest is not None:
        if rest.tb_frame.f_globals is globals():
            last = rest
        rest = rest.tb_next
    return traceback if last is None else last.tb_next


def _trim_when_printed(main: "ModuleType") -> None:
    """Have the hook that is in place now see the traceback that plain Python would give it.

    The error goes on, so that the exit status, ``-i`` and SIGINT are the interpreter's business; on its way out it
    collects our frames again.
    """
    hook = sys.excepthook

    def excepthook(kind: "Any", value: BaseException, traceback: "TracebackType | None") -> None:
        sys.excepthook = hook
        trimmed = _theirs(traceback)
        value.__traceback__ = trimmed
        sys.last_traceback = trimmed
        try:
            hook(kind, value, trimmed)
        finally:
            _forget_file(main)

    sys.excepthook = excepthook
