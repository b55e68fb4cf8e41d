"""Adapters are installed as targets are: when their module is there, wholly or not at all, on record, and told of."""

from __future__ import annotations

import pathlib
import re
import textwrap

import pytest
from conftest import run_python

DOCS = pathlib.Path(__file__).parents[2] / "docs"

LIBRARY = """
import threading
def wait(): return "in C"
def other(): return "other"
class Client:
    def get(self): return "native"
"""
PLAN = """
from lazypatch.adapters.changes import Change, Call
def plan(library):
    native = library.wait
    def wait(): return "cooperative, not " + native()
    return [Change(library, "wait", wait), Change(library.Client, "get", lambda self: "cooperative")]
def raises(library):
    library.wait  # is there
    raise KeyError("a bug in the plan")
def half(library):
    def refuse(): raise OSError("refused")
    return [Change(library, "wait", bool), Call(refuse, bool)]
def misspelt(library): return [Change(library, "wait", bool), Change(library.Client, "got", bool)]
def others(library):
    import socket
    return [Change(library, "wait", bool), Change(socket, "create_connection", bool)]
def gevents(library):
    import socket
    return [Change(library, "wait", bool), Change(socket.socket, "recv", bool)]
def immutable(library): return [Change(library, "wait", bool), Change(str, "upper", bool)]
def no_change(library): return ["wait"]
def nothing(library): pass
def in_pieces(library):
    yield Change(library, "wait", bool)
    raise KeyError("no more")
"""
# A plan that waits, in the hub and natively, while other threads import the library and something else.
SLOW = """
import gevent, lazypatch, threading, time
from lazypatch.adapters.changes import Change
def plan(library):
    lazypatch.original("time").sleep(0.05)
    other = threading.Thread(target=__import__, args=("colorsys",)); other.start(); other.join()
    gevent.sleep(0.05)
    return [Change(library, "wait", lambda: "cooperative")]
"""


@pytest.fixture
def distribution(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder with a library that waits in C and a distribution that brings an adapter for it."""
    (tmp_path / "slowlib.py").write_text(LIBRARY)
    (tmp_path / "slowlib_cooperates.py").write_text(PLAN)
    bring(tmp_path, "slowlib = slowlib_cooperates:plan")
    return tmp_path


def bring(folder: pathlib.Path, line: str) -> None:
    info = folder / "slowlib_cooperates-1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "entry_points.txt").write_text(f"[console_scripts]\nx = y:z\n\n[lazypatch.adapters]\n# for us\n{line}\n")


def run(folder: pathlib.Path, code: str, spec: str | None = "all", *flags: str) -> str:
    done = run_python(*flags, "-c", textwrap.dedent(code), spec=spec, PYTHONPATH=str(folder))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert not done.stderr, done.stderr
    return done.stdout


def test_another_distributions_adapter_is_installed_at_the_first_import(distribution: pathlib.Path) -> None:
    """Before the importer can take a name; the original is on record, state and report know of it."""
    run(
        distribution,
        """
        import sys, lazypatch
        assert "slowlib" not in sys.modules and "slowlib_cooperates" not in sys.modules
        assert lazypatch.state("slowlib") == "waiting"
        from slowlib import wait, Client
        assert wait() == "cooperative, not in C" and Client().get() == "cooperative"
        import slowlib
        assert lazypatch.state("slowlib") == "installed"
        assert lazypatch.get_original("slowlib", "wait")() == "in C"
        assert lazypatch.is_object_patched("slowlib", "wait") and not lazypatch.is_object_patched("slowlib", "other")
        assert "slowlib installed slowlib" in " ".join(str(lazypatch.report()).split()), str(lazypatch.report())
        """,
    )


def test_an_adapter_is_not_loaded_before_gevent_is_needed(distribution: pathlib.Path) -> None:
    """Until then no second thread can exist, and the original is right."""
    (distribution / "slowlib.py").write_text(LIBRARY.replace("import threading", ""))
    run(
        distribution,
        """
        import sys, slowlib, json
        assert slowlib.wait() == "in C"
        assert not {"gevent", "lazypatch._scheduler", "slowlib_cooperates"} & set(sys.modules)
        import threading
        assert slowlib.wait() == "cooperative, not in C"
        """,
    )


def test_names_that_were_taken_before_gevent_was_needed_are_mended(distribution: pathlib.Path) -> None:
    (distribution / "slowlib.py").write_text(LIBRARY.replace("import threading", ""))
    (distribution / "user.py").write_text("from slowlib import wait as held\n")
    run(
        distribution,
        """
        from slowlib import wait
        import user, sys
        assert "gevent" not in sys.modules
        import threading
        assert user.held() == wait() == "cooperative, not in C"
        """,
    )


@pytest.mark.parametrize("arm", ["enable()", "enable('gevent'); lazypatch.enable('slowlib')"])
def test_a_library_that_is_loaded_already_is_late_and_mended(distribution: pathlib.Path, arm: str) -> None:
    run(
        distribution,
        f"""
        from slowlib import wait
        import slowlib, lazypatch, gevent
        lazypatch.{arm}
        assert wait() == slowlib.wait() == "cooperative, not in C"
        assert lazypatch.state("slowlib") == "late", lazypatch.state("slowlib")
        """,
        None,
    )


def test_a_reload_is_adapted_again(distribution: pathlib.Path) -> None:
    run(
        distribution,
        """
        import importlib, slowlib, lazypatch
        for again in range(2):
            importlib.reload(slowlib)
            assert slowlib.wait() == "cooperative, not in C" and slowlib.Client().get() == "cooperative"
            assert lazypatch.get_original("slowlib", "wait")() == "in C"
        """,
    )


@pytest.mark.parametrize("spec", ["gevent", "all,-slowlib", "thread", "extensions,-slowlib"])
def test_who_does_not_want_it_does_not_get_it(distribution: pathlib.Path, spec: str) -> None:
    run(
        distribution,
        """
        import slowlib, threading, gevent.threading, sys, lazypatch
        assert slowlib.wait() == "in C" and "slowlib_cooperates" not in sys.modules
        assert lazypatch.state("slowlib") == "skipped"
        """,
        spec,
    )


@pytest.mark.parametrize("spec", ["slowlib", "gevent,slowlib", "extensions"])
def test_it_can_be_asked_for_by_its_word(distribution: pathlib.Path, spec: str) -> None:
    run(distribution, "import threading, slowlib, gevent; assert slowlib.wait() == 'cooperative, not in C'", spec)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("slowlib = slowlib_cooperates:raises", "KeyError: 'a bug in the plan'"),
        ("slowlib = slowlib_cooperates:half", "OSError: refused"),
        ("slowlib = slowlib_cooperates:missing", "AttributeError"),
        ("slowlib = nothing_there:plan", "No module named 'nothing_there'"),
        ("slowlib = slowlib_cooperates:misspelt", "would change Client.got, and there is none"),
        ("slowlib = slowlib_cooperates:others", "would change socket.create_connection, which"),
        ("slowlib = slowlib_cooperates:gevents", "would change socket.recv, which"),
        ("slowlib = slowlib_cooperates:immutable", "TypeError"),
        ("slowlib = slowlib_cooperates:no_change", "has 'wait' where a Change should be"),
        ("slowlib = slowlib_cooperates:nothing", "TypeError"),
        ("slowlib = slowlib_cooperates:in_pieces", "KeyError: 'no more'"),
    ],
)
def test_a_plan_that_fails_harms_nobody(distribution: pathlib.Path, line: str, said: str) -> None:
    """The import goes on, nothing is half changed, one line says what to do; and the targets are cooperative."""
    bring(distribution, line)
    code = (
        "import slowlib, socket, gevent.socket, lazypatch\n"
        "assert slowlib.wait() == 'in C' and slowlib.Client().get() == 'native'\n"
        "assert lazypatch.state('slowlib') == 'failed' and socket.socket is gevent.socket.socket\n"
        "assert 'slowlib failed' in ' '.join(str(lazypatch.report()).split())"
    )
    done = run_python("-c", code, spec="all", PYTHONPATH=str(distribution))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("could not install the adapter slowlib") == 1 and said in done.stderr
    assert "-slowlib" in done.stderr


def test_a_plan_that_is_slow_is_waited_for_by_those_who_import_its_library(distribution: pathlib.Path) -> None:
    """Nobody gets the library half adapted; others run, and import what they like."""
    (distribution / "slowlib_cooperates.py").write_text(SLOW)
    run(
        distribution,
        """
        import sys, threading
        seen = []
        def use():
            from slowlib import wait
            seen.append(wait())
        def another():
            import decimal
            seen.append("slowlib" in sys.modules)
        threads = [threading.Thread(target=each) for each in (use, use, another, use)]
        [each.start() for each in threads]; [each.join() for each in threads]
        assert seen.count("cooperative") == 3 and len(seen) == 4, seen
        """,
    )


def test_the_example_in_the_docs_works(tmp_path: pathlib.Path) -> None:
    """All of docs/adapters.md's last section: the entry point of its pyproject.toml, its plan, and its test."""
    section = (DOCS / "adapters.md").read_text().partition("## An adapter of your own")[2]
    toml, plan, test = re.findall(r"```(?:toml|python)\n(.*?)```", section, re.DOTALL)
    name, function = re.findall(r'^(\w+) = "(\w+:\w+)"$', toml.partition('"lazypatch.adapters"]')[2], re.MULTILINE)[0]
    bring(tmp_path, f"{name} = {function}")
    (tmp_path / "slowlib.py").write_text("import time\n\nwait = time.sleep\n")
    (tmp_path / f"{function.partition(':')[0]}.py").write_text(plan)
    (tmp_path / "test_it.py").write_text(test)
    code = f"import lazypatch, pytest; raise SystemExit(pytest.main([{str(tmp_path / 'test_it.py')!r}, '-p', 'no:cacheprovider']))"
    done = run_python("-c", code, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0 and "1 passed" in done.stdout, f"{done.stdout}\n{done.stderr}"


def test_a_users_own_module_of_that_name_is_left_alone(distribution: pathlib.Path) -> None:
    """A name of the standard library that an adapter waits for may be the program's."""
    (distribution / "logging_locks.py").write_text("")
    (distribution / "concurrent").mkdir()
    (distribution / "concurrent" / "__init__.py").write_text("")
    (distribution / "concurrent" / "futures").mkdir()
    (distribution / "concurrent" / "futures" / "__init__.py").write_text("")
    (distribution / "concurrent" / "futures" / "thread.py").write_text("_global_shutdown_lock = None\n")
    run(
        distribution,
        "import threading, concurrent.futures.thread as own; assert own._global_shutdown_lock is None",
    )


SOURCES = "fileobject hub local lock monkey os queue select selectors server signal socket ssl subprocess thread threading time"


@pytest.mark.parametrize("first", SOURCES.split())
def test_a_program_may_be_the_first_to_import_what_supplies_a_module(first: str) -> None:
    """As celery's pool for gevent does with gevent.signal: at the end of its body gevent has no such attribute yet."""
    code = (
        f"import gevent.{first}\nimport threading, subprocess, ssl, queue, signal, lazypatch\n"
        "rows = lazypatch.report().adapters\n"
        "print([row.word for row in rows if row.state == 'failed'], any(row.state == 'installed' for row in rows))"
    )
    assert run_python("-W", "error", "-c", code, spec="all").stdout == "[] True\n"
