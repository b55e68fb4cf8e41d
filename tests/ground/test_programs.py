"""Which programs a SPEC means, and what their children hear of it."""

from __future__ import annotations

import pathlib
import sys

import pytest
from conftest import run_python, unwrapped

from lazypatch import _HELPERS, LazyPatchError
from lazypatch._programs import _NEVER, _USUALLY, _matches, _program, names
from lazypatch._spec import parse

IS_ARMED = "import sys; print(any(type(f).__module__ == 'lazypatch._finder' for f in sys.meta_path))"


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """A script, a module, a package and a folder that say whether they are armed."""
    for name in ("serve.py", "tool.py", "boxed/__main__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(IS_ARMED)
    (tmp_path / "starts.py").write_text(
        "import subprocess, sys\n" + IS_ARMED + "\nsys.stdout.flush()\n"
        "subprocess.run([sys.executable, *sys.argv[1:]], check=True)\n"
    )
    return tmp_path


def armed(folder: pathlib.Path, spec: str, *words: str, stdin: str = "", **env: str) -> str:
    """What the program prints: True or False."""
    done = run_python(*words, spec=spec, cwd=folder, stdin=stdin, **env)
    assert (done.returncode, done.stderr) == (0, ""), done
    return " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["app.py", "-m", "x"], ["app.py"]),
        (["-W", "ignore", "-Xdev", "-X", "a=b", "./sub/app.py"], ["./sub/app.py"]),
        (["-bbu", "-mgunicorn", "app:app"], ["-m", "gunicorn"]),
        (["-Im", "pip", "list"], ["-m", "pip"]),
        (["-Ic", "pass", "x"], ["-c", "pass"]),
        (["-cpass"], ["-c", "pass"]),
        (["--check-hash-based-pycs", "never", "app.py"], ["app.py"]),
        (["--", "-odd.py"], ["-odd.py"]),
        (["-", "x"], ["-"]),
        (["-i"], []),
        (["-m"], ["-m", ""]),
        ([], []),
        (["-m", "lazypatch", "--patch", "all,-ssl", "--strict", "app.py", "x"], ["app.py"]),
        (["-m", "lazypatch", "--patch=all", "-m", "celery", "x"], ["-m", "celery"]),
        (["-Xdev", "-mlazypatch", "--module", "celery", "x"], ["-m", "celery"]),
        (["-m", "lazypatch", "--", "-c", "pass"], ["-c", "pass"]),
        (["-m", "lazypatch", "-"], ["-"]),
    ],
)  # fmt: skip
def test_the_program_is_found_behind_the_options(words: list[str], expected: list[str]) -> None:
    assert _program(words) == expected


def test_names() -> None:
    assert names(["/usr/bin/gunicorn"]) == ("/usr/bin/gunicorn", "gunicorn")
    assert names(["some/folder/"]) == ("some/folder/", "folder")
    assert names(["-m", "a.b"]) == ("a.b",)
    assert names(["-c", "pass"]) == ("-c",)
    assert names([]) == ("",)


@pytest.mark.parametrize(
    "glob",
    ["", "*", "a*", "*c", "a?c", "a[bx]c", "a[!bx]c", "a[a-c]c", "[", "a[b", "[]]", "[!]]", "*b*", "**", "?", "a[b-]c", "[*]", "a.c"],
)  # fmt: skip
def test_patterns_are_those_of_fnmatch(glob: str) -> None:
    from fnmatch import fnmatchcase

    for name in ("", "a", "abc", "abbc", "axc", "]", "[", "a[b", "a-c", "ABC", "*", "a\nc"):
        assert _matches(name, glob) == fnmatchcase(name, glob), (name, glob)


def test_words_of_a_spec() -> None:
    choice = parse("all,only=gunicorn,only=*/celery,not=manage.py,inherit=0")
    assert (choice.only, choice.without, choice.inherit) == (["gunicorn", "*/celery"], ["manage.py"], False)
    assert parse("all").inherit is None
    assert parse("only=x").adapters == {"all"}, "patterns alone start from everything"
    with pytest.raises(LazyPatchError, match="only"):
        parse("all,onl=x")


@pytest.mark.parametrize(
    ("spec", "words", "expected"),
    [
        ("all,only=serve.py", ["serve.py"], "True"),
        ("all,only=serve.py", ["./serve.py"], "True"),
        ("all,only=./serve.py", ["serve.py"], "False"),
        ("all,only=serve", ["-m", "serve"], "True"),
        ("all,only=serve", ["serve.py"], "False"),
        ("all,only=tool.py,only=ser*", ["serve.py"], "True"),
        ("all,only=*,not=serve.py", ["serve.py"], "False"),
        ("all,not=tool.py", ["serve.py"], "True"),
        ("gevent,not=boxed", ["boxed/"], "False"),
        ("all,not=serve", ["-m", "lazypatch", "--patch", "none", "-m", "serve"], "False"),
        ("all,only=-c", ["-c", IS_ARMED], "True"),
        ("all,not=-c", ["-c", IS_ARMED], "False"),
        ("all,not=-", ["-"], "False"),
        ("all,only=-", ["-"], "True"),
        ("all,only=", [], "True"),
        ("all,not=-", [], "True"),
    ],
)
def test_who_is_armed(folder: pathlib.Path, spec: str, words: list[str], expected: str) -> None:
    assert armed(folder, spec, *words, stdin=IS_ARMED) == expected


@pytest.mark.parametrize(
    ("spec", "child", "expected"),
    [
        ("all", ["serve.py"], "True True"),
        ("all,only=serve.py", ["serve.py"], "False True"),
        ("all,not=serve.py", ["serve.py"], "True False"),
        ("all,inherit=0", ["serve.py"], "True False"),
        ("all,inherit=0,not=starts.py", ["serve.py"], "False True"),
    ],
)
def test_children_decide_anew(folder: pathlib.Path, spec: str, child: list[str], expected: str) -> None:
    """And where nothing was armed, inherit= has nothing to keep."""
    assert armed(folder, spec, "starts.py", *child) == expected


def test_the_command_line_can_pass_its_choice_on(folder: pathlib.Path) -> None:
    assert armed(folder, "", "-m", "lazypatch", "starts.py", "serve.py") == "True False"
    assert armed(folder, "", "-m", "lazypatch", "--inherit", "starts.py", "serve.py") == "True True"
    assert armed(folder, "", "-m", "lazypatch", "--patch", "all,inherit=1", "starts.py", "serve.py") == "True True"
    spec = "all,not=starts.py,not=tool.py"
    assert armed(folder, "", "-m", "lazypatch", "--patch", spec, "--inherit", "starts.py", "serve.py") == "False False"
    spec = "gevent,not=tool.py"
    assert armed(folder, "", "-m", "lazypatch", "--patch", spec, "--inherit", "starts.py", "tool.py") == "True False"
    assert armed(folder, "", "-X", "cooppatch=all,inherit=1", "starts.py", "serve.py") == "True True"


def test_enable_knows_programs_too(folder: pathlib.Path) -> None:
    (folder / "asks.py").write_text(
        "import sys, lazypatch\nlazypatch.enable(sys.argv[1])\n"
        + IS_ARMED
        + "\nprint('asks.py' in str(lazypatch.report()))"
    )
    assert armed(folder, "", "asks.py", "all,not=asks.py") == "False True"
    assert armed(folder, "", "asks.py", "all,not=others.py").startswith("True")


HELPERS = """
import multiprocessing, os, pathlib, sys, time

def work(queue):
    queue.put(any(type(f).__module__ == "lazypatch._finder" for f in sys.meta_path))

def environment(pid):
    return b"PYTHONCOOPPATCH=" in pathlib.Path(f"/proc/{pid}/environ").read_bytes()

if __name__ == "__main__":
    context = multiprocessing.get_context("METHOD")
    queue = context.SimpleQueue()
    process = context.Process(target=work, args=(queue,))
    process.start()
    print(queue.get())
    process.join()
    from multiprocessing import forkserver, resource_tracker
    for helper in (resource_tracker._resource_tracker._pid, forkserver._forkserver._forkserver_pid):
        if helper:
            maps = pathlib.Path(f"/proc/{helper}/maps").read_text()
            print(environment(helper), "greenlet" in maps)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize(
    ("method", "expected"), [("spawn", "True True False"), ("forkserver", "True True False True False")]
)
def test_helpers_of_multiprocessing_are_never_armed(folder: pathlib.Path, method: str, expected: str) -> None:
    """They have the variable, since what they start decides anew, and no gevent."""
    (folder / "many.py").write_text(HELPERS.replace("METHOD", method))
    assert armed(folder, "all,only=*", "many.py") == expected
    assert armed(folder, "all", "many.py") == expected


def test_the_fork_server_of_billiard_is_left_native_and_its_children_are_not(folder: pathlib.Path) -> None:
    """Billiard's own files are longer; what they run and call is this."""
    (folder / "billiard").mkdir()
    (folder / "billiard" / "__init__.py").touch()
    (folder / "billiard" / "spawn.py").write_text(f"def _main(fd):\n    {IS_ARMED}; sys.stdout.flush()\n")
    (folder / "billiard" / "forkserver.py").write_text(
        "import os\nfrom . import spawn\n"
        "def main(*_):\n"
        "    spawn._main(0)\n"
        "    if os.fork() == 0:\n        spawn._main(0)\n"
        "    else:\n        os.wait()\n"
    )
    code = "from billiard.forkserver import main; main(1, 2, [])"
    assert armed(folder, "all", "-c", code).split() == ["False", "True"]


@pytest.mark.parametrize("key", [*_NEVER, *_USUALLY])
def test_who_is_left_native_by_rule_is_asked_about(key: str) -> None:
    """The quick way of arming looks for a few words only."""
    assert any(word in key for word in _HELPERS)


def test_what_is_left_native_by_the_built_in_list(folder: pathlib.Path) -> None:
    """It says so in the report, and only= overrides it."""
    (folder / "debugpy" / "adapter").mkdir(parents=True)
    (folder / "debugpy" / "__init__.py").touch()  # so that it comes before an installed one
    (folder / "debugpy" / "adapter" / "__main__.py").write_text(IS_ARMED)
    assert armed(folder, "all", "debugpy/adapter") == "False"
    assert armed(folder, "all", "-m", "debugpy.adapter") == "False"
    assert armed(folder, "all,only=*", "debugpy/adapter") == "True"
    assert armed(folder, "all,only=debugpy.adapter", "-m", "debugpy.adapter") == "True"
    done = run_python("-m", "debugpy.adapter", spec="all", cwd=folder, PYTHONCOOPPATCH_REPORT="1")
    shown = unwrapped(done.stderr)
    assert "left native: it is the part of debugpy" in shown and "only=" in shown, done.stderr
