"""The page of adapters is the code's."""

from __future__ import annotations

import pathlib

import pytest
from adapters_table import page, said

from lazypatch._adapters import ADAPTERS

DOCS = pathlib.Path(__file__).parents[2] / "docs"


def test_the_page_of_adapters_is_up_to_date() -> None:
    """If not: ``python tests/by_hand/adapters_table.py > docs/adapters.md``."""
    assert (DOCS / "adapters.md").read_text() == page()


@pytest.mark.parametrize("row", ADAPTERS, ids=lambda row: row.word)
def test_each_adapter_says_what_it_is_for_in_one_sentence(row: object) -> None:
    first, _ = said(row)  # type: ignore[arg-type]
    assert first.endswith(".") and len(first) < 200
