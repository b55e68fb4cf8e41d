"""The warning of what was too late: who did it, three words for three harms, one message, advice that can be followed."""

from __future__ import annotations

import pathlib
import re
import subprocess

from conftest import run_python
from environments import PACKAGES, make

ALIVE = "import socket\nalive = socket.socket()\n"


def program(folder: pathlib.Path, app: str, **modules: str) -> subprocess.CompletedProcess[str]:
    for name, text in {"app": app, **modules}.items():
        (folder / f"{name}.py").write_text(text)
    return run_python("app.py", cwd=folder)


def warnings(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 0, done.stderr
    return [line for line in done.stderr.splitlines() if "LazyPatchWarning" in line]


def test_the_programs_own_import_is_named_before_any_that_is_inferred(tmp_path: pathlib.Path) -> None:
    """email.utils is the first that holds socket, and was not the first to import it."""
    app = "import socket, email.utils\nalive = socket.socket()\nimport lazypatch\nlazypatch.patch_all()\n"
    (found,) = warnings(program(tmp_path, app))
    assert "socket (by app.py:1)" in found, found


def test_an_import_below_the_line_that_arms_is_not_blamed(tmp_path: pathlib.Path) -> None:
    app = "import mine\nimport lazypatch\nlazypatch.patch_all()\nimport socket\n"
    (found,) = warnings(program(tmp_path, app, mine=ALIVE))
    assert "socket (by mine.py:1, inferred)" in found, found


def test_the_advice_names_the_line_and_what_it_has_to_stand_above(tmp_path: pathlib.Path) -> None:
    app = "from __future__ import annotations\nimport lazypatch\nimport mine\nlazypatch.patch_all()\n"
    (found,) = warnings(program(tmp_path, app, mine=ALIVE))
    assert "Move the line that arms (app.py:4) above `import mine`, app.py:3." in found, found
    assert found.endswith("lazypatch.report() has it all.")
    (tmp_path / "followed").mkdir()
    app = "import lazypatch\nlazypatch.patch_all()\nimport mine\n"
    assert warnings(program(tmp_path / "followed", app, mine=ALIVE)) == []


def test_one_message_for_one_cause_with_a_word_for_each_harm(tmp_path: pathlib.Path) -> None:
    mine = ALIVE + (
        "import threading, functools, time\nclass Local(threading.local):\n    pass\nlocal = Local()\n"
        "names = {time.sleep: 'a key'}\nheld = threading.Lock(); held.acquire()\n"
    )
    (found,) = warnings(program(tmp_path, "import mine, lazypatch\nlazypatch.patch_all()\n", mine=mine))
    assert re.search("blocks all threads when it waits: .*mine.alive", found)
    assert re.search("mixes up what belongs to different threads: mine.Local", found)
    assert re.search("is out of step with its module: a key of mine.names", found)


def test_what_was_told_is_not_told_again(tmp_path: pathlib.Path) -> None:
    app = "import mine, lazypatch\nlazypatch.patch_all()\nlazypatch.patch_all(Event=True)\nlazypatch.enable()\nimport ssl\n"
    assert len(warnings(program(tmp_path, app, mine=ALIVE))) == 1


def test_a_table_by_classes_gets_the_new_class_too(tmp_path: pathlib.Path) -> None:
    """multiprocessing registers how a socket is pickled; that is for gevent's too, and nothing to warn of."""
    app = (
        "import multiprocessing.reduction as reduction, lazypatch\nlazypatch.enable()\nimport socket\n"
        "table = reduction.ForkingPickler._extra_reducers\nnative = lazypatch.get_original('socket', 'socket')\n"
        "assert socket.socket is not native and table[socket.socket] is table[native]\n"
    )
    done = program(tmp_path, app)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_pth_file_that_was_faster_is_named(tmp_path: pathlib.Path) -> None:
    """In the report, and where something could not be mended; others that import nothing of it are not."""
    environment = make(tmp_path / "environment")
    (environment.site / "000.pth").write_text(f"{PACKAGES}\n")  # where gevent is
    (environment.site / "a00.pth").write_text("import queue\n")
    (environment.site / "Early.pth").write_text("import sys; import socket; sys.held = socket.socket()\n")
    code = "import lazypatch; print(lazypatch.state('socket')); print(lazypatch.report())"
    done = run_python("-c", code, spec="all", python=environment.python)
    assert done.returncode == 0 and done.stdout.startswith("late\n"), done.stderr
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("socket ")]
    assert "Early.pth:1" in row and "a00.pth" not in row, row


def test_a_subclass_of_popen_that_was_made_before_works(tmp_path: pathlib.Path) -> None:
    """Natively, and it is told."""
    app = (
        "import subprocess, sys\nclass Mine(subprocess.Popen):\n    pass\nimport lazypatch\nlazypatch.patch_all()\n"
        "assert lazypatch.is_object_patched('subprocess', 'Popen')\n"
        "with Mine([sys.executable, '-c', 'print(1)'], stdout=-1) as child:\n    assert child.communicate() == (b'1\\n', None)\n"
        "assert child.returncode == 0\n"
    )
    (found,) = warnings(program(tmp_path, app))
    assert "__main__.Mine (subclass, " in found
