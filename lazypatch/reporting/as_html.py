"""The report as one page: no script, nothing from elsewhere, readable on a telephone."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from .._places import place
from . import phrases
from .chart import Chart, draw, installed_in, listed
from .html_table import lists, table
from .phrases import milliseconds, own_times, seconds
from .style import STYLE
from .verdict import in_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .records import Facts

_CONTROLS = {code: ascii(chr(code))[1:-1] for code in (*range(32), *range(127, 160)) if chr(code) != "\n"}
_KINDS = {
    "other": "program and libraries",
    "stdlib": "standard library",
    "target": "targets",
    "gevent": "gevent",
    "ours": "lazypatch",
}


def page(report: Facts) -> str:
    """The whole document. Whatever comes from the program is escaped."""
    title = " ".join(report.program[1:]) or "interactive"
    body = "".join(
        (
            _head(report, title),
            _picture(report),
            table(report),
            lists("Strict mode would stop this program", map(escape, report.problems)),
            lists("Stalls", map(escape, phrases.stalls(report))),
            lists("Raw references", _references(report)),
            lists("Calls of gevent.monkey by others", _foreign(report)),
        )
    )
    whole = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>lazypatch: {escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>{body}</main>\n"
        "</body>\n</html>\n"
    )
    return whole.translate(_CONTROLS)


def _head(report: Facts, title: str) -> str:
    facts = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(more)}</small></dd></div>"
        for name, value, more in _facts(report)
    )
    verdict = f'<span class="bad">{len(report.problems)} found</span>' if report.problems else (
        '<span class="good">nothing was too late</span>' if report.armed else "nothing is armed"
    )  # fmt: skip
    return (
        f'<header><h1>What lazypatch did</h1>{_verdict(report)}<p><code>{escape(title)}</code></p><p class="soft">'
        f"{escape(phrases.title(report))}. {escape(phrases.armed(report))} Strict mode: {verdict}.</p>"
        f'<dl class="facts">{facts}</dl></header>'
    )


def _verdict(report: Facts) -> str:
    kind = {"cooperative": "good", "not patched": "bad"}.get(report.verdict.kind, "late")
    things = "".join(f"<li>{escape(thing)}</li>" for thing in report.verdict.things)
    listed = f'<ul class="card plain">{things}</ul>' if things else ""
    words = in_words(report.verdict)
    return f'<p class="verdict {kind}">{escape(words[:1].upper() + words[1:])}</p>{listed}'


def _facts(report: Facts) -> Iterator[tuple[str, str, str]]:
    states = [target.state for target in report.targets]
    counts = ", ".join(f"{states.count(state)} {state}" for state in ("waiting", "late", "failed", "gevent", "skipped")
                       if state in states)  # fmt: skip
    yield "Targets installed", f"{states.count('installed')} of {len(states)}", counts
    load = report.loading
    if load is None:
        yield "Loading gevent", "not yet", ""
    else:
        by = f", {place(load.callers[0])}" if load.callers else ""
        yield "Loading gevent", milliseconds(load.ms), f"for {load.cause}{by}"
    yield "Installing", milliseconds(installed_in(report.installs)), f"{len(report.installs)} installs, with sources"
    mended = sum(reference.mended for reference in report.references)
    left = len(report.references) - mended
    yield "Raw references left", str(left), f"{len(report.references)} found, {mended} mended"


def _picture(report: Facts) -> str:
    if not report.imports:
        return (
            '<section><h2>Where the imports went</h2><p class="soft">Not timed: the report was not asked for before '
            "the program began. <code>--report=FILE.html</code> and <code>PYTHONCOOPPATCH_REPORT=FILE.html</code> "
            "do that.</p></section>"
        )
    chart = Chart(report)
    shares = chart.shares()
    legend = "".join(
        f'<li><i class="{kind}"></i>{words} {milliseconds(shares[kind])}</li>'
        for kind, words in _KINDS.items()
        if kind in shares
    )
    mark = f'<li class="thin"><i class="installing"></i>installed {milliseconds(installed_in(report.installs))}</li>'
    return (
        "<section><h2>Where the imports went</h2>"
        f'<p class="soft">{len(report.imports)} imports took {milliseconds(chart.total)}. Each bar is one, below the '
        "import that it was part of; pauses between imports are left out. Point at a bar for its name and time, or "
        "open the list.</p>"
        f'<div class="card picture">{draw(chart)}<ul class="legend">{legend}{mark}</ul>{listed(chart, _KINDS)}</div>'
        f"</section>{_costs(report, chart)}"
    )


def _costs(report: Facts, chart: Chart) -> str:
    ranked = sorted(zip(own_times(report.imports), report.imports, strict=True), key=lambda pair: -pair[0])[:12]
    most = ranked[0][0] or 1.0
    rows = "".join(
        f'<span class="mono">{escape(row.name).replace(".", ".<wbr>")}</span>'
        f'<span class="track"><i class="{chart.kinds[row.name]}" style="width:{100 * own / most:.1f}%"></i></span>'
        f'<span class="number">{milliseconds(own)}</span>'
        for own, row in ranked
    )
    return (
        '<section><h2>Most expensive modules</h2><p class="soft">Without what they imported themselves.</p>'
        f'<div class="card costs">{rows}</div></section>'
    )


def _references(report: Facts) -> Iterator[str]:
    for reference in sorted(report.references, key=lambda one: (one.mended, one.place)):
        state = '<span class="good">mended</span>' if reference.mended else '<span class="bad">left</span>'
        why = f": {escape(reference.why)}" if reference.why else ""
        yield (
            f"{state} <code>{escape(reference.place)}</code> = <code>{escape(reference.target)}."
            f"{escape(reference.name)}</code>, {escape(reference.kind)}{why}"
        )


def _foreign(report: Facts) -> Iterator[str]:
    for call in report.foreign:
        by = place(call.callers[0]) if call.callers else "nobody who can be found"
        yield (
            f"<code>{escape(call.function)}()</code> after {seconds(call.when)}, <code>{escape(by)}</code>, "
            f"thread {escape(call.thread)}"
        )
