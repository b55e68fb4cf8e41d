"""Small pieces of text that every form of the report has in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._places import Place, place
from ..stalls.culprits import headline
from .unarmed import because, source

if TYPE_CHECKING:
    from .records import Facts, Import, TargetReport

HOW = {
    "interpreter": "the interpreter itself",
    "gevent": "gevent, which was being loaded",
    "inferred": "nobody who can be found",
}


def milliseconds(value: float) -> str:
    """With three digits, more or less."""
    return f"{value:.0f} ms" if value >= 100 else f"{value:.1f} ms" if value >= 1 else f"{value:.2f} ms"


def seconds(value: float) -> str:
    """After arming."""
    return f"{value:.3f} s" if value < 100 else f"{value:.0f} s"


def chain(places: list[Place]) -> str:
    """Innermost first."""
    return " < ".join(place(where) for where in places)


def importer(target: TargetReport) -> str:
    """Who imported *target* first, in a few words."""
    if target.how == "interpreter" or not target.how:
        return HOW.get(target.how, "")
    if target.how == "gevent":
        return f"gevent, loaded for {place(target.importers[0])}" if target.importers else HOW["gevent"]
    if not target.importers:
        return HOW["inferred"] if target.how == "inferred" else "the interpreter"
    return place(target.importers[0]) + (" (inferred)" if target.how == "inferred" else "")


def title(report: Facts) -> str:
    """What this is a report of."""
    gevent = f"gevent {report.gevent}" if report.gevent else "gevent not loaded"
    return f"lazypatch {report.lazypatch}, {report.python}, {gevent}, process {report.pid}"


def armed(report: Facts) -> str:
    """When and by whom targets were armed."""
    if not report.armed:
        patched = [target.name for target in report.targets if target.state == "gevent"]
        by_gevent = f" gevent.monkey has patched {', '.join(patched)}." if patched else ""
        return f"Nothing has been armed{because()}" + by_gevent
    callers = report.armed[0].callers
    outside = source()
    by = f"by {place(callers[0])}" if callers else "before the program started" + (f", by {outside}" if outside else "")
    more = len(report.armed) - 1
    again = "" if not more else ", and once more later" if more == 1 else f", and {more} times more later"
    return f"Armed {by}{again}."


def loading(report: Facts) -> str:
    """When gevent was loaded, and why."""
    load = report.loading
    if load is None:
        return "gevent has not been loaded by lazypatch."
    by = f" ({place(load.callers[0])})" if load.callers else ""
    return f"gevent was loaded {seconds(load.when)} after that, in {milliseconds(load.ms)}, for {load.cause}{by}."


def own_times(imports: list[Import]) -> list[float]:
    """The ms of each import without those that were part of it."""
    own = [row.ms for row in imports]
    for row in imports:
        if row.parent >= 0:
            own[row.parent] -= row.ms
    return own


def stalls(report: Facts) -> list[str]:
    """How often which line kept a hub from coming round; nothing if nobody watched."""
    if not report.monitor:
        return []
    first = headline(report.stalls) or f"stalls: 0; every hub came round within {report.monitor:g} ms"
    return [first] + [
        f"{stall.times} of at most {milliseconds(stall.longest_ms)}, {milliseconds(stall.total_ms)} together: {stall}"
        + (f", in {place(stall.stack[0])}" if stall.stack and stall.stack[0] != stall.culprit else "")
        for stall in report.stalls
    ]
