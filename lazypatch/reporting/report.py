"""report(): what happened so far, and the ways to read it."""

from __future__ import annotations

from .._session import session
from .collect import collect
from .records import Facts


class Report(Facts):
    """What lazypatch did in this process up to now. ``print()`` it, or read its fields.

    ``str()`` is the table that the command line prints; :meth:`to_json` and :meth:`to_html` give the other forms.
    Times are in seconds after the first arming.
    """

    __slots__ = ()

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
    return Report(*collect(session()))
