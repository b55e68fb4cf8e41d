"""ddtrace's start unloads what it imported, so that the program gets modules of its own: those are installed into."""

from __future__ import annotations

import importlib.util
import os
import pathlib
import sys
import textwrap

import pytest
from conftest import run_python

# What matters here of ddtrace 4.16: ddtrace/__init__.py, bootstrap/cloning.py and the finder of internal/module.py.
STAND_IN = {
    "__init__.py": """
        import sys
        LOADED_MODULES = frozenset(sys.modules.keys())
        import logging, queue, socket, subprocess, threading, time
        from time import sleep
        threading_Lock = threading.Lock
        worker = threading.Thread(target=sleep, args=[0.001])
        worker.start()
        """,
    "auto.py": "import ddtrace.bootstrap.sitecustomize\n",
    "internal.py": """
        import sys
        from importlib.util import find_spec
        class Chained:
            def __init__(self, loader):
                self.loader = loader
            def __getattr__(self, name):
                return getattr(self.loader, name)
            def create_module(self, spec):
                return self.loader.create_module(spec)
            def exec_module(self, module):
                self.loader.exec_module(module)
                module.__loader__ = self.loader
                seen.append(module.__name__)
        class Watchdog:
            finding = set()
            def find_spec(self, name, path=None, target=None):
                if name in self.finding:
                    return None
                self.finding.add(name)
                try:
                    spec = find_spec(name)
                    if spec is not None and hasattr(spec.loader, "exec_module"):
                        spec.loader = Chained(spec.loader)
                    return spec
                finally:
                    self.finding.discard(name)
        seen = []
        sys.meta_path.insert(0, Watchdog())
        """,
    "bootstrap/__init__.py": "",
    "bootstrap/cloning.py": """
        import os, sys
        import ddtrace
        enabled = os.environ.get("DD_UNLOAD_MODULES_FROM_SITECUSTOMIZE") != "0"
        KEEP = ["atexit", "copyreg", "ddtrace", "concurrent", "importlib._bootstrap", "typing", "enum", "_operator", "re",
                "logging", "wrapt", "pathlib", "dataclasses"]
        UNLOAD = ["time", "concurrent.futures", "threading", "_thread", "reprlib"]
        def belongs(name, packages):
            return any(name == package or name.startswith(package + ".") for package in packages)
        def cleanup_loaded_modules():
            global enabled
            if enabled:
                for name, module in list(sys.modules.items()):
                    running = getattr(getattr(module, "__spec__", None), "_initializing", False)
                    kept = name in ddtrace.LOADED_MODULES or belongs(name, KEEP)
                    if not running and hasattr(module, "__spec__") and (belongs(name, UNLOAD) or not kept):
                        del sys.modules[name]
                enabled = False
        """,
    "bootstrap/sitecustomize.py": """
        import ddtrace, os, sys
        import ddtrace.internal
        import ddtrace.bootstrap.cloning as cloning
        cloning.cleanup_loaded_modules()
        folder = os.path.dirname(__file__)
        if folder in sys.path:
            sys.path.remove(folder)
            sys.modules["ddtrace.bootstrap.sitecustomize"] = sys.modules.pop("sitecustomize")
            try:
                import sitecustomize
            except ImportError:
                sys.modules["sitecustomize"] = sys.modules["ddtrace.bootstrap.sitecustomize"]
            sys.path.insert(0, folder)
        ddtrace.loaded = True
        """,
}
# What a program sees that ddtrace has started for. Its greenlets must run while one of them sleeps.
PROGRAM = """
import ddtrace
import sys
assert ddtrace.loaded
import lazypatch
{arm}
from time import sleep
import collections
import logging, queue, select, socket, subprocess, threading, time
from concurrent.futures import ThreadPoolExecutor
from lazypatch._targets import TARGETS
import gevent, gevent.hub, gevent.socket, gevent.monkey
states = {{name: lazypatch.state(name) for name in TARGETS if name in sys.modules}}
assert set(states.values()) <= {{"installed", "late"}}, states
assert socket.socket is gevent.socket.socket and time.sleep is gevent.hub.sleep
assert sleep is time.sleep or not hasattr(sleep, "__self__"), "native"
assert threading.current_thread() is threading.main_thread()
if {own}:
    assert threading is not ddtrace.threading and time.sleep is not ddtrace.sleep
    assert not hasattr(ddtrace.threading_Lock(), "rawlink") and hasattr(threading.Lock(), "rawlink"), "who is gevent's"
order = []
def run(number):
    while len(order) < number: time.sleep(0.001)
    order.append(number)
threads = [threading.Thread(target=run, args=[number]) for number in (2, 1, 0)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert order == [0, 1, 2], order
with ThreadPoolExecutor(2) as pool:
    assert list(pool.map(abs, [-1, -2])) == [1, 2]
assert subprocess.run([sys.executable, "-S", "-c", "print(1)"], capture_output=True).stdout == b"1\\n"
try:
    queue.Queue().get(block=False)
except queue.Empty:
    pass
assert not {{name for name, module in sys.modules.items() if name.startswith("lazypatch.")
            and getattr(lazypatch, name[10:], module) is not module}}, "two copies of one of our modules"
for name in ("queue", "socket", "threading", "time", "_thread", "select", "subprocess"):
    del sys.modules[name]
    again = __import__(name)
    assert lazypatch.is_module_patched(name) and lazypatch.state(name) == "installed", (name, lazypatch.state(name))
    for item, original in lazypatch._session.session().scheduler.originals.of(name).items():
        assert not str(getattr(original, "__module__", "")).startswith("gevent"), (name, item, original)
print("end")
"""


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """One with the stand-in."""
    for name, code in STAND_IN.items():
        file = tmp_path / "ddtrace" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(textwrap.dedent(code))
    return tmp_path


WAYS = {
    "the variable": ("", "", True),
    "the variable, ddtrace.auto": ("import ddtrace.auto\n", "", True),
    "the variable, nothing unloaded": ("", "", False),
    "in code": ("", "lazypatch.patch_all(Event=True)", True),
    "in code, ddtrace.auto": ("import ddtrace.auto\n", "lazypatch.patch_all(Event=True)", True),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_program_gets_installed_modules_and_ddtrace_keeps_native_ones(way: str, folder: pathlib.Path) -> None:
    """As with gevent.monkey in the program's first line; and gevent is imported once, by the program."""
    first, arm, own = WAYS[way]
    path = [folder] if first else [folder / "ddtrace" / "bootstrap", folder]
    env = {"PYTHONPATH": os.pathsep.join(map(str, path))}
    if not own:
        env["DD_UNLOAD_MODULES_FROM_SITECUSTOMIZE"] = "0"
    code = first + PROGRAM.format(arm=arm, own=own)
    done = run_python("-c", code, spec=None if arm else "gevent", **env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


REAL = """
import requests, sys, threading, time
import lazypatch
from lazypatch._targets import TARGETS
states = {name: lazypatch.state(name) for name in TARGETS if name in sys.modules}
assert set(states.values()) == {"installed"}, states
import ddtrace.internal._unpatched as kept
assert kept._threading is not threading and not hasattr(kept.threading_Lock(), "rawlink")
threads = [threading.Thread(target=time.sleep, args=[0.01]) for _ in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert "wrap" in type(requests.Session.send).__module__, type(requests.Session.send)
print("end")
"""


@pytest.mark.skipif(importlib.util.find_spec("ddtrace") is None, reason="ddtrace is not installed")
def test_the_real_ddtrace_run(tmp_path: pathlib.Path) -> None:
    """The traced library is still hooked, and nothing is said but that there is no agent to send anything to."""
    run = pathlib.Path(sys.executable).with_name("ddtrace-run")
    (tmp_path / "program.py").write_text(REAL)
    (tmp_path / "run.py").write_text(
        f"import os, sys; os.execv({str(run)!r}, ['ddtrace-run', sys.executable, 'program.py'])"
    )
    done = run_python("run.py", spec="gevent", cwd=tmp_path, DD_INSTRUMENTATION_TELEMETRY_ENABLED="false")
    assert (done.returncode, done.stdout) == (0, "end\n"), done.stderr
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr, done.stderr
