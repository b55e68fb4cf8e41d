"""What lazy patching costs at start-up, in instructions: the same figure on every run, whatever else the machine does.

``python tests/by_hand/startup_cost.py [--apps NAME,...] [--results FILE] [--markdown FILE]``, run by a Python in whose
environment the lazypatch *wheel* is installed, byte-compiled by pip, beside pytest and the packages of the apps. It needs
valgrind.
For each app six programs are counted, and given as millions of instructions over the first:

plain     the app's imports, nothing else
floor     the same, then an import of exactly the gevent modules that supply the targets that the plain app has loaded
gevent    ``gevent.monkey.patch_all()``, then the app's imports
eventlet  ``eventlet.monkey_patch()``, then the app's imports
lazy      the app's imports under ``PYTHONCOOPPATCH=all``
same      the app's imports under ``PYTHONCOOPPATCH=gevent``: the same targets as gevent.monkey, and no adapters

and a last column says which of the modules that lazypatch puts off, because gevent imports and does not use them, the plain
app does not load itself. What it loads itself cannot be put off: it is in *plain*, and in no other column.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import subprocess
import sys
from typing import Any

from startup_picture import draw

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from conftest import clean_environment
from recorded import write_section

APPS = {
    "pass": "pass",
    "threading": "import threading",
    "logging": "import logging",
    "socket": "import socket",
    "subprocess": "import subprocess",
    "multiprocessing.pool": "import multiprocessing.pool",
    "asyncio": "import asyncio",
    "requests": "import requests",
    "httpx": "import httpx",
    "flask": "import flask",
    "django.setup()": "import django, django.conf; django.conf.settings.configure(); django.setup()",
    "fastapi": "import fastapi",
    "aiohttp": "import aiohttp",
    "kombu": "from kombu import Connection",
    "celery": "from celery import Celery",
    "boto3": "import boto3",
    "sqlalchemy": "import sqlalchemy; sqlalchemy.create_engine('sqlite://')",
}
# Each is supplied by the gevent module of that name. The thread group comes with the first, whichever that is.
TARGETS = ("socket", "ssl", "select", "selectors", "subprocess", "signal", "queue", "threading")
GEVENT = "import gevent.monkey; gevent.monkey.patch_all(); "
EVENTLET = "import warnings; warnings.simplefilter('ignore'); import eventlet; eventlet.monkey_patch(); "


def count(code: str, **more: str) -> int | None:
    """Instructions that ``python -c code`` runs, its children not counted; None if it fails."""
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable, "-c", code],
        capture_output=True, text=True, check=False, cwd=pathlib.Path(__file__).parent,
        env=clean_environment(PYTHONHASHSEED="0", **more),
    )  # fmt: skip
    found = re.search(r"Collected : (\d+)", done.stderr)
    return int(found[1]) if found and not done.returncode else None


def needs(app: str) -> list[str]:
    """The gevent modules that supply the targets which *app* loads without any patching."""
    code = f"{app}\nimport sys\nprint(*[name for name in {TARGETS!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=clean_environment()
    )
    loaded = done.stdout.split()
    return ["thread", "threading", *(name for name in loaded if name != "threading")] if loaded else []


def left(app: str) -> list[str]:
    """What lazypatch puts off and the plain *app* does not load."""
    code = f"{app}\nimport sys\nbefore = {{*sys.modules}}\n" + (
        "from lazypatch._deferred import DEFERRED\n"
        "print(*dict.fromkeys(row.module for row in DEFERRED if row.module not in before and row.module[:6] != 'gevent'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=clean_environment()
    )
    return done.stdout.split()


def measure(app: str) -> dict[str, Any]:
    """Millions of instructions of each column; all but the first over the plain app. And what is left to put off."""
    plain = count(app)
    if plain is None:
        return {}
    floor = "; ".join([app, *(f"import gevent.{name}" for name in needs(app))])
    counted = {
        "floor": count(floor) if floor != app else plain,
        "gevent": count(GEVENT + app),
        "eventlet": count(EVENTLET + app),
        "lazy": count(app, PYTHONCOOPPATCH="all"),
        "same": count(app, PYTHONCOOPPATCH="gevent"),
    }
    return {
        "plain": plain / 1e6,
        "left": left(app),
        **{name: None if found is None else (found - plain) / 1e6 for name, found in counted.items()},
    }


def table(rows: dict[str, dict[str, Any]]) -> str:
    """The rows in Markdown."""
    lines = [
        "| app | plain | floor | gevent.monkey | eventlet | lazypatch, `all` | `gevent` | `all` / floor | `gevent` / floor | left to put off |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for app, row in rows.items():
        if not row:
            lines.append(f"| {app} | not installed here ||||||||||")
            continue
        cells = [_figure(row[name]) for name in ("plain", "floor", "gevent", "eventlet", "lazy", "same")]
        cells += [_ratio(row[name], row["floor"]) for name in ("lazy", "same")]
        cells.append(", ".join(row["left"]))
        lines.append(f"| `{app}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _figure(found: float | None) -> str:
    return "fails" if found is None else f"{found:.1f}" if abs(found) < 20 else f"{found:.0f}"


def _ratio(found: float | None, floor: float | None) -> str:
    return f"{found / floor:.2f}" if found and floor else "-"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apps", default=",".join(APPS))
    parser.add_argument("--results", type=pathlib.Path, help="keep the figures in this file, and measure no app twice")
    parser.add_argument("--markdown", type=pathlib.Path, help="put the table for this Python into this page")
    options = parser.parse_args()
    stored = options.results
    rows = json.loads(stored.read_text()) if stored and stored.exists() else {}
    for app in options.apps.split(","):
        if app not in rows:
            rows[app] = measure(APPS[app])
            print(app, rows[app], flush=True)
            if stored:
                stored.write_text(json.dumps(rows, indent=1))
    rows = {app: rows[app] for app in APPS if app in rows}
    print(table(rows))
    if options.markdown:
        version = "{}.{}".format(*sys.version_info)
        write_section(options.markdown, f"Python {version}", table(rows))
        options.markdown.with_name(f"costs-{version}.svg").write_text(draw(rows, f"Python {version}"))


if __name__ == "__main__":
    main()
