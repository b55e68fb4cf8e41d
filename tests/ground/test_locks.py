"""Import locks that are held while threads become cooperative, and our own locks, when others fork or interrupt."""

from __future__ import annotations

import os
import pathlib
from typing import Any

import pytest
from conftest import run_code, run_python
from environments import make

# Native locks, whatever is installed later, and what is true once the thread group is installed.
PRELUDE = """
import sys, _thread
assert not {"gevent", "threading", "socket", "queue"} & set(sys.modules)
start, new_lock, native_ident = _thread.start_new_thread, _thread.allocate_lock, _thread.get_ident
import lazypatch
start = lazypatch.get_original("_thread", "start_new_thread")
assert "gevent" not in sys.modules and type(new_lock()).__module__ == "_thread"
def held():
    lock = new_lock()
    lock.acquire()
    return lock
def check():
    import gevent.threading, threading, socket
    assert threading.get_ident is gevent.threading.get_ident is not native_ident
    assert socket.socket is gevent.socket.socket
    assert threading.current_thread() is threading.main_thread()
    import colorsys  # an import still works
"""


def write_module(folder: pathlib.Path, name: str, body: str) -> str:
    """A module of the program's own, for PYTHONPATH."""
    (folder / f"{name}.py").write_text(body)
    return str(folder)


@pytest.mark.parametrize("name", ["threading", "queue", "concurrent.futures.thread", "asyncio", "logging"])
def test_the_first_import_can_be_one_that_leads_to_threading(name: str) -> None:
    """No thread waits for itself, and threading's identity is gevent's from then on."""
    run_code(
        f"""
import sys
assert not {{"threading", "gevent"}} & set(sys.modules)
import {name}
import threading, gevent.threading
assert threading.get_ident is gevent.threading.get_ident
assert threading.current_thread() is threading.main_thread()
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(2) as pool:
    assert list(pool.map(abs, [-1, -2])) == [1, 2]
assert type(threading.get_native_id()) is int
""",
        spec="gevent",
    )


@pytest.mark.parametrize("spec", ["gevent", "gevent,existing_locks=0"])
@pytest.mark.parametrize("trigger", ["socket", "threading", "select"])
def test_a_module_body_may_be_what_loads_gevent(spec: str, trigger: str, tmp_path: pathlib.Path) -> None:
    """The lock of the module whose body runs is released by the owner that took it, also without existing_locks."""
    path = write_module(tmp_path, "holder", f"import {trigger}\nVALUE = 1\n")
    run_code(PRELUDE + "import holder\nassert holder.VALUE == 1\ncheck()", spec=spec, PYTHONPATH=path)


@pytest.mark.parametrize("spec", ["gevent", "gevent,existing_locks=0"])
def test_a_module_body_may_arm_and_load_targets_that_are_there(spec: str, tmp_path: pathlib.Path) -> None:
    """The same when it is enable() itself that finds a target loaded, in the body of a module in a package."""
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("from . import inner\nVALUE = inner.VALUE\n")
    body = f"import threading, lazypatch\nlazypatch.enable({spec!r})\nassert 'gevent' in __import__('sys').modules\n"
    write_module(tmp_path / "pack", "inner", body + "VALUE = 1\n")
    run_code(PRELUDE + "import pack\nassert pack.VALUE == 1\ncheck()", PYTHONPATH=str(tmp_path))


def test_a_pth_line_may_be_what_loads_gevent(tmp_path: pathlib.Path) -> None:
    """The interpreter starts when a .pth file that comes after ours imports a target."""
    environment = make(tmp_path)
    (environment.site / "zzz.pth").write_text("import threading, socket\n")
    done = run_python("-c", "import sys; assert 'gevent' in sys.modules; import socket, threading, gevent.threading\n"
        "assert socket.socket is gevent.socket.socket and threading.get_ident is gevent.threading.get_ident",
        spec="gevent", python=environment.python)  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_live_native_thread_does_not_make_the_import_fail(tmp_path: pathlib.Path) -> None:
    """A module body loads gevent while another native thread is alive and waits."""
    path = write_module(tmp_path, "holder", "import socket\nVALUE = 1\n")
    run_code(
        PRELUDE
        + """
waiting, go, done = held(), held(), held()
def work():
    waiting.release()
    go.acquire()
    done.release()
start(work, ())
waiting.acquire()
import holder
assert holder.VALUE == 1
check()
go.release()
done.acquire()
""",
        spec="gevent",
        PYTHONPATH=path,
    )


def test_a_live_thread_of_threading_does_not_make_the_import_fail(tmp_path: pathlib.Path) -> None:
    """A module body arms while a native threading.Thread is alive; the thread can be joined afterwards."""
    path = write_module(tmp_path, "holder", "import lazypatch\nlazypatch.patch_all(Event=True)\nVALUE = 1\n")
    run_code(
        PRELUDE
        + """
import threading
go = held()
thread = threading.Thread(target=go.acquire)
thread.start()
import holder
assert holder.VALUE == 1 and thread.is_alive()
check()
go.release()
thread.join()
assert not thread.is_alive()
""",
        PYTHONPATH=path,
    )


@pytest.mark.parametrize("trigger", ["socket", "threading", "queue"])
def test_another_native_thread_may_be_inside_an_import_of_its_own(trigger: str, tmp_path: pathlib.Path) -> None:
    """Its import ends well, although threads became cooperative in the middle of it."""
    body = "import __main__\n__main__.inside.release()\n__main__.go.acquire()\nVALUE = 1\n"
    path = write_module(tmp_path, "slow", body)
    run_code(
        PRELUDE
        + f"""
inside, go, done = held(), held(), held()
outcome = []
def work():
    try:
        import slow
        outcome.append(slow.VALUE)
    except BaseException as error:
        outcome.append(error)
    done.release()
start(work, ())
inside.acquire()
import {trigger}
check()
assert "slow" in sys.modules and not outcome
go.release()
done.acquire()
assert outcome == [1], outcome
""",
        spec="gevent",
        PYTHONPATH=path,
    )


@pytest.mark.parametrize("first", ["socket", "threading"])
def test_native_threads_may_import_different_targets_at_once(first: str) -> None:
    """Eight native threads start at the same moment; each target is cooperative afterwards and no import fails."""
    run_code(
        PRELUDE
        + f"""
names = [{first!r}, "queue", "subprocess", "ssl", "selectors", "select", "logging", "concurrent.futures.thread"]
gate, done, errors = held(), [], []
finished = {{name: held() for name in names}}
def work(name):
    gate.acquire(); gate.release()
    try:
        __import__(name)
    except BaseException as error:
        errors.append((name, error))
    finished[name].release()
for name in names:
    start(work, (name,))
gate.release()
for lock in finished.values():
    lock.acquire()
if sys.version_info[:3] == (3, 13, 0):  # whose own imports race: a module may be seen half imported without us
    errors = [error for error in errors if "release" in str(error[1])]
assert not errors, errors
for name in ("socket", "threading", "queue", "subprocess", "ssl", "selectors", "select"):
    __import__(name)
    assert lazypatch.state(name) in ("installed", "late"), (name, lazypatch.state(name))
""",
        spec="gevent",
    )


TWO_GREENLETS = """
import builtins, sys
builtins.bodies = []
assert not {"gevent", "socket", "slow"} & set(sys.modules)
"""


def test_importlib_forgets_the_locks_that_were_held_while_gevent_was_loaded(tmp_path: pathlib.Path) -> None:
    """As it does all others once nobody imports their modules: CPython's test_importlib looks."""
    path = write_module(tmp_path, "imports_a_target", "import queue")
    run_code(
        "import _frozen_importlib, gc, imports_a_target; gc.collect(); assert not _frozen_importlib._module_locks",
        spec="gevent",
        PYTHONPATH=path,
    )


@pytest.mark.parametrize("first", ["functools", "threading", "queue, functools"])
def test_greenlets_keep_each_other_out_of_functools(first: str) -> None:
    """Its RLock, which cached_property uses up to 3.11, is the native one under gevent.monkey."""
    run_code(
        f"""
import {first}
import functools, gevent, threading
assert functools.RLock is threading.RLock
lock, order = functools.RLock(), []
def enter(name):
    with lock, lock:
        order.append(name)
        gevent.sleep(0)
        order.append(name)
gevent.joinall([gevent.spawn(enter, name) for name in "ab"], raise_error=True)
assert order in (list("aabb"), list("bbaa")), order
""",
        spec="gevent",
    )


def test_two_greenlets_that_import_one_module_see_it_whole(tmp_path: pathlib.Path) -> None:
    """The body runs once and yields; the second greenlet waits for its end, and so does not see half a module."""
    path = write_module(tmp_path, "slow", "bodies.append(1)\nimport __main__\n__main__.second.wait()\nVALUE = 1\n")
    run_code(
        TWO_GREENLETS
        + """
import socket, gevent, gevent.event
second, seen = gevent.event.Event(), []
def importer(last):
    if last:
        assert "slow" in sys.modules and not hasattr(sys.modules["slow"], "VALUE")
        second.set()
    from slow import VALUE
    seen.append(VALUE)
gevent.joinall([gevent.spawn(importer, False), gevent.spawn(importer, True)], raise_error=True)
assert seen == [1, 1] and bodies == [1], (seen, bodies)
""",
        spec="gevent",
        PYTHONPATH=path,
    )


def test_a_module_whose_body_loads_gevent_is_seen_whole_by_a_greenlet(tmp_path: pathlib.Path) -> None:
    """The lock of an import that began under native threads is one that a greenlet can wait for."""
    body = """
bodies.append(1)
import __main__, sys
assert "gevent" not in sys.modules
import socket, gevent, gevent.event
second = gevent.event.Event()
__main__.greenlet = gevent.spawn(__main__.importer, second)
second.wait()
VALUE = 1
"""
    path = write_module(tmp_path, "slow", body)
    run_code(
        TWO_GREENLETS
        + """
seen = []
def importer(second):
    assert not hasattr(sys.modules["slow"], "VALUE")
    second.set()
    from slow import VALUE
    seen.append(VALUE)
import slow
greenlet.get()
assert seen == [1] and bodies == [1], (seen, bodies)
""",
        spec="gevent",
        PYTHONPATH=path,
    )


def test_gevent_may_be_loaded_by_a_bare_greenlet_in_the_middle_of_an_import(tmp_path: pathlib.Path) -> None:
    """The greenlet that loads gevent owns the lock of the module whose body it runs, before and after."""
    path = write_module(tmp_path, "holder", "import socket\nVALUE = 1\n")
    run_code(
        PRELUDE
        + """
import greenlet
assert "gevent" not in sys.modules
def work():
    import holder
    return holder.VALUE
assert greenlet.greenlet(work).switch() == 1
check()
""",
        spec="gevent",
        PYTHONPATH=path,
    )


def test_a_greenlet_that_was_about_to_take_a_lock_when_threads_became_cooperative_can_release_it(
    tmp_path: pathlib.Path,
) -> None:
    """It has asked who it is under the native ident, and holds nothing yet: a trace function stands for other threads."""
    path = write_module(tmp_path, "holder", "import colorsys\nVALUE = 1\n")
    run_code(
        PRELUDE
        + """
import greenlet
from _frozen_importlib import _ModuleLock
def inside(frame, event, argument):
    if event == "line" and "tid" in frame.f_locals and "threading" not in sys.modules:
        assert frame.f_locals["tid"] == native_ident() and frame.f_locals["self"].owner is None
        import threading
    return inside
def each_call(frame, event, argument):
    taking = frame.f_code is _ModuleLock.acquire.__code__ and frame.f_locals["self"].name == "holder"
    return inside if taking else None
def work():
    sys.settrace(each_call)
    try:
        import holder
    finally:
        sys.settrace(None)
    return holder.VALUE
assert greenlet.greenlet(work).switch() == 1 and "gevent" in sys.modules
check()
""",
        spec="gevent",
        PYTHONPATH=path,
    )


posix_only = pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork does not exist here")


@posix_only
def test_a_child_forked_while_another_thread_holds_the_registry_can_import() -> None:
    """The child's registry has a lock of its own: the thread that held the old one does not exist there."""
    run_code(
        PRELUDE
        + """
import os, signal, socket
from lazypatch._session import session
registry = session().scheduler.originals
inside, go = held(), held()
def work():
    with registry._lock:
        inside.release()
        go.acquire()
start(work, ())
inside.acquire()
assert not registry._lock.acquire(blocking=False), "the lock is not held, so this tests nothing"
assert "queue" not in sys.modules
pid = lazypatch.get_original("os", "fork")()
if not pid:
    signal.alarm(20)
    import queue, gevent.queue
    os._exit(42 if queue.Queue is gevent.queue.Queue else 1)
status = os.waitpid(pid, 0)[1]
go.release()
assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == 42, status
""",
        spec="gevent",
    )


@posix_only
def test_an_import_in_a_signal_handler_may_interrupt_the_registry() -> None:
    """The handler runs in the thread that is inside the registry's critical section, and imports a target."""
    run_code(
        PRELUDE
        + """
import signal, socket
from lazypatch._session import session
assert "queue" not in sys.modules
def handler(number, frame):
    import queue
signal.signal(signal.SIGUSR1, handler)
with session().scheduler.originals._lock:
    signal.raise_signal(signal.SIGUSR1)
import gevent.queue
assert sys.modules["queue"].Queue is gevent.queue.Queue
""",
        spec="gevent",
    )


@posix_only
def test_children_forked_while_threads_import_in_a_loop_can_import(app: Any) -> None:
    """No child finds a lock of ours held by a thread that does not exist in it."""
    app("fork_while_threads_import")


def test_the_fork_test_would_notice_a_native_target(app: Any) -> None:
    """The script fails where nothing is armed, so it tests something."""
    with pytest.raises(AssertionError):
        app("fork_while_threads_import", spec=None)


def test_a_greenlet_that_imports_what_its_own_thread_imports_does_not_wait_for_ever(tmp_path: pathlib.Path) -> None:
    """Without a hub nobody else of the thread could run: it gets the module as it is, like any circular import."""
    body = (
        "import greenlet\nseen = []\ngreenlet.greenlet(lambda: seen.append(__import__('slow'))).switch()\nvalue = 1\n"
    )
    folder = write_module(tmp_path, "slow", body)
    run_code(
        """
import queue, sys
from gevent._hub_local import get_hub_if_exists
assert "gevent" in sys.modules and get_hub_if_exists() is None
import slow
assert slow.seen == [slow] and slow.value == 1 and get_hub_if_exists() is None
""",
        spec="gevent",
        PYTHONPATH=folder,
    )


def test_an_interrupt_while_a_failed_install_is_put_back_does_not_stop_that() -> None:
    """Ctrl-C may be pressed twice: every step can be taken again."""
    run_code(
        """
import queue, types
from lazypatch._session import session
from lazypatch._install import Change
from lazypatch.adapters.changes import Put
module, told = types.ModuleType("module"), []
module.value = "old"
def setter(value):
    told.append(value)
    if len(told) <= 2:
        raise [ZeroDivisionError, KeyboardInterrupt][len(told) - 1]
try:
    session().scheduler.commit([Change(module, "value", "new"), Put(setter, "before", "after")])
except ZeroDivisionError:
    assert module.value == "old" and told == ["after", "before", "before"], told
    assert not session().scheduler.originals.recorded(module)
else:
    raise AssertionError
""",
        spec="gevent",
    )


def test_a_fork_asks_nothing_of_a_scheduler_that_is_gone() -> None:
    """Two threads may make one each, of which one is kept."""
    code = (
        "import gc, os, queue, weakref\nfrom lazypatch._session import session\nfrom lazypatch._scheduler import Scheduler\n"
        "other = Scheduler(session(), session().selection, session().standins, [])\ngone = weakref.ref(other)\ndel other\ngc.collect()\nassert gone() is None\n"
        "pid = os.fork()\nif not pid: os._exit(3)\nprint(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    )
    done = run_python("-W", "ignore", "-c", code, spec="gevent")
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")
