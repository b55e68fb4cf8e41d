"""What happens before the program's first line: .pth and .start files, sitecustomize, flags, and who inherits it."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest
from conftest import run_code, run_python
from environments import PACKAGES, installed, make

ARMED = "import sys; print(sum(type(finder).__module__ == 'lazypatch._finder' for finder in sys.meta_path))"
STATE = """
import sys, time
finders = [finder for finder in sys.meta_path if type(finder).__module__ == "lazypatch._finder"]
assert len(finders) == 1, finders
assert "gevent" not in sys.modules
from lazypatch._session import session
cells = session().standins.cells
assert cells and all(type(cell.original) is type(len) for cell in cells.values()), "a stand-in for a stand-in"
import socket, gevent.socket
assert socket.socket is gevent.socket.socket
print("end")
"""


@pytest.mark.parametrize("times", [2, 3])
def test_the_pth_line_may_run_more_than_once(times: int) -> None:
    """As it does in virtual environments, and after each addsitedir."""
    line = installed("lazypatch.pth").read_text()
    out = run_code(f"for count in range({times}):\n    exec({line!r})\n" + STATE, spec="gevent")
    assert out == "end\n"


def test_the_start_function_may_be_called_more_than_once() -> None:
    """The same, by whoever calls it."""
    out = run_code("from lazypatch import _start\n_start(); _start()\n" + STATE, spec="gevent")
    assert out == "end\n"


def test_site_may_add_the_folder_again(tmp_path: pathlib.Path) -> None:
    """A virtual environment's own start, then site.addsitedir twice."""
    environment = make(tmp_path)
    code = f"import site\nfor count in '12': site.addsitedir({str(environment.site)!r})\n" + STATE
    done = run_python("-c", code, spec="gevent", python=environment.python)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


def test_a_bad_spec_is_complained_of_in_one_line_in_a_virtual_environment(tmp_path: pathlib.Path) -> None:
    """Although the .pth file runs twice there; the program runs, natively."""
    done = run_python("-c", ARMED, spec="socet", python=make(tmp_path).python)
    assert (done.returncode, done.stdout) == (0, "0\n")
    assert done.stderr.count("\n") == 1 and "'socet'" in done.stderr and "'socket'" in done.stderr, done.stderr


@pytest.mark.parametrize("spec", ["gevent", None])
def test_a_pth_file_that_outlived_the_package_says_nothing(spec: str | None, tmp_path: pathlib.Path) -> None:
    """No output and status 0, with and without the variable."""
    environment = make(tmp_path, package=False, others=False)
    (environment.site / "lazypatch.start").unlink()
    code = "import sys; print('lazypatch' in sys.modules)"
    done = run_python("-c", code, spec=spec, python=environment.python)
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")


@pytest.mark.parametrize("left", ["__pycache__", "adapters"])
def test_a_folder_that_outlived_the_package_says_nothing_either(left: str, tmp_path: pathlib.Path) -> None:
    """It is a namespace package, so it can be imported."""
    environment = make(tmp_path, package=False, others=False)
    (environment.site / "lazypatch.start").unlink()
    (environment.site / "lazypatch" / left).mkdir(parents=True)
    done = run_python("-c", "print('ran')", spec="all,strict=1", python=environment.python)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")


@pytest.mark.parametrize("harm", ["syntax", "gone", "raises", "empty"])
@pytest.mark.parametrize("spec", ["all", "all,strict=1"])
def test_a_broken_package_is_complained_of_in_one_line(harm: str, spec: str, tmp_path: pathlib.Path) -> None:
    """A file is unreadable, gone, of another version, or cut; in strict mode the program does not start."""
    environment = make(tmp_path)
    (environment.site / "lazypatch.start").unlink()
    package = environment.site / "lazypatch"
    if harm == "gone":
        (package / "_session.py").unlink()
    else:
        (package / "__init__.py").write_text({"syntax": "?", "raises": "import nowhere", "empty": ""}[harm])
    done = run_python("-c", "print('ran')", spec=spec, python=environment.python)
    expected = (3, "", 1) if "strict" in spec else (0, "ran\n", 1)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == expected, done
    assert done.stderr.startswith("lazypatch: ")


USES_GEVENT = "import sys; assert 'gevent' not in sys.modules; import socket, gevent.socket, lazypatch\n" \
    "assert socket.socket is gevent.socket.socket; print(lazypatch.state('socket'))"  # fmt: skip


def test_gevent_may_come_from_a_later_pth_file(tmp_path: pathlib.Path) -> None:
    """It cannot be imported yet when our file runs, and need not be."""
    environment = make(tmp_path)
    assert not list(environment.site.glob("gevent*")) and "zz_packages.pth" > "lazypatch.pth"
    done = run_python("-c", USES_GEVENT, spec="gevent", python=environment.python)
    assert (done.returncode, done.stdout, done.stderr) == (0, "installed\n", "")


def test_gevent_may_come_from_the_finder_of_an_editable_install(tmp_path: pathlib.Path) -> None:
    """A later .pth file puts a finder on sys.meta_path, as setuptools' editable installs do."""
    environment = make(tmp_path, others=False)
    (environment.site / "zz_editable.pth").write_text("import zz_editable_finder\n")
    (environment.site / "zz_editable_finder.py").write_text(f"""
import sys
from importlib.machinery import PathFinder
class Editable:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return PathFinder.find_spec(name, [{str(PACKAGES)!r}]) if name in ("gevent", "greenlet", "zope") else None
sys.meta_path.append(Editable)
""")
    done = run_python("-c", USES_GEVENT, spec="gevent", python=environment.python)
    assert (done.returncode, done.stdout, done.stderr) == (0, "installed\n", "")


def test_gevent_may_come_after_a_pth_file_that_imports_a_target(tmp_path: pathlib.Path) -> None:
    """The target is loaded when ours runs, gevent is not there yet: it is late, and nothing is said."""
    environment = make(tmp_path)
    (environment.site / "a00.pth").write_text("import socket\n")
    code = "import queue, gevent.queue, gevent.socket, socket, lazypatch\n" \
        "assert socket.socket is gevent.socket.socket and queue.Queue is gevent.queue.Queue\n" \
        "print(lazypatch.state('socket'), lazypatch.state('queue'))"  # fmt: skip
    done = run_python("-c", code, spec="gevent", python=environment.python)
    assert (done.returncode, done.stdout, done.stderr) == (0, "late installed\n", "")


@pytest.mark.parametrize(
    "ask", ["", "import queue", "assert lazypatch.is_module_patched('socket')", "lazypatch.state('socket')"]
)
def test_a_target_that_came_too_early_is_made_cooperative_when_gevent_is_there(
    ask: str, tmp_path: pathlib.Path
) -> None:
    """An earlier .pth file imports it, a later one brings gevent; and the program imports nothing new at all."""
    environment = make(tmp_path)
    (environment.site / "aaa.pth").write_text("import socket\n")
    code = f"import sys, lazypatch\n{ask}\nassert 'gevent' in sys.modules\nimport socket, gevent.socket\n" \
        "assert socket.socket is gevent.socket.socket\nprint(lazypatch.state('socket'))"  # fmt: skip
    done = run_python("-c", code, spec="all", python=environment.python)
    assert (done.returncode, done.stdout, done.stderr) == (0, "late\n", "")


@pytest.mark.parametrize(
    "then", ["import colorsys", "lazypatch.state('socket')", "lazypatch.is_object_patched('socket', 'socket')"]
)
def test_gevent_may_be_put_on_the_path_by_the_program(then: str, tmp_path: pathlib.Path) -> None:
    """As an application in one file does, which unpacks itself first. Until then nothing that is said is a lie."""
    environment = make(tmp_path, others=False)
    (environment.site / "aaa.pth").write_text("import socket\n")
    code = f"""
import sys, lazypatch
import colorsys as before
assert lazypatch.state("socket") == "failed" and not lazypatch.is_module_patched("socket")
del sys.modules["colorsys"]
sys.path.append({str(PACKAGES)!r})
{then}
assert 'gevent' in sys.modules
import socket, gevent.socket
assert socket.socket is gevent.socket.socket and lazypatch.is_module_patched("socket")
print(lazypatch.state('socket'))
"""
    done = run_python("-c", code, spec="all", python=environment.python)
    assert (done.returncode, done.stdout, done.stderr) == (0, "late\n", "")


def test_the_import_that_brings_gevent_runs_its_body_once(tmp_path: pathlib.Path) -> None:
    """Of a module that gevent needs itself."""
    environment = make(tmp_path, others=False)
    (environment.site / "aaa.pth").write_text("import socket\n")
    code = f"""
import sys
assert "heapq" not in sys.modules and "gevent" not in sys.modules
bodies = []
def trace(frame, event, argument):
    if frame.f_code.co_name == "<module>":
        bodies.append(frame.f_globals["__name__"])
sys.path.append({str(PACKAGES)!r})
sys.settrace(trace)
import heapq
sys.settrace(None)
assert "gevent.hub" in bodies and bodies.count("heapq") == 1 and sys.modules["heapq"] is heapq, bodies
print("end")
"""
    done = run_python("-c", code, spec="all", python=environment.python)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


def test_without_gevent_a_program_with_a_target_that_came_early_is_told_at_its_end(tmp_path: pathlib.Path) -> None:
    environment = make(tmp_path, others=False)
    (environment.site / "aaa.pth").write_text("import socket\n")
    done = run_python("-c", "import socket; print(socket.socket.__module__)", spec="all", python=environment.python)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (0, "socket\n", 1)
    assert "gevent is not installed" in done.stderr


@pytest.mark.skipif(sys.version_info < (3, 15), reason="site reads .start files from Python 3.15 on (PEP 829)")
@pytest.mark.parametrize("files", ["pth", "start", "both", "both and PYTHONPATH"])
def test_pth_and_start_files_together_arm_once(files: str, tmp_path: pathlib.Path) -> None:
    """Whichever of them are there."""
    environment = make(tmp_path)
    if "both" not in files:
        (environment.site / ("lazypatch.start" if files == "pth" else "lazypatch.pth")).unlink()
    path = {"PYTHONPATH": str(environment.site)} if "PYTHONPATH" in files else {}
    done = run_python("-c", STATE, spec="gevent", python=environment.python, **path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


def test_the_users_sitecustomize_still_runs(tmp_path: pathlib.Path) -> None:
    """Ours is not one; and it runs after arming, so what it imports is cooperative."""
    (tmp_path / "sitecustomize.py").write_text("import sys, socket\nprint('customized', 'gevent' in sys.modules)\n")
    assert run_code(ARMED, spec="gevent", PYTHONPATH=str(tmp_path)) == "customized True\n1\n"
    assert run_code(ARMED, PYTHONPATH=str(tmp_path)) == "customized False\n0\n"


def test_a_sitecustomize_can_arm(tmp_path: pathlib.Path) -> None:
    """The line that the documentation gives."""
    (tmp_path / "sitecustomize.py").write_text("import lazypatch; lazypatch.enable('gevent')\n")
    assert run_code(STATE, PYTHONPATH=str(tmp_path)) == "end\n"


@pytest.mark.parametrize(
    ("flags", "armed"),
    [
        ((), True), (("-s",), True), (("-E",), False), (("-I",), False), (("-S",), False), (("-B", "-O", "-u"), True),
        (("-E", "-X", "cooppatch=gevent"), True), (("-I", "-X", "cooppatch"), True), (("-X", "cooppatch=off"), False),
    ],
)  # fmt: skip
def test_flags_decide_whether_the_variable_counts(flags: tuple[str, ...], armed: bool) -> None:
    """Like every PYTHON* variable it does not under -E and -I; -X cooppatch does, and goes before the variable."""
    code = ARMED + "\nimport socket; print(socket.socket.__module__, 'gevent' in sys.modules)"
    done = run_python(*flags, "-c", code, spec="gevent")
    expected = "1\ngevent._socket3 True\n" if armed else "0\nsocket False\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")


def same_with_and_without(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run it plain and armed; output, errors and status must be equal."""
    assert run_code(ARMED, spec="gevent") == "1\n"
    plain, armed = run_python(*args, **env), run_python(*args, spec="gevent", **env)
    assert (armed.returncode, armed.stdout, armed.stderr) == (plain.returncode, plain.stdout, plain.stderr)
    return plain


def test_pip_is_as_without_lazypatch() -> None:
    """``python -m pip --version`` and a list of what is installed."""
    assert same_with_and_without("-m", "pip", "--version").stdout.startswith("pip ")
    assert "gevent" in same_with_and_without("-m", "pip", "--disable-pip-version-check", "list").stdout


def test_ensurepip_is_as_without_lazypatch() -> None:
    """Also where a distributor has taken it out."""
    same_with_and_without("-m", "ensurepip", "--version")


def test_venv_makes_an_environment_as_without_lazypatch(tmp_path: pathlib.Path) -> None:
    """The same files, and no output."""
    made = []
    for spec in (None, "gevent"):
        folder = tmp_path / str(spec)
        done = run_python("-m", "venv", "--without-pip", str(folder), spec=spec)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        made.append(sorted(str(path.relative_to(folder)) for path in folder.rglob("*")))
    assert made[0] == made[1] and len(made[0]) > 5


@pytest.mark.parametrize("flags", [("-W", "error", "-X", "dev"), ("-bb",), ("-X", "importtime", "-c", "pass")])
def test_strict_flags_find_nothing_to_say_of_us(flags: tuple[str, ...]) -> None:
    """Development mode with warnings as errors; every target is loaded."""
    if "importtime" in flags:
        done = run_python(*flags, spec="gevent")
        assert done.returncode == 0 and "lazypatch" in done.stderr and "gevent" not in done.stderr
        return
    code = "import threading, socket, ssl, select, selectors, subprocess, queue, signal, logging, asyncio\n" \
        "import sys; print(subprocess.run([sys.executable, '-c', 'print(1)'], text=True, stdout=-1))"  # fmt: skip
    assert same_with_and_without(*flags, "-c", code).returncode == 0


# What is loaded when a .pth line runs, on every Python so far: a new one that loads a target earlier is to be noticed.
LOADED = ("os", "time", "_thread", "_signal")
NOT_LOADED = (
    "socket", "_socket", "ssl", "_ssl", "select", "selectors", "threading", "_threading_local", "subprocess", "queue",
    "_queue", "signal", "logging", "concurrent.futures.thread", "tempfile",
)  # fmt: skip


@pytest.mark.parametrize("flags", [(), ("-X", "dev"), ("-W", "error"), ("-m",)])
def test_no_target_but_three_is_loaded_before_the_program(flags: tuple[str, ...], tmp_path: pathlib.Path) -> None:
    """os, time and _thread; neither when the .pth line runs nor at the program's first line."""
    environment = make(tmp_path / "environment")
    show = "import sys; sys.pth_modules = getattr(sys, 'pth_modules', None) or sorted(sys.modules)\n"
    (environment.site / "a00.pth").write_text(show)  # just before lazypatch.pth
    (tmp_path / "first.py").write_text("import sys\nprint(*sys.pth_modules)\nprint(*sys.modules)\n")
    program = ("-m", "first") if flags == ("-m",) else (*flags, "first.py")
    for spec in (None, "gevent"):
        done = run_python(*program, spec=spec, python=environment.python, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        pth, first = (set(line.split()) for line in done.stdout.splitlines())
        assert set(LOADED) <= pth and not pth & set(NOT_LOADED), pth & set(NOT_LOADED)
        assert set(LOADED) <= first and not first & set(NOT_LOADED), first & set(NOT_LOADED)
        assert not {"functools", "reprlib"} & pth
        if sys.version_info < (3, 15):  # where site needs pkgutil for .start files, and that functools
            assert ("functools" in first) == (flags == ("-m",) and sys.version_info < (3, 12))
        assert "gevent" not in first and ("lazypatch._finder" in first) == (spec == "gevent")


IN_SUBINTERPRETER = """
import os, sys
assert "lazypatch._finder" in sys.modules
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
code = '''
import os, sys
import socket, threading, queue, time
time.sleep(0)
raw = socket.socket.__module__ == "socket" and queue.Queue.__module__ == "queue" and "gevent" not in sys.modules
finders = [finder for finder in sys.meta_path if type(finder).__module__.startswith("lazypatch")]
os.write(1, b"raw" if raw and not finders else b"not raw")
'''
def run(*how, **also):
    where = interpreters.create(*how, **also)
    failed = interpreters.run_string(where, code)
    assert not failed, failed
    interpreters.destroy(where)
"""


def kinds_of_subinterpreter() -> list[str]:
    """How this Python makes one: with a lock of its own, and as before that existed."""
    if sys.version_info >= (3, 13):
        return ["run('isolated')", "run('legacy')"]
    return ["run(isolated=True)", "run(isolated=False)"]


@pytest.mark.parametrize("how", kinds_of_subinterpreter())
@pytest.mark.parametrize("before", ["", "import socket; assert 'gevent' in sys.modules\n"])
def test_a_subinterpreter_is_left_native(how: str, before: str) -> None:
    """gevent does not work there; targets do, whether or not the main interpreter is cooperative by then."""
    done = run_python("-c", IN_SUBINTERPRETER + before + how, spec="gevent")
    assert (done.returncode, done.stdout, done.stderr) == (0, "raw", "")


def test_the_subinterpreter_test_would_notice_an_armed_one() -> None:
    """The same code in the main interpreter says that it is not raw."""
    assert run_code(IN_SUBINTERPRETER + "exec(code)", spec="gevent") == "not raw"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "gc.isenabled()"),
        ("gc.disable()", "not gc.isenabled()"),
        ("gc.freeze()", "gc.isenabled() and frozen > 3000"),
    ],
    ids=["on", "off", "frozen"],
)
def test_the_garbage_collector_is_as_the_program_left_it(before: str, after: str) -> None:
    """Although it does not run while gevent loads; and what was garbage before is found afterwards."""
    run_code(
        f"""
import gc, sys
from _weakref import ref
assert "gevent" not in sys.modules
class Cycle: pass
{before}
frozen = gc.get_freeze_count()  # of Python 3.12 there are some hundred
cycle = Cycle()
cycle.itself, watch = cycle, ref(cycle)
del cycle
import socket
assert "gevent" in sys.modules
assert {after}
assert frozen / 2 <= gc.get_freeze_count() <= frozen
gc.collect()
assert watch() is None
""",
        spec="gevent",
    )
