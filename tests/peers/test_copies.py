"""Second modules: what eventlet and pydevd copy stays native; what a program imports anew is of a piece with gevent."""

from __future__ import annotations

import pathlib

import pytest
from conftest import run_code, run_python

PATCHER = """
import sys
def original(name):
    saved = sys.modules.pop(name, None)
    try:
        return __import__(name)
    finally:
        if saved is not None:
            sys.modules[name] = saved
        else:
            del sys.modules[name]
def monkey_patch(name):
    return __import__(name)
"""  # as eventlet's does it


@pytest.fixture
def eventlet(tmp_path: pathlib.Path) -> dict[str, str]:
    (tmp_path / "eventlet").mkdir()
    (tmp_path / "eventlet/__init__.py").write_text("")
    (tmp_path / "eventlet/patcher.py").write_text(PATCHER)
    return {"PYTHONPATH": str(tmp_path)}


def test_a_copy_of_eventlets_stays_native_and_the_programs_module_does_not(eventlet: dict[str, str]) -> None:
    """Also what it copies before anybody has imported it; and what the body of a copy imports is not one."""
    run_code(
        """
import sys
from eventlet import patcher
subprocess = patcher.original("subprocess")
assert "gevent" not in subprocess.Popen.__module__ and hasattr(subprocess.Popen, "_communicate")
assert "subprocess" not in sys.modules
import gevent.subprocess, gevent.socket, gevent.threading, threading, signal, gevent.signal, lazypatch
assert threading.Thread is gevent.threading.Thread and signal.signal is gevent.signal.signal
import subprocess, socket
assert subprocess.Popen is gevent.subprocess.Popen and socket.socket is gevent.socket.socket
copy = patcher.original("socket")
assert copy.socket.__module__ == "socket" and sys.modules["socket"] is socket
import ssl, queue  # they look at all targets
assert copy.socket.__module__ == "socket" and socket.socket is gevent.socket.socket
assert lazypatch.state("socket") == "installed"
""",
        spec="gevent",
        **eventlet,
    )


def test_what_eventlet_imports_for_everybody_is_patched(eventlet: dict[str, str]) -> None:
    code = "from eventlet import patcher; s = patcher.monkey_patch('socket'); import gevent.socket; assert s.socket is gevent.socket.socket"
    run_code(code, spec="gevent", **eventlet)


PYDEVD = {
    "_pydev_bundle/_pydev_saved_modules.py": "import threading\nimport time\nimport socket\nimport queue\nimport _thread\n",
    "_pydevd_bundle/pydevd_constants.py": """
import sys
def protect_libraries_from_patching():
    patched = ["threading", "_thread", "time", "socket", "queue", "select"]
    for name in patched:
        __import__(name)
    there = {name: sys.modules.pop(name) for name in patched}
    import _pydev_bundle._pydev_saved_modules
    sys.modules.update(there)
protect_libraries_from_patching()
""",
}  # as pydevd does it with GEVENT_SUPPORT=True


def test_pydevds_copies_stay_native(tmp_path: pathlib.Path) -> None:
    for name, text in PYDEVD.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    code = """
import _pydevd_bundle.pydevd_constants
from _pydev_bundle import _pydev_saved_modules as saved
import threading, time, socket, gevent.threading, gevent.socket
assert saved.threading is not threading and "gevent" not in saved.threading.Thread.__module__
assert type(saved.time.sleep) is type(len) and type(saved._thread.start_new_thread) is type(len)
assert saved.socket.socket.__module__ == "socket" and saved.queue.Queue.__module__ == "queue"
assert threading.Thread is gevent.threading.Thread and socket.socket is gevent.socket.socket and time.sleep is gevent.sleep
thread = saved.threading.Thread(target=len, args=("",)); thread.start(); thread.join()
"""
    done = run_python("-c", code, spec="all", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")


def test_gevent_is_never_two_in_a_process() -> None:
    """A runner puts sys.modules back to what it was before gevent was loaded, several times."""
    done = run_python(
        "-c",
        """
import sys
assert "gevent" not in sys.modules
before = dict(sys.modules)
def once():
    import socket, threading, queue, time, subprocess, ssl
    import gevent, greenlet, gevent.pool, gevent.hub
    from concurrent.futures import ThreadPoolExecutor
    seen = []
    thread = threading.Thread(target=lambda: (time.sleep(0.01), seen.append(1)))
    thread.start(); thread.join()
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=lambda: seen.append(ours.recv(1)))
    thread.start(); theirs.send(b"x"); thread.join()
    assert seen == [1, b"x"] and socket.socket is sys.modules["gevent.socket"].socket
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(abs, -1).result() == 1
    try:
        subprocess.run([sys.executable, "-c", "raise SystemExit(3)"], check=True)
    except subprocess.CalledProcessError:
        pass
    ssl.create_default_context()
    assert gevent.hub.__spec__.loader_state is None and gevent.hub.__spec__.origin.endswith("hub.py")
    return gevent, greenlet, gevent.pool, gevent.hub
first = once()
for _ in range(2):
    sys.modules.clear()
    sys.modules.update(before)
    assert all(one is other for one, other in zip(once(), first, strict=True))
print("ok")
""",
        spec="gevent",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")


@pytest.mark.parametrize(
    "how", ["importlib.reload(sys.modules[name])", "sys.modules.pop(name); sys.modules.pop('_' + name, 0)"]
)
def test_what_is_raised_is_what_except_names_when_a_body_has_run_again(how: str) -> None:
    run_code(
        f"""
import importlib, socket, sys, queue, ssl, subprocess
for name in ("queue", "subprocess", "ssl"):
    {how}
import queue, ssl, subprocess
for kind in (queue.Queue, queue.SimpleQueue):
    try:
        kind().get_nowait()
    except queue.Empty:
        pass
full = queue.Queue(1)
full.put(1)
try:
    full.put(2, timeout=0.01)
except queue.Full:
    pass
try:
    subprocess.run([sys.executable, "-c", "raise SystemExit(3)"], check=True)
except subprocess.CalledProcessError:
    pass
ours, theirs = socket.socketpair()
ours.setblocking(False)
try:
    ssl.create_default_context().wrap_socket(ours, server_hostname="x", do_handshake_on_connect=False).do_handshake()
except ssl.SSLWantReadError:
    pass
assert queue.Queue.__module__.startswith("gevent") and subprocess.Popen.__module__ == "gevent.subprocess"
""",
        spec="gevent",
    )
