"""What gevent imports and does not use is not loaded for its sake, and nobody can tell.

The strongest fact is in ``tests/apps/what_gevent_does_not_use.py``: whatever a program looks at first, it finds the same
as without us.
"""

from __future__ import annotations

import concurrent.futures
import importlib.util
import pathlib
import sys

import pytest
from conftest import APPS, run_code, run_python

from lazypatch._deferred import DEFERRED, _dedent

MODULES = [row.module for row in DEFERRED]
WORDS = list(dict.fromkeys(row.word for row in DEFERRED))
PROGRAM = APPS / "what_gevent_does_not_use.py"
WAYS = [line[4:].partition("(")[0] for line in PROGRAM.read_text().splitlines() if line.startswith("def ")]
WAYS.remove("facts")
LOADED = f"""
import sys
before = {{*sys.modules}} - {{"gevent"}}  # an interpreter's own site may bring some
import threading
assert "gevent" in sys.modules
print(*[name for name in {MODULES} if name in sys.modules and name not in before])
"""


def test_import_threading_loads_none_of_them() -> None:
    """Nor what only they need."""
    brought = ["typing", "enum", "string", "contextlib", "tokenize"]
    run_code(
        f"""
import sys
before = set(sys.modules)
assert not {{"zope.interface", "logging", "traceback", "signal", "typing"}} & before
import threading
assert threading.Thread.__module__ == "gevent.threading", threading.Thread
left = {{*{MODULES + brought}}} & set(sys.modules) - before
assert not left, left
""",
        spec="all",
    )


@pytest.mark.parametrize("setting", ["", "GEVENT_LOOP=libev-cffi", "GEVENT_LOOP=libuv", "PURE_PYTHON=1"])
def test_whatever_is_looked_at_first_is_as_with_plain_gevent(setting: str) -> None:
    if setting.startswith("GEVENT_LOOP") and not importlib.util.find_spec("cffi"):
        setting = "PURE_PYTHON=1"  # that loop cannot be loaded here
    env = dict([setting.split("=")]) if setting else {}

    def compare(way: str) -> str:
        plain, armed = (run_python(str(PROGRAM), way, spec=spec, **env) for spec in (None, "all"))
        assert plain.stdout.endswith("ok\n"), f"{way}\n{plain.stdout}\n{plain.stderr}"
        same = (plain.stdout, plain.stderr, plain.returncode) == (armed.stdout, armed.stderr, armed.returncode)
        return "" if same else f"{way} {setting}\n{plain.stdout}\n{armed.stdout}\n{armed.stderr}"

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        wrong = [text for text in pool.map(compare, WAYS if not env else WAYS[::4]) if text]
    assert not wrong, "\n".join(wrong)


def test_the_programs_of_that_test_meet_unread_modules() -> None:
    """Else it would compare nothing."""
    assert run_code(LOADED, spec="all").split() == []
    assert {"re", *run_code(LOADED, spec="all", PYTHONCOOPPATCH_DEFER="0").split()} == set(MODULES)


@pytest.mark.parametrize("word", WORDS)
def test_each_row_has_a_switch(word: str) -> None:
    mine = [row.module for row in DEFERRED if row.word == word]
    without = run_code(LOADED, spec="all", PYTHONCOOPPATCH_DEFER=f"-{word}").split()
    assert set(mine) <= {"re", *without}, without
    alone = run_code(LOADED, spec="all", PYTHONCOOPPATCH_DEFER=word).split()
    assert set(MODULES) - set(mine) <= {"re", *alone}, alone


# Python counts a thread when it runs.
IN_A_THREAD = """
begun, lock = _thread.allocate_lock(), _thread.allocate_lock()
begun.acquire(), lock.acquire()
real(lambda: (begun.release(), lock.acquire()), ())
begun.acquire()
"""
WATCHERS = {
    "another thread": IN_A_THREAD,
    "a tracer": "sys.settrace(lambda *args: None)",
    "a profiler": "sys.setprofile(lambda *args: None)",
    "a hook": "sys.meta_path.insert(0, type('Theirs', (), {'__module__': 'theirs', 'find_spec': lambda *args: None})())",
    "an import function": "import builtins; old = builtins.__import__; builtins.__import__ = lambda *args, **kw: old(*args, **kw)",
}
if sys.version_info >= (3, 12):
    WATCHERS["a monitor"] = "sys.monitoring.use_tool_id(2, 'theirs')"


@pytest.mark.parametrize("watcher", WATCHERS)
def test_nothing_is_put_off_where_somebody_could_look(watcher: str) -> None:
    code = f"""
import sys, _thread
from lazypatch._standins import StandIns
real = _thread.start_new_thread
import lazypatch
{WATCHERS[watcher]}
lazypatch.enable()
import threading
assert "gevent" in sys.modules
sys.settrace(None), sys.setprofile(None)
missing = [name for name in {MODULES} if name not in sys.modules]
assert not missing, missing
"""
    run_code(code)


def test_who_meets_an_unread_module_meets_the_module() -> None:
    """Somebody looks while gevent loads, all the same: a signal handler, say; here a hook that says it is harmless."""
    run_code(
        f"""
import sys
met, unread = {{}}, []
class Hook:
    __module__ = "six"
    def find_spec(self, name, path=None, target=None):
        if name == "gevent._tblib" and not met:
            for each in {MODULES}:
                unread.append(type(sys.modules[each]).__module__)
                met[each] = __import__(each, fromlist=["*"])
            met["logging"].getLogger("mine").setLevel(10)
            assert met["re"].compile("a+").match("aaa").group() == "aaa"
            assert met["traceback"].format_exc and met["textwrap"].indent("a", " ") == " a"
            assert met["zope.interface"].Interface.__name__ == "Interface" and met["signal"].SIGINT == 2
            assert met["gevent._interfaces"].ILoop.__name__ == "ILoop"
sys.meta_path.insert(0, Hook())
import threading
assert unread == ["builtins"] * {len(MODULES)}, unread
import zope.interface, gevent._interfaces, logging, textwrap, traceback, re, signal
from gevent.libev import corecext
for name, module in met.items():
    assert sys.modules[name] is module and type(module) is type(sys), name
assert logging.getLogger("mine").level == 10
assert corecext.ILoop in zope.interface.implementedBy(corecext.loop)
assert corecext.ILoop is gevent._interfaces.ILoop and corecext.print_exception is traceback.print_exception
assert type(corecext) is type(sys)
""",
        spec="all",
    )


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "RuntimeError", "ImportError"])
def test_what_ends_the_import_of_gevent_leaves_nothing_behind(error: str, tmp_path: pathlib.Path) -> None:
    """And the next attempt is as the first would have been."""
    package = tmp_path / "greenlet"
    package.mkdir()
    (package / "__init__.py").write_text(
        f"""
import sys
if not hasattr(sys, "fallen"):
    sys.fallen = [name for name in {MODULES} if name in sys.modules]
    raise {error}("on purpose")
import importlib.machinery
spec = importlib.machinery.PathFinder.find_spec("greenlet", [path for path in sys.path if path != {str(tmp_path)!r}])
__spec__, __path__, __file__ = spec, spec.submodule_search_locations, spec.origin
exec(spec.loader.get_code("greenlet"))
"""
    )
    run_code(
        f"""
import sys
import warnings; warnings.simplefilter("ignore")
try:
    import gevent
except KeyboardInterrupt:
    assert {error == "KeyboardInterrupt"}
else:  # it is for gevent's own import to say what is wrong, which is nothing any more
    assert {error != "KeyboardInterrupt"}
assert {{"traceback", "zope.interface", "logging"}} <= set(sys.fallen), sys.fallen
left = [name for name in {MODULES} if name in sys.modules and type(sys.modules[name]) is not type(sys)]
assert not left, left
import logging, traceback
assert logging.Logger and traceback.print_exc
import gevent, threading, gevent.threading, gevent._tblib
import zope.interface, re
from gevent.libev import corecext
import gevent._interfaces
assert corecext.ILoop is gevent._interfaces.ILoop
assert corecext.ILoop in zope.interface.implementedBy(corecext.loop)
assert gevent.hub.traceback is traceback and gevent._tblib.re is re
ran = []
thread = threading.Thread(target=ran.append, args=[1]); thread.start(); thread.join()
assert ran == [1]
""",
        spec="all",
        PYTHONPATH=str(tmp_path),
    )


def test_a_body_that_fails_can_be_tried_again() -> None:
    run_code(
        """
import sys
import threading
from gevent.monkey import _errors
assert "logging" not in sys.modules and "string" not in sys.modules
sys.modules["string"] = None
for _ in range(2):
    try:
        import logging
    except ImportError:
        pass
    else:
        raise AssertionError("it was to fail")
    assert "logging" not in sys.modules
try:
    _errors.logger
except ImportError:
    pass
else:
    raise AssertionError("it was to fail")
del sys.modules["string"]
assert _errors.logger.name == "gevent.monkey._errors"
import logging
assert _errors.logging is logging and type(_errors.logger) is logging.Logger and type(logging) is type(sys)
""",
        spec="all",
    )


def test_several_native_threads_import_zope_first() -> None:
    """Each finds gevent's loop to implement its interface, whichever of zope's and gevent's modules each begins with."""
    code = """
import sys, lazypatch, threading
import gevent.hub, gevent.thread
assert "zope.interface" not in sys.modules
real = lazypatch.original("threading")
begin, wrong = real.Barrier(6), []
def work(name):
    begin.wait()
    try:
        __import__(name)
        from zope.interface import implementedBy
        from gevent.libev import corecext
        names = [each.__name__ for each in implementedBy(corecext.loop)]
        if names != ["ILoop"]:
            wrong.append((name, names))
    except BaseException as error:
        wrong.append((name, repr(error)))
names = ["zope.interface", "gevent._interfaces", "gevent.events", "zope.interface.verify", "gevent._interfaces", "zope.interface"]
threads = [real.Thread(target=work, args=[name], daemon=True) for name in names]
for thread in threads: thread.start()
for thread in threads: thread.join(30)
assert not wrong and not any(thread.is_alive() for thread in threads), wrong
import gevent._interfaces
from gevent.libev import corecext
assert corecext.ILoop is gevent._interfaces.ILoop
"""
    for _ in range(5):
        run_code("import sys; sys.setswitchinterval(1e-6)\n" + code, spec="all")


def test_another_thread_that_needs_it_waits_until_its_body_has_run() -> None:
    """It never meets the half of it."""
    run_code(
        """
import sys, lazypatch, threading
import gevent.hub
assert "traceback" not in sys.modules
real = lazypatch.original("threading")
inside, found = real.Event(), []
def use():
    inside.wait()
    found.append(gevent.hub.traceback.print_list.__name__)  # the name that the body defines late enough
other = real.Thread(target=use)
other.start()
class Hook:
    def find_spec(self, name, path=None, target=None):
        if name in ("linecache", "contextlib", "codeop"):
            inside.set()
            other.join(0.05)  # long enough to fail; it can only wait
sys.modules.pop("linecache", None)
sys.meta_path.insert(0, Hook())
import traceback
other.join()
assert inside.is_set() and found == ["print_list"], found
""",
        spec="all",
    )


def test_an_import_of_logging_is_the_ordinary_first_one() -> None:
    """Its body runs with cooperative threads, its locks are cooperative, gevent's loggers are the first to be there."""
    run_code(
        """
import sys
import threading
import lazypatch
cooperative, native = type(threading.RLock()), lazypatch.original("_thread").RLock
assert "logging" not in sys.modules and not issubclass(cooperative, native) and not issubclass(native, cooperative)
import logging
assert type(logging._lock) is type(logging.StreamHandler().lock) is cooperative, logging._lock
names = [name for name, each in logging.root.manager.loggerDict.items() if isinstance(each, logging.Logger)]
assert names == ["gevent.monkey._errors", "gevent.monkey._state"], names
assert logging.__spec__.name == "logging" and not logging.__spec__._initializing and logging.__file__ == logging.__spec__.origin
""",
        spec="all",
    )


def test_logging_as_the_first_import_of_all_is_as_ever() -> None:
    run_code(
        """
import logging, sys, threading
assert "gevent" in sys.modules and "zope.interface" not in sys.modules
assert type(logging._lock) is type(threading.RLock())
from gevent.monkey import _state
assert _state.logger is logging.getLogger("gevent.monkey._state")
""",
        spec="all",
    )


REPORT = """
import resource, sys
import gevent
assert ("traceback" in sys.modules) is {loaded}
def fail():
    raise ValueError("seen by all")
gevent.sleep(0)
gevent.get_hub()
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
try:
    while True:
        held.append(open("/dev/null"))
except OSError:
    pass
gevent.spawn(fail).join()
print("on")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a limit of descriptors is POSIX")
def test_a_failing_greenlet_is_reported_though_no_descriptor_is_left() -> None:
    """traceback cannot be imported then; the report is C's, which says the same."""
    plain = run_python("-c", REPORT.format(loaded=True))
    armed = run_python("-c", REPORT.format(loaded=False), spec="gevent")
    # From 3.15 on traceback itself imports when it prints, and gevent's report is lost; ours is not.
    for done in (plain, armed) if sys.version_info < (3, 15) else (armed,):
        assert done.stdout == "on\n" and "ValueError: seen by all" in done.stderr, done
        assert "failed with ValueError" in done.stderr and "line 6, in fail" in done.stderr, done


def test_a_failing_greenlet_is_reported_at_the_very_end() -> None:
    """When nothing can be imported any more."""
    done = run_python(
        "-c",
        "import sys, gevent\nassert 'traceback' not in sys.modules\nsys.meta_path.clear()\n"
        "def fail(): raise ValueError('seen by all')\ngevent.spawn(fail).join()\nprint('on')\nimport os; os._exit(0)",
        spec="gevent",
    )
    assert "ValueError: seen by all" in done.stderr and "failed with ValueError" in done.stderr, done


def test_without_zope_gevent_fails_as_it_does_alone(tmp_path: pathlib.Path) -> None:
    for name in ("gevent", "greenlet", "lazypatch", "wrapt"):
        folder = pathlib.Path(str(importlib.util.find_spec(name).origin)).parent  # type: ignore[union-attr]
        (tmp_path / name).symlink_to(folder)
    code = f"""
import sys; sys.path[:] = [path for path in sys.path if "-packages" not in path] + [{str(tmp_path)!r}]
try: import zope.interface
except ImportError: pass
else: raise AssertionError("zope is there")
%s
try:
    import gevent; from gevent.libev import corecext
except ImportError as error:
    print("no", error.name)
"""
    outputs = [run_python("-S", "-c", code % arm).stdout for arm in ("", "import lazypatch; lazypatch.enable()")]
    assert outputs == ["no zope\n"] * 2 or (outputs[0] == outputs[1] and outputs[0].startswith("no zope")), outputs


def test_what_is_loaded_before_is_what_gevent_gets() -> None:
    run_code(
        """
import sys
import zope.interface, traceback, re, textwrap
before = dict(sys.modules)
import threading, gevent._interfaces
from gevent.libev import corecext
assert all(sys.modules[name] is before[name] for name in before)
assert corecext.traceback is traceback and corecext.ILoop in zope.interface.implementedBy(corecext.loop)
assert corecext.classImplements is zope.interface.classImplements and type(corecext) is type(sys)
""",
        spec="all",
    )


def test_a_reload_and_a_second_copy_are_modules_of_their_own() -> None:
    run_code(
        """
import importlib, sys, threading, gevent
import traceback, re
first = traceback
assert gevent.hub.traceback is first
assert importlib.reload(traceback) is first
del sys.modules["traceback"]
import traceback
assert traceback is not first and gevent.hub.traceback is first and first.print_exc and type(traceback) is type(sys)
""",
        spec="all",
    )


def test_a_finder_in_front_of_ours_gets_its_own_module() -> None:
    """gevent's modules then hold that one as soon as they use it."""
    run_code(
        """
import sys, threading, gevent
from importlib.machinery import PathFinder
class InFront:
    def find_spec(self, name, path=None, target=None):
        return PathFinder.find_spec(name, path, target) if name in ("traceback", "logging") else None
sys.meta_path.insert(0, InFront())
import traceback, logging
assert gevent.hub.traceback.print_exc is traceback.print_exc
assert isinstance(gevent.monkey._errors.logger, logging.Logger)
""",
        spec="all",
    )


def test_a_watcher_for_a_signal_imports_signal_and_installs_it() -> None:
    run_code(
        """
import sys, threading, gevent, lazypatch
assert "signal" not in sys.modules and lazypatch.state("signal") == "waiting"
heard = []
gevent.signal_handler(10, heard.append, 1)
assert lazypatch.state("signal") == "installed"
import os, signal
os.kill(os.getpid(), signal.SIGUSR1)
with gevent.Timeout(10):
    while not heard: gevent.sleep(0.001)
""",
        spec="all",
    )


TEXTS = [
    "",
    "a",
    "  a",
    "  a\n    b\n",
    "\ta\n\t b\n\n \t\n",
    "  a\n\tb",
    "a\n  b",
    "    \n  a\n",
    "\\\n\n    A\n\n    B\n    ",
    "\n",
]


@pytest.mark.parametrize("text", TEXTS)
def test_dedent_is_textwraps(text: str) -> None:
    import textwrap

    assert _dedent(text) == textwrap.dedent(text)


def test_arming_late_does_not_meet_its_own_imports() -> None:
    """What repairs late arming imports typing, which imports re: that one's end is not for us to work at."""
    run_code(
        "import sys, lazypatch\nassert 'typing' not in sys.modules\nlazypatch.enable()\nimport re, threading, gevent.event"
    )
    run_code(
        "import time, lazypatch\nlazypatch.enable()\nimport gevent\nfrom gevent.libev import corecext\ncorecext.ILoop"
    )


def test_no_other_module_of_gevent_keeps_what_was_taken() -> None:
    """Each that does is in the table, and so is hidden."""
    run_code(
        """
import sys
before = {"gevent._tblib"} if "re" in sys.modules else set()
import threading, gevent.hub
from lazypatch._unread import Later, space
from lazypatch._deferred import _KEPT
holders = {name for name, module in sys.modules.items()
           if issubclass(type(module), type(sys)) and Later in map(type, space(module).values())}
assert holders == {name for name in _KEPT if name in sys.modules} - before and before | holders == set(_KEPT), holders
assert not {key for name in holders for key, value in space(sys.modules[name]).items() if type(value) is Later} - {
    name for names in _KEPT.values() for name in names}
""",
        spec="all",
    )


def test_gevents_own_patch_all_after_it_is_as_ever() -> None:
    run_code(
        """
import threading, gevent.monkey
gevent.monkey.patch_all()
import socket, ssl, subprocess, signal, logging
assert subprocess.run(["true"]).returncode == 0
assert gevent.monkey.is_module_patched("signal")
""",
        spec="all",
    )


def test_a_submodule_of_an_unread_package_can_be_imported() -> None:
    """By a thread that nobody could see when gevent began to load."""
    code = """
import sys
from lazypatch import _unread
assert "logging" not in sys.modules
unread = sys.modules["logging"] = _unread.new("logging")
assert not hasattr(unread, "__path__") and not hasattr(unread, "__spec__")
import logging.handlers
assert logging is sys.modules["logging"] is not unread and logging.handlers.SysLogHandler
print(unread.INFO, logging.INFO)
"""
    done = run_python("-c", code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "20 20\n", "")
