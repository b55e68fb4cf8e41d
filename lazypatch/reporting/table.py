"""The rows of the table that text and page have in common: targets, adapters, drivers, with what is told of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .._places import Place, place
from . import phrases
from .phrases import milliseconds, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..adapters.drivers import Driver
    from .records import AdapterReport, Facts, TargetReport

COLUMNS = ("STATE", "AFTER", "COST", "THREAD")
_SWITCHED = {True: "switched", False: "blocks", None: "unknown"}


class Row(NamedTuple):
    """One line of the table. Each cell is as it is shown."""

    name: str
    state: str
    look: str  # what colour the state has: good, warn, bad or soft
    told: str = ""  # in the last column: who imported it, what it works in, what to do
    after: str = ""
    cost: str = ""
    thread: str = ""
    more: str = ""  # what begins the list of the others
    others: tuple[Place, ...] = ()
    is_code: bool = False  # whether what is told is a place in the program


class Group(NamedTuple):
    """Rows of one kind, with the headings of the first and the last column."""

    name: str
    told: str
    rows: list[Row]


def groups(report: Facts) -> list[Group]:
    """Those that have rows."""
    found = [
        Group("TARGET", "IMPORTED BY", list(map(_target, report.targets))),
        Group("ADAPTER", "OF", list(_adapters(report.adapters))),
        Group("DRIVER", "WHAT TO DO", list(map(_driver, report.drivers))),
    ]
    return [group for group in found if group.rows]


_LOOKS = {"installed": "good", "late": "warn", "failed": "bad", "gevent": "warn"}


def _target(target: TargetReport) -> Row:
    cost = target.load_ms + target.install_ms
    others = target.importers[1:] if target.how in ("seen", "inferred") else []
    return Row(
        name=target.name,
        state=target.state,
        look=_LOOKS.get(target.state, "soft"),
        told=phrases.importer(target),
        after="" if target.when is None else seconds(target.when),
        cost=milliseconds(cost) if cost else "",
        thread=target.thread,
        more="" if not others else "by way of" if target.how == "seen" else "also held by",
        others=tuple(others),
        is_code=target.how in ("seen", "inferred"),
    )


def _adapters(adapters: list[AdapterReport]) -> Iterator[Row]:
    """One for each that had something to do, and one for all that wait."""
    for row in adapters:
        if row.state != "waiting":
            yield Row(row.word, row.state, _LOOKS.get(row.state, "soft"), ", ".join(row.modules))
    waiting = [row.word for row in adapters if row.state == "waiting"]
    if waiting:
        yield Row(f"{len(waiting)} of them", "waiting", "soft", ", ".join(waiting))


def _driver(driver: Driver) -> Row:
    look = {True: "good", False: "bad", None: "soft"}[driver.switched]
    return Row(driver.module, _SWITCHED[driver.switched], look, "" if driver.switched else driver.needs)


def others(row: Row) -> str:
    """Who else is to be named, on one line."""
    if row.more == "by way of":
        return f"{row.more} {phrases.chain(list(row.others))}"
    return f"{row.more} {', '.join(dict.fromkeys(map(place, row.others[:5])))}" if row.others else ""
