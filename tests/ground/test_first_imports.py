"""Whatever module a program imports first, the import works as it does without lazypatch, and what it loads is armed.

gevent imports much of the standard library and is imported in the middle of somebody's import: each module is another
place to be in the middle of.
"""

from __future__ import annotations

import ast
import concurrent.futures
import sys
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from conftest import run_code, run_python

# Those that do something when they are imported: open a browser, print a poem, want a display.
NOT_IMPORTED = {"antigravity", "this", "idlelib", "turtledemo"}

DOTTED = [
    "asyncio.base_futures", "asyncio.events", "concurrent.futures", "concurrent.futures.process",
    "concurrent.futures.thread", "ctypes.util", "email.message", "email.utils", "http.client", "http.server",
    "importlib.metadata", "importlib.resources", "importlib.util", "logging.config", "logging.handlers",
    "multiprocessing.connection", "multiprocessing.pool", "multiprocessing.queues", "unittest.mock",
    "urllib.request", "wsgiref.simple_server", "xml.sax", "xmlrpc.client", "xmlrpc.server",
]  # fmt: skip

DEPENDENCIES = [
    "gevent", "gevent.backdoor", "gevent.baseserver", "gevent.core", "gevent.event", "gevent.events",
    "gevent.exceptions", "gevent.fileobject", "gevent.greenlet", "gevent.hub", "gevent.local", "gevent.lock",
    "gevent.monkey", "gevent.os", "gevent.pool", "gevent.pywsgi", "gevent.queue", "gevent.resolver.blocking",
    "gevent.resolver.thread", "gevent.select", "gevent.selectors", "gevent.server", "gevent.signal",
    "gevent.socket", "gevent.ssl", "gevent.subprocess", "gevent.thread", "gevent.threading",
    "gevent.threadpool", "gevent.time", "gevent.timeout", "gevent.util", "gevent.win32util", "greenlet",
    "wrapt", "zope.event", "zope.interface",
]  # fmt: skip

MODULES = [*sorted(sys.stdlib_module_names - NOT_IMPORTED), *DOTTED, *DEPENDENCIES]
IN_ONE_TEST = 24
CHUNKS = [MODULES[start : start + IN_ONE_TEST] for start in range(0, len(MODULES), IN_ONE_TEST)]

# The lines with the import are the same in both children: a traceback or a warning may quote them. The name in a line of
# its own is what a lazy import waits for.
NATIVE = """import {0}
{0}
"""
ARMED = (
    NATIVE
    + """import sys
assert "{0}" in sys.modules
import lazypatch
from lazypatch._targets import TARGETS
armed = {{name: lazypatch.state(name) for name in TARGETS if name in sys.modules}}
if "gevent" not in sys.modules:
    for name in ("os", "time", "_thread"):
        assert armed.pop(name) == "waiting", name
assert set(armed.values()) <= {{"installed"}}, armed
"""
)


def at_once(function: Callable[[Any], Any], arguments: Iterable[Any]) -> list[Any]:
    """``map`` with two of the children that *function* starts alive at a time."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(function, arguments))


def first_import(name: str, *options: str) -> str:
    """What is wrong with *name* as the first import of an armed program, if anything; *options* are Python's own."""
    native = run_python(*options, "-c", NATIVE.format(name))
    code = ARMED if native.returncode == 0 else NATIVE
    armed = run_python(*options, "-c", code.format(name), spec="gevent")
    if (armed.returncode, armed.stderr) == (native.returncode, native.stderr):
        return ""
    return f"import {name}: exit {native.returncode}, armed {armed.returncode}\n{native.stderr}\n{armed.stderr}"


each_chunk = pytest.mark.parametrize("modules", CHUNKS, ids=lambda modules: f"{modules[0]}-{modules[-1]}")


@each_chunk
def test_any_module_can_be_the_first_import(modules: list[str]) -> None:
    """The same exit code and the same stderr as without lazypatch, and every loaded target is installed."""
    wrong = [text for text in at_once(first_import, modules) if text]
    assert not wrong, "\n".join(wrong)


@pytest.mark.skipif(sys.version_info < (3, 15), reason="-X lazy_imports came with Python 3.15 (PEP 810)")
@each_chunk
def test_any_module_can_be_the_first_import_where_all_imports_are_lazy(modules: list[str]) -> None:
    """gevent's own imports, the standard library's and ours then run wherever a name is first used."""
    wrong = [text for text in at_once(lambda name: first_import(name, "-X", "lazy_imports=all"), modules) if text]
    assert not wrong, "\n".join(wrong)


# Modules that take names out of targets, or make locks, when they are imported.
TAKERS = [
    "asyncio", "concurrent.futures.process", "concurrent.futures.thread", "email.utils", "functools",
    "http.client", "http.server", "imaplib", "logging", "logging.config", "logging.handlers",
    "multiprocessing.pool", "multiprocessing.queues", "queue", "reprlib", "sched", "smtplib", "socketserver",
    "ssl", "_strptime", "telnetlib", "tempfile", "unittest", "urllib.request", "uuid", "xmlrpc.client",
    "zipfile",
]  # fmt: skip

# Prints the module globals that still hold something native, by gevent.monkey's record of what is native.
RAW_REFERENCES = """
import _thread
import sys
lock_type = type(_thread.allocate_lock())
{arm}
try:
    import {module}
except ImportError:
    print(None)
    raise SystemExit
# The same for both: every target is loaded, and so are the sources.
import gevent.monkey
import os, time, threading, _threading_local, socket, ssl, select, selectors, subprocess, signal, queue
targets = "os time _thread threading _threading_local socket ssl select selectors subprocess signal queue".split()
originals = {{}}
for target in targets:
    for name in list(gevent.monkey.saved[target]):
        original = gevent.monkey.get_original(target, name)
        if callable(original):
            originals[id(original)] = original
found = set()
homes = set(targets) | {{"posix", "_signal", "_socket", "_posixsubprocess", "_queue", "__main__", "__mp_main__"}}
for name, module in list(sys.modules.items()):
    if name in homes or name.partition(".")[0] in ("lazypatch", "gevent", "greenlet"):
        continue
    for attribute, value in list(getattr(module, "__dict__", {{}}).items()):
        if id(value) in originals or type(value) is lock_type:
            found.add((name, attribute))
print(sorted(found))
"""


def raw_references(arm: str, module: str) -> set[tuple[str, str]] | None:
    """The (module, name) pairs that hold an original or a native lock; None if there is no such module."""
    printed = run_code(RAW_REFERENCES.format(arm=arm, module=module), PYTHONWARNINGS="ignore")
    found: list[tuple[str, str]] | None = ast.literal_eval(printed)
    return None if found is None else set(found)


@pytest.mark.parametrize("modules", [TAKERS[0::3], TAKERS[1::3], TAKERS[2::3]], ids=lambda modules: modules[0])
def test_no_more_is_left_native_than_by_gevent(modules: list[str]) -> None:
    """What a module took out of a target, or locked, while it was imported is native at most where it is so eagerly."""
    ways = (
        "import gevent.monkey; gevent.monkey.patch_all()",
        "import lazypatch; lazypatch.exclude('__main__'); lazypatch.patch_all(Event=True)",  # which looks for lock_type
    )
    found = at_once(lambda job: raw_references(*job), [(way, module) for module in modules for way in ways])
    assert any(found[0::2])  # gevent.monkey leaves something, so there is something to be seen
    for module, eager, lazy in zip(modules, found[0::2], found[1::2], strict=True):
        assert (lazy is None) == (eager is None), module
        assert not (lazy or set()) - (eager or set()), module
