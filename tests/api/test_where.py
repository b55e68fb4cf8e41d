"""Where and when targets become cooperative: without gevent, in other threads, late, and on the first call."""

from __future__ import annotations

import os
import pathlib
import shutil

import greenlet
import pytest
from conftest import run_code, run_python
from environments import PACKAGES, make

NATIVE_PROGRAM = """
import sys, socket, threading, queue, time, os
assert socket.socket.__module__ == "socket" and queue.Queue.__module__ == "queue"
assert type(time.sleep(0)) is type(None) and "gevent" not in sys.modules
thread = threading.Thread(target=print, args=("thread",))
thread.start(); thread.join()
left, right = socket.socketpair()
left.sendall(b"x"); assert right.recv(1) == b"x"
print("end")
left.close(), right.close()
sys.exit(3)
"""


def assert_runs_native(done: object, why: str) -> None:
    """The program ran as without lazypatch, and was told once why."""
    out, err, status = done.stdout, done.stderr, done.returncode  # type: ignore[attr-defined]
    assert (out, status) == ("thread\nend\n", 3), (out, err)
    assert err.count("LazyPatchWarning") == 1 and why in err and "Traceback" not in err, err


def test_without_gevent_the_program_runs_and_is_told_once(tmp_path: pathlib.Path) -> None:
    """The variable is set where gevent is not installed."""
    environment = make(tmp_path, others=False)
    done = run_python("-c", NATIVE_PROGRAM, spec="gevent", python=environment.python)
    assert_runs_native(done, "gevent is not installed")


def test_with_a_broken_greenlet_the_program_runs_and_is_told_once(tmp_path: pathlib.Path) -> None:
    """An extension module that cannot be loaded."""
    environment = make(tmp_path)
    shutil.copytree(pathlib.Path(greenlet.__file__).parent, environment.site / "greenlet")
    broken = [path for path in (environment.site / "greenlet").iterdir() if path.suffix in (".so", ".pyd")]
    assert broken
    for path in broken:
        path.write_bytes(b"not a library")
    done = run_python("-c", NATIVE_PROGRAM, spec="gevent", python=environment.python)
    assert_runs_native(done, "gevent cannot be imported")


def test_with_gevents_folder_gone_from_the_path_it_is_found_where_it_was_when_armed() -> None:
    """As in pip's build environments, which take site-packages off sys.path after the start."""
    gone = f"import sys\nassert 'gevent' not in sys.modules\nsys.path.remove({str(PACKAGES)!r})\n"
    code = gone + "import socket, threading, gevent.socket\nassert socket.socket is gevent.socket.socket\n"
    done = run_python("-c", code + "thread = threading.Thread(target=print, args=['ran']); thread.start()", spec="all")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")


IN_THE_WAY = """
import sys, threading, socket, queue
thread = threading.Thread(target=print, args=["ran"]); thread.start(); thread.join()
import gevent.socket, greenlet, zope.interface
assert socket.socket is gevent.socket.socket and "-packages" in sys.modules["gevent"].__file__
"""


@pytest.mark.parametrize("way", ["variable", "command line", "enable", "module"])
@pytest.mark.parametrize("name", ["gevent.py", "greenlet.py", "zope.py", "zope/__init__.py"])
def test_a_file_of_the_program_that_has_the_name_of_what_gevent_needs_is_passed_over_and_named(
    name: str, way: str, tmp_path: pathlib.Path
) -> None:
    """It never runs; the real one does, with every way of arming and of starting."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("raise AssertionError('this is not what was meant')\n")
    head = "import lazypatch; lazypatch.enable()\n" if way == "enable" else ""
    (tmp_path / "app.py").write_text(head + IN_THE_WAY)
    args = {"command line": ["-m", "lazypatch", "app.py"], "module": ["-m", "app"]}.get(way, ["app.py"])
    spec = "all" if way in ("variable", "module") else None
    done = run_python(*args, spec=spec, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "ran\n"), done.stderr
    assert done.stderr.count("LazyPatchWarning") == 1 and str(tmp_path / name) in done.stderr, done.stderr


def test_a_part_of_a_namespace_in_the_programs_folder_is_not_in_the_way(tmp_path: pathlib.Path) -> None:
    """zope is a namespace: the program may bring a part of it."""
    (tmp_path / "zope" / "mine").mkdir(parents=True)
    (tmp_path / "zope" / "mine" / "__init__.py").write_text("")
    (tmp_path / "app.py").write_text("import socket, zope.mine, zope.interface\nprint('ran')\n")
    done = run_python("app.py", spec="all", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")


def test_a_program_of_the_name_without_gevent_runs_once_and_natively(tmp_path: pathlib.Path) -> None:
    """Where there is no gevent, a program called gevent.py is not taken for it, and named."""
    environment = make(tmp_path / "environment", others=False)
    (tmp_path / "gevent.py").write_text("print('begins')\nimport queue\nprint(queue.Queue.__module__)\n")
    done = run_python("gevent.py", spec="all", cwd=tmp_path, python=environment.python)
    assert (done.returncode, done.stdout) == (0, "begins\nqueue\n")
    assert done.stderr.count("LazyPatchWarning") == 1 and str(tmp_path / "gevent.py") in done.stderr, done.stderr


def test_where_no_hub_can_be_made_nothing_is_installed() -> None:
    """GEVENT_LOOP names an event loop that does not exist: gevent itself says so only when the first thread starts."""
    code = "import threading, queue\nassert queue.Queue.__module__ == 'queue'\nthreading.Thread(target=print, args=['ran']).start()"
    done = run_python("-c", code, spec="all", GEVENT_LOOP="gevent.nowhere.loop")
    assert (done.returncode, done.stdout, done.stderr.count("LazyPatchWarning")) == (0, "ran\n", 1), done.stderr
    assert "gevent cannot be imported (ModuleNotFoundError" in done.stderr


def test_the_same_program_is_not_native_where_gevent_works() -> None:
    """So the three tests above test something."""
    done = run_python("-c", NATIVE_PROGRAM, spec="gevent")
    assert done.returncode == 1 and "AssertionError" in done.stderr


FIRST_THREADING = """
import sys, _thread
assert not {"gevent", "threading"} & set(sys.modules)
def work():
    import threading
    done.release()
def held():
    lock = _thread.allocate_lock()
    lock.acquire()
    return lock
"""
AFTERWARDS = """
done.acquire()
import threading, gevent.threading
assert threading.get_ident is gevent.threading.get_ident
right = threading.current_thread() is threading.main_thread()
thread = threading.Thread(target=print, args=("thread",))
thread.start(); thread.join()
print("right" if right else "wrong")
"""


def test_the_first_threading_may_be_imported_in_a_worker() -> None:
    """A thread started the usual way: the main thread is the main thread, and nothing is said."""
    start = "_thread.start_new_thread(work, ())\ndone = held()"
    done = run_python("-c", FIRST_THREADING + start + AFTERWARDS, spec="gevent")
    assert (done.returncode, done.stdout, done.stderr) == (0, "thread\nright\n", "")


def test_the_first_threading_may_be_imported_in_a_native_worker() -> None:
    """A thread that we did not start: a warning says what is not right then; the process ends."""
    start = "done = held(); import lazypatch; lazypatch.get_original('_thread', 'start_new_thread')(work, ())"
    done = run_python("-c", FIRST_THREADING + start + AFTERWARDS, spec="gevent")
    assert done.returncode == 0 and done.stdout.startswith("thread\n"), done
    assert "right" in done.stdout or "from another thread than the main one" in done.stderr, done


def test_the_first_threading_may_be_imported_in_another_greenlet() -> None:
    """The main thread is still that of the greenlet in which the process began; it ends, also with a thread left."""
    code = FIRST_THREADING + """
import greenlet
assert "gevent" not in sys.modules
done = held()
inner = greenlet.greenlet(work)
inner.switch()
""" + AFTERWARDS + "threading.Thread(target=print, args=('late',)).start()\n"  # fmt: skip
    done = run_python("-c", code, spec="gevent")
    assert (done.returncode, done.stderr) == (0, ""), done
    assert sorted(done.stdout.split()) == ["late", "right", "thread"]


def test_targets_that_an_earlier_pth_file_loaded_are_cooperative(tmp_path: pathlib.Path) -> None:
    """They are late, and the others installed."""
    environment = make(tmp_path)
    (environment.site / "a00.pth").write_text("import threading, socket\n")
    done = run_python("-c", """
import sys
assert {"threading", "socket"} <= set(sys.modules) and "queue" not in sys.modules
import lazypatch, queue, threading, socket, selectors, gevent.threading, gevent.socket, gevent.selectors, gevent.queue
assert socket.socket is gevent.socket.socket and threading.Lock is gevent.threading.Lock
assert selectors.DefaultSelector is gevent.selectors.DefaultSelector and queue.Queue is gevent.queue.Queue
assert threading.current_thread() is threading.main_thread()
print([lazypatch.state(name) for name in ("threading", "socket", "queue")])
""", spec="gevent", python=environment.python)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "['late', 'late', 'installed']\n"


# Everything that gevent took from os, time and _thread when it was loaded is the interpreter's own function.
NO_STAND_IN_KEPT = """
def stand_ins():
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "gevent":
            for item, value in list(vars(module).items()):
                if getattr(getattr(value, "__code__", None), "co_name", "") == "stand_in":
                    yield name, item
assert "gevent.os" in sys.modules or not name.startswith(("fork", "waitpid"))
assert "gevent" not in sys.modules or not list(stand_ins()), list(stand_ins())
import lazypatch, gevent.os, gevent.hub
assert not list(stand_ins()), list(stand_ins())
for module, item in (("os", "fork"), ("os", "waitpid"), ("time", "sleep"), ("_thread", "start_new_thread")):
    assert type(lazypatch.get_original(module, item)) is type(len), (module, item)
assert gevent.os._raw_fork is lazypatch.get_original("os", "fork")
print("end")
"""
FIRST_CALLS = {
    "fork": "ends = os.pipe()\npid = os.fork()\nif not pid:\n    os._exit(ord(os.read(ends[0], 1)))\n"
    "os.write(ends[1], b'x')\nassert os.waitpid(pid, 0) == (pid, ord('x') << 8)",
    "waitpid": "try:\n    os.waitpid(-1, os.WNOHANG)\nexcept ChildProcessError:\n    pass",
    "read": "ends = os.pipe()\nos.write(ends[1], b'x')\nassert os.read(ends[0], 1) == b'x'",
    "sleep": "time.sleep(0.001)",
    "start_new_thread": "_thread.start_new_thread(lambda: lock.release(), ())\nlock = _thread.allocate_lock()\n"
    "lock.acquire()\nlock.acquire()",
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork does not exist here")
@pytest.mark.parametrize("name", FIRST_CALLS)
def test_a_function_that_is_loaded_before_any_hook_may_be_called_first(name: str) -> None:
    """No recursion: while gevent looks, the originals are there."""
    out = run_code(
        f"""
import sys, os, time, _thread
name = {name!r}
assert "gevent" not in sys.modules
for function in (os.fork, os.waitpid, time.sleep, _thread.start_new_thread):
    assert type(function).__name__ == "function", "no stand-in, so this tests nothing"
{FIRST_CALLS[name]}
"""
        + NO_STAND_IN_KEPT,
        spec="gevent",
    )
    assert out == "end\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork does not exist here")
@pytest.mark.parametrize("before", ["", "import socket", "import multiprocessing.popen_fork"])
def test_a_child_that_ends_at_once_is_waited_for(before: str) -> None:
    """The child may be gone before its parent's hub exists, so the hub must exist before the child does."""
    out = run_code(
        f"{before}\n"
        """
import os
for expected in (7, 8):
    pid = os.fork()
    if not pid:
        os._exit(expected)
    assert os.waitpid(pid, 0) == (pid, expected << 8)
import sys
assert "gevent" in sys.modules
print("end")
""",
        spec="gevent",
    )
    assert out == "end\n"


ORIGINALS = """
import sys, time, socket, select, threading, lazypatch, gevent.monkey, gevent.socket
for ask in (gevent.monkey.get_original, lazypatch.get_original):
    assert type(ask("time", "sleep")) is type(len), ask("time", "sleep")
    assert ask("socket", "socket").__module__ == "socket"
    assert ask("threading", "Thread") is native_thread if native_thread else ask("threading", "Thread")
    assert type(ask("select", "select")) is type(len)
    assert not str(getattr(ask("threading", "get_ident"), "__module__", "")).startswith("gevent")
for module in ("socket", "time", "select", "threading", "queue", "subprocess", "ssl", "os", "signal"):
    assert gevent.monkey.is_module_patched(module), module
    assert lazypatch.is_module_patched(module), module
assert socket.socket is gevent.socket.socket and socket.socket.__mro__.count(gevent.socket.socket) == 1
assert threading.current_thread() is threading.main_thread()
import queue, subprocess, gevent.queue, gevent.subprocess
native_popen = gevent.monkey.get_original("subprocess", "Popen")
assert subprocess.Popen is not native_popen
assert queue.Queue is gevent.queue.Queue
# The adapter's is a subclass of the original.
assert native_popen in subprocess.Popen.__bases__ or subprocess.Popen is gevent.subprocess.Popen
assert gevent.monkey.get_original("queue", "Queue").__module__ == "queue"
print("end")
"""


@pytest.mark.parametrize(
    ("spec", "calls"),
    [
        (None, "import gevent.monkey; gevent.monkey.patch_all()\nimport lazypatch; lazypatch.patch_all()"),
        (None, "import lazypatch; lazypatch.patch_all()\nimport gevent.monkey; gevent.monkey.patch_all()"),
        ("gevent", "import gevent.monkey; gevent.monkey.patch_all()"),
        ("gevent", "import socket, gevent.monkey; gevent.monkey.patch_all(); gevent.monkey.patch_all()"),
        (None, "import socket, threading; native_thread = threading.Thread\nimport lazypatch\n"
               "lazypatch.exclude('__main__'); lazypatch.enable('gevent')\n"
               "import gevent.monkey; gevent.monkey.patch_all()"),
    ],
)  # fmt: skip
def test_lazypatch_and_gevents_patch_all_know_the_same_originals(spec: str | None, calls: str) -> None:
    """In either order: originals are native, both say that all is patched, and nothing is replaced twice."""
    start = "import sys\nassert 'gevent' not in sys.modules\nnative_thread = None\n"
    start += f"assert ('lazypatch._finder' in sys.modules) is {spec is not None}\n"
    done = run_python("-c", start + calls + ORIGINALS, spec=spec)
    assert (done.returncode, done.stdout) == (0, "end\n"), done.stderr


@pytest.mark.parametrize("how", ["PYTHONCOOPPATCH", "-X", "enable"])
def test_arming_loads_nothing_but_lazypatch(how: str) -> None:
    """Neither gevent nor anything of the standard library, except what is compiled into the interpreter."""
    show = "import sys; print(*sorted(sys.modules))"
    plain = set(run_code(show).split())
    if how == "enable":
        armed = set(run_code("import lazypatch; lazypatch.enable('gevent'); " + show).split())
    elif how == "-X":
        armed = set(run_python("-X", "cooppatch=gevent", "-c", show).stdout.split())
    else:
        armed = set(run_code(show, spec="gevent").split())
    assert "lazypatch._finder" in armed
    assert not {name for name in armed - plain if name.partition(".")[0] != "lazypatch"} - {"atexit"}
