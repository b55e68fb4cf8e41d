"""``python -m lazypatch PROGRAM`` is ``python PROGRAM``: each row of the table is compared with plain Python."""

from __future__ import annotations

import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import zipfile

import pytest
from conftest import clean_environment, run_python

SHOW = """
import sys, atexit, threading

def show(when):
    import __main__
    loader = type(__main__.__loader__).__name__ if not isinstance(__main__.__loader__, type) else __main__.__loader__
    spec = __main__.__spec__ and (__main__.__spec__.name, __main__.__spec__.origin)
    file = getattr(__main__, "__file__", None)
    print(when, sorted(vars(__main__)), __main__.__name__, file, loader, __main__.__package__, spec)

show("body")
atexit.register(show, "atexit")
threading.Thread(target=lambda: show("thread")).start()
print(sys.argv, sys.path[:2], sys.flags, __name__, __doc__)
try:
    import sibling
    print(sibling.__file__)
except ImportError as error:
    print(error)
"""


@pytest.fixture
def programs(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder with one of each kind of program."""
    sub = tmp_path / "sub"
    package = tmp_path / "package"
    sub.mkdir()
    package.mkdir()
    (sub / "app.py").write_text(SHOW)
    (sub / "sibling.py").write_text("")
    (sub / "__main__.py").write_text(SHOW)
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text(SHOW)
    (tmp_path / "mod.py").write_text(SHOW)
    (tmp_path / "link.py").symlink_to(sub / "app.py")
    with zipfile.ZipFile(tmp_path / "app.zip", "w") as archive:
        archive.writestr("__main__.py", SHOW)
    (tmp_path / "broken.py").write_text("x = (\n")
    (tmp_path / "error.py").write_text("def f():\n    return 1 / 0\n\nif True:\n    f()\n")
    (tmp_path / "chained.py").write_text(
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('x') from e\n"
    )
    (tmp_path / "hook.py").write_text(
        "import sys, traceback\n"
        "sys.excepthook = lambda kind, value, tb: print(kind.__name__, traceback.extract_tb(tb).format())\n1/0\n"
    )
    (tmp_path / "interrupt.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nwhile True: pass\n")
    (tmp_path / "leave.py").write_text("import sys\nsys.exit(eval(sys.argv[1]))\n")
    (tmp_path / "hard.py").write_text("import os\nos._exit(7)\n")
    (tmp_path / "pickled.py").write_text(
        "import atexit, pickle\nclass C: pass\natexit.register(lambda: print(type(pickle.loads(pickle.dumps(C())))))\n"
    )
    (tmp_path / "spawned.py").write_text(
        "import multiprocessing\ndef f(): print(__name__, flush=True)\nif __name__ == '__main__':\n"
        "    p = multiprocessing.get_context('spawn').Process(target=f)\n"
        "    p.start(); p.join(); print(p.exitcode)\n"
    )
    subprocess.run([sys.executable, "-m", "compileall", "-q", "-b", str(tmp_path / "mod.py")], check=True)
    (tmp_path / "mod.pyc").rename(tmp_path / "compiled.pyc")
    return tmp_path


def both(folder: pathlib.Path, program: list[str], flags: tuple[str, ...] = (), stdin: str = "") -> None:
    """Plain and through us, *program* gives the same output, the same errors and the same status."""
    plain = run_python(*flags, *program, cwd=folder, stdin=stdin)
    ours = run_python(*flags, "-m", "lazypatch", *program, cwd=folder, stdin=stdin)
    assert normal(ours.stdout) == normal(plain.stdout)
    assert normal(ours.stderr) == normal(plain.stderr)
    assert ours.returncode == plain.returncode


def normal(text: str) -> str:
    return re.sub(r"0x[0-9a-f]+", "0x", text)


PROGRAMS = {
    "a script": ["sub/app.py", "1", "-m", "--x"],
    "a script in the working folder": ["mod.py"],
    "a script behind a symlink": ["link.py"],
    "a folder": ["sub", "a"],
    "an archive": ["app.zip", "a"],
    "a module": ["-m", "mod", "a"],
    "a package": ["-m", "package", "a"],
    "compiled code": ["compiled.pyc", "a"],
    "a command": ["-c", SHOW, "a", "-b"],
    "a missing file": ["nowhere.py", "a"],
    "a missing module": ["-m", "nowhere"],
    "a folder without a main": ["package/.."],
    "a syntax error": ["broken.py"],
    "an uncaught error": ["error.py"],
    "a chained error": ["chained.py"],
    "an error in a command": ["-c", "def f():\n    1/0\nf()"],
    "an error in a module": ["-m", "error"],
    "a syntax error in a command": ["-c", "x = ("],
    "an excepthook": ["hook.py"],
    "SIGINT": ["interrupt.py"],
    "os._exit": ["hard.py"],
    "pickling from __main__ at exit": ["pickled.py"],
    "spawning a function of __main__": ["spawned.py"],
}


@pytest.mark.parametrize("kind", PROGRAMS)
def test_the_program_sees_what_plain_python_gives_it(kind: str, programs: pathlib.Path) -> None:
    both(programs, PROGRAMS[kind])


@pytest.mark.parametrize("value", ["0", "3", "300", "-1", "None", "True", "'a text'", "(1, 2)"])
def test_exit_values_keep_their_meaning(value: str, programs: pathlib.Path) -> None:
    both(programs, ["leave.py", value])


def test_sigint_ends_the_process_by_that_signal(programs: pathlib.Path) -> None:
    assert run_python("-m", "lazypatch", "interrupt.py", cwd=programs).returncode == -signal.SIGINT


@pytest.mark.parametrize("flags", [("-I",), ("-E", "-s"), ("-B", "-O"), ("-W", "error")])
def test_flags_keep_their_meaning(flags: tuple[str, ...], programs: pathlib.Path) -> None:
    both(programs, ["sub/app.py"], flags)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="-P came with Python 3.11")
@pytest.mark.parametrize("program", [["sub/app.py"], ["sub"], ["-c", SHOW]])
def test_a_safe_path_stays_safe(program: list[str], programs: pathlib.Path) -> None:
    environment = clean_environment(PYTHONSAFEPATH="1")
    results = [
        subprocess.run([sys.executable, *way, *program], cwd=programs, env=environment, capture_output=True, text=True)
        for way in ([], ["-m", "lazypatch"])
    ]
    assert normal(results[0].stdout) == normal(results[1].stdout)


def test_a_program_on_stdin(programs: pathlib.Path) -> None:
    both(programs, ["-", "a"], stdin=SHOW)
    both(programs, ["-"], stdin="1/0\n")


@pytest.mark.parametrize("program", [["mod.py"], ["error.py"], ["-c", "y = 6"]])
def test_i_goes_on_with_the_programs_globals(program: list[str], programs: pathlib.Path) -> None:
    stdin = (
        "print('globals', sorted(n for n in globals() if n[0] != '_'))\nimport sys\nprint(hasattr(sys, 'last_value'))\n"
    )
    both(programs, program, flags=("-i", "-q"), stdin=stdin)


def test_the_program_is_cooperative() -> None:
    done = run_python(
        "-m", "lazypatch", "-c", "import socket, gevent.socket; print(socket.socket is gevent.socket.socket)"
    )
    assert done.stdout == "True\n", done.stderr


def test_importtime_shows_no_target_no_gevent_no_wrapt(programs: pathlib.Path) -> None:
    (programs / "quiet.py").write_text("print('quiet')\n")
    done = run_python("-X", "importtime", "-m", "lazypatch", "quiet.py", cwd=programs)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert done.stdout == "quiet\n"
    assert "lazypatch.cli.runner" in loaded
    assert not {name for name in loaded if name.partition(".")[0] in ("gevent", "greenlet", "wrapt")}
    assert not loaded & {
        "socket",
        "ssl",
        "select",
        "selectors",
        "threading",
        "subprocess",
        "signal",
        "queue",
        "logging",
    }


def test_armed_twice_is_armed_once() -> None:
    code = "import sys; print(sum(type(f).__module__ == 'lazypatch._finder' for f in sys.meta_path))"
    done = run_python("-W", "error", "-m", "lazypatch", "-c", code, spec="gevent")
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_gevents_options_choose_groups() -> None:
    code = "import lazypatch; print([n for n in ('socket', 'ssl', 'queue') if lazypatch.state(n) == 'waiting'])"
    assert run_python("-m", "lazypatch", "--no-queue", "-c", code).stdout == "['socket', 'ssl']\n"
    assert run_python("-m", "lazypatch", "--time", "-c", code).stdout == "[]\n"
    assert run_python("-m", "lazypatch", "--patch", "ssl", "-c", code).stdout == "['socket', 'ssl', 'queue']\n"


def test_gevents_module_option(programs: pathlib.Path) -> None:
    plain = run_python("-m", "mod", "x", cwd=programs)
    assert normal(run_python("-m", "lazypatch", "--module", "mod", "x", cwd=programs).stdout) == normal(plain.stdout)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "no program was named"),
        (["--patch"], "--patch needs a SPEC"),
        (["--patch", "socet", "app.py"], "unknown word 'socet' in the spec 'socet'; did you mean 'socket'?"),
        (["--no-sokcet", "app.py"], "unknown option '--no-sokcet'"),
        (["--bogus=1", "app.py"], "unknown option '--bogus=1'"),
        (["-q", "app.py"], "unknown option '-q'"),
        (["-m"], "-m needs an argument"),
        (["--patch", "all", "--socket", "app.py"], "exclude each other"),
    ],
)
def test_a_command_line_that_makes_no_sense_exits_with_2_and_one_line(words: list[str], reason: str) -> None:
    done = run_python("-m", "lazypatch", *words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("lazypatch: ")
    assert reason in done.stderr
    assert "usage: " in done.stderr


def test_help_and_version() -> None:
    assert run_python("-m", "lazypatch", "--help").stdout.startswith("usage: ")
    assert re.fullmatch(r"lazypatch \d+\.\d+\.\d+\n", run_python("-m", "lazypatch", "--version").stdout)


def test_verbose_says_what_is_armed() -> None:
    """One line on stdout, as gevent.monkey's own does; its switches are in it."""
    done = run_python("-m", "lazypatch", "--verbose", "--time", "--no-aggressive", "--Event", "-c", "print(1)")
    first, rest = done.stdout.split("\n", 1)
    assert (done.returncode, rest, done.stderr) == (0, "1\n", "")
    assert first.startswith("lazypatch: armed with 'time,aggressive=0,Event=1': time; Python 3."), first


def test_gevents_switches_for_options_are_obeyed() -> None:
    code = (
        "import lazypatch._session, select, threading, gevent.event\n"
        "options = lazypatch._session.session().selection.wanted['select']\n"
        "print('aggressive' in options, issubclass(threading.Event, gevent.event.Event))"
    )
    for switches, printed in ((["--no-aggressive", "--no-Event"], "False False\n"), (["--Event"], "True True\n")):
        done = run_python("-m", "lazypatch", *switches, "-c", code)
        assert (done.returncode, done.stdout, done.stderr) == (0, printed, "")


def test_an_option_with_a_value_that_it_has_not_is_a_usage_error() -> None:
    done = run_python("-m", "lazypatch", "--socket=1", "-c", "print(1)")
    assert (done.returncode, done.stdout) == (
        2,
        "",
    ) and "the option --socket takes no value, and was given '--socket=1'; usage:" in done.stderr


def test_stdin_that_is_a_terminal_is_interactive(tmp_path: pathlib.Path) -> None:
    """As in plain Python: what is typed is answered."""
    ours, theirs = os.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "lazypatch", "-"], stdin=theirs, stdout=theirs, stderr=theirs,
        cwd=tmp_path, env=clean_environment(TERM="dumb"),
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, b"import socket, gevent.socket\n6 * 7 if socket.socket is gevent.socket.socket else None\n")
    out = b""
    while b"42" not in out.splitlines():
        assert select.select([ours], [], [], 60)[0], out
        out += os.read(ours, 1000)
    os.write(ours, b"raise SystemExit(3)\n")
    assert child.wait(60) == 3
    os.close(ours)
