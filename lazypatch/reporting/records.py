"""What happened, as data: the records that a report is made of."""

from __future__ import annotations

from typing import Literal, NamedTuple

from .._places import AdapterKind, Place, PlaceKind, Reference, State
from ..adapters.drivers import Driver
from ..stalls.culprits import Stall

# How the importers of a target are known: seen at work, inferred afterwards; it was gevent's own import, or the
# interpreter's; there is none.
ImporterKind = Literal["seen", "inferred", "gevent", "interpreter", ""]
# What gevent was loaded for: an import of a target, a call in os, time or _thread, arming what was loaded already.
LoadingKind = Literal["import", "call", "arming"]
VerdictKind = Literal["cooperative", "cooperative but for", "not patched"]
__all__ = [
    "AdapterKind",
    "AdapterReport",
    "Arming",
    "Driver",
    "Facts",
    "ForeignCall",
    "Import",
    "ImporterKind",
    "Install",
    "Loading",
    "LoadingKind",
    "Place",
    "PlaceKind",
    "Reference",
    "Stall",
    "State",
    "TargetReport",
    "Verdict",
    "VerdictKind",
]


class TargetReport(NamedTuple):
    """What became of one target. Times are seconds after the first arming, durations milliseconds."""

    name: str
    state: State  # as lazypatch.state() says it
    when: float | None  # it was installed; None if it is not
    importers: list[Place]  # who imported it first, that one's importer, and so on
    how: ImporterKind
    thread: str
    load_ms: float  # loading gevent, if that was done for this target
    install_ms: float  # importing what supplies it, and installing
    found: int  # raw references
    mended: int
    left: int


class AdapterReport(NamedTuple):
    """What became of one adapter that was asked for."""

    word: str
    state: State  # as lazypatch.state() says it
    kind: AdapterKind
    modules: list[str]  # that it waits for


class Arming(NamedTuple):
    """One time that targets were armed."""

    when: float
    targets: list[str]
    callers: list[Place]  # empty: before the program started


class Loading(NamedTuple):
    """gevent was loaded."""

    when: float
    ms: float
    cause: str  # what was imported or called, in words
    callers: list[Place]
    thread: str
    kind: LoadingKind


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


class Import(NamedTuple):
    """One import, timed because the report was asked for in advance."""

    name: str
    when: float
    ms: float
    parent: int  # the index of the import that it was part of; -1 for none
    thread: str
    failed: bool


class Verdict(NamedTuple):
    """Whether the program is cooperative, in a word."""

    kind: VerdictKind
    why: str  # it is not patched; else what came late and was mended, if anything did
    things: list[str]  # that keep it from being cooperative, each with what to do


class Facts(NamedTuple):
    """What lazypatch did in this process up to now. Times are in seconds after the first arming."""

    verdict: Verdict

    lazypatch: str
    python: str
    gevent: str | None  # its version, if it is loaded
    program: list[str]
    pid: int
    elapsed: float
    armed: list[Arming]
    loading: Loading | None
    targets: list[TargetReport]
    adapters: list[AdapterReport]
    installs: list[Install]
    references: list[Reference]
    foreign: list[ForeignCall]
    drivers: list[Driver]
    imports: list[Import]
    problems: list[str]  # what strict mode objects to
    monitor: float  # milliseconds after which a hub that does not come round has stalled; 0.0 if nobody watches
    stalls: list[Stall]  # the longest first
