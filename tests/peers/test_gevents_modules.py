"""gevent's own modules may be imported in any order with the targets."""

from __future__ import annotations

import pathlib

import gevent
import pytest
from conftest import run_code

from lazypatch._targets import TARGETS

MODULES = sorted(
    "gevent." + path.name.split(".")[0]
    for path in pathlib.Path(gevent.__file__).parent.glob("*.py")
    if path.name.split(".")[0] not in ("__init__", "ares", "win32util", "resolver_ares", "resolver_thread", "_tblib")
)
# Each first module in a process of its own, each second one in a fork of it.
PAIRS = """
import os, sys
firsts, seconds = {firsts!r}, {seconds!r}
assert "gevent" not in sys.modules
bad = []
for first in firsts:
    __import__(first) if len(firsts) == 1 else None
import lazypatch
for second in seconds:
    child = os.fork()
    if child == 0:
        __import__(second)
        left = [name for name in {targets!r} if name in sys.modules and lazypatch.state(name) != "installed"]
        os._exit(len(left))
    if os.waitpid(child, 0)[1]:
        bad.append(second)
assert not bad, (firsts, bad)
"""


def all_installed(first: str, seconds: list[str]) -> None:
    run_code(PAIRS.format(firsts=[first], seconds=seconds, targets=list(TARGETS)), spec="all")


@pytest.mark.parametrize("first", MODULES)
def test_a_module_of_gevents_then_each_target(first: str) -> None:
    all_installed(first, list(TARGETS))


@pytest.mark.parametrize("first", [*TARGETS, "logging", "asyncio"])
def test_a_target_then_each_module_of_gevents(first: str) -> None:
    all_installed(first, MODULES)
