"""Draw what startup_cost.py counted: for each app a bar each for gevent.monkey, the floor and lazypatch."""

from __future__ import annotations

from html import escape

BARS = (("gevent", "gevent.monkey"), ("floor", "floor: only importing gevent's modules"), ("lazy", "lazypatch"))
STYLE = """
text { font: 13px sans-serif; fill: #222 } .small { font-size: 11px } .gevent { fill: #b5651d } .floor { fill: #9a9a9a }
.lazy { fill: #1b7f5c } rect.back { fill: #fff }
@media (prefers-color-scheme: dark) { text { fill: #ddd } rect.back { fill: #1c1c1c } .gevent { fill: #d9924c }
.floor { fill: #7d7d7d } .lazy { fill: #3fc495 } }
"""
LEFT, WIDTH, HEIGHT, TOP = 160, 760, 10, 60


def draw(rows: dict[str, dict[str, float | None]], title: str) -> str:
    """An SVG picture of *rows*, as startup_cost.py has them: millions of instructions over the plain app."""
    shown = {app: row for app, row in rows.items() if row}
    most = max(row[name] or 0 for row in shown.values() for name, _ in BARS)
    scale = (WIDTH - LEFT - 60) / most
    step = len(BARS) * HEIGHT + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {TOP + step * len(shown)}" role="img"'
        f' aria-label="{escape(_said(shown, title))}">',
        f'<style>{STYLE}</style><rect class="back" width="100%" height="100%"/>',
        f'<text x="10" y="20">Start-up over plain {escape(title)}, millions of instructions</text>',
    ]
    for place, (name, words) in enumerate(BARS):
        x = 10 + place * 250
        parts.append(f'<rect class="{name}" x="{x}" y="32" width="12" height="12"/>')
        parts.append(f'<text class="small" x="{x + 18}" y="42">{escape(words)}</text>')
    for place, (app, row) in enumerate(shown.items()):
        y = TOP + place * step
        parts.append(f'<text x="{LEFT - 10}" y="{y + 20}" text-anchor="end">{escape(app)}</text>')
        for line, (name, _) in enumerate(BARS):
            found = row[name] or 0
            at, width = y + line * HEIGHT, max(1.0, found * scale)
            parts.append(f'<rect class="{name}" x="{LEFT}" y="{at}" width="{width:.1f}" height="{HEIGHT - 1}"/>')
            parts.append(f'<text class="small" x="{LEFT + width + 5:.1f}" y="{at + 9}">{found:.0f}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _said(rows: dict[str, dict[str, float | None]], title: str) -> str:
    """The picture in words."""
    apps = [
        f"{app}: " + ", ".join(f"{words.partition(':')[0]} {row[name] or 0:.0f}" for name, words in BARS)
        for app, row in rows.items()
    ]
    return f"Millions of instructions over plain {title}. " + "; ".join(apps)
