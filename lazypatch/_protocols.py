"""For type checkers alone: what the files that a start loads ask of those above them, and what their records hold.

No program loads it. A class that stands in a block for type checkers is compiled, and read from disk, all the same.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable
from importlib.machinery import ModuleSpec
from typing import Any, Protocol
from weakref import ref

from ._targets import Selection, Wanted


class Watcher(Protocol):
    """Who is called back by the finder and the loaders, and decides; the rest is what others ask of it (_steps.py)."""

    wrap: Callable[[ModuleSpec, Any], None]

    def minds(self, name: str) -> bool: ...
    def accepts(self, spec: ModuleSpec) -> bool: ...
    def give(self, name: str) -> types.ModuleType | None: ...
    def before(self, name: str, unlocked: Any = None) -> None: ...
    def after(self, name: str, module: types.ModuleType) -> None: ...
    def catch_up(self, quiet: bool) -> None: ...
    def watch_half(self, name: str) -> None: ...
    def mend(self) -> None: ...

    undisturbed: Callable[[Callable[[], Any]], Any]


class Owner(Protocol):
    """Who has the watcher, or gets it when it is needed first: the session, to the finder."""

    steps: Any  # a Watcher, or None

    def get_ready(self) -> Watcher | None: ...


class Host(Protocol):
    """What is asked of the session from below."""

    finder: Any
    met_before: frozenset[str]
    libraries: set[str]
    path: list[str]
    accepted: dict[str, ModuleSpec]
    at_once: Callable[..., object]

    def note(self, what: str, names: tuple[str, ...], frame: Any = None, step: Any = bool) -> None: ...
    def at_work(self) -> Watcher: ...
    def watch(self, names: Iterable[str]) -> None: ...


class Armed(Host, Protocol):
    """The session, to what is done at watched imports."""

    selection: Selection
    journal: Any
    standins: Any
    made: dict[str, Any]
    hooks: dict[str, list[Callable[[types.ModuleType], object]]]
    check: Callable[[], object] | None

    @property
    def scheduler(self) -> Any: ...
    @property
    def originals(self) -> Any: ...
    @property
    def unfinished(self) -> bool: ...
    def out_of_reach(self, error: BaseException) -> None: ...


class Wish(Protocol):
    """What is wanted, as a selection has it."""

    wanted: Wanted
    adapters: set[str]


class StandIn:
    """One function in one module, and what it leads to now."""

    module: types.ModuleType
    name: str
    original: Any
    function: Callable[..., Any]
    target: Any  # the cooperative object, once there is one
    over: Any  # what somebody else had put over the stand-in when it stepped aside


class Record:
    """What is known of one module object."""

    module: ref[types.ModuleType]
    late: bool
    items: dict[str, object]
    replacements: dict[str, object]

    def __init__(self, **values: object) -> None: ...
