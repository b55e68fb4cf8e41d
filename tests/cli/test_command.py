"""The command ``lazypatch``: its words, its exit statuses, what info names in broken environments, what check finds."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import zipfile
from typing import Any

import pytest
from conftest import clean_environment, run_python
from environments import PACKAGES, make

from lazypatch._nearest import nearest


def lazypatch(*words: str, **how: Any) -> subprocess.CompletedProcess[str]:
    """The command, as its script calls it."""
    return run_python("-c", "from lazypatch.cli.command import main; main()", *words, **how)


def test_help_names_each_command_and_the_exit_statuses() -> None:
    done = lazypatch("--help")
    assert done.returncode == 0 and all(f"lazypatch {word}" in done.stdout for word in ("run", "info", "check"))
    assert "Exit status" in done.stdout and lazypatch().stdout == done.stdout
    for word in ("info", "check"):
        assert "example:" in lazypatch(word, "--help").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["infp"], "did you mean 'info'?"),
        (["check", "--fromat", "json", "x.py"], "did you mean '--format'?"),
        (["check"], "no program was named"),
        (["check", ""], "no program was named"),
        (["check", "nowhere.py"], "cannot read nowhere.py: No such file or directory; name a file"),
        (["check", "empty"], "the folder empty holds no __main__.py; name one that does"),
        (["check", "round"], "cannot read round: Too many levels"),
        (["check", "broken.py"], "broken.py, line 2 is not what Python"),
        (["check", "binary.py"], "binary.py is not what Python"),
        (["check", "archive.pyz"], "it is an archive: unpack it"),
        (["check", "-m", "nowhere"], "no module nowhere was found"),
        (["check", "-m", "broken"], "broken.py, line 2 is not what Python"),
        (["check", "--format", "xml", "x.py"], "invalid choice: 'xml' (choose from"),
        (["check", "--format"], "expected one argument; lazypatch check --help"),
        (["run", "--reprot", "x.py"], "did you mean '--report'?"),
        (["run", "--no-sokcet", "x.py"], "did you mean '--no-socket'?"),
        (["run", "--nosocket", "x.py"], "did you mean '--no-socket'?"),
        (["run", "--nosuch", "x.py"], "unknown option '--nosuch'; usage"),
        (["run", "--no-such", "x.py"], "unknown option '--no-such'; usage"),
        (["run", "--info"], "--info stands alone, before all other options: python -m lazypatch --info"),
        (["run", "info"], "there is no program 'info' here; the command is python -m lazypatch --info"),
        (["run", "--strict=1", "x.py"], "the option --strict takes no value"),
        (["run", "--patch=", "x.py"], "--patch needs a SPEC"),
        (["run", "--patch", "all", "--patch", "ssl", "x.py"], "--patch was given twice"),
        (["info", "more"], "unrecognized arguments: more"),
        (["info", "--jsn"], "did you mean '--json'?"),
        (["--verison"], "did you mean '--version'?"),
        (["broken.py"], "a program is started with 'lazypatch run broken.py'"),
        (["frobnicate"], "unknown command 'frobnicate'; lazypatch --help tells all of it"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(words: list[str], said: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "broken.py").write_text("x = 1\ny = (\n")
    (tmp_path / "binary.py").write_bytes(bytes(range(256)))
    with zipfile.ZipFile(tmp_path / "archive.pyz", "w") as archive:
        archive.writestr("__main__.py", "")
    done = lazypatch(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done
    assert said in done.stderr


PRINTING = {
    "help": ["--help"],
    "info": ["--info"],
    "info, for programs": ["--info", "--json"],
    "help of info": ["--info", "--help"],
    "check": ["--check", "driver.py"],
    "version": ["--version"],
}


@pytest.mark.parametrize("kind", PRINTING)
def test_a_reader_who_has_read_enough_is_no_error(kind: str, tmp_path: pathlib.Path) -> None:
    """As in ``| head -1``; who cannot be written to is told of in one line, and a closed stdout is written to by nobody."""
    (tmp_path / "driver.py").write_text("import pyodbc\n")
    command = [sys.executable, "-m", "lazypatch", *PRINTING[kind]]
    how: dict[str, Any] = {"cwd": tmp_path, "env": clean_environment(), "stderr": subprocess.PIPE, "timeout": 60}
    whole = subprocess.run(command, stdout=subprocess.PIPE, **how)
    reader, writer = os.pipe()
    os.close(reader)
    cut = subprocess.run(command, stdout=writer, **how)
    os.close(writer)
    assert (whole.stdout != b"", cut.returncode, cut.stderr) == (True, whole.returncode, b"")
    closed = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *command], stdout=subprocess.PIPE, **how)
    assert (closed.returncode, closed.stdout, closed.stderr) == (whole.returncode, b"", b"")
    if os.path.exists("/dev/full"):
        with open("/dev/full", "wb") as full:
            told = subprocess.run(command, stdout=full, **how)
        assert told.returncode == 2 and told.stderr.count(b"\n") == 1 and b"could not print" in told.stderr


def test_names_that_stdout_cannot_show_are_escaped(tmp_path: pathlib.Path) -> None:
    (tmp_path / "b\u00fccher.py").write_text("import pyodbc\n")
    done = lazypatch("check", "b\u00fccher.py", cwd=tmp_path, PYTHONIOENCODING="ascii", PYTHONUTF8="1")
    assert done.returncode == 1 and done.stdout.startswith("b\\xfccher.py:1:1: driver: "), done


def test_check_reads_a_program_from_stdin(tmp_path: pathlib.Path) -> None:
    done = lazypatch("check", "-", cwd=tmp_path, stdin="import pyodbc\n")
    assert done.returncode == 1 and done.stdout.startswith("<stdin>:1:1: driver: pyodbc waits in C. What to do: "), done


RIGHT = ("--report", "--strict", "--socket", "--no-socket", "--os", "--no-os", "socket", "select", "time", "only=")


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("--sokcet", "--socket"),
        ("--no-sokcet", "--no-socket"),
        ("--nosocket", "--no-socket"),
        ("--reports", "--report"),
        ("tiem", "time"),
        ("Selct", "select"),
        ("--nosuch", ""),
        ("--no-such", ""),
        ("--json", ""),
        ("frobnicate", ""),
        ("", ""),
        ("-", ""),
        ("o" * 10_000, ""),
    ],
)
def test_a_suggestion_is_near(word: str, near: str) -> None:
    assert nearest(word, RIGHT) == near


def test_run_is_the_runner() -> None:
    """With the program's own arguments, status and path."""
    code = "import sys, lazypatch; print(sys.argv, lazypatch.state('socket')); sys.exit(7)"
    done = lazypatch("run", "-c", code, "--help")
    assert (done.returncode, done.stdout, done.stderr) == (7, "['-c', '--help'] waiting\n", "")


def test_the_runner_takes_the_commands_as_options(tmp_path: pathlib.Path) -> None:
    (tmp_path / "clean.py").write_text("print('never run')\n")
    done = run_python("-m", "lazypatch", "--check", "clean.py", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert run_python("-m", "lazypatch", "--info", cwd=tmp_path).stdout.startswith("Nothing is wrong here.")


def test_nothing_of_it_is_loaded_by_a_program_that_is_run() -> None:
    code = (
        "import sys; print([n for n in sys.modules if n in ('argparse', 'lazypatch.cli.info', 'lazypatch.cli.check')])"
    )
    assert lazypatch("run", "-c", code).stdout == "[]\n"


# --- info


def info(*words: str, python: str = sys.executable, cwd: Any = None, **env: str) -> dict[str, Any]:
    done = run_python(*words, "-m", "lazypatch", "--info", "--json", python=python, cwd=cwd, **env)
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (1 if found["problems"] else 0), done
    return found


def test_info_of_a_sound_environment(tmp_path: pathlib.Path) -> None:
    found = info(cwd=tmp_path)
    assert found["problems"] == [] and "not armed" in found["armed"]
    assert all(found["versions"].values()) and "corecext" in found["loop"]
    assert "by PYTHONCOOPPATCH=all" in info(cwd=tmp_path, PYTHONCOOPPATCH="all")["armed"]
    assert "by -X cooppatch" in info("-X", "cooppatch=gevent", cwd=tmp_path)["armed"]


@pytest.mark.parametrize(
    ("flags", "env", "culprit"),
    [
        ([], {"PYTHONCOOPPTCH": "all"}, "PYTHONCOOPPTCH is set, which nobody reads; it is spelt PYTHONCOOPPATCH"),
        ([], {"PYTHONCOOPPATCH": "socet"}, "did you mean 'socket'?"),
        (["-I"], {"PYTHONCOOPPATCH": "all"}, "-E or -I has Python ignore it: use -X cooppatch"),
        (["-S"], {"PYTHONPATH": str(PACKAGES)}, "-S has Python read no .pth file"),
    ],
)
def test_info_names_variables_and_flags(flags: list[str], env: dict[str, str], culprit: str) -> None:
    found = info(*flags, **env)
    assert culprit in "\n".join(found["problems"]), found


def test_info_names_what_a_broken_environment_lacks(tmp_path: pathlib.Path) -> None:
    """gevent missing or shadowed; a .pth file that loads targets before ours; a .pth file of ours that is gone."""
    bare = make(tmp_path / "bare", others=False)
    assert "gevent is not installed" in "\n".join(info(python=bare.python)["problems"])
    whole = make(tmp_path / "whole")
    (whole.site / "certificates.pth").write_text("import ssl\n")
    problem = "\n".join(info(python=whole.python, cwd=tmp_path)["problems"])
    assert "ssl" in problem and "certificates.pth (import ssl)" in problem
    (whole.site / "certificates.pth").unlink()
    (whole.site / "lazypatch.pth").unlink()
    (whole.site / "lazypatch.start").unlink()
    problem = "\n".join(info(python=whole.python, cwd=tmp_path)["problems"])
    assert "lazypatch.pth is missing" in problem
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    (shadow / "gevent.py").write_text("")
    assert "gevent.py in the current folder" in "\n".join(info(cwd=shadow)["problems"])


def test_info_names_a_folder_where_no_pth_file_is_read(tmp_path: pathlib.Path) -> None:
    """pip install --target; and a second copy there."""
    target = make(tmp_path / "first", others=False).site
    environment = make(tmp_path / "second", package=False)
    (environment.site / "lazypatch.pth").unlink()
    (environment.site / "lazypatch.start").unlink()
    found = "\n".join(info(python=environment.python, cwd=tmp_path, PYTHONPATH=str(target))["problems"])
    assert "where Python reads no .pth file" in found and "sitecustomize" in found


def test_info_is_one_screen_of_sentences(tmp_path: pathlib.Path) -> None:
    """Drivers and neighbours that are not there are pretended."""
    code = (
        "from lazypatch.cli import info, surroundings\nfrom lazypatch.adapters.drivers import DRIVERS\n"
        "print(info.as_text(info.look()))\nprint('--')\n"
        "for name, what in DRIVERS.items(): print(f'{name} waits in C. What to do: {what[1]}.')\n"
        "for name, words in surroundings._NEIGHBOURS.items(): print(f'{name} {words}.')\n"
    )
    done = run_python("-c", code, cwd=tmp_path)
    screen, pretended = done.stdout.split("--\n")
    assert screen.count("\n") <= 30 and "\npython            this is cpython" in screen
    rows = [row[18:] for row in screen.splitlines()[3:]] + pretended.splitlines()
    assert all(row.endswith(".") and not re.search(r": needs |needs leave|\.\.$", row) for row in rows), rows


# --- check


def check(folder: pathlib.Path, *words: str) -> list[dict[str, Any]]:
    done = lazypatch("check", "--format", "json", *(words or ["app.py"]), cwd=folder)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert done.returncode == (1 if found else 0), done
    return found


LATE = """import os, json
import requests
from time import sleep, monotonic
import psycopg2
import helpers
from gevent import monkey; monkey.patch_all()
import socket
"""


def test_check_names_what_comes_before_arming_and_drivers(tmp_path: pathlib.Path) -> None:
    """In the order of a run, in modules of the program, too; and nothing that comes after."""
    (tmp_path / "app.py").write_text(LATE)
    (tmp_path / "helpers.py").write_text("import queue\ndef later(): import ssl\nif TYPE_CHECKING: import select\n")
    found = [(os.path.basename(one["file"]), one["line"], one["kind"]) for one in check(tmp_path)]
    assert found == [
        ("app.py", 2, "late-import"),
        ("app.py", 3, "name-taken"),
        ("app.py", 4, "driver"),
        ("helpers.py", 1, "late-import"),
    ]
    messages = {one["line"]: one["message"] for one in check(tmp_path)}
    assert "sleep of time" in messages[3] and "monotonic" not in messages[3]
    assert "by way of" in messages[2] or "requests" in messages[2]


@pytest.mark.parametrize(
    "program",
    [
        "import lazypatch\nlazypatch.patch_all()\nimport socket, threading\nfrom time import sleep\n",
        "import os, sys, time\nfrom lazypatch import enable\nenable('all')\nimport requests\n",
        "import requests, socket\nfrom time import sleep\n",  # armed from outside
        "import not_there\nprint('hello')\n",
        "from gevent import monkey\nmonkey.patch_all()\nimport gevent, queue\n",
        "import psycopg2, zmq, grpc, sqlite3\n",  # adapters see to these
        "import lazypatch\nlazypatch.enable()\nimport zmq\n",
        "import queue\nclass monkey:\n    patch_all = bool\nmonkey.patch_all()\n",  # as in setuptools: nobody's business
        "import os\ntry:\n    import readline\nexcept ImportError: pass\nimport lazypatch; lazypatch.patch_all()\n",
    ],
)
def test_check_is_silent_on_clean_programs(program: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "app.py").write_text(program)
    assert check(tmp_path) == []


def test_check_sees_a_call_in_a_function_and_a_module_that_arms(tmp_path: pathlib.Path) -> None:
    (tmp_path / "app.py").write_text("import queue\nimport lazypatch\ndef main():\n    lazypatch.patch_all()\nmain()\n")
    assert [one["line"] for one in check(tmp_path)] == [1]
    (tmp_path / "arms.py").write_text("import lazypatch\nlazypatch.enable()\n")
    (tmp_path / "app.py").write_text("import arms\nimport queue\n")
    assert check(tmp_path) == []
    (tmp_path / "app.py").write_text("import queue\nimport arms\n")
    (one,) = check(tmp_path)
    assert one["line"] == 1 and "arms.py:2" in one["message"]


@pytest.mark.parametrize(
    "arming",
    [
        "import gevent.monkey\ngevent.monkey.patch_all()",
        "import gevent.monkey as g\ng.patch_all()",
        "from gevent import monkey as g\ng.patch_all(thread=False)",
        "from gevent.monkey import patch_all as patch\npatch()",
        "from lazypatch import enable as on\non('gevent')",
        "import lazypatch as lazy\nlazy.patch_all()",
        "def main():\n    from gevent import monkey as g\n    g.patch_all()\nmain()",
    ],
)
def test_check_knows_who_arms_by_any_name(arming: str, tmp_path: pathlib.Path) -> None:
    """And that an adapter which is not asked for sees to nothing."""
    (tmp_path / "app.py").write_text(f"import queue\nimport zmq\nimport zmq\n{arming}\n")
    assert [(one["line"], one["kind"]) for one in check(tmp_path) if one["line"] == 1] == [(1, "late-import")]
    assert [one["line"] for one in check(tmp_path) if one["kind"] == "driver"] == [2]


def test_check_reads_lazy_imports_on_each_python(tmp_path: pathlib.Path) -> None:
    """3.15's; they load at their first use."""
    (tmp_path / "app.py").write_text("lazy import ssl\nimport lazypatch\nlazypatch.patch_all()\nlazy import queue\n")
    (one,) = check(tmp_path)
    assert (one["line"], one["kind"]) == (1, "lazy-import")


def test_check_takes_modules_folders_and_gives_annotations(tmp_path: pathlib.Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "__main__.py").write_text("import queue\nimport lazypatch\nlazypatch.patch_all()\n")
    assert len(check(tmp_path, "-m", "package")) == len(check(tmp_path, "package")) == 1
    done = lazypatch("check", "--format", "github", "package", cwd=tmp_path)
    assert done.stdout.startswith(
        "::warning file=package/__main__.py,line=1,col=1,title=lazypatch late-import::this loads"
    )
    assert clean_environment()  # what a child gets
