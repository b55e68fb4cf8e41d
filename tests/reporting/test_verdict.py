"""What a report says first: cooperative, but for what, or not patched and why; in each of its three forms."""

from __future__ import annotations

import json
import pathlib

import pytest
from conftest import run_python, unwrapped

REPORT = "\nimport lazypatch\nprint(lazypatch.report())\n"
LATE = "import socket\nfrom time import sleep\nimport lazypatch\nlazypatch.patch_all()\n"


def first_lines(code: str, spec: str | None = "all", **env: str) -> list[str]:
    done = run_python("-c", code + REPORT, spec=spec, **env)
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("\n\n")[0].splitlines()


def test_a_clean_program_is_cooperative() -> None:
    assert first_lines("import socket, threading") == ["lazypatch: cooperative."]


def test_what_came_late_and_was_mended_is_told_apart() -> None:
    line = unwrapped(" ".join(first_lines(LATE, None)))
    assert line.startswith("lazypatch: cooperative (") and "socket came late, and " in line and "are mended" in line


def test_what_came_late_and_may_block_is_a_thing_with_a_cure() -> None:
    """Whoever is waiting in a lock of the old kind cannot be mended."""
    code = "import threading, lazypatch\nlock = threading.Lock()\nlock.acquire()\nlazypatch.patch_all()\n"
    lines = first_lines(code, None)
    assert lines[0].startswith("lazypatch: cooperative but for 1 thing"), lines
    shown = unwrapped(" ".join(lines))
    assert ": - __main__.lock holds" in shown and "arm before __main__ is imported" in shown, shown


def test_a_stall_is_a_thing() -> None:
    code = "import time, lazypatch\ntime.sleep(0.01)\nlazypatch.original('time').sleep(0.4)\ntime.sleep(0.01)\n"
    lines = first_lines(code, "all,monitor=50")
    assert lines[0] == "lazypatch: cooperative but for 1 thing:" and lines[1].startswith("  - stalls: "), lines


@pytest.mark.parametrize(
    ("spec", "env", "why"),
    [
        (None, {}, "nobody asked for it: set PYTHONCOOPPATCH=all"),
        ("socet", {}, "unknown word 'socet'"),
    ],
)
def test_a_program_that_is_not_patched_says_why(spec: str | None, env: dict[str, str], why: str) -> None:
    line = unwrapped(" ".join(first_lines("", spec, **env)))
    assert line.startswith("lazypatch: not patched because ") and why in line


def test_gevents_own_patching_is_named() -> None:
    line, *_ = first_lines("from gevent import monkey; monkey.patch_time()", None)
    assert "not patched because gevent.monkey has patched it, without lazypatch:" in line


def test_json_and_the_page_begin_with_it(tmp_path: pathlib.Path) -> None:
    for name in ("r.json", "r.html"):
        done = run_python("-c", "import socket", spec="all", PYTHONCOOPPATCH_REPORT=str(tmp_path / name))
        assert done.returncode == 0
    found = json.loads((tmp_path / "r.json").read_text())
    assert list(found)[:2] == ["format", "verdict"] and found["verdict"]["kind"] == "cooperative"
    page = (tmp_path / "r.html").read_text()
    assert '<p class="verdict good">Cooperative.</p>' in page
    assert page.index("verdict good") < page.index("Where the imports went")


def test_how_it_was_armed_is_told_with_the_spec() -> None:
    done = run_python("-c", REPORT, spec="all,-queue")
    assert "Armed before the program started, by PYTHONCOOPPATCH=all,-queue." in done.stdout
