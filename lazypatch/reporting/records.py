"""What happened, as data: the report's records, and the ways to read it."""

from __future__ import annotations

from typing import NamedTuple

from .._places import Reference


class Place(NamedTuple):
    """A line of code that imported or called something."""

    module: str
    file: str
    line: int  # 0 if it is not known
    function: str  # "<module>" for the body of a module

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return where if self.function == "<module>" else f"{where} in {self.function}"


class TargetReport(NamedTuple):
    """What became of one target. Times are seconds after the first arming, durations milliseconds."""

    name: str
    state: str  # as lazypatch.state() says it
    when: float | None  # it was installed; None if it is not
    importers: list[Place]  # who imported it first, that one's importer, and so on
    how: str  # "seen", "inferred", "gevent" (its own import brought it), "interpreter", or "" if nobody did
    thread: str
    load_ms: float  # loading gevent, if that was done for this target
    install_ms: float  # importing what supplies it, and installing
    found: int  # raw references
    mended: int
    left: int


class Arming(NamedTuple):
    """One time that targets were armed."""

    when: float
    targets: list[str]
    callers: list[Place]  # empty: before the program started


class Loading(NamedTuple):
    """gevent was loaded."""

    when: float
    ms: float
    cause: str  # what was imported or called
    callers: list[Place]
    thread: str


class Install(NamedTuple):
    """One install; targets that go together are installed together, and none stands for a renewal of locks."""

    when: float
    ms: float
    targets: list[str]


class ForeignCall(NamedTuple):
    """Somebody called a patch function of gevent.monkey; it came to lazypatch."""

    when: float
    function: str
    callers: list[Place]
    thread: str


class Driver(NamedTuple):
    """A loaded third-party module whose C code blocks, whatever is patched."""

    module: str
    switched: bool | None  # whether it waits cooperatively; None if that cannot be seen
    needs: str


class Import(NamedTuple):
    """One import, timed because the report was asked for in advance."""

    name: str
    when: float
    ms: float
    parent: int  # the index of the import that it was part of; -1 for none
    thread: str
    failed: bool


class Report(NamedTuple):
    """What lazypatch did in this process up to now. ``print()`` it, or read its fields.

    ``str()`` is the table that the command line prints; :meth:`to_json` and :meth:`to_html` give the other forms.
    Times are in seconds after the first arming.
    """

    lazypatch: str
    python: str
    gevent: str | None  # its version, if it is loaded
    program: list[str]
    pid: int
    elapsed: float
    armed: list[Arming]
    loading: Loading | None
    targets: list[TargetReport]
    installs: list[Install]
    references: list[Reference]
    foreign: list[ForeignCall]
    drivers: list[Driver]
    imports: list[Import]
    problems: list[str]  # what strict mode objects to

    def __str__(self) -> str:
        from .as_text import text

        return text(self)

    def __repr__(self) -> str:
        states = [target.state for target in self.targets]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        return f"<lazypatch report: {counts}; print() it>"

    def to_json(self) -> str:
        """The same facts as one JSON object; docs/reference.md describes it."""
        from .as_json import to_json

        return to_json(self)

    def to_html(self) -> str:
        """One page that needs nothing else: the tables, and where the time of the imports went as a picture."""
        from .as_html import page

        return page(self)


def report() -> Report:
    """What became of each target, when, by whom; what was too late; what it cost. Imports no target and no gevent."""
    from .collect import collect
    from .._session import session

    return collect(session())
