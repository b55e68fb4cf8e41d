"""The table of the page, and its lists.

In a narrow window a row becomes a block, and is no table row for who listens: so its parts are told by roles, too.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from .._places import place
from .table import COLUMNS, groups

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._places import Place
    from .records import Facts
    from .table import Group, Row

_NUMBERS = ("AFTER", "COST")


def table(report: Facts) -> str:
    """Targets, adapters and drivers, each group under headings of its own."""
    rows = "".join(map(_group, groups(report)))
    return f'<section><h2>What became of each</h2><div class="card"><table role="table">{rows}</table></div></section>'


def _group(group: Group) -> str:
    headings = "".join(
        f'<th role="columnheader" scope="col"{_number(name)}>{name.capitalize()}</th>'
        for name in (group.name, *COLUMNS, group.told)
    )
    rows = "".join(map(_row, group.rows))
    return f'<tbody role="rowgroup"><tr role="row" class="heading">{headings}</tr>{rows}</tbody>'


def _number(column: str) -> str:
    return ' class="number"' if column in _NUMBERS else ""


def _row(row: Row) -> str:
    return (
        f'<tr role="row"><th role="rowheader" scope="row" class="name mono">{escape(row.name)}</th>'
        f'<td role="cell" class="state {row.look}">{escape(row.state)}</td>'
        f'<td role="cell" class="number after" data-label="after">{row.after}</td>'
        f'<td role="cell" class="number cost" data-label="cost">{row.cost}</td>'
        f'<td role="cell" class="thread">{escape(row.thread)}</td>'
        f'<td role="cell" class="wide">{_told(row)}</td></tr>'
    )


def _told(row: Row) -> str:
    first = f'<span class="{"mono" if row.is_code else "soft"}">{escape(row.told)}</span>' if row.told else ""
    if not row.others:
        return first
    modules = "module" if len(row.others) == 1 else "modules"
    summary = f"{row.more} {len(row.others)} {modules}"
    return f"{first}<details><summary>{summary}</summary>{_places(row.others)}</details>"


def _places(places: tuple[Place, ...]) -> str:
    return f"<ol>{''.join(f'<li><code>{escape(place(where))}</code></li>' for where in places)}</ol>"


def lists(title: str, rows: Iterable[str]) -> str:
    """A section with a list, if there is anything to be listed."""
    items = "".join(f"<li>{row}</li>" for row in rows)
    return f'<section><h2>{title}</h2><ul class="card plain">{items}</ul></section>' if items else ""
