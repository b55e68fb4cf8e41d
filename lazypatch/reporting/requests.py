"""A report that was asked for in advance: on the command line, in the environment, by an -X option."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from .. import _errors
from .unarmed import ignores_environment
from .writing import is_replaced, put

if TYPE_CHECKING:
    from .._session import Session
    from .records import Facts

VARIABLE = "PYTHONCOOPPATCH_REPORT"
_ON = ("", "1", "on", "true", "yes", "-")
_OFF = ("0", "off", "none", "false", "no")


class Request:
    """Where the report goes: files, and stderr, which is an empty name."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.files: list[str] = []
        self.pid = os.getpid()
        self.begin = _now()

    def write(self, to_stderr: bool = True) -> None:
        """Write the report. Whatever goes wrong is said in one line: the exit status is the program's."""
        self.session.journal.timer.over = True
        report = None
        for file in self.files:
            try:
                report = report or _collected(self.session)
                if file:
                    content = _form(report, file).encode("utf-8", "backslashreplace")
                    put(self._name(file), content)  # the name is chosen last: another process may be as far
                elif to_stderr:
                    _show(_for_stderr(report))
            except Exception as error:
                _errors.complain(_errors.no_report(file or "stderr", error))

    def _name(self, file: str) -> str:
        """*file* for this process. Children, and whoever comes second, get a name with their pid."""
        if not is_replaced(file):
            return file
        if "%p" in file:
            return file.replace("%p", str(os.getpid()))
        mine = os.getpid() == self.pid and not _was_written_since(file, self.begin)
        return file if mine else for_children(file).replace("%p", str(os.getpid()))


def _collected(session: Session) -> Facts:
    from .collect import collect

    return collect(session)


def take(session: Session) -> None:
    """Look whether the environment or an -X option asks for a report, before the first arming."""
    if session.journal.entries or session.journal.request is not None:
        return
    option = sys._xoptions.get("cooppatch_report")
    if option is not None:
        ask(session, "" if option is True else option, inherit=False)
    elif not ignores_environment():
        ask(session, os.environ.get(VARIABLE, ""), inherit=True)


def ask(session: Session, file: str, inherit: bool = False) -> None:
    """Write a report to *file* when the process ends, and time its imports until then; to several, if asked again.

    *inherit*: child processes, which get the variable too, are to write to files of their own.
    """
    if file.lower() in _OFF:
        return
    try:
        file = "" if file.lower() in _ON else os.path.abspath(file)
    except OSError as error:  # the current folder was removed: it is said now, and nothing else changes
        _errors.complain(_errors.no_report(file, error))
        return
    if session.journal.request is None:
        _begin(session)
    if file not in session.journal.request.files:
        session.journal.request.files.append(file)
    if inherit and file and "%p" not in file and is_replaced(file):
        os.environ[VARIABLE] = for_children(file)


def _begin(session: Session) -> None:
    import atexit

    from .import_times import Timer

    session.journal.request = Request(session)
    session.journal.timer = Timer()
    session.journal.timer.start()
    atexit.register(session.journal.request.write)


def stopped(session: Session, found: list[str]) -> None:
    """Strict mode ends the process: nothing else will write the report."""
    from .as_text import text
    from .collect import collect

    _show(text(collect(session)._replace(problems=[])) + "\n" + _errors.stopped(found))
    if session.journal.request is not None:
        session.journal.request.write(to_stderr=False)


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
    ending = file.lower()
    if ending.endswith(".json"):
        from .as_json import to_json

        return to_json(report)
    if ending.endswith((".html", ".htm")):
        from .as_html import page

        return page(report)
    from .as_text import text

    return text(report)


def _for_stderr(report: Facts) -> str:
    """As wide as the terminal, in colours, if stderr is one and they are wanted."""
    from .as_text import text

    if sys.stderr is None or not sys.stderr.isatty():
        return text(report)
    try:
        width = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        width = 0
    colours = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return text(report, width, colours) if width else text(report, colours=colours)


def _show(content: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(content)  # in one piece: other processes write there too
        sys.stderr.flush()
