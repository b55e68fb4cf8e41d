"""The page of adapters is the code's."""

from __future__ import annotations

import pathlib
import sys

import pytest
from adapters_table import page, said
from conftest import run_code

from lazypatch._adapters import ADAPTERS

DOCS = pathlib.Path(__file__).parents[2] / "docs"


def test_the_page_of_adapters_is_up_to_date() -> None:
    """If not: ``python tests/by_hand/adapters_table.py > docs/adapters.md``."""
    assert (DOCS / "adapters.md").read_text() == page()


@pytest.mark.parametrize("row", ADAPTERS, ids=lambda row: row.word)
def test_each_adapter_says_what_it_is_for_in_one_sentence(row: object) -> None:
    first, _ = said(row)  # type: ignore[arg-type]
    assert first.endswith(".") and len(first) < 200


def top(module: str) -> str:
    return module.partition(".")[0]


def test_a_library_that_a_program_does_not_load_costs_nothing() -> None:
    """With gevent and every target loaded: no file of its adapter, nor of the table of drivers, is."""
    loaded = run_code(
        "import gevent, lazypatch, socket, ssl, subprocess, queue, signal, sys, threading, time\n"
        "threading.Thread(target=bool).start(); time.sleep(0.001)\n"
        "print(*[name for name in sys.modules if name.startswith('lazypatch.adapters.')])",
        "all",
    ).split()
    ours = {row.plan.partition(":")[0] for row in ADAPTERS if not {*map(top, row.modules)} & {*sys.stdlib_module_names}}
    assert len(ours) > 15 and not ours & {*loaded}, ours & {*loaded}
    assert "lazypatch.adapters.drivers" not in loaded
