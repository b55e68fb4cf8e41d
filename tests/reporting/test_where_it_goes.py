"""The file of a report: whatever is there already comes to no harm, and nothing is left behind."""

from __future__ import annotations

import os
import pathlib
import stat
import subprocess
import sys
import threading

import pytest
from conftest import clean_environment, run_python, unwrapped

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="devices, FIFOs and links are POSIX's")
PROGRAM = ("-c", "import queue; print('ran')")
HEAD = "lazypatch: "


def ask(file: object, *program: str, **env: str) -> subprocess.CompletedProcess[str]:
    return run_python(*(program or PROGRAM), spec="all", PYTHONCOOPPATCH_REPORT=str(file), **env)


def test_a_device_stays_one() -> None:
    """Of a terminal's kind: to make one needs no rights."""
    leader, follower = os.openpty()
    name = os.ttyname(follower)
    done = ask(name)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")
    assert os.read(leader, 10_000).startswith(HEAD.encode()) and stat.S_ISCHR(os.stat(name).st_mode)
    os.close(leader), os.close(follower)


def test_a_full_device_is_complained_of_and_stays_one() -> None:
    done = ask("/dev/full")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (0, "ran\n", 1)
    assert "could not write the report to /dev/full: OSError" in done.stderr and stat.S_ISCHR(
        os.stat("/dev/full").st_mode
    )


def test_a_fifo_is_written(tmp_path: pathlib.Path) -> None:
    fifo, got = tmp_path / "fifo", []
    os.mkfifo(fifo)
    reader = threading.Thread(target=lambda: got.append(fifo.read_text()))
    reader.start()
    done = ask(fifo)
    reader.join(20)
    assert (done.returncode, done.stderr) == (0, "") and got[0].startswith(HEAD) and fifo.is_fifo()


def test_a_fifo_that_nobody_reads_does_not_keep_the_program(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    done = ask(tmp_path / "fifo")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (
        0,
        "ran\n",
        1,
    ) and "could not write" in done.stderr


@pytest.mark.parametrize("dangling", [False, True])
def test_a_link_stays_and_its_goal_is_written(dangling: bool, tmp_path: pathlib.Path) -> None:
    goal, link = tmp_path / "there" / "goal.txt", tmp_path / "link"
    goal.parent.mkdir()
    if not dangling:
        goal.write_text("old")
    link.symlink_to("there/goal.txt")
    assert ask(link).returncode == 0
    assert link.is_symlink() and goal.read_text().startswith(HEAD) and [*goal.parent.iterdir()] == [goal]


@pytest.mark.parametrize("file", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
def test_a_descriptor_is_written_after_what_the_program_printed(file: str, tmp_path: pathlib.Path) -> None:
    """Where it leads to a file, that one is not replaced either: it holds the program's output."""
    if file == "link":
        (tmp_path / "link").symlink_to("/dev/stdout")
        file = str(tmp_path / "link")
    out = tmp_path / "out.txt"
    with out.open("w") as stdout:
        env = clean_environment(PYTHONCOOPPATCH="all", PYTHONCOOPPATCH_REPORT=file)
        subprocess.run([sys.executable, *PROGRAM], stdout=stdout, check=True, env=env, cwd=tmp_path, timeout=60)
    assert out.read_text().startswith("ran\n" + HEAD)
    assert {path.name for path in tmp_path.iterdir()} <= {"out.txt", "link"}


def test_the_file_that_stdout_leads_to_keeps_what_was_printed(tmp_path: pathlib.Path) -> None:
    out = tmp_path / "out.txt"
    with out.open("w") as stdout:
        env = clean_environment(PYTHONCOOPPATCH="all", PYTHONCOOPPATCH_REPORT=str(out))
        subprocess.run([sys.executable, *PROGRAM], stdout=stdout, check=True, env=env, cwd=tmp_path, timeout=60)
    assert out.read_text().startswith("ran\n" + HEAD)


def test_children_write_to_a_device_as_well_and_make_no_file_beside_it() -> None:
    code = "import os, subprocess, sys\nprint(os.environ['PYTHONCOOPPATCH_REPORT'])"
    assert ask("/dev/null", "-c", code).stdout == "/dev/null\n"


def test_nothing_is_left_where_the_report_does_not_fit(tmp_path: pathlib.Path) -> None:
    """What was there stays as it was."""
    file = tmp_path / "report.txt"
    file.write_text("old")
    os.utime(file, (1, 1))
    code = "import resource, queue; resource.setrlimit(resource.RLIMIT_FSIZE, (50, 50)); print('ran')"
    done = ask(file, "-c", code)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (0, "ran\n", 1), done.stderr
    assert file.read_text() == "old" and [*tmp_path.iterdir()] == [file]


def test_permissions_stay_and_the_name_of_what_is_prepared_cannot_be_guessed(tmp_path: pathlib.Path) -> None:
    """A link that was put in its place beforehand has its goal overwritten."""
    file, victim = tmp_path / "report.txt", tmp_path / "victim"
    file.write_text("old")
    file.chmod(0o600)
    victim.write_text("precious")
    plant = f"import os\nos.symlink({str(victim)!r}, f'{file}.{{os.getpid()}}.new')\nprint('ran')"
    os.utime(file, (1, 1))
    assert ask(file, "-c", plant).returncode == 0
    assert victim.read_text() == "precious" and file.read_text().startswith(HEAD)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("how", ["variable", "x option", "command line"])
def test_a_removed_current_folder_changes_nothing_but_the_report(how: str, tmp_path: pathlib.Path) -> None:
    """It is asked for by a relative name, before the program begins."""
    # (Plain Python itself cannot import socket from there with -c.)
    code = "import queue, lazypatch; assert lazypatch.state('queue') == 'installed'; print('ran')"
    args = {
        "variable": ["-c"], "x option": ["-X", "cooppatch=gevent", "-X", "cooppatch_report=r.txt", "-c"],
        "command line": ["-m", "lazypatch", "--patch", "gevent", "--report=r.txt", "-c"],
    }[how]  # fmt: skip
    env = {"PYTHONCOOPPATCH": "gevent", "PYTHONCOOPPATCH_REPORT": "r.txt"} if how == "variable" else {}
    gone = tmp_path / "gone"
    gone.mkdir()
    shell = 'cd "$0" && rmdir "$0" && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", shell, str(gone), sys.executable, *args, code], capture_output=True, text=True, timeout=60,
        env=clean_environment(**env),
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (0, "ran\n", 1), done
    assert "could not write the report to r.txt: FileNotFoundError" in done.stderr


@pytest.mark.parametrize("home", ["/nowhere", None])
def test_no_home_and_no_folder_to_write_in(home: str | None, tmp_path: pathlib.Path) -> None:
    env = {} if home is None else {"HOME": home}
    done = ask(tmp_path / "nowhere" / "r.txt", **env)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (0, "ran\n", 1)


@pytest.mark.parametrize("form", ["txt", "json", "html"])
def test_the_command_line_can_be_left_out(form: str, tmp_path: pathlib.Path) -> None:
    """It may hold passwords; the program's own name stays."""
    file = tmp_path / f"r.{form}"
    (tmp_path / "app.py").write_text("import queue\n")
    app = str(tmp_path / "app.py")
    assert ask(file, app, "--password=secret").returncode == 0
    assert ("secret" in file.read_text()) == (form != "txt")
    os.utime(file, (1, 1))
    assert ask(file, app, "--password=secret", PYTHONCOOPPATCH_REPORT_ARGS="0").returncode == 0
    assert "secret" not in file.read_text() and "app.py" in file.read_text()
    os.utime(file, (1, 1))
    option = ["-X", "cooppatch", "-X", f"cooppatch_report={file}", "-X", "cooppatch_report_args=0"]
    assert run_python("-E", *option, app, "--password=secret").returncode == 0
    assert "secret" not in file.read_text()


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (("-S",), "-S has Python read no .pth file"),
        (("-E",), "Python was told to ignore PYTHONCOOPPATCH=all (-E or -I). Write -X cooppatch=all."),
        ((), "which is no site-packages folder"),
    ],
)
def test_a_variable_that_was_not_obeyed_is_reported(flags: tuple[str, ...], why: str, tmp_path: pathlib.Path) -> None:
    """A package that was installed with --target has its .pth file where nobody reads it."""
    import lazypatch

    packages = pathlib.Path(lazypatch.__file__).parent.parent
    code = f"import sys; sys.path.insert(0, {str(packages)!r}); import lazypatch; print(lazypatch.report())"
    python = sys.executable
    if not flags:
        from environments import make

        environment = make(tmp_path, others=False)
        for name in ("lazypatch.pth", "lazypatch.start"):
            (environment.site / name).unlink()
        python = environment.python
        why = "no .pth file is read in"
    done = run_python(*flags, "-c", code, spec="all", python=python)
    shown = unwrapped(done.stdout)
    assert done.returncode == 0 and why in shown, done
    assert "-E" in flags or "Nothing has been armed, because PYTHONCOOPPATCH=all was not seen: " in shown


def test_a_report_that_was_asked_for_tells_of_a_spec_that_was_refused(tmp_path: pathlib.Path) -> None:
    for name in ("report.txt", "report.json", "report.html"):
        file = tmp_path / name
        done = run_python("-c", "print(1)", spec="socet", PYTHONCOOPPATCH_REPORT=str(file))
        assert (done.stdout, done.returncode) == ("1\n", 0)
        assert "unknown word" in unwrapped(file.read_text()), file.read_text()


def test_a_spec_that_was_refused_is_reported() -> None:
    done = run_python("-c", "import lazypatch; print(lazypatch.report())", spec="socet")
    assert "Nothing has been armed, because PYTHONCOOPPATCH=socet: unknown word" in unwrapped(done.stdout)
