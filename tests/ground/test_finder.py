"""The finder: other finders, other threads, users' modules of the same name, and what there is nothing to find for."""

from __future__ import annotations

import pathlib

import pytest
from conftest import run_code, run_python
from environments import make

TARGETS = ("threading", "_threading_local", "signal", "selectors", "select", "socket", "ssl", "subprocess", "queue")

# A finder of our class, on behalf of one who counts, in a process where nothing is armed.
COUNTING = """
import sys, _thread
assert not {"gevent", "queue"} & set(sys.modules)
from lazypatch._finder import Finder
from lazypatch._loader import wrap
fired = []
class Counts:
    wrap = staticmethod(wrap)
    minds = staticmethod(lambda name: False)
    give = staticmethod(lambda name: None)
    after = staticmethod(lambda name, module: fired.append(name))
    accepts = staticmethod(lambda spec: True)
class Session:
    steps = Counts
finder = Finder(Session)
finder.names.add("queue")
finder.install()
inside, go, done = [_thread.allocate_lock() for _ in "123"]
for lock in (inside, go, done): lock.acquire()
class Slow:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "queue" and _thread.get_ident() == worker:
            inside.release()
            go.acquire()
sys.meta_path.insert(1, Slow)
def walk():
    return next(spec for spec in (entry.find_spec("queue") for entry in list(sys.meta_path)) if spec is not None)
"""


def test_a_look_up_beside_an_import_does_not_lose_its_callback() -> None:
    """One thread is inside find_spec for an import; a look-up without locks, and then the import, both are watched."""
    run_code(
        COUNTING
        + """
def work():
    global worker
    worker = _thread.get_ident()
    import queue
    done.release()
_thread.start_new_thread(work, ())
inside.acquire()
assert type(walk().loader).__module__ == "lazypatch._loader"
assert fired == [] and "queue" not in sys.modules
go.release()
done.acquire()
assert fired == ["queue"], fired
"""
    )


def test_an_import_beside_a_look_up_does_not_lose_its_callback() -> None:
    """One thread is inside find_spec without holding a lock; an import in another one is watched."""
    run_code(
        COUNTING
        + """
def work():
    global worker
    worker = _thread.get_ident()
    walk()
    done.release()
_thread.start_new_thread(work, ())
inside.acquire()
import queue
assert fired == ["queue"], fired
go.release()
done.acquire()
assert fired == ["queue"], fired
"""
    )


def test_a_finder_that_yields_to_another_greenlet_does_not_lose_the_callback() -> None:
    """Two greenlets import one target while a finder switches between them: one body, one callback, cooperative."""
    run_code(
        """
import sys, socket, gevent, gevent.event
assert "queue" not in sys.modules
from lazypatch._session import session
finder, fired, bodies, seen = session().finder, [], [], []
steps = session().at_work()
after = steps.after
steps.after = lambda name, module: (fired.append(name), after(name, module))
second = gevent.event.Event()
class Yields:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "queue":
            second.wait()
sys.meta_path.insert(sys.meta_path.index(finder) + 1, Yields)
sys.addaudithook(lambda event, args: bodies.append(1) if event == "exec" and args[0].co_filename.endswith("queue.py")
                 and "gevent" not in args[0].co_filename else None)
def importer(last):
    if last: second.set()
    import queue
    seen.append(queue.Queue)
gevent.joinall([gevent.spawn(importer, False), gevent.spawn(importer, True)], raise_error=True)
import gevent.queue
assert seen == [gevent.queue.Queue] * 2, seen
assert fired.count("queue") == 1 and bodies == [1], (fired, bodies)
""",
        spec="gevent",
    )


@pytest.mark.parametrize("native", [True, False])
def test_a_package_may_wait_for_a_thread_that_imports_its_submodule(native: bool, tmp_path: pathlib.Path) -> None:
    """Looking for a watched submodule does not wait for the lock of its package."""
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "sub.py").write_text("value = 'own'\n")
    (tmp_path / "pack" / "__init__.py").write_text("""
import lazypatch
start, new_lock = (lazypatch.get_original("_thread", name) for name in ("start_new_thread", "allocate_lock"))
def work():
    import importlib, sys
    if sys.version_info >= (3, 14):  # where import itself waits for the package
        assert sys.meta_path[0].find_spec("pack.sub", __path__) is not None
        result.append(None)
    else:
        result.append(importlib.import_module("pack.sub"))
    done.release()
result = []
if __import__("__main__").native:
    done = new_lock()
    done.acquire()
    start(work, ())
    done.acquire()
else:
    import threading
    done = threading.Lock()
    done.acquire()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
""")
    run_code(
        f"""
import types, lazypatch
native = {native}
source = types.ModuleType("source")
source.value = "replaced"
assert lazypatch.patch_module("pack.sub", source, ["value"])
import pack, pack.sub
assert pack.sub.value == "replaced" and pack.result[0] in (None, pack.sub)
""",
        spec="gevent",
        PYTHONPATH=str(tmp_path),
    )


def test_an_entry_without_find_spec_on_meta_path_is_passed_over() -> None:
    """Finders of the old protocol are none of ours to call."""
    run_code(
        """
import sys, lazypatch
class Old:
    def find_module(self, name, path=None): raise AssertionError("called")
sys.meta_path.insert(1, Old())
assert "selectors" not in sys.modules
from lazypatch._session import session
assert session().finder.find_spec("selectors") is not None
del sys.meta_path[1]
import selectors, gevent.selectors
assert selectors.DefaultSelector is gevent.selectors.DefaultSelector
""",
        spec="gevent",
    )


def test_looking_for_any_watched_name_imports_and_raises_nothing_without_gevent(tmp_path: pathlib.Path) -> None:
    """find_spec never does more than wrap a loader."""
    environment = make(tmp_path, others=False)
    done = run_python("-c", """
import sys
from lazypatch._session import session
finder = session().finder
assert len(finder.names) > 12
before = set(sys.modules)
found = [name for name in sorted(finder.names) if "." not in name and finder.find_spec(name) is not None]
assert set(sys.modules) - before <= {"collections.abc", "lazypatch._look_up", "lazypatch._loader", "lazypatch._steps"}, set(sys.modules) - before
assert "gevent" not in found and {"socket", "ssl", "queue", "threading"} <= set(found), found
other = finder.find_spec("json")
assert other is None or type(other.loader).__module__ != "lazypatch._loader", other
assert finder.find_spec("there.is.no.such") is None
class Another:
    find_spec = staticmethod(lambda name, path=None, target=None: None)
sys.meta_path.append(Another)
assert finder.find_spec("gevent") is finder.find_spec("json") is None
assert type(finder.find_spec("queue").loader).__module__ == "lazypatch._loader"
""", spec="gevent", python=environment.python)  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", TARGETS)
def test_the_body_of_a_target_runs_once(name: str) -> None:
    """Whichever target comes first: no body runs twice, and the one in sys.modules is the one that ran."""
    run_code(
        f"""
import sys
assert not {{"gevent", {name!r}}} & set(sys.modules)
ran = []
def hook(event, args):
    if event == "exec" and args[0].co_name == "<module>":
        ran.append(args[0].co_filename)
    elif event == "import" and args[1]:
        ran.append(args[1])
sys.addaudithook(hook)
import {name}
for other in {TARGETS!r}:
    __import__(other)
files = [sys.modules[other].__file__ for other in {TARGETS!r} if hasattr(sys.modules[other], "__file__")]
counts = {{file: ran.count(file) for file in files}}
assert "gevent" in sys.modules and len(files) >= 8 and set(counts.values()) == {{1}}, counts
assert not [name for name in sys.modules if " " in name], "what stood in for an adopted module is still there"
""",
        spec="gevent",
    )


UNCOOPERATIVE = """
import sys, importlib.machinery
assert not {"gevent", "queue", "selectors"} & set(sys.modules)
class Uncoop:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return importlib.machinery.PathFinder.find_spec(name, path, target)
"""


def test_a_finder_that_was_first_before_arming_is_overtaken() -> None:
    """Arming puts ours first, so a finder that asks nobody else hides nothing."""
    run_code(
        UNCOOPERATIVE
        + """
sys.meta_path.insert(0, Uncoop())
import lazypatch
lazypatch.enable('gevent')
import queue, gevent.queue
assert queue.Queue is gevent.queue.Queue and lazypatch.state("queue") == "installed"
"""
    )


def test_a_finder_that_hides_a_target_is_named_and_overtaken() -> None:
    """What it hid is made cooperative when we are next asked anything, with a warning; then ours is first again."""
    done = run_python("-c", UNCOOPERATIVE + """
sys.meta_path.insert(0, Uncoop())
import queue
assert "gevent" not in sys.modules, "the finder hides nothing, so this tests nothing"
import time
time.sleep(0)
import gevent.queue, lazypatch
assert queue.Queue is gevent.queue.Queue and lazypatch.state("queue") == "late"
assert type(sys.meta_path[0]).__module__ == "lazypatch._finder"
assert sum(type(finder).__module__ == "lazypatch._finder" for finder in sys.meta_path) == 1
import selectors
assert lazypatch.state("selectors") == "installed"
""", spec="gevent")  # fmt: skip
    assert done.returncode == 0, done.stderr
    warnings = [line.split("LazyPatchWarning: ")[1] for line in done.stderr.splitlines() if "LazyPatchWarning" in line]
    assert len(warnings) == 1
    names, _, explained = warnings[0].partition(": ")
    assert "queue" in names.split(", "), "the finder hid what queue imports, and no more"
    assert set(names.split(", ")) <= {"queue", "signal", "threading"}
    assert explained.startswith("imported without lazypatch being asked, by Uncoop in front of it on sys.meta_path")


def test_a_target_hidden_until_the_next_enable_is_installed_then() -> None:
    """Arming again looks at what is loaded, also at what was hidden."""
    done = run_python("-c", UNCOOPERATIVE + """
import lazypatch
lazypatch.enable('gevent')
sys.meta_path.insert(0, Uncoop())
import queue
assert "gevent" not in sys.modules
lazypatch.enable('gevent')
import gevent.queue
assert queue.Queue is gevent.queue.Queue and lazypatch.state("queue") == "late"
""")  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_arming_twice_leaves_one_finder() -> None:
    """Also when the package itself is loaded a second time."""
    run_code(
        """
import sys, lazypatch
def ours():
    return [finder for finder in sys.meta_path if type(finder).__module__ == "lazypatch._finder"]
assert len(ours()) == 1
lazypatch.enable('gevent'); lazypatch.patch_all(Event=True); lazypatch.patch_socket()
assert len(ours()) == 1
first = ours()
for name in [name for name in sys.modules if name.partition(".")[0] == "lazypatch"]:
    del sys.modules[name]
import lazypatch
lazypatch.enable('gevent')
assert ours() == first and sys.meta_path[0] is first[0]
import queue, gevent.queue
assert queue.Queue is gevent.queue.Queue
""",
        spec="gevent",
    )


def test_a_users_module_with_the_name_of_a_target_is_left_alone(tmp_path: pathlib.Path) -> None:
    """Neither when it is imported nor when the next target is installed, and nothing is said about it."""
    (tmp_path / "queue.py").write_text("class Queue: pass\nSimpleQueue = None\n")
    (tmp_path / "app.py").write_text("""
import sys
import queue
assert queue.__file__.startswith(sys.path[0])
own = dict(vars(queue))
import socket, threading, gevent.socket
assert socket.socket is gevent.socket.socket
assert vars(queue) == own, set(vars(queue)) ^ set(own)
""")
    done = run_python(str(tmp_path / "app.py"), spec="gevent")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_namespace_package_is_left_alone(tmp_path: pathlib.Path) -> None:
    """A watched name may turn out to be one, which has no loader that runs anything."""
    (tmp_path / "space" / "inner").mkdir(parents=True)
    run_code(
        """
import types, lazypatch
source = types.ModuleType("source")
source.value = 1
lazypatch.patch_module("space", source, ["value"])
lazypatch.patch_module("space.inner", source, ["value"])
import space.inner
assert list(space.__path__) and type(space.__path__).__name__.endswith("NamespacePath")
assert not type(space.__spec__.loader).__module__.startswith("lazypatch")
""",
        spec="gevent",
        PYTHONPATH=str(tmp_path),
    )


def test_a_blocked_target_stays_blocked() -> None:
    """None in sys.modules is ModuleNotFoundError as ever, and the others are cooperative."""
    done = run_python("-c", """
import sys
assert "ssl" not in sys.modules
sys.modules["ssl"] = None
try:
    import ssl
except ModuleNotFoundError:
    pass
else:
    raise AssertionError("imported")
assert "gevent" not in sys.modules
import queue, socket, gevent.socket, gevent.queue
assert socket.socket is gevent.socket.socket and queue.Queue is gevent.queue.Queue
assert sys.modules["ssl"] is None
""", spec="gevent")  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("before", ["", "import queue, subprocess\n"])
def test_an_import_while_the_interpreter_ends_fails_as_it_always_does(before: str, tmp_path: pathlib.Path) -> None:
    """sys.meta_path is None by then; the error that plain Python shows is shown."""
    script = tmp_path / "app.py"
    script.write_text(
        before
        + """
import builtins, os, sys
class Last:
    def __del__(self, write=os.write):
        try:
            import ssl
        except BaseException as error:
            write(1, f"{type(error).__name__}: {error}\\n".encode())
sys.last, builtins.last = Last(), Last()
"""
    )
    assert run_code("import sys; print('lazypatch._finder' in sys.modules)", spec="gevent") == "True\n"
    plain, armed = (run_python(str(script), spec=spec) for spec in (None, "gevent"))
    assert plain.returncode == 0 and "sys.meta_path is None" in plain.stdout, plain
    assert (armed.returncode, armed.stdout, armed.stderr) == (plain.returncode, plain.stdout, plain.stderr)
