"""pytest --cooppatch, its marker and its fixture, as a project would use them."""

from __future__ import annotations

import pathlib
import subprocess

import pytest
from conftest import run_python

PATCHED = """
import os, socket, lazypatch
def test_one(): assert lazypatch.state("socket") == "installed" and os.environ["PYTHONCOOPPATCH"] == "all"
def test_two(): assert lazypatch.state("threading") == "installed"
"""


@pytest.fixture
def project(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\naddopts = --strict-markers\n")
    return tmp_path


def run(folder: pathlib.Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return run_python("-m", "pytest", "-q", "-p", "no:cacheprovider", *words, cwd=folder, **env)


@pytest.mark.parametrize("words", [["-n0"], ["-n2"], ["-s"]])
def test_all_tests_run_patched_from_the_start(words: list[str], project: pathlib.Path) -> None:
    """Workers of xdist, too; nothing was late, nothing warns."""
    (project / "test_it.py").write_text(PATCHED)
    done = run(project, "--cooppatch=all", *words)
    assert done.returncode == 0 and "2 passed" in done.stdout, done
    assert run(project, *words).returncode == 1


def test_it_may_be_in_addopts(project: pathlib.Path) -> None:
    (project / "pytest.ini").write_text("[pytest]\naddopts = --cooppatch=all\n")
    (project / "test_it.py").write_text(PATCHED)
    assert "2 passed" in run(project).stdout


def test_what_python_does_not_obey_is_said(project: pathlib.Path) -> None:
    done = run_python("-E", "-m", "pytest", "--cooppatch=all", cwd=project)
    assert done.returncode == 4 and "was not obeyed; 'lazypatch info' says why" in done.stderr, done


def test_the_marker_runs_a_test_both_ways(project: pathlib.Path) -> None:
    (project / "test_it.py").write_text("""
import os, pytest
@pytest.mark.cooppatch
def test_both():
    with open("ways", "a") as file: file.write(os.environ["PYTHONCOOPPATCH"] + ";")
@pytest.mark.cooppatch("gevent")
def test_plain_alone():
    import socket, lazypatch
    assert lazypatch.state("socket") == "skipped"
""")
    done = run(project, "-n0")
    assert "1 failed, 1 passed" in done.stdout and "under PYTHONCOOPPATCH=gevent:" in done.stdout, done
    assert (project / "ways").read_text() == ";all;"


def test_the_fixture_names_the_line(project: pathlib.Path) -> None:
    (project / "test_it.py").write_text("""
import time, lazypatch
def test_waits(assert_cooperative):
    with assert_cooperative(200): time.sleep(0.5)
def test_blocks(assert_cooperative):
    with assert_cooperative(200): lazypatch.original("time").sleep(0.6)
""")
    done = run(project, "--cooppatch=all", "-n0")
    assert "1 failed, 1 passed" in done.stdout and "test_it.py:6 in test_blocks()" in done.stdout, done


def test_a_run_that_does_not_use_it_loads_the_plugin_alone(project: pathlib.Path) -> None:
    (project / "test_it.py").write_text(
        "import sys\ndef test_it(): assert {n for n in sys.modules if n.startswith(('lazypatch', 'gevent'))} == "
        "{'lazypatch', 'lazypatch.pytest_plugin'}\n"
    )
    assert run(project, "-n0").returncode == 0
