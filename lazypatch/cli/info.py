"""``lazypatch info``: one screen about this Python: what arms its programs, and what is in the way."""

from __future__ import annotations

import sys
from typing import NamedTuple

from ..adapters.drivers import DRIVERS
from . import surroundings


class Info(NamedTuple):
    """What was found."""

    problems: list[str]  # what is wrong, and what to do, a sentence or two each
    armed: str  # by what; why not
    python: str
    executable: str
    versions: dict[str, str]  # of lazypatch, gevent, greenlet, wrapt; "" if it is not installed
    loop: str
    resolver: str
    start_up: list[str]  # .pth and .start files that are read before ours, and what is known of each
    site: dict[str, str]  # sitecustomize and usercustomize, where there are any
    early: list[str]  # targets that are loaded before ours is read
    drivers: dict[str, str]  # that are installed, and what each needs
    neighbours: dict[str, str]  # other distributions that matter, and what to know


def look() -> Info:
    """Look at this Python, at the environment, and at a child that is armed."""
    probe = surroundings.probe()
    files = surroundings.start_up_files()
    return Info(
        problems=surroundings.problems(probe),
        armed=surroundings.armed(),
        python="{} {}.{}.{}".format(sys.implementation.name, *sys.version_info[:3]),
        executable=sys.executable,
        versions={name: surroundings.version(name) for name in ("lazypatch", "gevent", "greenlet", "wrapt")},
        loop=probe.get("loop", ""),
        resolver=probe.get("resolver", ""),
        start_up=files,
        site=surroundings.customizations(),
        early=probe.get("early", []),
        drivers={
            name: what[1] for name, what in DRIVERS.items() if surroundings.is_installed(name) and name != "sqlite3"
        },
        neighbours=surroundings.neighbours(),
    )


def as_json(found: Info) -> str:
    """One object."""
    import json

    return json.dumps(found._asdict(), indent=1)


def as_text(found: Info) -> str:
    """What is wrong comes first."""
    count = len(found.problems)
    lines = [f"{count} thing{'s are' if count > 1 else ' is'} wrong:" if count else "Nothing is wrong here."]
    lines += [f"  - {problem}" for problem in found.problems]
    lines += [found.armed, ""]
    rows = [
        ("python", f"{found.python}, {found.executable}"),
        ("versions", ", ".join(f"{name} {one or 'is not installed'}" for name, one in found.versions.items())),
        ("loop", f"{found.loop}, resolver {found.resolver}" if found.loop else ""),
        ("read before ours", "; ".join(found.start_up) or "no .pth or .start file that runs code"),
        ("loaded by them", ", ".join(found.early) or "no target"),
        *((name, where) for name, where in found.site.items()),
        *(("driver", f"{name}: needs {needs}") for name, needs in found.drivers.items()),
        *(("beside it", f"{name}: {words}") for name, words in found.neighbours.items()),
    ]
    lines += [f"{name:<17} {words}" for name, words in rows if words]
    return "\n".join(lines)
