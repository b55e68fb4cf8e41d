"""After the same calls every target is, name by name, what gevent.monkey makes of it.

The oracle is gevent.monkey itself. Each example makes the same calls in two processes, one with gevent.monkey's
functions and one with lazypatch's, then imports every target and describes all that is in it; the descriptions must be
equal, but for the few differences below that are wanted.
"""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Iterator

import pytest
from conftest import APPS, clean_environment, run_python
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

Call = tuple[str, tuple[tuple[str, bool], ...]]
Calls = tuple[Call, ...]
Names = tuple[str, ...]

TARGETS = (
    "os", "time", "_thread", "threading", "_threading_local", "socket", "ssl", "select", "selectors", "subprocess",
    "signal", "queue",
)  # fmt: skip

# What differs, gevent.monkey's side of it, lazypatch's ("*": any), and why it should.
WANTED_DIFFERENCES = (
    ("main thread _Thread__ident", "*", "nothing", "a name of Python 2's, which nobody reads"),
    # patch_thread(threading=False) and then again with True: gevent.monkey takes the lock from threading the first time
    ("main thread _tstate_lock", "a _thread.lock", "a gevent.thread.LockType", "greenlets wait with it"),
    # patch_os() and nothing that loads gevent: subprocess has taken the stand-in
    ("subprocess._waitpid", "function gevent.os.waitpid from elsewhere", "function os.waitpid", "leads there"),
    ("subprocess._del_safe.waitpid", "function gevent.os.waitpid", "function os.waitpid", "the same"),
    # patch_subprocess() twice on 3.12
    ("original of subprocess._posixsubprocess", "NoneType None", "nothing", "there was nothing; it is gevent's own"),
    ("patched subprocess._posixsubprocess", "(True, True)", "nothing", "the same"),
    # patch_all() on 3.13, where gevent.monkey has replaced select before it imports selectors; here its body sees the
    # real one, and what is on record is what was there
    ("selectors.SelectSelector._select", "function gevent.select.select", "wrapper _select", "it does the same"),
    ("original of selectors.DefaultSelector", "ABCMeta selectors.PollSelector", "*", "it was there, natively"),
    ("original of selectors.EpollSelector", "nothing", "ABCMeta selectors.EpollSelector", "the same"),
    # gevent's import brings logging and patches its lock; here it waits, and its body makes a cooperative lock itself
    ("original of logging._lock", "a _thread.RLock", "nothing", "there is nothing to replace"),
    ("patched logging", "(True, True)", "(False, False)", "the same"),
    ("patched logging._lock", "(True, True)", "nothing", "the same"),
    (
        "logging._lock",
        "a _thread.RLock",
        "a threading._RLock",
        "the same: patch_thread(logging=False) leaves it native",
    ),
    ("lock of a handler", "a _thread.RLock", "a threading._RLock", "the same"),
    (
        "threading._active_limbo_lock",
        "a gevent.thread.LockType from elsewhere",
        "a threading._RLock",
        "natively it is recursive, for finalizers and signals' handlers that count threads (bpo-44422)",
    ),
    ("selectors._NOT_EPOLLIN", "nothing", "int -2", "the same"),
    ("selectors._NOT_EPOLLOUT", "nothing", "int -5", "the same"),
)

# Runs in both processes. It imports nothing but what it is told to, until the targets are described.
DESCRIBE = f'''
import sys

TARGETS = {TARGETS!r}
SOURCES = {{"_thread": "thread", "_threading_local": "local", "time": "hub"}}
NO_MATTER = ("__builtins__", "__cached__", "__dict__", "__weakref__", "__firstlineno__", "__doc__", "_abc_impl")


def described(value):
    """What *value* is, in words that are the same in every process."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str, bytes):
        return f"{{kind.__name__}} {{value!r}}"
    if kind in (staticmethod, classmethod):
        return f"{{kind.__name__}} of {{described(value.__func__)}}"
    if kind is type(sys):
        return f"module {{value.__name__}}"
    if not isinstance(value, type) and not hasattr(value, "__qualname__"):
        return f"a {{kind.__module__}}.{{kind.__qualname__}}"
    home, _, name = value.__qualname__.rpartition(".")
    module = str(getattr(value, "__module__", None))
    if home.endswith("<locals>") and module.startswith(("lazypatch.", "gevent.monkey.", "gevent.selectors")):
        return f"wrapper {{name}}"
    return f"{{kind.__name__}} {{module}}.{{value.__qualname__}}"


def contents(name):
    """Each attribute of the target *name*, and of the classes that it defines."""
    module = sys.modules[name]
    source = sys.modules.get("gevent." + SOURCES.get(name, name))
    for item, value in list(vars(module).items()):
        if item in NO_MATTER:
            continue
        what = described(value)
        if " gevent." in what:
            what += " of the source" if getattr(source, item, None) is value else " from elsewhere"
        yield f"{{name}}.{{item}}", what
        if isinstance(value, type) and value.__module__ == name:
            for attribute, member in list(vars(value).items()):
                if attribute not in NO_MATTER:
                    yield f"{{name}}.{{item}}.{{attribute}}", described(member)


def main_thread():
    import threading

    main = threading.main_thread()
    yield "main thread is current", main is threading.current_thread()
    yield "main thread has the current ident", main.ident == threading.get_ident()
    yield "main thread is filed under its ident", threading._active.get(main.ident) is main
    yield "threads known", len(threading._active)
    yield "main thread is dangling", main in threading._dangling
    for item, value in vars(main).items():
        if item not in ("_ident", "_native_id"):
            yield f"main thread {{item}}", described(value)


def queries(monkey):
    import logging
    for name in (*TARGETS, "logging"):
        saved = monkey.saved.get(name, ())
        for item in saved:
            yield f"original of {{name}}.{{item}}", described(ASKED.get_original(name, item))
        yield f"patched {{name}}", (monkey.is_module_patched(name), ASKED.is_module_patched(name))
        for item in vars(sys.modules[name]):
            patched = (monkey.is_object_patched(name, item), ASKED.is_object_patched(name, item))
            if any(patched):
                yield f"patched {{name}}.{{item}}", patched


def locks():
    import logging
    import concurrent.futures.thread

    yield "logging._lock", described(logging._lock)
    yield "lock of a handler", described(logging.StreamHandler().lock)
    yield "_global_shutdown_lock", described(concurrent.futures.thread._global_shutdown_lock)
    if sys.version_info >= (3, 14):
        import multiprocessing

        yield "start method", multiprocessing.get_start_method()


def perform(early, calls, late):
    for name in early:
        __import__(name)
    for function, arguments in calls:
        getattr(ASKED, function)(**dict(arguments))
    for name in (*late, *TARGETS):
        __import__(name)
    import gevent.monkey  # where nothing else did: os, time and _thread wait for it behind stand-ins

    facts = [fact for name in TARGETS for fact in contents(name)]
    facts += [*main_thread(), *queries(gevent.monkey), *locks()]
    return "".join(f"{{fact}} = {{value}}\\n" for fact, value in facts)
'''

LAZYPATCH = f"""
import lazypatch as ASKED
{DESCRIBE}
print(perform(*eval(sys.argv[1])), end="")
"""

# One process, which forks for each request. What it imports is what gevent.monkey imports before it replaces the first
# name, whichever function is called first: a process of its own for each would say the same in five times the time.
GEVENT = f"""
import os
import sys
import warnings
import gevent.monkey as ASKED
from gevent.events import GeventWillPatchAllEvent, notify_and_call_entry_points
notify_and_call_entry_points(GeventWillPatchAllEvent({{}}, {{}}))
warnings.simplefilter("ignore")
{DESCRIBE}
for line in iter(sys.stdin.readline, ""):
    child = os.fork()
    if not child:
        try:
            print(perform(*eval(line)), flush=True)
        except BaseException as error:
            print(repr(error) + "\\n", flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


class Gevent:
    """gevent.monkey in another process. The order of what is imported after its calls is all the same to it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", GEVENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=APPS,
            env=clean_environment(),
        )  # fmt: skip
        self._known: dict[tuple[frozenset[str], Calls], str] = {}
        self._asked: list[tuple[frozenset[str], Calls]] = []

    def ask(self, early: Names, calls: Calls) -> None:
        """Let it begin."""
        key = (frozenset(early), calls)
        if key not in self._known:
            assert self._process.stdin is not None
            self._asked.append(key)
            print((early, calls, ()), file=self._process.stdin, flush=True)

    def answer(self, early: Names, calls: Calls) -> str:
        """What it has found."""
        for key in self._asked:
            assert self._process.stdout is not None
            self._known[key] = "".join(iter(self._process.stdout.readline, "\n"))
        self._asked.clear()
        return self._known[frozenset(early), calls]

    def end(self) -> None:
        """It ends when there is nothing more to read."""
        self._process.communicate(timeout=30)


@pytest.fixture(scope="module")
def gevent() -> Iterator[Gevent]:
    """The oracle."""
    process = Gevent()
    yield process
    process.end()


def differences(gevent: Gevent, early: Names, calls: Calls, late: Names) -> dict[str, tuple[str, str]]:
    """Each fact on which the two disagree: name -> (gevent.monkey's, lazypatch's)."""
    gevent.ask(early, calls)
    done = run_python("-c", LAZYPATCH, repr((early, calls, late)), PYTHONWARNINGS="ignore")
    found = gevent.answer(early, calls)
    assert (done.returncode, done.stderr) == (0, ""), (early, calls, late)
    theirs, ours = (dict(line.split(" = ", 1) for line in text.splitlines()) for text in (found, done.stdout))
    both = {fact: (theirs.get(fact, "nothing"), ours.get(fact, "nothing")) for fact in {**theirs, **ours}}
    found_different = {fact: pair for fact, pair in both.items() if pair[0] != pair[1]}
    return {
        fact: pair
        for fact, pair in found_different.items()
        if not is_in_table(fact, *pair)
        and not is_about_selectors(fact, calls)
        and not (f"original of {fact}" not in both and is_taken_later(*pair, theirs))
    }


def is_taken_later(theirs: str, ours: str, all_theirs: dict[str, str]) -> bool:
    """Whether a target holds an original of another one, and with lazypatch the replacement.

    Of two calls, for ssl and then for socket, gevent.monkey's first imports ssl, which takes its names from a native
    socket; with lazypatch ssl is imported later, and finds a cooperative one.
    """
    return " gevent." in ours and theirs in (all_theirs[fact] for fact in all_theirs if fact.startswith("original of "))


def is_about_selectors(fact: str, calls: Calls) -> bool:
    """Whether the body of selectors may have seen another select.

    ``patch_select`` alone: whether gevent.monkey has imported selectors by then depends on what importlib.metadata
    imports, on 3.13 and later nothing of the kind. With lazypatch its body sees a cooperative select.
    """
    names = [name for name, _ in calls]
    return (
        "selectors" in fact
        and "patch_select" in names
        and "patch_selectors" not in names[: names.index("patch_select")]
    )


def is_in_table(fact: str, theirs: str, ours: str) -> bool:
    """Whether a row of the table has this difference."""
    return any(
        row[0] == fact and all(wanted in ("*", value) for wanted, value in zip(row[1:3], (theirs, ours), strict=True))
        for row in WANTED_DIFFERENCES
    )


def call(function: str, *names: str) -> st.SearchStrategy[Call]:
    """A call of *function* with a drawn value for each of its arguments, so that defaults do not matter."""
    values = st.tuples(*[st.booleans() for _ in names])
    return values.map(lambda drawn: (function, tuple(zip(names, drawn, strict=True))))


PATCH_ALL_NAMES = (
    "socket", "dns", "time", "select", "thread", "os", "ssl", "subprocess", "sys", "aggressive", "Event", "builtins",
    "signal", "queue", "contextvars",
)  # fmt: skip
EVERYTHING = (("patch_all", tuple((name, True) for name in PATCH_ALL_NAMES)),)
ONE_CALL = call("patch_all", *PATCH_ALL_NAMES).map(lambda one: (one,))
SOME_CALLS = st.lists(
    st.one_of(
        call("patch_socket", "dns", "aggressive"),
        call("patch_dns"),
        call("patch_ssl"),
        call("patch_os"),
        call("patch_time"),
        call("patch_select", "aggressive"),
        call("patch_selectors", "aggressive"),
        call("patch_thread", "threading", "_threading_local", "Event", "logging", "existing_locks"),
        call("patch_subprocess"),
        call("patch_signal"),
        call("patch_queue"),
    ),
    min_size=1,
    max_size=5,
).map(tuple)
ORDER = st.permutations(TARGETS).map(tuple)

# The same examples every time, however long each takes.
drawn = functools.partial(
    settings, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)


@drawn(max_examples=70)
@given(calls=ONE_CALL, order=ORDER)
@example(calls=EVERYTHING, order=TARGETS)
def test_patch_all(gevent: Gevent, calls: Calls, order: Names) -> None:
    """Any arguments of patch_all, then the targets imported in any order."""
    assert differences(gevent, (), calls, order) == {}


@drawn(max_examples=80)
@given(calls=SOME_CALLS, order=ORDER)
def test_other_functions(gevent: Gevent, calls: Calls, order: Names) -> None:
    """A few calls of the other functions, also of one twice, then the targets imported in any order."""
    assert differences(gevent, (), calls, order) == {}


@drawn(max_examples=50)
@given(calls=ONE_CALL | SOME_CALLS, order=ORDER, loaded=st.integers(1, len(TARGETS)))
@example(calls=EVERYTHING, order=TARGETS, loaded=len(TARGETS))
def test_targets_that_are_loaded_already(gevent: Gevent, calls: Calls, order: Names, loaded: int) -> None:
    """The first *loaded* targets are imported before the calls, the others after them."""
    assert differences(gevent, order[:loaded], calls, order[loaded:]) == {}
