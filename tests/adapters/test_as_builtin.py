"""A function of ours that passes for a builtin one is pickled by name, also by those who take functions apart."""

from __future__ import annotations

from conftest import run_code

CODE = """
import io, pickle, threading
import importlib
for original in (open, input):
    assert pickle.loads(pickle.dumps(original)) is original or pickle.loads(pickle.dumps(original)) == original
    function = getattr(original, "__func__", None)
    if function is None:
        continue  # nothing was replaced
    if function.__module__ == "_io":  # from 3.13 on the original keeps its name, so taking it apart does no harm
        assert pickle.loads(pickle.dumps(importlib.import_module("_io").open)) is importlib.import_module("_io").open
        continue
    # What dill and cloudpickle do: a function that is found by its module and qualified name is not taken apart.
    found = importlib.import_module(function.__module__)
    for part in function.__qualname__.split("."):
        found = getattr(found, part)
    assert found is function
    assert original.__name__ in ("open", "input")
print("ok")
"""


def test_open_and_input_are_found_by_name() -> None:
    assert run_code(CODE, spec="all") == run_code(CODE) == "ok\n"
