"""Make a report out of what a session has written down while it was at work."""

from __future__ import annotations

import _thread
import os
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

from .. import _state
from .._adapters import PART
from .._gevent import native
from .._places import Place
from .._targets import STAND_INS, TARGETS
from .._targets import in_main_interpreter as on_main_thread
from ..adapters.drivers import seen
from ..late.importers import inferred
from .problems import problems
from .records import (
    AdapterReport,
    Arming,
    Facts,
    ForeignCall,
    Import,
    ImporterKind,
    Install,
    Loading,
    LoadingKind,
    TargetReport,
    Verdict,
)
from .unarmed import ignores_environment
from .verdict import judge

if TYPE_CHECKING:
    from .._places import AdapterKind
    from .._session import Session
    from .._targets import Entry
    from ..stalls.culprits import Stall

_HERE = os.path.dirname(os.path.dirname(__file__)) + os.sep  # what runs as __main__ until the program does
# By the journal's word for it.
_CAUSES: dict[str, tuple[LoadingKind, str]] = {
    "import": ("import", "import {}"),
    "call": ("call", "a call in {}"),
    "arm": ("arming", "arming"),
}
_MACHINERY = ("lazypatch", "importlib", "runpy", "site", "_frozen_importlib", "_frozen_importlib_external")


def collect(session: Session) -> Facts:
    """Everything that is known now."""
    journal = _Journal(session)
    monitor, stalls = _stalls()
    facts = Facts(
        verdict=Verdict("cooperative", "", []),
        lazypatch=sys.modules[__name__.partition(".")[0]].__version__,
        python="{} {}.{}.{}".format(sys.implementation.name, *sys.version_info[:3]),
        gevent=getattr(sys.modules.get("gevent"), "__version__", None),
        program=_program(),
        pid=os.getpid(),
        elapsed=journal.since(perf_counter()),
        armed=_armed(journal),
        loading=journal.loading,
        targets=[_target(journal, name) for name in TARGETS],
        adapters=_adapters(session),
        installs=journal.installs,
        references=list(session.selection.references),
        foreign=_foreign(journal),
        drivers=seen(),
        imports=_imports(journal),
        problems=problems(session),
        monitor=monitor,
        stalls=stalls,
    )
    return facts._replace(verdict=judge(facts))


def _stalls() -> tuple[float, list[Stall]]:
    """What the monitor found; nothing of it is loaded where nobody asked for it."""
    asked: Any = sys.modules.get(f"{__name__.partition('.')[0]}.stalls.asked")
    return (0.0, []) if asked is None else asked.stalls()


def _program() -> list[str]:
    """The command line, which may hold passwords: on request, only the program's name."""
    option: Any = sys._xoptions.get("cooppatch_report_args")
    if option is None and not ignores_environment():
        option = os.environ.get("PYTHONCOOPPATCH_REPORT_ARGS")
    words = sys.orig_argv
    if str(option).lower() in ("0", "off", "false", "no", "none") and option is not None:
        words = [*words[:1], *sys.argv[:1]]
    return [str(word) for word in words]


class _Journal:
    """A session's journal, with times counted from its first line and places that have lines."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.entries: list[Entry] = list(session.journal.entries)
        self.start = self.entries[0][0] if self.entries else perf_counter()
        self._home = _home_thread(session)
        self.loading = self._loading()
        self.installs = self._installs()

    def since(self, moment: float) -> float:
        return moment - self.start

    def of(self, what: str) -> list[Entry]:
        return [entry for entry in self.entries if entry[1] == what]

    def thread(self, entry: Entry) -> str:
        """Its name if it had one then, that is, once threading was loaded."""
        known = entry[4]
        return ("main" if known == "MainThread" else known) if isinstance(known, str) else self.thread_of(known)

    def thread_of(self, ident: int) -> str:
        """The same for a native thread."""
        return self._home if ident == self.session.journal.home else f"thread {ident}"

    @staticmethod
    def places(entry: Entry) -> list[Place]:
        """The lines that imported or called, innermost first."""
        return [
            Place(name, code.co_filename, _line(code, instruction), code.co_name)
            for name, code, instruction in entry[5]
            if name.partition(".")[0] not in _MACHINERY and not code.co_filename.startswith(_HERE)
        ]

    def _loading(self) -> Loading | None:
        for entry in self.of("load"):
            earlier = [e for e in self.entries if e[0] <= entry[0] and e[1] in ("import", "call", "arm")]
            thread = self.thread(entry)
            cause = next((e for e in reversed(earlier) if self.thread(e) == thread), None)
            if cause is not None:
                kind, words = _CAUSES[cause[1]]
                return Loading(
                    when=self.since(entry[0]),
                    ms=(entry[3] - entry[0]) * 1e3,
                    cause=words.format(cause[2][0] if cause[2] else ""),
                    callers=self.places(cause),
                    thread=thread,
                    kind=kind,
                )
        return None

    def _installs(self) -> list[Install]:
        """Each with the time that was its own: an install's import of its source brings other installs."""
        spans, wanted = self.of("install"), self.session.selection.wanted
        found = []
        for entry in spans:
            inner = [other for other in spans if other is not entry and entry[0] <= other[0] and other[3] <= entry[3]]
            outermost = [o for o in inner if not any(p is not o and p[0] <= o[0] and o[3] <= p[3] for p in inner)]
            own = entry[3] - entry[0] - sum(other[3] - other[0] for other in outermost)
            found.append(Install(self.since(entry[0]), own * 1e3, [n for n in entry[2] if n in wanted]))
        return found


def _line(code: Any, instruction: int) -> int:
    for begin, end, line in code.co_lines():
        if begin <= instruction < end:
            return int(line or 0)
    return int(code.co_firstlineno)


def _home_thread(session: Session) -> str:
    """What to call the thread that armed first."""
    if hasattr(_thread, "_get_main_thread_ident"):  # 3.13
        main = _thread._get_main_thread_ident()
    else:
        main = native("_thread", "get_ident")() if on_main_thread() else None
    return "main" if main == session.journal.home else "the arming thread"


def _target(journal: _Journal, name: str) -> TargetReport:
    session = journal.session
    state = _state.state(session.selection, session.originals, name)
    done = [(place, install) for place, install in enumerate(journal.installs) if name in install.targets]
    first = next((entry for entry in journal.of("import") if entry[2] == (name,)), None)
    importers, how = _importers(journal, name, first)
    references = [reference for reference in session.selection.references if reference.target == name]
    mended = sum(reference.mended for reference in references)
    loading = journal.loading
    # Who is installed with others is charged once.
    charged = [install for _, install in done if install.targets[-1] == name]
    return TargetReport(
        name=name,
        state=state,
        when=done[0][1].when + done[0][1].ms / 1e3 if done and state in ("installed", "late") else None,
        importers=importers,
        how=how,
        thread=journal.thread(first) if first is not None else loading.thread if loading and how else "",
        load_ms=loading.ms if loading is not None and loading.cause == f"import {name}" else 0.0,
        install_ms=sum(install.ms for install in charged),
        found=len(references),
        mended=mended,
        left=len(references) - mended,
    )


def _adapters(session: Session) -> list[AdapterReport]:
    """Those that are wanted; what comes with a target in gevent.monkey, too, is only worth a word if it failed."""
    if not session.made:
        return []
    waiting = session.scheduler.adapters
    rows = {row.word: row for rows in waiting.rows.values() for row in rows}
    modules: dict[str, dict[str, None]] = {}  # a word may have several rows
    for row in (row for rows in waiting.rows.values() for row in rows):
        modules.setdefault(row.word, {}).update(dict.fromkeys(row.modules))
    found = [
        AdapterReport(
            word,
            _state.adapter_state(session.selection, waiting, word),
            cast("AdapterKind", row.kind),
            list(modules[word]),
        )
        for word, row in rows.items()
    ]
    return [row for row in found if row.state != "skipped" and (row.kind != PART or row.state == "failed")]


def _importers(journal: _Journal, name: str, first: Entry | None) -> tuple[list[Place], ImporterKind]:
    session = journal.session
    if name in STAND_INS:
        return [], "interpreter"
    if name not in sys.modules and first is None:
        return [], ""
    if first is not None and name not in session.selection.early:
        return journal.places(first), "seen"
    if name in session.selection.early or name not in session.selection.wanted:
        return inferred(session.selection, session.originals, name), "inferred"
    return (journal.loading.callers, "gevent") if journal.loading is not None else ([], "inferred")


def _armed(journal: _Journal) -> list[Arming]:
    """One for each call that the program made, also if one of gevent's functions made many of it."""
    found: list[Arming] = []
    for entry in journal.of("arm"):
        callers = [place for place in journal.places(entry) if place.module.partition(".")[0] != "gevent"]
        if found and callers and found[-1].callers == callers:
            found[-1].targets.extend(name for name in entry[2] if name not in found[-1].targets)
        else:
            found.append(Arming(journal.since(entry[0]), list(entry[2]), callers))
    return found


def _foreign(journal: _Journal) -> list[ForeignCall]:
    """One for each call that the program made: gevent's functions call each other."""
    calls: list[ForeignCall] = []
    for entry in journal.of("foreign"):
        call = ForeignCall(journal.since(entry[0]), entry[2][0], journal.places(entry), journal.thread(entry))
        if not calls or (call.function, call.callers) != (calls[-1].function, calls[-1].callers):
            calls.append(call)
    return calls


def _imports(journal: _Journal) -> list[Import]:
    timer = journal.session.journal.timer
    if timer is None:
        return []
    found: list[Import] = []
    open_ones: dict[int, list[tuple[int, float]]] = {}  # by thread: index and end of those that are not over
    for begin, end, name, ident, failed in sorted(timer.imports, key=lambda row: (row[0], -row[1])):
        around = open_ones.setdefault(ident, [])
        while around and around[-1][1] < end:
            around.pop()
        parent = around[-1][0] if around else -1
        around.append((len(found), end))
        found.append(Import(name, journal.since(begin), (end - begin) * 1e3, parent, journal.thread_of(ident), failed))
    return found
