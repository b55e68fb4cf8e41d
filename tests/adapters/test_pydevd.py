"""pydevd is told that threads are greenlets, while it reads that, and nobody else is."""

import os
import pathlib

import pytest
from conftest import run_python

# The two modules that matter, as they are in pydevd: the second reads the variable once, before it imports anything.
PYDEVD = {
    "_pydevd_bundle/__init__.py": "",
    "_pydevd_bundle/pydevd_constants.py": "import os\nSUPPORT_GEVENT = os.getenv('GEVENT_SUPPORT')\nimport threading\n",
}
ASKS = """
import os
from _pydevd_bundle.pydevd_constants import SUPPORT_GEVENT
print(SUPPORT_GEVENT, os.environ.get("GEVENT_SUPPORT"))
"""


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> str:
    for name, text in PYDEVD.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return str(tmp_path)


@pytest.mark.parametrize("first", ["", "import socket\n", "import threading, logging\n"])
def test_it_is_told_so_while_its_constants_are_loaded(folder: str, first: str) -> None:
    done = run_python("-c", first + ASKS, spec="all", PYTHONPATH=folder)
    assert (done.stdout, done.stderr) == ("True None\n", "")


@pytest.mark.parametrize(
    ("spec", "variable"), [("all,-pydevd", {}), ("none", {}), ("gevent", {}), ("all", {"GEVENT_SUPPORT": "no"})]
)
def test_who_has_decided_otherwise_is_obeyed(folder: str, spec: str, variable: dict[str, str]) -> None:
    done = run_python("-c", ASKS, spec=spec, PYTHONPATH=folder, **variable)
    wanted = str(variable.get("GEVENT_SUPPORT"))
    assert (done.stdout, done.stderr) == (f"{wanted} {wanted}\n", "")


def test_what_came_before_lazypatch_is_left_as_it_is(folder: str) -> None:
    code = ASKS + "import lazypatch; lazypatch.enable('all'); print(os.environ.get('GEVENT_SUPPORT'))\n"
    done = run_python("-c", code, PYTHONPATH=folder)
    assert done.stdout == "None None\nNone\n", done.stderr


DEBUGGED = """
import threading
def work(n):
    done.append(n)
done = []
threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
for thread in threads:
    thread.start()
    thread.join()
print(done)
"""
CLIENT = pathlib.Path(__file__).parents[1] / "by_hand" / "stacks_terminals.py"


def test_debugpy_stops_in_each_thread(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("debugpy")
    space: dict[str, str] = {}
    source = CLIENT.read_text()
    start = source.index('DEBUG = r"""')
    exec(source[start : source.index('"""\n', start + 12) + 4], space)
    (tmp_path / "debug.py").write_text(space["DEBUG"])
    (tmp_path / "app.py").write_text(DEBUGGED.replace("done.append(n)", "done.append(n)  # here").replace(
        "print(done)", "total = len(done)\nprint(done)  # here\nopen('wrote', 'w').write(str(done))"))  # fmt: skip
    done = run_python(str(tmp_path / "debug.py"), "listen", "app.py", spec="all", cwd=tmp_path, PATH=os.environ["PATH"])
    stops = [line for line in done.stdout.splitlines() if line.startswith("('work'")]
    assert stops == [f"('work', 4, '{n * 2}', True, True)" for n in range(3)], done.stdout + done.stderr
    assert "status 0\nwrote [0, 1, 2]\n" in done.stdout and "GEVENT" not in done.stdout + done.stderr
