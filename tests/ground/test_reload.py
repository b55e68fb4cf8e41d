"""Reloaded, and removed and imported again, a target is cooperative, and its originals are never ours."""

from __future__ import annotations

import pytest
from conftest import run_code, run_python

ALL = (
    "threading", "_threading_local", "signal", "selectors", "select", "socket", "ssl", "subprocess", "queue", "os",
    "time", "_thread",
)  # fmt: skip

# What each target replaces is what it replaced when it was first loaded.
CHECK = """
import importlib, sys, lazypatch
name = {name!r}
assert "gevent" not in sys.modules
module = importlib.import_module(name)
import socket  # _thread, os and time are installed when gevent loads
from lazypatch._session import session
first = dict(session().scheduler.originals.of(name))
assert len(first) >= 1, first
cooperative = {{item: getattr(module, item, None) for item in first}}
def origin(value):
    return getattr(value, "__module__", None) or type(value).__module__
replaced = {{item for item, value in cooperative.items() if value is not None and value is not first[item]}}
assert replaced, cooperative
def check(module, what):
    assert sys.modules[name] is module
    for item, expected in cooperative.items():
        found = getattr(module, item, None)
        if str(origin(expected)).startswith("gevent"):
            assert found is expected, (what, item, found)
        elif expected is None:
            assert found is None, (what, item, found)
    for item in first:
        original = lazypatch.get_original(name, item)
        assert not str(origin(original)).startswith(("gevent", "lazypatch")), (what, item, original)
        assert getattr(getattr(original, "__code__", None), "co_name", "") != "stand_in", (what, item)
        assert item not in replaced or getattr(module, item) is not original, (what, item)
    assert lazypatch.is_module_patched(name) and lazypatch.state(name) in ("installed", "late"), what
check(module, "first")
"""

WORKS = """
import threading, queue, subprocess
box = queue.Queue()
thread = threading.Thread(target=lambda: box.put(threading.current_thread() is thread))
thread.start(); thread.join()
assert box.get() is True
assert threading.current_thread() is threading.main_thread()
assert subprocess.run([sys.executable, "-c", ""]).returncode == 0
print("end")
"""


@pytest.mark.parametrize("name", ALL)
def test_a_reloaded_target_is_cooperative(name: str) -> None:
    """Three times over; originals stay the standard library's, and threads and processes go on working."""
    out = run_code(
        CHECK.format(name=name)
        + """
for count in "123":
    assert importlib.reload(module) is module
    check(module, count)
"""
        + WORKS,
        spec="gevent",
    )
    assert out == "end\n"


@pytest.mark.parametrize("name", ALL)
def test_a_target_that_was_removed_and_imported_again_is_cooperative(name: str) -> None:
    """Three times over: each new module object gets the same objects, its originals are its own."""
    out = run_code(
        CHECK.format(name=name)
        + """
seen = {id(module): module}
for count in "123":
    del sys.modules[name]
    module = importlib.import_module(name)
    seen[id(module)] = module
    check(module, count)
if name in ("socket", "queue", "threading", "ssl", "selectors", "subprocess", "signal"):
    assert len(seen) == 4, "the same object came back, so this tests nothing"
    item = next(item for item in first if cooperative[item] is not None and isinstance(first[item], type)) \\
        if name in ("socket", "queue", "ssl") else None
    assert item is None or lazypatch.get_original(name, item) is not first[item]
"""
        + (WORKS if name != "threading" else "print('end')\n"),
        spec="gevent",
    )
    assert out == "end\n"


@pytest.mark.parametrize("name", ALL)
def test_an_original_view_never_gives_a_gevent_object_after_a_reload(name: str) -> None:
    """lazypatch.original(name), asked after a reload, shows the standard library's."""
    run_code(
        CHECK.format(name=name)
        + """
importlib.reload(module)
view = lazypatch.original(name)
for item in first:
    found = getattr(view, item)
    assert not str(origin(found)).startswith("gevent"), (item, found)
""",
        spec="gevent",
    )


@pytest.mark.parametrize("then", ["itself", "queue", "collections", "time.sleep"])
@pytest.mark.parametrize("name", ["os", "time", "_thread"])
def test_what_is_always_loaded_may_be_taken_out_before_anything_is_installed(name: str, then: str) -> None:
    """We import it ourselves then, wherever that is: in the body of collections, say, which gevent needs."""
    first = "time" if then == "time.sleep" else name if then == "itself" else then
    out = run_code(
        f"import sys\nassert 'gevent' not in sys.modules and {first!r} in (*sys.modules, 'queue', 'collections')\n"
        f"sys.modules.pop({name!r}); sys.modules.pop('reprlib', None); sys.modules.pop('collections', None)\n"
        f"import {first}\nfrom time import sleep\n"
        + ("sleep(0.001); assert 'gevent' in sys.modules\n" if then == "time.sleep" else "")
        + """
import os, time, _thread, socket, collections
import lazypatch, gevent.hub, gevent.os, gevent.thread
for module, item in ((os, "fork"), (time, "sleep"), (_thread, "start_new_thread")):
    assert lazypatch.state(module.__name__) == "installed", module
    assert getattr(module, item) is not lazypatch.get_original(module.__name__, item), (module, item)
    assert type(lazypatch.get_original(module.__name__, item)) is type(len), (module, item)
assert sleep is time.sleep or sleep.__name__ == "sleep" and type(sleep) is type(lambda: 0), "a native one"
"""
        + WORKS,
        spec="gevent",
    )
    assert out == "end\n"


def test_logging_may_be_loaded_again() -> None:
    """It is no target, but its locks are made of one."""
    done = run_python(
        "-c",
        """
import importlib, sys, threading, logging
for step in ("reloaded", "imported again"):
    if step == "reloaded":
        importlib.reload(logging)
    else:
        del sys.modules["logging"]
        import logging
    logging.basicConfig()
    logging.warning(step)
    locks = [logging._lock, *(reference().lock for reference in logging._handlerList)]
    assert len(locks) > 1 and all(isinstance(lock, threading._RLock) for lock in locks), locks
""",
        spec="gevent",
    )
    assert (done.returncode, done.stderr) == (0, "WARNING:root:reloaded\nWARNING:root:imported again\n")
