"""The shape of the code is a fact too: who may know whom, what arming loads, how long a file may be."""

from __future__ import annotations

import ast
import importlib.metadata
import pathlib

from conftest import run_code

import lazypatch

FOLDER = pathlib.Path(lazypatch.__file__).parent

# Arrows point down only: a file may import those named here, of this package. Front doors (their callers come from
# outside) are on top.
MAY_IMPORT = {
    "__main__": {"_cli"},
    "_cli": {"_enable", "_errors", "_requests", "_run", "_spec", "_strict"},
    "_run": set(),
    "__init__": {"_enable", "_public", "_spec", "_strict", "_targets"},
    "_public": {"_api", "_errors", "_handle", "_queries", "_report", "_wrapt"},
    "_handle": {"_enable", "_errors", "_spec", "_state", "_strict"},
    "_api": {"_enable", "_errors", "_foreign", "_handle", "_spec", "_targets"},
    "_queries": {"_enable", "_errors", "_gevent", "_install", "_native", "_state", "_targets"},
    "_native": {"_install", "_targets"},
    "_enable": {"_ddtrace", "_failure", "_finder", "_repair", "_requests", "_schedule", "_targets", "_too_late"},
    "_requests": {"_collect", "_errors", "_recorder", "_report_text"},
    "_strict": {"_errors", "_importers", "_repair", "_requests", "_state", "_targets"},
    "_collect": {"_drivers", "_enable", "_gevent", "_importers", "_report", "_state", "_strict", "_targets"},
    "_drivers": {"_report"},
    "_importers": {"_format", "_report", "_targets"},
    "_report": {"_collect", "_enable", "_references", "_report_html", "_report_json", "_report_text"},
    "_report_html": {"_format", "_report_chart", "_report_style"},
    "_report_style": set(),
    "_report_chart": {"_format"},
    "_report_text": {"_format"},
    "_report_json": set(),
    "_format": set(),
    "_recorder": set(),
    "_callers": {"_api"},  # foreign calls come back in at the door
    "_repair": {
        "_errors", "_install", "_late_ssl", "_left_alone", "_locks", "_references", "_slots", "_state",
        "_subclasses", "_walk",
    },
    "_subclasses": {"_late_ssl", "_slots"},
    "_locks": {"_slots"},
    "_late_ssl": {"_install"},
    "_walk": {"_slots"},
    "_slots": {"_install"},
    "_left_alone": {"_targets"},
    "_schedule": {
        "_bypass", "_captured", "_companions", "_failure", "_foreign", "_gevent",
        "_install", "_targets", "_threads", "_waiting",
    },
    "_too_late": {"_errors", "_importers", "_strict", "_targets"},
    "_failure": {"_errors", "_gevent"},
    "_foreign": {"_errors", "_failure", "_install", "_wrapt"},
    "_gevent": {"_callers", "_enable", "_events", "_importlock", "_install", "_state", "_targets"},
    "_events": {"_errors", "_install", "_targets"},
    "_state": {"_enable", "_install", "_targets"},
    "_companions": {"_install", "_threads"},
    "_threads": {"_enable", "_errors", "_gevent", "_install", "_other_threads", "_shutdown", "_targets"},
    "_other_threads": {"_install", "_shutdown"},
    "_captured": {"_install", "_targets"},
    "_bypass": {"_errors"},
    "_ddtrace": set(),
    "_install": {"_targets"},
    "_spec": {"_errors", "_targets"},
    "_importlock": set(),
    "_waiting": set(),
    "_shutdown": set(),
    "_wrapt": set(),
    "_errors": set(),
    "_references": set(),
    "_finder": {"_failure"},
    "_targets": set(),
}  # fmt: skip

ARMING_LOADS = {
    "lazypatch", "lazypatch._enable", "lazypatch._finder", "lazypatch._targets",
    "atexit",  # is compiled into the interpreter
}  # fmt: skip


def imports(path: pathlib.Path) -> dict[str, list[str]]:
    """What the code in *path* imports when it runs: this package's modules and, under ``others``, the rest."""
    found: dict[str, list[str]] = {"ours": [], "others": []}
    tree = ast.parse(path.read_text())
    only_for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in only_for_types and path.name not in ("__init__.py", "_public.py"):
            continue
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("lazypatch")):
            module = (node.module or "").removeprefix("lazypatch").strip(".")
            found["ours"] += [module] if module else [alias.name for alias in node.names if alias.name.startswith("_")]
        elif isinstance(node, ast.ImportFrom):
            found["others"].append(node.module or "")
        elif isinstance(node, ast.Import):
            found["others"] += [alias.name for alias in node.names]
    return found


def test_each_file_knows_only_what_it_may() -> None:
    found = {path.stem: set(imports(path)["ours"]) - {"__version__"} for path in FOLDER.glob("*.py")}
    assert found.keys() == MAY_IMPORT.keys()
    assert {name: known - MAY_IMPORT[name] for name, known in found.items() if known - MAY_IMPORT[name]} == {}


def test_each_permission_is_used() -> None:
    found = {path.stem: set(imports(path)["ours"]) for path in FOLDER.glob("*.py")}
    assert {name: may - found[name] for name, may in MAY_IMPORT.items() if may - found[name]} == {}


def test_wrapt_is_imported_in_one_file_and_gevent_where_installing_happens() -> None:
    users: dict[str, set[str]] = {"wrapt": set(), "gevent": set()}
    for path in FOLDER.glob("*.py"):
        for name in imports(path)["others"]:
            users.setdefault(name.partition(".")[0], set()).add(path.stem)
    assert users["wrapt"] == {"_wrapt"}
    assert users["gevent"] == {
        "_events",
        "_gevent",
        "_importlock",
        "_install",
        "_late_ssl",
        "_other_threads",
        "_shutdown",
        "_threads",
        "_waiting",
    }


def test_gevents_own_patch_functions_are_not_called() -> None:
    calls = [
        (path.name, node.func.attr)
        for path in FOLDER.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr.startswith("patch_")
    ]
    assert calls == []
    assert not any("gevent.monkey" in imports(path)["others"] for path in FOLDER.glob("*.py"))


def test_sys_meta_path_is_written_where_finders_are() -> None:
    writers = {path.stem for path in FOLDER.glob("*.py") if "meta_path.insert" in path.read_text()}
    assert writers == {"_finder", "_bypass"}


def test_arming_loads_four_modules_of_ours_and_nothing_else() -> None:
    show = "import sys; print(*sorted(sys.modules))"
    plain, armed = set(run_code(show).split()), set(run_code(show, spec="all").split())
    assert plain.isdisjoint({"lazypatch._enable", "lazypatch._finder"})
    # From 3.15 on, asking whether to arm loads the first in every process.
    assert armed - plain | {"lazypatch"} == ARMING_LOADS


def test_without_the_variable_nothing_of_ours_is_loaded() -> None:
    import sys

    names = run_code("import sys; print(*sorted(sys.modules))").split()
    expected = ["lazypatch"] if sys.version_info >= (3, 15) else []
    assert [name for name in names if name.startswith("lazypatch")] == expected


def test_importing_the_package_imports_nothing_else() -> None:
    new = run_code("import sys; before = set(sys.modules); import lazypatch; print(*set(sys.modules) - before)").split()
    assert set(new) <= {"lazypatch"}


def test_every_public_name_exists_and_says_what_it_does() -> None:
    for name in lazypatch.__all__:
        value = getattr(lazypatch, name)
        assert isinstance(value, str) or (value.__doc__ or "").strip(), name
    assert lazypatch.__version__ == importlib.metadata.version("lazypatch")


def test_no_file_is_longer_than_300_lines() -> None:
    assert {path.name for path in FOLDER.glob("*.py") if len(path.read_text().splitlines()) > 300} == set()
