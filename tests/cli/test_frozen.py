"""Programs that PyInstaller has frozen: its hook names what is imported by computed names, and the variable is obeyed."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pathlib
import pkgutil
import runpy
import subprocess
import sys
import types

import pytest
from conftest import clean_environment, run_python
from environments import PACKAGES

import lazypatch

FROZEN = pathlib.Path(lazypatch.__file__).parent / "frozen"
HOOK, AT_START = FROZEN / "hook-lazypatch.py", FROZEN / "rthooks" / "pyi_rth_lazypatch.py"


def test_the_hook_names_every_module_but_what_is_for_pytest_and_pyinstaller(monkeypatch: pytest.MonkeyPatch) -> None:
    def collect_submodules(package: str, filter: types.FunctionType) -> list[str]:
        found = pkgutil.walk_packages(lazypatch.__path__, "lazypatch.")
        return [package, *(module.name for module in found if filter(module.name))]

    hooks = types.ModuleType("PyInstaller.utils.hooks")
    vars(hooks).update(collect_submodules=collect_submodules)
    for name, module in (("PyInstaller", types), ("PyInstaller.utils", types), (hooks.__name__, hooks)):
        monkeypatch.setitem(sys.modules, name, module)
    named = set(runpy.run_path(str(HOOK))["hiddenimports"])
    assert {"lazypatch", "lazypatch.adapters.zmq", "lazypatch.late.repair", "gevent.ssl"} <= named
    assert not [name for name in named if "pytest" in name or "frozen" in name]
    assert all(importlib.util.find_spec(name) for name in named)


def test_pyinstaller_finds_the_hook() -> None:
    (point,) = importlib.metadata.distribution("lazypatch").entry_points.select(group="pyinstaller40")
    (folder,) = point.load()()
    assert {"__init__.py", HOOK.name} <= set(os.listdir(folder)) and os.path.exists(f"{folder}/rthooks.dat")


@pytest.mark.parametrize(("frozen", "state"), [("sys.frozen = True", "installed"), ("", "skipped")])
def test_a_frozen_program_obeys_the_variable(frozen: str, state: str, tmp_path: pathlib.Path) -> None:
    """Python is told there to ignore the environment, as by -E, and nobody has said so."""
    code = (
        f"import sys, runpy; {frozen}\nsys.path.append({str(PACKAGES)!r})\nrunpy.run_path({str(AT_START)!r})\n"
        "import queue, lazypatch; print(lazypatch.state('queue'))"
    )
    report = tmp_path / "r.txt"
    done = run_python("-E", "-S", "-c", code, spec="all", PYTHONCOOPPATCH_REPORT=str(report))
    assert (done.stdout, done.stderr, report.exists()) == (f"{state}\n", "", state == "installed")


PROGRAM = """
import threading, multiprocessing, ssl, sqlite3, subprocess, lazypatch
if __name__ == "__main__":
    multiprocessing.freeze_support()
    rows = lazypatch.report().adapters
    print(lazypatch.state("ssl"), [row.word for row in rows if row.state == "failed"])
    print(subprocess.run(["echo", "child"], capture_output=True, text=True).stdout)
"""


@pytest.mark.skipif(not importlib.util.find_spec("PyInstaller"), reason="PyInstaller is not installed")
def test_a_program_that_was_frozen_is_cooperative(tmp_path: pathlib.Path) -> None:
    (tmp_path / "app.py").write_text(PROGRAM)
    build = [sys.executable, "-m", "PyInstaller", "--log-level", "ERROR", "app.py"]
    subprocess.run(build, cwd=tmp_path, env=clean_environment(), check=True, capture_output=True, timeout=600)
    program = [str(tmp_path / "dist" / "app" / "app")]
    done = subprocess.run(
        program, env=clean_environment(PYTHONCOOPPATCH="all"), capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("installed []\nchild\n\n", ""), done
    native = subprocess.run(program, env=clean_environment(), capture_output=True, text=True, timeout=60)
    assert native.stdout == "skipped []\nchild\n\n" and native.stderr == "", native
