"""The shape of the code is a fact too: who may know whom, what arming loads, how long a file may be."""

from __future__ import annotations

import ast
import importlib.metadata
import pathlib
import sys
import typing

import pytest
from conftest import run_code

import lazypatch
from lazypatch._adapters import ADAPTERS
from lazypatch._targets import ADAPTED

FOLDER = pathlib.Path(lazypatch.__file__).parent

# From the top down. A file may import files of layers below its own, for types, too; and of its own layer what stands
# before it in this list. So there can be no circle. A folder is one layer, and within it the same is true by name of the
# edges in BESIDE. The front door, __init__, is above all, and names what it gives lazily.
LAYERS: dict[str, list[str]] = {
    "the way in": ["__main__", "pytest_plugin", "frozen", "cli"],
    "what is offered": ["api"],
    "what options begin": ["_when_forked", "_with_options", "_fork_server"],
    "what happened": ["reporting"],
    "what stops everything": ["stalls"],
    "the session": ["_steps", "_session"],
    "what was too late": ["late"],
    "when": ["_scheduler"],
    "libraries": ["adapters"],
    "the thread group": ["_threads", "_running_threads", "_shutdown"],
    "gevent, and others who patch": ["_progress", "peers", "_gevent", "_import_again", "_failure", "_state"],
    "what waits": ["_deferred"],
    "what to change": [
        "_second_modules",
        "_since_arming",
        "_install",
        "_originals",
        "_importlock",
        "_turns",
        "_raised_at_fork",
    ],
    "words": [
        "_around_gevent",
        "_spec",
        "_plain_spec",
        "_pooled",
        "_programs",
        "_spec_options",
        "_nearest",
        "_adapters",
        "_errors",
    ],
    "the ground": [
        "_look_up",
        "_unread",
        "_private_copies",
        "_standins",
        "_loader",
        "_finder",
        "_protocols",
        "_targets",
        "_places",
        "_whose",
    ],
}


def module_of(path: pathlib.Path) -> str:
    """``late.walk``, or ``_finder``; the package itself is an empty name."""
    return ".".join(path.relative_to(FOLDER).with_suffix("").parts).removesuffix("__init__").rstrip(".")


FILES = {module_of(path): path for path in FOLDER.rglob("*.py")}


def imports(name: str, types: bool = True) -> dict[str, set[str]]:
    """What the file of module *name* imports: this package's modules and, under ``others``, the rest.

    Whatever is imported anywhere in it, and unless told otherwise, for *types*, too.
    """
    found: dict[str, set[str]] = {"ours": set(), "others": set()}
    tree = ast.parse(FILES[name].read_text())
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    package = name.split(".") if FILES[name].name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(tree):
        if not types and id(node) in for_types:
            continue
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("lazypatch")):
            base = [word for word in package if word][: len(package) - node.level + 1] if node.level else []
            module = (node.module or "").removeprefix("lazypatch").strip(".")
            home = ".".join([*base, *([module] if module else [])])
            for alias in node.names:
                inner = f"{home}.{alias.name}".strip(".")
                found["ours"].add(inner if inner in FILES else home)
        elif isinstance(node, ast.ImportFrom):
            found["others"].add(node.module or "")
        elif isinstance(node, ast.Import):
            found["others"].update(alias.name for alias in node.names)
    found["ours"] -= {"", name}
    return found


def layer(name: str) -> int:
    """The place of a module's layer, 0 at the top; its folder counts if it is in one."""
    for place, members in enumerate(LAYERS.values()):
        if name.partition(".")[0] in members:
            return place
    raise AssertionError(
        f"{name} is in no layer. Put it, or its folder, into LAYERS of {pathlib.Path(__file__).name}: above everything "
        f"that it imports, which is {sorted(imports(name)['ours'])}, and below everything that imports it."
    )


def test_arrows_point_down() -> None:
    """Imports for types included."""
    wrong = []
    for name in FILES.keys() - {""}:
        for other in sorted(imports(name)["ours"]):
            if layer(other) < layer(name):
                mine, theirs = list(LAYERS)[layer(name)], list(LAYERS)[layer(other)]
                wrong.append(f"{name} ({mine}) imports {other} ({theirs}), which is above it")
    assert not wrong, "\n".join(wrong)


def test_there_is_no_circle() -> None:
    """Neither inside a layer nor a folder."""
    known = {name: imports(name)["ours"] for name in FILES.keys() - {""}}
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, f"a circle of imports: {' -> '.join([*above[above.index(name) :], name])}"
        if name not in done:
            for other in sorted(known.get(name, ())):
                visit(other, (*above, name))
            done.add(name)

    for name in known:
        visit(name, ())


def test_each_place_in_the_layers_is_used() -> None:
    names = {name.partition(".")[0] for name in FILES}
    assert {member for members in LAYERS.values() for member in members} == names - {""}


def test_mechanism_knows_no_policy() -> None:
    """The finder knows nothing of gevent or targets; what is on the ground imports nothing but itself."""
    assert imports("_finder", types=False)["ours"] == set() and imports("_finder")["ours"] == {"_protocols"}
    assert imports("_targets")["ours"] == {"_places"}
    assert "gevent" not in {name.partition(".")[0] for name in imports("_finder")["others"]}


def test_each_file_begins_with_what_it_is_for_in_one_sentence() -> None:
    for name, path in FILES.items():
        first = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
        assert first.endswith((".", "!")), f"{name}: {first!r}"


def test_gevent_is_imported_where_installing_happens() -> None:
    """And wrapt nowhere: its queue of hooks is used where somebody else has imported it."""
    users: dict[str, set[str]] = {"wrapt": set(), "gevent": set()}
    for name in FILES:
        for other in imports(name, types=False)["others"]:
            users.setdefault(other.partition(".")[0], set()).add(name)
    assert users["wrapt"] == set()
    assert {name for name in users["gevent"] if not name.startswith("adapters.")} == {
        "_gevent",
        "_importlock",
        "_install",
        "_running_threads",
        "_shutdown",
        "_threads",
        "_turns",
        "late.native_popen",
        "peers.gevent_events",
        "stalls.cooperative",
    }


def test_gevents_own_patch_functions_are_not_called() -> None:
    calls = [
        (name, node.func.attr)
        for name, path in FILES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr.startswith("patch_")
    ]
    assert calls == []
    assert not any("gevent.monkey" in imports(name)["others"] for name in FILES)


def test_sys_meta_path_is_written_in_one_file() -> None:
    assert {name for name, path in FILES.items() if "meta_path.insert" in path.read_text()} == {"_finder"}


def test_what_adapters_wait_for_is_watched_from_the_beginning() -> None:
    """Two lists, because arming must not load the table."""
    names = {name for row in ADAPTERS for name in row.modules}
    standard = {name for name in names if name.partition(".")[0] in sys.stdlib_module_names}
    assert standard - {*sys.builtin_module_names, "os"} <= {*ADAPTED} <= names


def test_each_adapter_has_a_file_of_its_own() -> None:
    homes = {row.plan.partition(":")[0].removeprefix("lazypatch.") for row in ADAPTERS}
    assert homes <= FILES.keys(), homes - FILES.keys()


ARMING_LOADS = {
    "lazypatch", "lazypatch._finder", "lazypatch._session", "lazypatch._standins", "lazypatch._targets",
    "atexit",  # is compiled into the interpreter
}  # fmt: skip


def test_arming_loads_five_modules_of_ours_and_nothing_else() -> None:
    show = "import sys; print(*sorted(sys.modules))"
    plain, armed = set(run_code(show).split()), set(run_code(show, spec="all").split())
    assert plain.isdisjoint({"lazypatch._session", "lazypatch._finder"})
    # From 3.15 on, asking whether to arm loads the first in every process.
    assert armed - plain | {"lazypatch"} == ARMING_LOADS


def test_without_the_variable_nothing_of_ours_is_loaded() -> None:
    names = run_code("import sys; print(*sorted(sys.modules))").split()
    expected = ["lazypatch"] if sys.version_info >= (3, 15) else []
    assert [name for name in names if name.startswith("lazypatch")] == expected


def test_importing_the_package_imports_nothing_else() -> None:
    new = run_code("import sys; before = set(sys.modules); import lazypatch; print(*set(sys.modules) - before)").split()
    assert set(new) <= {"lazypatch"}


@pytest.mark.parametrize("word", ["report", "state", "original", "enable"])
def test_no_folder_takes_the_place_of_a_public_function(word: str) -> None:
    """Importing a submodule puts it into the package under its name."""
    assert word in lazypatch.__all__ and word not in {name.partition(".")[0] for name in FILES}


def test_every_public_name_exists_and_says_what_it_does() -> None:
    for name in lazypatch.__all__:
        value = getattr(lazypatch, name)
        assert isinstance(value, str) or (value.__doc__ or "").strip() or typing.get_args(value), name
    assert lazypatch.__version__ == importlib.metadata.version("lazypatch")


def test_no_file_is_longer_than_300_lines() -> None:
    assert {name for name, path in FILES.items() if len(path.read_text().splitlines()) > 300} == set()
