"""How the report's page looks. Light and dark are the reader's choice, wide and narrow the window's."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --page: #fbfaf8; --card: #ffffff; --ink: #1d2126; --soft: #626a73; --line: #e3e1dc; --wash: #f3f1ec;
  --stdlib: #d3d9e0; --other: #a9c6e8; --gevent: #f0cf8d; --target: #1f7a63; --ours: #d8a9c6; --mark: #b3246b;
  --on-bar: #1d2126; --on-target: #ffffff; --good: #1f7a63; --warn: #9a5b00; --bad: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #15181c; --card: #1c2025; --ink: #e8e6e1; --soft: #9aa3ad; --line: #2f353c; --wash: #23282e;
    --stdlib: #3d4650; --other: #2f5580; --gevent: #7d5a17; --target: #2c9a7e; --ours: #6d3b58; --mark: #f07ab2;
    --on-bar: #e8e6e1; --on-target: #08130f; --good: #53c3a4; --warn: #e3ab4f; --bad: #f2867d;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 1120px; margin: 0 auto; padding: 36px 24px 64px; }
h1 { font-size: 26px; line-height: 1.2; letter-spacing: -0.01em; margin: 0 0 6px; }
h2 { font-size: 17px; line-height: 1.3; margin: 44px 0 4px; }
p { margin: 0 0 12px; max-width: 74ch; }
.verdict { font-size: 18px; line-height: 1.35; font-weight: 600; }
.soft { color: var(--soft); }
code, .mono { font: 13px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code, .mono, td, li { overflow-wrap: anywhere; }
.facts { display: grid; grid-template-columns: repeat(4, 1fr); gap: 12px; margin: 24px 0 0; padding: 0; }
.facts div { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; }
.facts dt { color: var(--soft); font-size: 13px; }
.facts dd { margin: 2px 0 0; font-size: 20px; line-height: 1.25; font-variant-numeric: tabular-nums; }
.facts small { display: block; font-size: 13px; line-height: 1.4; color: var(--soft); overflow-wrap: anywhere; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; margin-top: 12px; }
header .card { margin-bottom: 16px; }
.picture { padding: 16px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 14px 0 0; padding: 0; list-style: none; }
.legend li { font-size: 13px; }
.legend i { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin-right: 6px; }
.legend .thin i { width: 3px; height: 13px; vertical-align: -2px; border-radius: 0; }
.chart { position: relative; margin-right: var(--gutter); }
.marks { position: relative; height: calc(var(--lanes) * var(--lane-height) + 8px); }
.mark {
  position: absolute; top: calc(var(--lane) * var(--lane-height)); bottom: 0; width: 0;
  border-left: 2px solid var(--mark); white-space: nowrap;
}
.mark b {
  position: absolute; left: 4px; top: 0; font-size: 11.5px; line-height: 15px; font-weight: 500; color: var(--mark);
  overflow: hidden; text-overflow: ellipsis;
}
.bars { position: relative; background: var(--wash); border-radius: 3px; overflow: hidden; }
.bar {
  position: absolute; height: 20px; border-right: 1px solid var(--card); overflow: hidden; white-space: nowrap;
  font-size: 11.5px; line-height: 20px; color: var(--on-bar);
}
.bar span { display: block; padding-left: 4px; overflow: hidden; text-overflow: ellipsis; }
.bar.tiny { border-right-width: 0; }
.stdlib { background: var(--stdlib); } .other { background: var(--other); } .gevent { background: var(--gevent); }
.listed { margin-top: 10px; }
.listed ol { margin: 6px 0 0; font-size: 13px; line-height: 1.6; }
.tree li { padding-left: calc(var(--depth) * 14px); }
.ours { background: var(--ours); } .target { background: var(--target); color: var(--on-target); }
.installing { background: var(--mark); }
.pause { position: absolute; top: 0; bottom: 0; border-left: 2px dashed var(--soft); }
.axis { position: relative; height: 22px; font-size: 12px; color: var(--soft); }
.tick { position: absolute; top: 0; height: 5px; border-left: 1px solid var(--soft); }
.tick span { position: absolute; top: 4px; left: -1px; white-space: nowrap; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; vertical-align: top; padding: 8px 14px; border-top: 1px solid var(--line); }
tbody:first-child > tr:first-child > th { border-top: 0; }
tr.heading th { font-size: 13px; font-weight: 500; color: var(--soft); }
tbody + tbody tr.heading th { padding-top: 22px; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.name { font-weight: 600; overflow-wrap: normal; white-space: nowrap; }
.wide { min-width: 16ch; }
.state::before {
  content: ""; display: inline-block; width: 8px; height: 8px; border-radius: 50%; margin-right: 7px;
  background: currentColor;
}
.state { white-space: nowrap; }
.bad { color: var(--bad); } .good { color: var(--good); } .warn, .late { color: var(--warn); }
details summary { cursor: pointer; color: var(--soft); font-size: 13px; width: fit-content; }
summary:focus-visible { outline: 2px solid var(--mark); outline-offset: 2px; border-radius: 3px; }
details ol, .plain { padding: 0; list-style: none; }
details ol { margin: 4px 0 0; }
.plain { margin: 12px 0 0; }
.plain li { padding: 9px 14px; border-top: 1px solid var(--line); }
.plain li:first-child { border-top: 0; }
.costs { display: grid; grid-template-columns: max-content 1fr max-content; gap: 6px 14px; padding: 12px 14px; }
.costs > * { align-self: center; font-size: 14px; }
.costs .track { height: 10px; border-radius: 2px; overflow: hidden; background: var(--wash); }
.costs .track i { display: block; height: 100%; }
@media (max-width: 720px) {
  main { padding: 22px 14px 48px; }
  h1 { font-size: 22px; }
  .facts { grid-template-columns: repeat(2, 1fr); gap: 8px; }
  .facts dd { font-size: 17px; }
  .picture { padding: 12px; }
  .chart { margin-right: 0; }
  .marks { height: 14px; }
  .mark { top: 0; }
  .mark b, .bar.small span { display: none; }
  .tick:nth-child(even) span, .tick.last span { display: none; }
  table, tbody { display: block; }
  tr.heading, tbody + tbody tr.heading { display: block; padding: 14px 14px 4px; }
  tr.heading th { display: none; }
  tr.heading th:first-child { display: block; padding: 0; border: 0; }
  table tr { display: grid; grid-template-columns: repeat(3, 1fr); gap: 2px 10px; padding: 10px 14px; }
  table tr + tr { border-top: 1px solid var(--line); }
  td, th.name { border: 0; padding: 0; }
  td:empty { display: none; }
  td.wide { grid-column: 1 / -1; }
  th.name { grid-column: span 2; white-space: normal; }
  td.state { text-align: right; }
  td.number, td.thread { font-size: 13px; text-align: left; color: var(--soft); }
  td.after { grid-column: 1; }
  td.cost { grid-column: 2; }
  td.thread { grid-column: 3; text-align: right; }
  td.number[data-label]::before { content: attr(data-label) " "; }
  .costs { grid-template-columns: minmax(0, 1fr) max-content; }
  .costs .mono { grid-column: 1; }
  .costs .number { grid-column: 2; grid-row: auto; }
  .costs .track { display: none; }
}
"""
