"""The report: what became of each target, when, by whom, what it cost; in which form, where, for which process."""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import pty
import re
import struct
import subprocess
import sys
import termios
import typing
from typing import Any

import pytest
from conftest import clean_environment, run_code, run_python, unwrapped

import lazypatch

TARGETS = {
    "_thread", "threading", "_threading_local", "os", "time", "signal", "selectors", "select", "socket", "ssl",
    "subprocess", "queue",
}  # fmt: skip


@pytest.fixture
def program(tmp_path: pathlib.Path) -> pathlib.Path:
    """``app.py`` imports ``outer``, whose line 2 imports ``inner``, in which a function imports queue in line 2."""
    (tmp_path / "inner.py").write_text("def load():\n    import queue\nload()\n")
    (tmp_path / "outer.py").write_text('"""A module."""\nimport inner\n')
    (tmp_path / "app.py").write_text("import json\n\nimport outer\n")
    return tmp_path


def asked(program: pathlib.Path, *args: str, file: str = "r.json", **env: str) -> dict[str, Any]:
    """The JSON report of ``python -m lazypatch --report=FILE``."""
    done = run_python("-m", "lazypatch", f"--report={file}", *args, cwd=program, **env)
    assert (done.returncode, done.stderr) == (0, ""), done
    found: dict[str, Any] = json.loads((program / file).read_text())
    return found


def of(report: dict[str, Any], name: str) -> dict[str, Any]:
    return next(target for target in report["targets"] if target["name"] == name)


def where(places: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(pathlib.Path(place["file"]).name, place["line"]) for place in places]


def test_before_anything_happened_the_report_says_so_and_loads_nothing() -> None:
    """As typed into a REPL first thing."""
    code = (
        "import sys, lazypatch\nreport = lazypatch.report()\nprint(report); print(repr(report)); report.to_json()\n"
        "assert not {'socket', 'threading', 'select', 'subprocess', 'gevent', 'wrapt'} & set(sys.modules)"
    )
    out = run_code(code)
    assert "Nothing has been armed." in out and "gevent not loaded" in out
    assert "<lazypatch report: 12 skipped; print() it>" in out
    interactive = run_python("-i", "-q", stdin="import lazypatch\nlazypatch.report()\n")
    assert "<lazypatch report: 12 skipped; print() it>" in interactive.stdout


def test_a_json_report_has_a_record_for_each_target(program: pathlib.Path) -> None:
    report = asked(program, "app.py")
    assert report["format"] == 1 and {target["name"] for target in report["targets"]} == TARGETS
    assert of(report, "queue")["state"] == "installed" and of(report, "ssl")["state"] == "waiting"
    assert of(report, "ssl")["when"] is None and of(report, "ssl")["importers"] == []
    assert 0 < of(report, "queue")["when"] < report["elapsed"] and of(report, "queue")["install_ms"] > 0
    assert of(report, "queue")["thread"] == "main"
    assert report["loading"]["cause"] == "import queue" and report["loading"]["ms"] > 0
    assert report["loading"]["ms"] == pytest.approx(of(report, "queue")["load_ms"])
    assert report["problems"] == [] and report["references"] == [] and report["foreign"] == []
    assert report["armed"][0]["callers"] == [] and set(report["armed"][0]["targets"]) == TARGETS


def test_the_chain_of_importers_leads_from_the_statement_to_the_program(program: pathlib.Path) -> None:
    importers = of(asked(program, "app.py"), "queue")["importers"]
    assert where(importers) == [("inner.py", 2), ("inner.py", 3), ("outer.py", 2), ("app.py", 3)]
    assert [place["function"] for place in importers] == ["load", "<module>", "<module>", "<module>"]
    assert [place["module"] for place in importers] == ["inner", "inner", "outer", "__main__"]


def test_without_being_asked_in_advance_the_nearest_importers_are_known(program: pathlib.Path) -> None:
    code = "import outer, ssl, lazypatch; print(lazypatch.report().to_json())"
    done = run_python("-c", code, spec="gevent", cwd=program)
    report = json.loads(done.stdout)
    assert where(of(report, "queue")["importers"])[:3] == [("inner.py", 2), ("inner.py", 3), ("outer.py", 2)]
    assert where(of(report, "ssl")["importers"]) == [("<string>", 1)] and report["imports"] == []


def test_importlib_is_not_taken_for_the_importer(program: pathlib.Path) -> None:
    (program / "app.py").write_text(
        "from importlib import import_module\ndef get(): return import_module('queue')\nget()\n"
    )
    assert where(of(asked(program, "app.py"), "queue")["importers"]) == [("app.py", 2), ("app.py", 3)]


def test_what_gevents_own_import_brings_is_not_laid_to_the_programs_charge(program: pathlib.Path) -> None:
    threading = of(asked(program, "app.py"), "threading")
    assert threading["how"] == "gevent" and where(threading["importers"])[0] == ("inner.py", 2)


def test_a_first_import_in_another_thread_names_it(program: pathlib.Path) -> None:
    (program / "app.py").write_text(
        "import threading\ndef work():\n    import queue\nthread = threading.Thread(target=work, name='miner')\n"
        "thread.start(); thread.join()\n"
    )
    assert of(asked(program, "app.py"), "queue")["thread"] == "miner"


def test_a_call_of_a_stand_in_names_who_called(program: pathlib.Path) -> None:
    (program / "app.py").write_text("import time\ndef nap():\n    time.sleep(0)\nnap()\n")
    report = asked(program, "app.py")
    assert report["loading"]["cause"] == "a call in time"
    assert where(report["loading"]["callers"])[0] == ("app.py", 3)


def test_a_target_that_was_loaded_before_is_late_and_its_importer_inferred(program: pathlib.Path) -> None:
    (program / "early.py").write_text("import os\nfrom queue import Queue\n")
    (program / "app.py").write_text(
        "import early\nimport lazypatch\nlazypatch.patch_all()\nprint(lazypatch.report().to_json())\n"
    )
    report = json.loads(run_python("app.py", cwd=program).stdout)
    queue = of(report, "queue")
    assert (queue["state"], queue["how"], where(queue["importers"])[0]) == ("late", "inferred", ("early.py", 2))
    assert queue["found"] >= 1 and queue["found"] == queue["mended"] + queue["left"]
    assert any(one["place"] == "early.Queue" and one["mended"] for one in report["references"])
    assert where(report["armed"][0]["callers"]) == [("app.py", 3)]


def test_calls_of_gevent_monkey_are_laid_to_whoever_made_them(program: pathlib.Path) -> None:
    """One for each that the program made, not for those that gevent's functions make of each other."""
    (program / "app.py").write_text(
        "import gevent.monkey\ndef patch():\n    gevent.monkey.patch_all()\npatch()\ngevent.monkey.patch_ssl()\n"
    )
    calls = asked(program, "app.py")["foreign"]
    assert [(call["function"], where(call["callers"])[0]) for call in calls] == [
        ("patch_all", ("app.py", 3)), ("patch_ssl", ("app.py", 5)),
    ]  # fmt: skip


def test_drivers_are_reported_when_they_are_loaded(program: pathlib.Path) -> None:
    (program / "pyodbc.py").touch()
    (program / "zmq").mkdir()
    (program / "zmq" / "__init__.py").touch()
    (program / "zmq" / "green.py").touch()
    (program / "app.py").write_text("import pyodbc, zmq.green\n")
    seen = {driver["module"]: driver["switched"] for driver in asked(program, "app.py")["drivers"]}
    assert seen == {"pyodbc": False, "zmq": None}


SWITCHES = """
import sys, types
def module(name, **names):
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(names)
for name in ("psycopg2", "psycopg", "grpc", "zmq"):
    module(name)
if {loaded}:
    module("psycopg2.extensions", get_wait_callback=lambda: {switched} or None)
    def waits(): pass
    waits.__name__ = "wait_selector" if {switched} else "wait_c"
    module("psycopg.waiting", wait=waits)
    module("grpc._cython.cygrpc", g_gevent_activated={switched})
"""


@pytest.mark.parametrize(
    ("loaded", "switched", "seen"),
    [(False, False, (None, None, None)), (True, False, (False, False, False)), (True, True, (True, True, True))],
)
def test_a_drivers_own_switch_is_seen(
    loaded: bool, switched: bool, seen: tuple[bool | None, ...], program: pathlib.Path
) -> None:
    """True, False, or None where nothing tells; in all three forms."""
    (program / "app.py").write_text(SWITCHES.format(loaded=loaded, switched=switched))
    found = {driver["module"]: driver["switched"] for driver in asked(program, "app.py")["drivers"]}
    assert (found["psycopg2"], found["psycopg"], found["grpc"]) == seen and found["zmq"] is False
    words = {True: "switched", False: "blocks", None: "unknown"}
    run_python("-m", "lazypatch", "--report=r.txt", "--report=r.html", "app.py", cwd=program)
    for form in ("r.txt", "r.html"):
        shown = re.sub("<.*?>", " ", (program / form).read_text()).partition(
            "WHAT TO DO" if form == "r.txt" else "What to do"
        )
        for name, word in zip(("psycopg2", "psycopg", "grpc"), map(words.get, seen), strict=True):
            assert re.search(rf"\b{name}\s+{word}\b", shown[2]), shown[2]


def test_a_report_tells_in_words_what_is_left_and_who_called_gevent(program: pathlib.Path) -> None:
    """The table's second half."""
    (program / "early.py").write_text(
        "import socket, threading\nclass Line(socket.socket): pass\nheld = threading.Lock(); held.acquire()\n"
    )
    (program / "app.py").write_text(
        "import early\nimport lazypatch\nlazypatch.patch_all()\nimport gevent.monkey\ngevent.monkey.patch_time()\n"
        "print(lazypatch.report())\n"
    )
    done = run_python("app.py", cwd=program, PYTHONWARNINGS="ignore")
    shown = unwrapped(done.stdout)
    assert "left: early.held = _thread.allocate_lock (lock): it is in use" in shown, done.stdout + done.stderr
    assert "left: early.Line = socket.socket (subclass): its native base blocks" in shown
    assert re.search(r"patch_time\(\) after .*, app.py:5, thread main", done.stdout), done.stdout


def test_the_report_is_written_where_the_current_folder_is_gone(program: pathlib.Path) -> None:
    (program / "gone").mkdir()
    code = f"import os, queue; os.chdir({str(program / 'gone')!r}); os.rmdir(os.getcwd())"
    done = run_python("-m", "lazypatch", "--report", "-c", code)
    assert done.returncode == 0 and re.search("^queue +installed", done.stderr, re.MULTILINE), done.stderr


def test_imports_are_timed_as_a_tree(program: pathlib.Path) -> None:
    imports = asked(program, "app.py")["imports"]
    names = [row["name"] for row in imports]
    parent = {row["name"]: names[row["parent"]] if row["parent"] >= 0 else None for row in imports}
    assert parent["outer"] is None and parent["inner"] == "outer" and parent["queue"] == "inner"
    assert all(imports[row["parent"]]["ms"] >= row["ms"] for row in imports if row["parent"] >= 0)
    assert not any(name.startswith("lazypatch.reporting.records") for name in names)


def test_a_failing_import_looks_as_without_the_recorder(program: pathlib.Path) -> None:
    (program / "app.py").write_text("try:\n    import nowhere\nexcept ImportError:\n    pass\nimport broken\n")
    (program / "broken.py").write_text("1 / 0\n")
    plain = run_python("app.py", cwd=program)
    timed = run_python("-m", "lazypatch", "--report=r.json", "app.py", cwd=program)
    assert (timed.returncode, timed.stderr) == (plain.returncode, plain.stderr)
    failed = {row["name"]: row["failed"] for row in json.loads((program / "r.json").read_text())["imports"]}
    assert failed["nowhere"] is True and failed["broken"] is True


@pytest.mark.parametrize("end", ["sys.exit(7)", "1 / 0", "pass"])
def test_the_exit_status_stays_the_programs(end: str, program: pathlib.Path) -> None:
    code = f"import sys\n{end}\n"
    plain = run_python("-c", code)
    done = run_python("-m", "lazypatch", "--report=r.txt", "-c", code, cwd=program)
    assert (done.returncode, done.stderr) == (plain.returncode, plain.stderr)
    assert "TARGET" in (program / "r.txt").read_text()


def test_a_report_that_cannot_be_written_is_one_line(program: pathlib.Path) -> None:
    done = run_python("-m", "lazypatch", "--report=no/such/r.json", "-c", "raise SystemExit(4)", cwd=program)
    assert done.returncode == 4 and done.stderr.count("\n") == 1
    assert "could not write the report to" in done.stderr and "FileNotFoundError" in done.stderr


@pytest.mark.parametrize(
    ("args", "env"),
    [
        (["-m", "lazypatch", "--report", "-c", "import queue"], {}),
        (["-X", "cooppatch", "-X", "cooppatch_report", "-c", "import queue"], {}),
        (["-c", "import queue"], {"PYTHONCOOPPATCH": "all", "PYTHONCOOPPATCH_REPORT": "1"}),
        (["-c", "import lazypatch, queue; lazypatch.enable('gevent')"], {"PYTHONCOOPPATCH_REPORT": "1"}),
    ],
)
def test_each_way_to_ask_prints_the_table_on_stderr(args: list[str], env: dict[str, str]) -> None:
    done = run_python(*args, **env)
    rows = [line.split()[:2] for line in done.stderr.splitlines()]
    assert done.returncode == 0 and done.stdout == ""
    assert ["queue", "installed"] in rows or ["queue", "late"] in rows, done.stderr
    assert ["ssl", "waiting"] in rows and "\x1b" not in done.stderr


@pytest.mark.parametrize("value", ["0", "off", "none"])
def test_no_report_is_written_when_it_is_switched_off(value: str) -> None:
    done = run_python("-c", "pass", spec="gevent", PYTHONCOOPPATCH_REPORT=value)
    assert (done.returncode, done.stderr) == (0, "")
    assert run_python("-E", "-X", "cooppatch", "-c", "pass", PYTHONCOOPPATCH_REPORT="1").stderr == ""


CHILDREN = """
import os, subprocess, sys
subprocess.run([sys.executable, "-c", "import queue"], check=True)
pid = os.fork()
if not pid:
    sys.exit(0)
os.waitpid(pid, 0)
print(pid)
"""


def test_children_write_files_of_their_own(tmp_path: pathlib.Path) -> None:
    """Both those that inherit the variable and those that inherit the memory."""
    done = run_python("-c", CHILDREN, spec="gevent", cwd=tmp_path, PYTHONCOOPPATCH_REPORT="r.json")
    assert done.returncode == 0, done.stderr
    written = {path.name: json.loads(path.read_text()) for path in tmp_path.iterdir()}
    main = written.pop("r.json")
    assert len(written) == 2 and f"r.{done.stdout.strip()}.json" in written
    assert all(name == f"r.{report['pid']}.json" != f"r.{main['pid']}.json" for name, report in written.items())
    assert main["program"][2] == CHILDREN and of(main, "subprocess")["state"] == "installed"


def test_a_name_may_say_where_the_pid_goes(tmp_path: pathlib.Path) -> None:
    done = run_python(
        "-c", "import os; print(os.getpid())", spec="gevent", cwd=tmp_path, PYTHONCOOPPATCH_REPORT="at-%p.txt"
    )
    assert [path.name for path in tmp_path.iterdir()] == [f"at-{done.stdout.strip()}.txt"]


def on_terminal(columns: int, cwd: pathlib.Path, **env: str) -> str:
    """What ``--report`` shows on a terminal of *columns* columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    child = subprocess.Popen(
        [sys.executable, "-m", "lazypatch", "--report", "app.py"], stderr=theirs, cwd=cwd, env=clean_environment(**env)
    )
    os.close(theirs)
    out = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # so does Linux say that the other side is closed
            break
        out += piece
        if not piece:
            break
    os.close(ours)
    assert child.wait() == 0
    return out.decode()


@pytest.mark.parametrize("columns", [40, 60, 120])
def test_on_a_terminal_it_is_coloured_and_fits(columns: int, program: pathlib.Path) -> None:
    """Broken between words: all of it is there; in so narrow a one that columns do not fit, too."""
    shown = on_terminal(columns, program, TERM="xterm")
    assert "\x1b[32m" in shown
    lines = re.sub("\x1b\\[[0-9]*m", "", shown).splitlines()
    assert max(map(len, lines)) <= columns and len(lines) > 20, lines
    assert "by way of inner.py:3 < outer.py:2 < app.py:3" in unwrapped(" ".join(lines))
    assert ("  THREAD  IMPORTED BY" in "\n".join(lines)) == (columns > 60)


def test_where_there_is_no_terminal_it_is_80_columns_wide(program: pathlib.Path) -> None:
    """A name that is longer has a line of its own, whole."""
    name = "m" * 90
    (program / f"{name}.py").write_text("import queue\n")
    (program / "app.py").write_text(f"import {name}\nimport lazypatch\nprint(lazypatch.report())\n")
    done = run_python("-m", "lazypatch", "--report", "--report=r.txt", "app.py", cwd=program)
    for shown in (done.stdout, done.stderr, (program / "r.txt").read_text()):
        lines = [line for line in shown.splitlines() if name not in line]
        assert 60 < max(map(len, lines)) <= 80 and f"{name}.py:1" in shown, shown


def test_targets_adapters_and_drivers_are_one_table(program: pathlib.Path) -> None:
    """With their states in the same column, in both forms."""
    (program / "pyodbc.py").touch()
    (program / "app.py").write_text("import pyodbc, ssl\n")
    run_python("-m", "lazypatch", "--report=r.txt", "--report=r.HTML", "--report=r.JSON", "app.py", cwd=program)
    lines = (program / "r.txt").read_text().splitlines()
    column = next(line for line in lines if line.startswith("TARGET")).index("STATE")
    states = {line.split()[0]: line[column:].split()[0] for line in lines if line[:1].strip() and len(line) > column}
    assert (states["TARGET"], states["ADAPTER"], states["DRIVER"]) == ("STATE", "STATE", "STATE")
    assert (states["ssl"], states["ssl-classes"], states["pyodbc"]) == ("installed", "installed", "blocks")
    page = (program / "r.HTML").read_text()
    assert (
        page.count("<table") == 1
        and page.count("<tbody") == 3
        and page.index(">ssl-classes</th>") < page.index(">pyodbc</th>")
    )
    assert json.loads((program / "r.JSON").read_text())["loading"]["kind"] == "import"


@pytest.mark.parametrize(
    ("words", "files"),
    [
        (["--report", "r.html", "app.py"], ["r.html"]),
        (["--report", "r.JSON", "--report", "-c", "import queue"], ["r.JSON"]),
        (["--report", "app.py"], []),
        (["--report", "--strict", "app.py"], []),
        (["--report=one.txt", "--report", "two.txt", "--report=one.txt", "app.py"], ["one.txt", "two.txt"]),
        (["--report=p%p.json", "--report=%p/r.txt", "app.py"], ["p{pid}.json", "{pid}/r.txt"]),
    ],
)
def test_where_reports_go_on_the_command_line(words: list[str], files: list[str], program: pathlib.Path) -> None:
    """A word behind ``--report`` is a FILE if it looks like one and a program follows; said again, there are several."""
    (program / "app.py").write_text("import os, queue; os.path.exists('app.py') and print(os.getpid())\n")
    if "{pid}" in str(files):
        (program / "app.py").write_text("import os, queue\nprint(os.getpid())\nos.mkdir(str(os.getpid()))\n")
    done = run_python("-m", "lazypatch", *words, cwd=program)
    pid = done.stdout.strip()
    assert done.returncode == 0 and bool(done.stderr) == (not files or words.count("--report") > len(files)), done
    written = {str(path.relative_to(program)) for path in program.rglob("*") if path.is_file()}
    assert written - {"app.py", "inner.py", "outer.py"} == {file.format(pid=pid) for file in files}


def test_two_processes_that_end_together_write_two_reports(tmp_path: pathlib.Path) -> None:
    """Neither replaces the other's."""
    code = "import queue, sys; print(flush=True); sys.stdin.read()"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path,
            env=clean_environment(PYTHONCOOPPATCH="all", PYTHONCOOPPATCH_REPORT=str(tmp_path / "r.json")),
        )
        for _ in range(2)
    ]  # fmt: skip
    for child in children:
        assert child.stdout is not None and child.stdout.readline() == b"\n"
    for child in children:
        child.communicate(timeout=60)
    reports = {json.loads(path.read_text())["pid"] for path in tmp_path.iterdir()}
    assert reports == {child.pid for child in children}


def test_kinds_are_those_that_are_exported_and_the_page_lists(program: pathlib.Path) -> None:
    """Each is a text, in JSON too."""
    text = (pathlib.Path(__file__).parents[2] / "docs" / "report.md").read_text()
    for name in ("State", "PlaceKind", "VerdictKind", "AdapterKind", "ImporterKind", "LoadingKind"):
        row = next(line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
        listed = re.findall(r"`([^`]*)`", row.split(" | ", 2)[2])
        assert set(listed) == set(typing.get_args(getattr(lazypatch, name))) - {""}, name


def test_no_color_is_respected(program: pathlib.Path) -> None:
    shown = on_terminal(200, program, TERM="xterm", NO_COLOR="1")
    assert "installed" in shown and "\x1b" not in shown


def test_the_table_is_aligned_and_names_what_matters(program: pathlib.Path) -> None:
    done = run_python("-m", "lazypatch", "--report=r.txt", "app.py", cwd=program)
    assert done.stderr == ""
    lines = (program / "r.txt").read_text().splitlines()
    heading = next(line for line in lines if line.startswith("TARGET"))
    row = next(line for line in lines if line.startswith("queue"))
    assert row[heading.index("STATE") :].startswith("installed")
    assert row[heading.index("THREAD") :].startswith("main")
    assert row[heading.index("IMPORTED BY") :] == "inner.py:2 in load"
    assert "by way of inner.py:3 < outer.py:2 < app.py:3" in lines[lines.index(row) + 1]
    assert "Most expensive imports" in lines and "Strict mode would stop this program" not in lines


def test_the_journal_does_not_grow_for_ever() -> None:
    code = (
        "import importlib, queue\nfor count in range(3000): importlib.reload(queue)\n"
        "from lazypatch._session import session\nassert 100 < len(session().journal.entries) <= 2000, len(session().journal.entries)"
    )
    run_code(code, spec="queue,thread")


def test_an_importer_whose_file_is_gone_has_no_line(program: pathlib.Path) -> None:
    """And a target that somebody replaced by something else has no importers."""
    (program / "early.py").write_text("import queue, select, os\nos.remove(__file__)\n")
    (program / "app.py").write_text(
        "import sys\nsys.dont_write_bytecode = True\nimport early\nimport lazypatch\nlazypatch.patch_all()\n"
        "sys.modules['select'] = object()\nprint(lazypatch.report().to_json())\n"
    )
    report = json.loads(run_python("app.py", cwd=program, PYTHONDONTWRITEBYTECODE="1").stdout)
    assert where(of(report, "queue")["importers"])[0] == ("early.py", 0)
    assert of(report, "select")["importers"] == []


def test_a_stderr_of_the_programs_own_gets_the_report() -> None:
    """Whatever it is: this one says that it is a terminal, and has no descriptor."""
    code = (
        "import io, sys, queue\nclass Terminal(io.StringIO):\n    def isatty(self): return True\n"
        "    def write(self, text): print(max(len(line) for line in text.splitlines()) > 60, 'queue' in text, '\\x1b' in text)\n"
        "sys.stderr = Terminal()"
    )
    done = run_python("-m", "lazypatch", "--report", "-c", code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True True True\n", "")
