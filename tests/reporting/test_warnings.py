"""Warnings: on the user's line, once for each cause, with what was attempted, what was found and what to do next."""

from __future__ import annotations

import pathlib
import re
import subprocess

from conftest import run_code, run_python


def program(folder: pathlib.Path, app: str, **modules: str) -> subprocess.CompletedProcess[str]:
    """Run *app* next to *modules*, each a text."""
    for name, text in {"app": app, **modules}.items():
        (folder / f"{name}.py").write_text(text)
    return run_python("app.py", cwd=folder)


HOLDER = "from threading import Lock\nheld = Lock(); held.acquire()\n"


def test_what_is_too_late_and_cannot_be_mended_is_warned_of_once_on_the_users_line(tmp_path: pathlib.Path) -> None:
    done = program(
        tmp_path,
        "import holder\nimport lazypatch\nlazypatch.patch_all()\nlazypatch.patch_all()\nimport ssl\n",
        holder=HOLDER,
    )
    assert done.returncode == 0
    assert done.stderr.count("LazyPatchWarning") == 1, done.stderr
    line = done.stderr.splitlines()[0]
    assert re.match(
        r".*app\.py:3: LazyPatchWarning: loaded before lazypatch was armed: _thread \(by the interpreter itself\)\.",
        line,
    )
    assert "this could not be, and blocks all threads when it waits: holder.held (lock, " in line
    assert line.endswith(
        "Move the line that arms (app.py:3) above `import holder`, app.py:1. lazypatch.report() has it all."
    )


def test_the_likely_importer_is_named(tmp_path: pathlib.Path) -> None:
    """A socket that is alive cannot be made cooperative."""
    mine = "import os\nimport socket\nalive = socket.socket()\n"
    done = program(tmp_path, "import mine, lazypatch\nlazypatch.patch_all()\n", mine=mine)
    assert done.returncode == 0
    assert "loaded before lazypatch was armed: socket (by mine.py:2, inferred)." in done.stderr, done.stderr
    assert "mine.alive (instance, " in done.stderr


def test_a_late_patch_all_where_everything_was_mended_says_nothing(tmp_path: pathlib.Path) -> None:
    taker = "from time import sleep\nfrom threading import Lock\nfrom queue import Queue\nfree = Lock()\n"
    done = program(tmp_path, "import taker, lazypatch\nlazypatch.patch_all()\n", taker=taker)
    assert (done.returncode, done.stderr) == (0, "")


def test_many_holders_are_counted_not_listed(tmp_path: pathlib.Path) -> None:
    holders = "from threading import Lock\n" + "".join(f"l{count} = Lock(); l{count}.acquire()\n" for count in range(5))
    done = program(tmp_path, "import holder, lazypatch\nlazypatch.patch_all()\n", holder=holders)
    assert ", and 2 more." in done.stderr, done.stderr


def test_as_an_error_it_is_a_line_that_says_where(tmp_path: pathlib.Path) -> None:
    """An import or a call must not fail because of a warning of ours."""
    (tmp_path / "holder.py").write_text(HOLDER)
    (tmp_path / "app.py").write_text("import holder, lazypatch\nlazypatch.patch_all()\nprint('ran')\n")
    done = run_python("-W", "error", "app.py", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert re.match(r"lazypatch: .*app\.py:2: loaded before lazypatch was armed: _thread ", done.stderr), done.stderr


def test_a_first_import_in_a_native_worker_is_warned_of_with_its_line() -> None:
    code = (
        "import _thread, warnings, lazypatch\n"
        "done = _thread.allocate_lock(); done.acquire()\ncaught = []\n"
        "warnings.showwarning = lambda message, category, filename, lineno, *rest: caught.append((str(message), lineno))\n"
        "def work():\n    try:\n        import lazypatch; lazypatch.patch_thread()\n    finally:\n        done.release()\n"
        "_thread.start_new_thread(work, ())\ndone.acquire()\n"
        "caught = [one for one in caught if one[0].startswith('threads')]\n"
        "assert len(caught) == 1, caught\ntext, line = caught[0]\nassert line == 7, line\n"
        "assert text.startswith('threads were made cooperative from another thread than the main one, for <string>:7: '), text\n"
        "assert 'main_thread().join() will not work' in text and text.endswith('targets, in the main thread.')\nprint('ok')"
    )
    assert run_code(code) == "ok\n"


def test_a_finder_that_hides_a_target_is_named_with_the_importer() -> None:
    code = (
        "import sys\nfrom importlib.machinery import PathFinder\nclass Rude:\n    @staticmethod\n"
        "    def find_spec(name, path=None, target=None):\n        return PathFinder.find_spec(name, path, target) if name == 'queue' else None\n"
        "sys.meta_path.insert(0, Rude)\nimport queue\nimport ssl\n"
    )
    done = run_python("-c", code, spec="gevent")
    found = [line for line in done.stderr.splitlines() if "queue" in line]
    assert len(found) == 1 and done.returncode == 0
    # Between ours and Rude may stand setuptools' finder, which its .pth file puts there.
    said = r"queue: imported without lazypatch being asked, by Rude(, \w+)* in front of it on sys.meta_path, for <string>:9"
    assert re.search(said, found[0]), found[0]
    assert found[0].endswith("Arm lazypatch after whatever puts that finder there.")


NASTY = "\x1b[31m\x07\u202e\n"


def test_what_is_printed_says_nothing_to_a_terminal(tmp_path: pathlib.Path) -> None:
    """Names of files and threads, in warnings and in the report."""
    code = (
        "import lazypatch, threading\n"
        f"threading.current_thread().name = {NASTY!r}\nlazypatch.patch_all()\nprint(lazypatch.report())\n"
    )
    (tmp_path / "na\x1b[31mme.py").write_text(code)
    (tmp_path / "app.py").write_text("__import__('na\\x1b[31mme')\n")
    done = run_python("app.py", cwd=tmp_path)
    assert done.returncode == 0 and "na\\x1b[31mme.py" in done.stdout, done
    for character in (done.stdout + done.stderr).replace("\n", ""):
        assert character.isprintable(), ascii(done.stdout + done.stderr)


def test_a_spec_is_shown_on_one_line_and_cut() -> None:
    for spec in (NASTY.strip() + "socket", "x" * 100_000, "a\nb"):
        done = run_python("-c", "print('ran')", spec=spec)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (0, "ran\n", 1)
        assert len(done.stderr) < 2000 and done.stderr.rstrip("\n").isprintable(), ascii(done.stderr)


def test_a_page_holds_no_control_characters(tmp_path: pathlib.Path) -> None:
    code = "import threading\nthreading.current_thread().name = '\\x00\\x1b\\x85'\nimport lazypatch, socket; lazypatch.patch_all()\n"
    code += "page = lazypatch.report().to_html()\nassert not any(c in page for c in '\\x00\\x1b\\x85\\t')\nprint('ok')"
    assert run_code(code) == "ok\n"
