"""A report that was asked for in advance: on the command line, in the environment, by an -X option."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from .. import _errors
from .writing import is_replaced, put

if TYPE_CHECKING:
    from .._session import Session
    from .records import Facts

VARIABLE = "PYTHONCOOPPATCH_REPORT"
_ON = ("", "1", "on", "true", "yes", "-")
_OFF = ("0", "off", "none", "false", "no")


class Request:
    """Where the report goes: a file, or stderr if there is none."""

    def __init__(self, session: Session, file: str) -> None:
        self.session = session
        self.file = file
        self.pid = os.getpid()
        self.begin = _now()

    def write(self) -> None:
        """Write the report. Whatever goes wrong is said in one line: the exit status is the program's."""
        self.session.journal.timer.over = True
        try:
            from .as_text import text
            from .collect import collect

            report = collect(self.session)
            if self.file:
                put(self._name(), _form(report, self.file).encode("utf-8", "backslashreplace"))
            else:
                _show(_coloured(report) if _is_terminal() else text(report))
        except Exception as error:
            _errors.complain(_errors.no_report(self.file or "stderr", error))

    def _name(self) -> str:
        """The file of this process. Children, and whoever comes second, get a name with their pid."""
        if not is_replaced(self.file):
            return self.file
        if "%p" in self.file:
            return self.file.replace("%p", str(os.getpid()))
        mine = os.getpid() == self.pid and not _was_written_since(self.file, self.begin)
        return self.file if mine else for_children(self.file).replace("%p", str(os.getpid()))


def take(session: Session) -> None:
    """Look whether the environment or an -X option asks for a report, before the first arming."""
    if session.journal.entries:
        return
    option = sys._xoptions.get("cooppatch_report")
    if option is not None:
        ask(session, "" if option is True else option, inherit=False)
    elif not sys.flags.ignore_environment:
        ask(session, os.environ.get(VARIABLE, ""), inherit=True)


def ask(session: Session, file: str, inherit: bool = False) -> None:
    """Write a report to *file* when the process ends, and time its imports until then.

    *inherit*: child processes, which get the variable too, are to write to files of their own.
    """
    if file.lower() in _OFF or session.journal.request is not None:
        return
    try:
        file = "" if file.lower() in _ON else os.path.abspath(file)
    except OSError as error:  # the current folder was removed: it is said now, and nothing else changes
        _errors.complain(_errors.no_report(file, error))
        return
    session.journal.request = Request(session, file)
    if inherit and file and "%p" not in file and is_replaced(file):
        os.environ[VARIABLE] = for_children(file)
    from .import_times import Timer

    session.journal.timer = Timer()
    session.journal.timer.start()
    import atexit

    atexit.register(session.journal.request.write)


def stopped(session: Session, found: list[str]) -> None:
    """Strict mode ends the process: nothing else will write the report."""
    from .as_text import text
    from .collect import collect

    _show(text(collect(session)._replace(problems=[])) + "\n" + _errors.stopped(found))
    request = session.journal.request
    if request is not None and request.file:
        request.write()


def for_children(file: str) -> str:
    """``report.html`` becomes ``report.%p.html``."""
    stem, extension = os.path.splitext(file)
    return f"{stem}.%p{extension}"


def _now() -> float:
    from time import time

    return time()


def _was_written_since(file: str, moment: float) -> bool:
    try:
        return os.stat(file).st_mtime > moment
    except OSError:
        return False


def _form(report: Facts, file: str) -> str:
    if file.endswith(".json"):
        from .as_json import to_json

        return to_json(report)
    if file.endswith((".html", ".htm")):
        from .as_html import page

        return page(report)
    from .as_text import text

    return text(report)


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _coloured(report: Facts) -> str:
    from .as_text import text

    try:
        width = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        width = 80
    return text(report, width, colours=not os.environ.get("NO_COLOR"))


def _show(content: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(content)  # in one piece: other processes write there too
        sys.stderr.flush()
