"""``lazypatch info``: one screen about this Python: what arms its programs, and what is in the way."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from ..adapters.drivers import DRIVERS
from . import surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    lines += [found.armed, "", *(f"{name:<17} {words}." for name, words in _rows(found))]
    return "\n".join(lines)


def _rows(found: Info) -> Iterator[tuple[str, str]]:
    """What else is known: a word for each, and a sentence."""
    yield "python", f"this is {found.python}, {found.executable}"
    yield "versions", _versions(found.versions)
    if found.loop:
        yield "loop", f"gevent waits in {found.loop}, and looks up names with {found.resolver}"
    files = found.start_up
    yield (
        "read before ours",
        f"{_and(files)} {'are' if files[1:] else 'is'} run" if files else "no code of a .pth file",
    )
    yield "loaded by them", f"{_and(found.early)}" if found.early else "nothing that is patched"
    for name, where in found.site.items():
        yield name, f"{where} is run at each start"
    for name, to_do in found.drivers.items():
        yield "driver", f"{name} waits in C. What to do: {to_do}"
    for name, words in found.neighbours.items():
        yield "beside it", f"{name} {words}"


def _versions(versions: dict[str, str]) -> str:
    """``lazypatch 0.1.0 and gevent 26.9.0 are installed, wrapt is not``."""
    there = [f"{name} {version}" for name, version in versions.items() if version]
    missing = [name for name, version in versions.items() if not version]
    said = f"{_and(there)} {'are' if there[1:] else 'is'} installed"
    return said + (f", {_and(missing)} {'are' if missing[1:] else 'is'} not" if missing else "")


def _and(words: list[str]) -> str:
    *first, last = words or ["nothing"]
    return f"{', '.join(first)} and {last}" if first else last
