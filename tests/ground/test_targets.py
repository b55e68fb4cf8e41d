"""The table knows what gevent replaces before gevent is loaded: a new gevent that replaces more must be noticed here."""

from __future__ import annotations

import inspect
import json

from conftest import run_code

import lazypatch
from lazypatch._targets import TARGETS

SHOW = """
import importlib
from lazypatch import _install, _targets
options = {"sockets", *_targets.OPTIONS}
for row in _targets.TARGETS.values():
    source = importlib.import_module(row.source)
    if hasattr(source, "__implements__"):
        target = importlib.import_module(row.name)  # native here
        # A name that this Python lacks is added by gevent, not replaced; the table has those of a later micro version.
        here = lambda names: {name for name in names if hasattr(target, name)}
        given, table = here(_install.names(row.name, source, options)), here(row.names.split())
        print(row.name, "only gevent:", *sorted(given - table))
        print(row.name, "only the table:", *sorted(table - given))
"""


def test_the_table_has_exactly_the_names_that_gevent_offers() -> None:
    lines = run_code(SHOW).splitlines()
    assert len(lines) >= 2 * 9
    # The thread surgery's own, as in gevent.monkey.patch_thread; gevent.threading does not list it.
    assert [line for line in lines if not line.endswith(":")] == ["threading only the table: _shutdown"]


def test_gevent_has_no_patch_function_that_we_lack() -> None:
    theirs = set(run_code("import gevent.monkey as m; print(*(n for n in dir(m) if n.startswith('patch_')))").split())
    ours = set(run_code("import lazypatch; print(*(n for n in lazypatch.__all__ if n.startswith('patch_')))").split())
    # gevent's tool for one attribute is not in its documented list of functions.
    assert theirs - ours == {"patch_item"}
    assert ours - theirs == {"patch_selectors"} - theirs


RECORDED = """
import json
from gevent import monkey
monkey.patch_all()
saved = {name: sorted(items) for name, items in monkey.saved.items() if not name.startswith("_gevent_")}
print(json.dumps(saved))
"""

# Replaced otherwise than by a name in the table, and where.
ELSEWHERE = {
    "logging": {"_lock"},  # _companions, _threads
    "select": {"epoll", "kqueue", "kevent", "devpoll"},  # removed: _install._select
    "selectors": {"EpollSelector", "KqueueSelector", "DevpollSelector"},  # removed: _install._selectors
    "threading": {"Event"},  # an option: _threads
}


def test_whatever_gevent_monkey_replaces_is_in_the_table() -> None:
    unknown = {}
    for name, items in json.loads(run_code(RECORDED)).items():
        table = set(TARGETS[name].names.split()) if name in TARGETS else set()
        if set(items) - table - ELSEWHERE.get(name, set()):
            unknown[name] = set(items) - table - ELSEWHERE.get(name, set())
    assert unknown == {}


SOURCES = """
import importlib, json, pkgutil, sys
import gevent
found = {}
for entry in pkgutil.iter_modules(gevent.__path__):
    if entry.ispkg or entry.name == "__main__":
        continue
    try:
        module = importlib.import_module("gevent." + entry.name)
    except (ImportError, AttributeError):  # another system's, or an optional dependency's
        continue
    if entry.name in sys.stdlib_module_names or hasattr(module, "__target__"):
        found[entry.name] = [name for name in dir(module) if name.startswith("_gevent_") and name.endswith("_patch")]
        found[entry.name] += ["__implements__"] if getattr(module, "__implements__", ()) else []
print(json.dumps(found))
"""

# gevent's modules that have something to put into a standard one of their name, and how each does it beyond
# setattr: what a hook does, _install and _threads do in their own way. A new one has to be looked at.
KNOWN_SOURCES = {
    "contextvars": ["__implements__"],  # patch_contextvars does nothing
    "os": ["__implements__"],
    "queue": ["__implements__"],
    "select": ["_gevent_do_monkey_patch", "__implements__"],
    "selectors": ["_gevent_do_monkey_patch", "__implements__"],
    "signal": ["__implements__"],
    "socket": ["__implements__"],
    "ssl": ["__implements__"],
    "subprocess": ["_gevent_did_monkey_patch", "__implements__"],
    "thread": ["__implements__"],
    "threading": ["_gevent_will_monkey_patch", "__implements__"],
    "time": ["__implements__"],
}


def test_gevent_has_no_source_and_no_hook_that_we_do_not_know() -> None:
    found = {name: how for name, how in json.loads(run_code(SOURCES)).items() if how}
    assert found == KNOWN_SOURCES


SIGNATURES = """
import inspect, json
from gevent import monkey
functions = {name: getattr(monkey, name) for name in dir(monkey) if name.startswith("patch_") and name != "patch_item"}
kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
print(json.dumps({
    name: {p.name: p.default if type(p.default) is bool else "" for p in inspect.signature(function).parameters.values()
           if p.kind in kinds and (p.name == "_threading_local" or not p.name.startswith("_"))}
    for name, function in functions.items()
}))
"""

# Where our default is another one: the specification says False.
OTHER_DEFAULTS = {("patch_all", "Event"), ("patch_thread", "Event")}


def test_gevents_patch_functions_take_nothing_that_ours_lack() -> None:
    differ = set()
    for function, parameters in json.loads(run_code(SIGNATURES)).items():
        ours = inspect.signature(getattr(lazypatch, function)).parameters
        for name, default in parameters.items():
            if function == "patch_module":  # other names for the same positions
                assert len(ours) == len(parameters)
            elif name not in ours or ours[name].default != default:
                differ.add((function, name))
    assert differ == OTHER_DEFAULTS
