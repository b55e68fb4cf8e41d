"""The loader that stands for another one: nobody sees it, nothing of it stays, and it runs no body twice."""

from __future__ import annotations

import pathlib

import pytest
from conftest import run_code, run_python

# What the stock loaders say of each target; the same text must come out with and without us.
LOADERS = """
import sys
assert not {"socket", "queue"} & set(sys.modules)
names = ["threading", "_threading_local", "signal", "selectors", "select", "socket", "ssl", "subprocess", "queue",
         "os", "time", "_thread", "logging", "concurrent.futures.thread"]
for name in names:
    module = __import__(name, fromlist=["x"])
    spec = module.__spec__
    kind = lambda value: value.__name__ if isinstance(value, type) else type(value).__name__
    print(name, kind(module.__loader__), kind(spec.loader), module.__loader__ is spec.loader, spec.name, spec.origin,
          spec.cached, spec.has_location, spec.parent, spec.submodule_search_locations, spec.loader_state,
          getattr(module, "__file__", None), getattr(module, "__package__", None), spec._initializing)
import inspect, pkgutil, importlib.resources, importlib.util, linecache
for name in names:
    module = sys.modules[name]
    if kind(module.__loader__) == "SourceFileLoader":
        print(name, len(inspect.getsource(module)), len(module.__loader__.get_source(name)),
              module.__loader__.get_filename(name), module.__loader__.is_package(name))
    print(importlib.util.find_spec(name) is module.__spec__)
print(len(pkgutil.get_data("concurrent.futures", "thread.py")))
print(len(importlib.resources.files("concurrent.futures").joinpath("thread.py").read_bytes()))
"""


def test_a_loaded_target_shows_its_own_loader() -> None:
    """``__loader__``, ``__spec__`` and all that reads source through them are as without lazypatch."""
    armed = run_code(LOADERS + "\nassert 'gevent' in sys.modules", spec="gevent")
    assert len(armed.splitlines()) > 30
    assert armed == run_code(LOADERS + "\nassert 'gevent' not in sys.modules")


def test_a_running_body_shows_its_own_loader(tmp_path: pathlib.Path) -> None:
    """Code in the body may read ``__loader__`` and ``__spec__.loader``."""
    body = "seen = (type(__loader__), type(__spec__.loader), __loader__ is __spec__.loader)\n"
    (tmp_path / "watched.py").write_text(body)
    run_code(
        """
import types, lazypatch
source = types.ModuleType("source")
source.value = 1
lazypatch.patch_module("watched", source, ["value"])
import watched, importlib.machinery
loader = importlib.machinery.SourceFileLoader
assert watched.value == 1, "not watched, so this tests nothing"
assert watched.seen == (loader, loader, True), watched.seen
""",
        spec="gevent",
        PYTHONPATH=str(tmp_path),
    )


@pytest.mark.parametrize("name", ["queue", "selectors", "ssl", "threading", "select", "time", "socket", "subprocess"])
def test_running_a_target_as_a_program_is_as_without_lazypatch(name: str) -> None:
    """``python -m queue``: the same output, errors and status."""
    assert run_code("import sys; print('lazypatch._finder' in sys.modules)", spec="gevent") == "True\n"
    plain, armed = run_python("-m", name), run_python("-m", name, spec="gevent")
    assert (armed.returncode, armed.stdout, armed.stderr) == (plain.returncode, plain.stdout, plain.stderr)


def test_no_attribute_of_a_stock_loader_or_finder_changes() -> None:
    """They are classes that all modules share."""
    run_code("""
import sys
import _frozen_importlib as bootstrap, _frozen_importlib_external as external
assert "lazypatch._finder" not in sys.modules or not any("lazypatch" in type(f).__module__ for f in sys.meta_path)
def picture():
    classes = [value for module in (bootstrap, external) for value in vars(module).values() if isinstance(value, type)]
    return {cls: dict(vars(cls)) for cls in classes}
before = picture()
assert {"BuiltinImporter", "FrozenImporter", "PathFinder", "SourceFileLoader", "ExtensionFileLoader"} <= {
    cls.__name__ for cls in before}
import lazypatch
lazypatch.enable('gevent')
import threading, socket, ssl, select, selectors, subprocess, queue, signal, logging, importlib, gevent.socket
assert socket.socket is gevent.socket.socket
importlib.reload(queue), importlib.reload(time := __import__("time"))
after = picture()
assert before.keys() == after.keys()
for cls in before:
    changed = {name for name in before[cls].keys() | after[cls].keys()
               if before[cls].get(name) is not after[cls].get(name)}
    # No loader and no finder: it is where who waits for an import is met.
    assert changed == ({"has_deadlock"} if cls.__name__ == "_ModuleLock" else set()), (cls, changed)
""")


RELOADS = """
import sys, importlib
assert "gevent" not in sys.modules
from lazypatch._session import session
import queue
calls = []
steps = session().at_work()
after = steps.after
steps.after = lambda name, module: (calls.append(name), after(name, module))
loader = type(queue.__spec__.loader)
def check(times):
    for count in range(1, times + 1):
        assert importlib.reload(queue) is queue
        assert calls.count("queue") == count, (count, calls)
    import gevent.queue, lazypatch
    assert type(queue.__loader__) is type(queue.__spec__.loader) is loader
    assert queue.Queue is gevent.queue.Queue and lazypatch.get_original("queue", "Queue").__module__ == "queue"
"""


def test_five_hundred_reloads_call_back_five_hundred_times() -> None:
    """One call back each; wrappers do not pile up."""
    run_code(RELOADS + "check(500)", spec="gevent")


def test_reloads_through_a_finder_that_keeps_its_spec_do_not_pile_up() -> None:
    """A finder after ours gives the same spec object every time."""
    run_code(
        RELOADS
        + """
import importlib.machinery
kept = importlib.machinery.PathFinder.find_spec("queue")
class Keeps:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return kept if name == "queue" else None
sys.meta_path.insert(1, Keeps)
assert sys.meta_path[0] is session().finder
check(200)
""",
        spec="gevent",
    )


def test_a_private_copy_is_not_installed_into() -> None:
    """Neither a look-up nor a module made from it and executed changes anything, or loads gevent."""
    run_code(
        """
import sys, importlib.util
loaded = set(sys.modules)
assert "queue" not in loaded
spec = importlib.util.find_spec("queue")
assert set(sys.modules) - loaded <= {"lazypatch._look_up", "lazypatch._loader", "lazypatch._steps"}
copy = importlib.util.module_from_spec(spec)
assert "queue" not in sys.modules and "gevent" not in sys.modules
spec.loader.exec_module(copy)
assert "queue" not in sys.modules and copy.Queue.__module__ == "queue" and "put" in vars(copy.Queue)
kept = copy.Queue
import queue, gevent.queue
assert queue is not copy and queue.Queue is gevent.queue.Queue and copy.Queue is kept is not queue.Queue
""",
        spec="gevent",
    )


def test_a_private_copy_made_after_the_target_is_installed_stays_native() -> None:
    """The registry is told nothing of it either."""
    run_code(
        """
import importlib.util, lazypatch, queue, gevent.queue
before = lazypatch.get_original("queue", "Queue")
from lazypatch._session import session
spec = session().finder.find_spec("queue")
copy = importlib.util.module_from_spec(spec)
spec.loader.exec_module(copy)
assert copy is not queue and copy.Queue is not gevent.queue.Queue and copy.Queue is not before
assert queue.Queue is gevent.queue.Queue and lazypatch.get_original("queue", "Queue") is before
""",
        spec="gevent",
    )


def test_a_module_that_replaces_itself_is_installed_into_as_replaced(tmp_path: pathlib.Path) -> None:
    """What counts is the object in sys.modules when the body has run."""
    (tmp_path / "changeling.py").write_text("""
import sys, types
class Other(types.ModuleType):
    value = "own"
sys.modules[__name__] = Other(__name__)
value = "stale"
stale = sys.modules["__main__"].stale = sys.modules["__main__"].__dict__.setdefault("namespace", globals())
""")
    run_code(
        """
import sys, types, lazypatch
stale = None
source = types.ModuleType("source")
source.value = "replaced"
lazypatch.patch_module("changeling", source, ["value"])
import changeling
assert type(changeling).__name__ == "Other" and changeling.value == "replaced"
assert stale["value"] == "stale"
""",
        spec="gevent",
        PYTHONPATH=str(tmp_path),
    )
