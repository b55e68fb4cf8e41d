"""Strict mode: a program in which anything is too late ends with status 3 and says why; any other one just runs."""

from __future__ import annotations

import pathlib

import pytest
from conftest import run_python
from environments import make

WAYS = {
    "variable": ([], {"PYTHONCOOPPATCH": "all,strict=1"}),
    "x option": (["-X", "cooppatch=all,strict=1"], {}),
    "command line": (["-m", "lazypatch", "--strict"], {}),
    "patch option": (["-m", "lazypatch", "--patch", "all,strict=1"], {}),
}
CLEAN = "import socket, ssl, logging, tempfile, subprocess, asyncio, concurrent.futures; print('ran')"


@pytest.mark.parametrize("way", WAYS)
def test_a_clean_program_runs(way: str) -> None:
    args, env = WAYS[way]
    done = run_python(*args, "-c", CLEAN, **env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")


@pytest.mark.parametrize("way", WAYS)
def test_a_program_with_a_preloaded_target_does_not_start(way: str, tmp_path: pathlib.Path) -> None:
    """An earlier .pth file imports queue."""
    environment = make(tmp_path)
    (environment.site / "a00_first.pth").write_text("import queue\n")
    args, env = WAYS[way]
    done = run_python(*args, "-c", "print('ran')", python=environment.python, **env)
    assert (done.returncode, done.stdout) == (3, "")
    assert "queue was loaded before it was armed, by" in done.stderr
    assert "TARGET" in done.stderr and "Exit status 3." in done.stderr


def test_enable_stops_the_program_where_it_is_called() -> None:
    code = "import sys, queue, lazypatch\nprint('before'); {}\nprint('after')"
    done = run_python("-c", code.format("lazypatch.enable('all,strict=1')"))
    assert (done.returncode, done.stdout) == (3, "before\n")  # what was printed is not lost
    assert "queue was loaded before it was armed, by __main__" in done.stderr
    clean = run_python("-c", "import lazypatch; lazypatch.enable('all,strict=1')\n" + CLEAN)
    assert (clean.returncode, clean.stdout, clean.stderr) == (0, "ran\n", "")


def test_what_is_not_selected_may_be_loaded() -> None:
    done = run_python("-c", "import queue, lazypatch; lazypatch.enable('select,strict=1'); print('ran')")
    assert (done.returncode, done.stdout) == (0, "ran\n")


def test_off_means_off() -> None:
    done = run_python("-c", "import queue, lazypatch; lazypatch.enable('all,strict=0'); print('ran')")
    assert (done.returncode, done.stdout) == (0, "ran\n")


HIDDEN = """
import sys
from importlib.machinery import PathFinder
class Rude:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return PathFinder.find_spec(name, path, target) if name == "queue" else None
sys.meta_path.insert(0, Rude)
import queue
{}
print("not stopped")
"""


def test_it_stops_at_the_point_where_something_becomes_too_late() -> None:
    done = run_python("-c", HIDDEN.format("import ssl"), spec="all,strict=1")
    assert (done.returncode, done.stdout) == (3, "") and "queue was loaded before it was armed" in done.stderr


def test_it_stops_from_an_import_in_another_thread_whatever_catches() -> None:
    inner = "def work():\n    try:\n        import ssl\n    except BaseException:\n        pass\nimport threading\n"
    inner += "thread = threading.Thread(target=work); thread.start(); thread.join()"
    done = run_python(
        "-c", HIDDEN.format(inner).replace("import queue\n", "import threading, queue\n"), spec="all,strict=1"
    )
    assert (done.returncode, done.stdout) == (3, ""), done.stderr


def test_a_forked_child_ends_alone() -> None:
    code = (
        "import os, sys\npid = os.fork()\nif not pid:\n    import queue\n    import lazypatch\n"
        "    lazypatch.enable('queue,strict=1')\n    os._exit(0)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    )
    done = run_python("-c", code)
    assert (done.returncode, done.stdout) == (0, "3\n"), done.stderr


def test_a_raw_reference_that_blocks_stops_the_program(tmp_path: pathlib.Path) -> None:
    """time is always loaded before, so it is not that, but a held lock that cannot be exchanged."""
    environment = make(tmp_path)
    (environment.site / "a_holder.py").write_text("import _thread\nheld = _thread.allocate_lock(); held.acquire()\n")
    (environment.site / "a00_first.pth").write_text("import a_holder\n")
    done = run_python("-c", "import threading; print('ran')", spec="all,strict=1", python=environment.python)
    assert (done.returncode, done.stdout) == (3, "") and "a_holder.held holds the original" in done.stderr, done.stderr


def test_a_raw_reference_that_was_mended_does_not(tmp_path: pathlib.Path) -> None:
    environment = make(tmp_path)
    (environment.site / "a_holder.py").write_text("from time import sleep\n")
    (environment.site / "a00_first.pth").write_text("import a_holder\n")
    code = "import threading, a_holder, time; assert a_holder.sleep is time.sleep; print('ran')"
    done = run_python("-c", code, spec="all,strict=1", python=environment.python)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")


@pytest.mark.parametrize("way", WAYS)
def test_without_gevent_a_strict_program_does_not_start(way: str, tmp_path: pathlib.Path) -> None:
    """Also if it imports no target."""
    environment = make(tmp_path, others=False)
    args, env = WAYS[way]
    done = run_python(*args, "-c", "print('ran')", python=environment.python, **env)
    assert (done.returncode, done.stdout) == (3, "") and "gevent cannot be found" in done.stderr, done.stderr


def test_gevent_that_a_later_pth_file_brings_is_waited_for(tmp_path: pathlib.Path) -> None:
    environment = make(tmp_path)
    done = run_python("-c", CLEAN, spec="all,strict=1", python=environment.python)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")


@pytest.mark.parametrize("spec", ["bogus,strict=1", "all,strict=maybe", "strict=1,all,gevent", "Strict = on,socet"])
@pytest.mark.parametrize("way", ["variable", "x option", "enable", "sitecustomize"])
def test_with_a_spec_that_cannot_be_read_a_strict_program_does_not_start(
    spec: str, way: str, tmp_path: pathlib.Path
) -> None:
    """One line, whatever catches exceptions."""
    enable, args, env = f"import lazypatch; lazypatch.enable({spec!r})", ["-c", "print('ran')"], {}
    if way == "variable":
        env["PYTHONCOOPPATCH"] = spec
    elif way == "x option":
        args = ["-X", f"cooppatch={spec}", *args]
    elif way == "enable":
        args = ["-c", f"try:\n    {enable}\nexcept Exception: pass\nprint('ran')"]
    else:
        (tmp_path / "sitecustomize.py").write_text(enable)
        env["PYTHONPATH"] = str(tmp_path)
    done = run_python(*args, **env)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1), done
    assert "Strict mode: the program is not started. Exit status 3." in done.stderr


def test_a_report_that_was_asked_for_is_written_too(tmp_path: pathlib.Path) -> None:
    code = "import queue, lazypatch; lazypatch.enable('all,strict=1')"
    done = run_python("-c", code, cwd=tmp_path, PYTHONCOOPPATCH_REPORT="r.json")
    assert done.returncode == 3 and '"queue was loaded before it was armed' in (tmp_path / "r.json").read_text()


def test_what_nobody_noticed_is_found_at_the_end() -> None:
    """A module got an original by a way that no install saw."""
    code = (
        "import socket, sys, types, lazypatch\nmodule = sys.modules['taker'] = types.ModuleType('taker')\n"
        "module.sleep = lazypatch._session.session().scheduler.originals.of('time')['sleep']\nprint('ran')"
    )
    done = run_python("-c", code, spec="all,strict=1")
    assert (done.returncode, done.stdout) == (3, "ran\n")
    assert "taker.sleep holds the original time.sleep (global)" in done.stderr
