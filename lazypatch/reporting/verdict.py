"""The first thing that a report says: whether the program is cooperative, but for what, and what to do about that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import _errors
from ..late.catching_up import could_block
from ..stalls.culprits import headline
from .records import Verdict
from .unarmed import why

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .records import Facts

_ASK = "nobody asked for it: set PYTHONCOOPPATCH=all, or start it with python -m lazypatch"


def judge(facts: Facts) -> Verdict:
    """*facts* in a word, and what is in the way of a better one."""
    if not facts.armed:
        patched = [target.name for target in facts.targets if target.state == "gevent"]
        if patched:
            return Verdict("not patched", f"gevent.monkey has patched it, without lazypatch: {', '.join(patched)}", [])
        return Verdict("not patched", why().rstrip(".") or _ASK, [])
    if _errors.gevent_is_missing() in facts.problems:
        return Verdict("not patched", _errors.gevent_is_missing(), [])
    things = list(_things(facts))
    return Verdict("cooperative but for" if things else "cooperative", _mended(facts), things)


def _mended(facts: Facts) -> str:
    """What came too late, and does no harm."""
    late = [target.name for target in facts.targets if target.state == "late"]
    if not late:
        return ""
    mended = sum(reference.mended for reference in facts.references)
    return f"{', '.join(late)} came late, and {mended} names that were taken before are mended"


def _things(facts: Facts) -> Iterator[str]:
    for target in facts.targets:
        if target.state == "failed":
            yield f"{_errors.left_native(target.name)}: see the warning on stderr"
    for adapter in facts.adapters:
        if adapter.state == "failed":
            yield f"the adapter {adapter.word} could not be installed: see the warning on stderr"
    for reference in facts.references:
        if could_block(reference):
            yield f"{_errors.left(reference)}: arm before {reference.module} is imported, from outside or at the top"
    for driver in facts.drivers:
        if driver.switched is False and driver.module != "sqlite3":  # which has an adapter
            yield f"{driver.module} waits in C. What to do: {driver.needs}"
    if facts.stalls:
        yield f"{headline(facts.stalls)}: make that call cooperative, or split it up"


def in_words(verdict: Verdict) -> str:
    """The verdict as a line."""
    if verdict.kind == "not patched":
        return f"not patched because {verdict.why}."
    count = len(verdict.things)
    but = f" but for {count} thing{'s' if count > 1 else ''}" if count else ""
    return f"cooperative{but}" + (f" ({verdict.why})" if verdict.why else "") + (":" if count else ".")
