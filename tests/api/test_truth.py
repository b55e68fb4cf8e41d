"""What lazypatch and gevent.monkey say is true, before arming, while targets wait and when they are installed.

Who asks is code that picks a driver or a lock by the answer, often once, at its own import: a wrong answer shows up
much later and elsewhere. The other half: whoever listens, to gevent's events or through wrapt, hears what is done.
"""

from __future__ import annotations

import ast
import pathlib
import textwrap

import pytest
from conftest import run_code, run_python

TARGETS = (
    "os", "time", "_thread", "threading", "_threading_local", "socket", "ssl", "select", "selectors", "subprocess",
    "signal", "queue",
)  # fmt: skip


def run(code: str, *, spec: str | None = None, **env: str) -> str:
    """Run *code* in a clean child. It must exit 0 and say nothing on stderr, warnings included."""
    done = run_python("-W", "always", "-c", textwrap.dedent(code), spec=spec, **env)
    assert (done.returncode, done.stderr) == (0, ""), f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


# Queries


@pytest.mark.parametrize(
    "spec",
    [
        "gevent",
        "gevent,dns=0",
        "dns",
        "gevent,aggressive=0",
        "gevent,Event=0",
        "time",
        "socket,queue",
    ],
)
def test_a_waiting_target_gets_the_answers_it_gets_when_installed(spec: str) -> None:
    """For each attribute of each target, and without loading any."""
    installed = run_code(
        f"""
import sys
import lazypatch
answers = {{}}
for name in {TARGETS}:
    native = set(vars(__import__(name)))
    import gevent.monkey
    items = native | vars(sys.modules[name]).keys() | set(gevent.monkey.saved.get(name, ()))
    patched = {{item: lazypatch.is_object_patched(name, item) for item in items}}
    answers[name] = lazypatch.is_module_patched(name), patched
print(answers)
""",
        spec=spec,
    )
    answers = ast.literal_eval(installed)
    assert any(any(patched.values()) for _, patched in answers.values())
    run(
        f"""
import sys
import lazypatch
loaded = set(sys.modules)
for name, (patched, items) in {answers!r}.items():
    assert lazypatch.is_module_patched(name) is patched, name
    for item, answer in items.items():
        assert lazypatch.is_object_patched(name, item) is answer, (name, item, answer)
assert not {{"gevent", "socket", "threading", "queue"}} & sys.modules.keys()
""",
        spec=spec,
    )


def test_nothing_is_patched_before_arming() -> None:
    """Nor is what is no target, afterwards."""
    run(f"""
        import lazypatch
        assert not any(map(lazypatch.is_module_patched, {TARGETS}))
        assert not lazypatch.is_object_patched("socket", "socket")
        lazypatch.patch_all()
        assert lazypatch.is_module_patched("socket")
        assert not lazypatch.is_module_patched("json")
        assert not lazypatch.is_object_patched("json", "loads")
        assert not lazypatch.is_module_patched("no_such_module")
    """)


BEFORE = "from gevent.monkey import *; from gevent.monkey import saved; import lazypatch; lazypatch.patch_all()"
AFTER = "import lazypatch; lazypatch.patch_all(); from gevent.monkey import *; from gevent.monkey import saved"


@pytest.mark.parametrize("taken", [BEFORE, AFTER], ids=["taken before arming", "taken after arming"])
def test_gevents_own_queries_know_of_a_waiting_target(taken: str) -> None:
    """Also when they were imported by name before lazypatch was armed."""
    run(f"""
        {taken}
        import sys
        assert "queue" not in sys.modules
        assert is_module_patched("queue")
        assert is_object_patched("queue", "Queue")
        assert not is_object_patched("queue", "Full")
        assert "queue" in saved
        assert "queue" not in sys.modules
        import queue
        import gevent.queue
        assert is_module_patched("queue")
        assert is_object_patched("queue", "Queue")
        assert not is_object_patched("queue", "Full")
        assert queue.Queue is gevent.queue.Queue
        assert saved["queue"]["Queue"] is get_original("queue", "Queue") is lazypatch.get_original("queue", "Queue")
    """)


@pytest.mark.parametrize("taken", [BEFORE, AFTER], ids=["taken before arming", "taken after arming"])
def test_gevents_own_get_original_loads_a_waiting_target(taken: str) -> None:
    """And gives what stood there."""
    run(f"""
        {taken}
        import sys
        assert "queue" not in sys.modules
        original, full = get_original("queue", ["Queue", "Full"])
        import queue
        assert original.__module__ == "queue" and original is not queue.Queue
        assert full is queue.Full
    """)


ORIGINALS = """
import {function} as where
for module, item, home in [
    ("time", "sleep", "time"), ("_thread", "allocate_lock", "_thread"), ("os", "fork", "posix"),
    ("socket", "socket", "socket"), ("socket", "create_connection", "socket"), ("threading", "Thread", "threading"),
    ("queue", "Queue", "queue"), ("subprocess", "Popen", "subprocess"), ("select", "select", "select"),
    ("selectors", "DefaultSelector", "selectors"), ("ssl", "SSLContext", "ssl"), ("signal", "signal", "signal"),
]:
    found = where.get_original(module, item)
    assert found.__module__ == home, (module, item, found)
    assert where.get_original(module, [item, "__name__"]) == [found, module]
    assert where.get_original(("no_such_module", module), item) is found
for arguments, error in [
    (("no_such_module", "x"), ImportError), ((["no_such_module", "nor_this"], "x"), ImportError),
    (("socket", "no_such_name"), AttributeError),
]:
    try:
        where.get_original(*arguments)
    except error:
        continue
    raise AssertionError(arguments)
"""
ALL_TARGETS = f"for name in {TARGETS}: __import__(name)\n"


@pytest.mark.parametrize("function", ["lazypatch", "gevent.monkey"])
@pytest.mark.parametrize("spec", [None, "gevent"])
@pytest.mark.parametrize("first", ["", ALL_TARGETS], ids=["waiting", "installed"])
def test_get_original_gives_the_native_object(function: str, spec: str | None, first: str) -> None:
    """By a name, by names, by alternate module names, whatever stands there now."""
    run(first + ORIGINALS.format(function=function), spec=spec)


@pytest.mark.parametrize(
    "probe",
    [
        "import socket, gevent.socket; assert socket.socket is gevent.socket.socket",  # kombu
        "import select; assert sys.modules['gevent.monkey'].is_module_patched('select')",  # psycopg
        "from gevent.monkey import is_module_patched; assert is_module_patched('socket')",  # python-socketio
        "from gevent.monkey import is_object_patched; assert is_object_patched('threading', 'local')",  # sentry-sdk
        "import gevent.monkey; assert gevent.monkey.is_anything_patched()",
        "import gevent.monkey; assert 'subprocess' in gevent.monkey.saved",
        "import threading, gevent.thread; assert threading.get_ident is gevent.thread.get_ident",
        "import threading; assert 'gevent' in threading.local.__module__",
    ],
)
def test_probes_of_well_known_libraries_say_yes(probe: str) -> None:
    """As the first thing that a program does."""
    run("import sys\n" + probe, spec="gevent")
    run("import sys, lazypatch; lazypatch.patch_all()\n" + probe)


# Others that patch

OURS = "import lazypatch; lazypatch.patch_all()"
THEIRS = "import gevent.monkey; gevent.monkey.patch_all()"
ARMINGS = {
    "gevent, then lazypatch": f"{THEIRS}; {OURS}",
    "lazypatch, then gevent": f"{OURS}; {THEIRS}",
    "by a name taken before": (
        "from gevent.monkey import patch_all; import lazypatch; lazypatch.patch_all(); patch_all(); patch_all()"
    ),
    "by names of single functions": (
        "from gevent.monkey import patch_thread, patch_socket, patch_queue; import lazypatch; lazypatch.patch_all();"
        "patch_thread(); patch_socket(dns=False); patch_queue()"
    ),
    "in the middle": (
        "import lazypatch; lazypatch.patch_all(); import socket, gevent.monkey; gevent.monkey.patch_all(); import queue"
    ),
    "with fewer": f"{OURS}; from gevent.monkey import patch_all; patch_all(thread=False)",
}
SPECS = [None, "gevent"]


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("arming", ARMINGS.values(), ids=ARMINGS)
def test_who_else_patches_does_no_harm(arming: str, spec: str | None) -> None:
    """No warning, every target is gevent's, and every original is native."""
    run(
        f"""
{arming}
import sys
for name in {TARGETS}:
    __import__(name)
    assert sys.modules["gevent.monkey"].is_module_patched(name) and lazypatch.is_module_patched(name)
    originals = sys.modules["gevent.monkey"].saved[name]
    assert originals
    for item, original in originals.items():
        home = getattr(original, "__module__", None) or ""
        assert not home.startswith(("gevent", "lazypatch")), (name, item, original)
        assert not type(original).__module__.startswith(("gevent", "lazypatch")), (name, item, original)
import socket, queue, threading, gevent.socket, gevent.queue, gevent.thread
assert socket.socket is gevent.socket.socket
assert queue.Queue is gevent.queue.Queue
assert threading.get_ident is gevent.thread.get_ident
assert threading.current_thread() is threading.main_thread()
thread = threading.Thread(target=socket.getaddrinfo, args=("127.0.0.1", 1))
thread.start()
thread.join()
""",
        spec=spec,
    )


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("arming", ARMINGS.values(), ids=ARMINGS)
def test_gevents_hooks_for_fork_run_once(arming: str, spec: str | None) -> None:
    """However often the thread group was asked for; and the child's threads work."""
    run(
        f"""
import gevent.threading
calls = []
before = gevent.threading._ForkHooks.before_fork_in_parent
gevent.threading._ForkHooks.before_fork_in_parent = lambda self: calls.append(1) or before(self)
{arming}
import os, threading
child = os.fork()
if not child:
    assert threading.current_thread() is threading.main_thread()
    thread = threading.Thread(target=print)
    thread.start()
    thread.join()
    raise SystemExit
assert os.waitpid(child, 0) == (child, 0)
assert len(calls) == {0 if spec else 1}, calls  # armed from outside, they were registered before this could count
""",
        spec=spec,
    )


def test_gevents_hooks_for_fork_run_once_when_armed_from_outside() -> None:
    """Counted by os.register_at_fork itself: gevent's are handed to it once."""
    run(
        """
        import os
        handed, register = [], os.register_at_fork
        def count(**hooks):
            handed.extend(hook for hook in hooks.values() if type(hook).__name__ == "method")
            register(**hooks)
        os.register_at_fork = count
        import threading
        import gevent.monkey
        gevent.monkey.patch_all()
        names = [hook.__name__ for hook in handed if hook.__func__.__module__ == "gevent.threading"]
        assert sorted(names) == ["after_fork_in_child", "before_fork_in_parent"], names
    """,
        spec="gevent",
    )


# Those who listen

LISTEN = """
import sys
import gevent.events
from gevent.events import DoNotPatch
heard = []
def listen(event):
    name = getattr(getattr(event, "target", None), "__name__", "")
    heard.append((type(event).__name__, name))
    react(type(event).__name__, name, event)
gevent.events.subscribers.append(listen)
def react(kind, name, event): pass
"""
PATCHED = "def native(name, item): return getattr(sys.modules[name], item).__module__ == name\n"


def test_subscribers_hear_of_each_target_before_and_after() -> None:
    """And once of the whole."""
    run(f"""{LISTEN}
import lazypatch
assert lazypatch.patch_all()
{ALL_TARGETS}
for name in {TARGETS}:
    will = heard.index(("GeventWillPatchModuleEvent", name))
    did = heard.index(("GeventDidPatchModuleEvent", name))
    assert will < did, name
    assert heard.count(heard[will]) == heard.count(heard[did]) == 1, name
kinds = [kind for kind, name in heard if not name]
assert kinds == ["GeventWillPatchAllEvent", "GeventDidPatchBuiltinModulesEvent", "GeventDidPatchAllEvent"], kinds
assert heard[0][0] == "GeventWillPatchAllEvent"
""")


def test_an_event_comes_when_the_target_is_in_the_state_that_it_names() -> None:
    """Native at ``will``, cooperative at ``did``; also for a program that was armed from outside."""
    run(
        f"""{LISTEN}{PATCHED}
assert "queue" not in sys.modules
def react(kind, name, event):
    if name == "queue":
        assert event.source is sys.modules["gevent.queue"]
        assert native("queue", "Queue") is (kind == "GeventWillPatchModuleEvent"), kind
import queue
assert [kind for kind, name in heard if name == "queue"] == ["GeventWillPatchModuleEvent", "GeventDidPatchModuleEvent"]
""",
        spec="gevent",
    )


@pytest.mark.parametrize("ways", [OURS, THEIRS])
@pytest.mark.parametrize("spec", SPECS)
def test_a_subscriber_can_veto_one_target(ways: str, spec: str | None) -> None:
    """It stays native, the others do not, and everybody says so."""
    veto_known = 'assert lazypatch.state("queue") == "skipped" != lazypatch.state("ssl")'
    veto_known = veto_known if spec or "lazypatch" in ways else ""  # else gevent.monkey did it all
    run(
        f"""{LISTEN}{PATCHED}
def react(kind, name, event):
    if name == "queue":
        raise DoNotPatch
import lazypatch
{ways}
import queue, ssl
import gevent.monkey
assert native("queue", "Queue")
assert not native("ssl", "SSLContext")
{veto_known}
assert not lazypatch.is_module_patched("queue") and not lazypatch.is_object_patched("queue", "Queue")
assert not gevent.monkey.is_module_patched("queue") and not gevent.monkey.is_object_patched("queue", "Queue")
assert gevent.monkey.is_module_patched("ssl")
assert lazypatch.get_original("queue", "Queue") is gevent.monkey.get_original("queue", "Queue") is queue.Queue
""",
        spec=spec,
    )


def test_a_single_function_says_that_it_was_vetoed() -> None:
    """False, if the target is there to be asked about."""
    run(f"""{LISTEN}{PATCHED}
def react(kind, name, event):
    if name == "queue":
        raise DoNotPatch
import lazypatch, queue
assert lazypatch.patch_queue() is False
assert native("queue", "Queue")
""")


def test_a_subscriber_can_veto_everything() -> None:
    """patch_all() is False then, and nothing is replaced."""
    run(f"""{LISTEN}{PATCHED}
def react(kind, name, event):
    if kind == "GeventWillPatchAllEvent":
        raise DoNotPatch
import lazypatch
assert lazypatch.patch_all() is False
{ALL_TARGETS}
import gevent.monkey
for name, item in [("socket", "socket"), ("queue", "Queue"), ("threading", "Thread"), ("time", "sleep")]:
    assert native(name, item), name
    assert not lazypatch.is_module_patched(name) and not gevent.monkey.is_module_patched(name), name
assert [kind for kind, name in heard] == ["GeventWillPatchAllEvent"], heard
""")


def test_a_subscriber_can_shorten_the_list_of_names() -> None:
    """What it takes out stays native."""
    run(f"""{LISTEN}{PATCHED}
def react(kind, name, event):
    if name == "queue" and "Will" in kind:
        event.target_item_names.remove("LifoQueue")
import lazypatch
lazypatch.patch_all()
import queue
import gevent.monkey
assert native("queue", "LifoQueue") and not native("queue", "Queue")
for say in (lazypatch, gevent.monkey):
    assert say.is_object_patched("queue", "Queue") and not say.is_object_patched("queue", "LifoQueue")
""")


PLUGIN = """
heard = []
def listen(event):
    name = getattr(getattr(event, "target", None), "__name__", "")
    heard.append((type(event).__name__, name))
    if name == "queue" and "Will" in heard[-1][0]:
        from gevent.events import DoNotPatch
        raise DoNotPatch
"""


@pytest.fixture
def plugin(tmp_path: pathlib.Path) -> str:
    """A folder with an installed distribution that has an entry point for each of gevent's events."""
    (tmp_path / "some_plugin.py").write_text(PLUGIN)
    info = tmp_path / "some_plugin-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some-plugin\nVersion: 1\n")
    groups = ("will_patch_all", "will_patch_module", "did_patch_module", "did_patch_builtins", "did_patch_all")
    lines = [f"[gevent.plugins.monkey.{group}]\nsome = some_plugin:listen\n" for group in groups]
    (info / "entry_points.txt").write_text("\n".join(lines))
    return str(tmp_path)


@pytest.mark.parametrize("spec", SPECS)
def test_a_plugin_hears_what_a_subscriber_hears(plugin: str, spec: str | None) -> None:
    """It is found through its entry points, and its veto counts."""
    run(
        f"""{PATCHED}
import sys
{"" if spec else "import lazypatch; lazypatch.patch_all()"}
{ALL_TARGETS}
import gevent.monkey
from some_plugin import heard
for name in {TARGETS}:
    assert heard.count(("GeventWillPatchModuleEvent", name)) == 1, (name, heard)
    assert heard.count(("GeventDidPatchModuleEvent", name)) == (name != "queue"), (name, heard)
kinds = [kind for kind, name in heard if not name]
assert kinds == ["GeventWillPatchAllEvent", "GeventDidPatchBuiltinModulesEvent", "GeventDidPatchAllEvent"], kinds
assert native("queue", "Queue") and not native("socket", "socket")
assert gevent.monkey.is_module_patched("socket") and not gevent.monkey.is_module_patched("queue")
""",
        spec=spec,
        PYTHONPATH=plugin,
    )


# wrapt

HOOK = """
import sys
def hook(name, item):
    seen.setdefault(name, [])
    def look(module):
        seen[name].append(getattr(module, item).__module__.partition(".")[0])
    return look
seen = {}
HOOKED = [("socket", "socket"), ("ssl", "SSLContext"), ("subprocess", "Popen"), ("threading", "get_ident"),
          ("queue", "Queue")]
def register():
    for name, item in HOOKED:
        wrapt.register_post_import_hook(hook(name, item), name)
def check():
    for name, item in HOOKED:
        __import__(name)
    # get_ident is a function of gevent's C extensions, which do not say where they are from
    assert seen == {name: ["gevent"] for name, item in HOOKED}, seen
"""
WRAPT_ORDERS = {
    "wrapt first": "import wrapt, lazypatch; lazypatch.patch_all(); register(); check()",
    "hooks first, those that have not fired": (
        "import wrapt; HOOKED[:] = [one for one in HOOKED if one[0] not in sys.modules]; assert HOOKED; register();"
        "import lazypatch; lazypatch.patch_all(); check()"
    ),
    "lazypatch first": "import lazypatch; lazypatch.patch_all(); import wrapt; register(); check()",
    "lazypatch first, a target loaded": f"{OURS}; import queue, wrapt; register(); check()",
}


@pytest.mark.parametrize("order", WRAPT_ORDERS.values(), ids=WRAPT_ORDERS)
@pytest.mark.parametrize("spec", SPECS)
def test_hooks_of_others_see_the_installed_module_once(order: str, spec: str | None) -> None:
    """Whichever finder stands first on sys.meta_path."""
    run(HOOK + order, spec=spec)


def test_when_imported_calls_for_a_target_and_for_any_other_module(tmp_path: pathlib.Path) -> None:
    """Once, after the import, at once if it is there; a target is installed by then."""
    (tmp_path / "some_module.py").write_text("VALUE = 1\n")
    run(
        """
        import lazypatch
        lazypatch.patch_all()
        calls = []

        @lazypatch.when_imported("some_module")
        def one(module):
            calls.append(module.VALUE)

        @lazypatch.when_imported("queue")
        def two(module):
            import gevent.queue
            assert module.Queue is gevent.queue.Queue
            calls.append(2)

        import queue
        assert calls.count(2) == 1
        assert 1 not in calls
        import some_module
        assert calls.count(1) == 1 and callable(one) and callable(two)
        lazypatch.when_imported("some_module")(one)
        assert calls.count(1) == 2
    """,
        PYTHONPATH=str(tmp_path),
    )


# A third party's own targets

SOURCE = """
__implements__ = ["work"]
happened = []
def work(): return "cooperative"
def other(): return "cooperative other"
def _gevent_will_monkey_patch(module, items, warn):
    happened.append(("will", module.__name__, module.work(), list(items)))
def _gevent_did_monkey_patch(module, items, warn):
    happened.append(("did", module.__name__, module.work(), list(items)))
"""
TARGET = """
def work(): return "native"
def other(): return "native other"
"""


@pytest.fixture
def third_party(tmp_path: pathlib.Path) -> str:
    """A folder with modules ``their_target`` and ``their_source``."""
    (tmp_path / "their_target.py").write_text(TARGET)
    (tmp_path / "their_source.py").write_text(SOURCE)
    (tmp_path / "taker.py").write_text("from their_target import work\n")
    return str(tmp_path)


@pytest.mark.parametrize("arguments", ["their_target, their_source", "'their_target', 'their_source'"])
def test_patch_module_changes_a_loaded_module_at_once(third_party: str, arguments: str) -> None:
    """Given modules or names; the source's hooks are called, and the original is on record."""
    run(
        f"""
        import lazypatch, their_target, their_source
        native = their_target.work
        assert lazypatch.patch_module({arguments})
        assert their_target.work is their_source.work and their_target.other() == "native other"
        happened = [(when, found) for when, _, found, _ in their_source.happened]
        assert happened == [("will", "native"), ("did", "cooperative")]
        assert lazypatch.get_original("their_target", "work") is native
        assert lazypatch.is_module_patched("their_target") and lazypatch.is_object_patched("their_target", "work")
        assert not lazypatch.is_object_patched("their_target", "other")
        import gevent.monkey
        assert gevent.monkey.get_original("their_target", "work") is native
        assert gevent.monkey.is_object_patched("their_target", "work")
    """,
        PYTHONPATH=third_party,
    )


def test_patch_module_with_names_waits_for_the_import(third_party: str) -> None:
    """Who takes a name out of the target with its first import gets the cooperative one."""
    run(
        """
        import sys
        import lazypatch
        assert lazypatch.patch_module("their_target", "their_source", ["work", "other"])
        assert not {"their_target", "their_source"} & sys.modules.keys()
        import taker
        assert taker.work() == "cooperative"
        import their_target, their_source
        assert their_target.other is their_source.other
        assert lazypatch.get_original("their_target", "work")() == "native"
        assert their_source.happened == [
            ("will", "their_target", "native", ["work", "other"]),
            ("did", "their_target", "cooperative", ["work", "other"]),
        ]
    """,
        PYTHONPATH=third_party,
    )


def test_a_waiting_module_of_a_third_party_is_said_to_be_patched(third_party: str) -> None:
    """It is what an importer gets from now on."""
    run(
        """
        import lazypatch
        lazypatch.patch_module("their_target", "their_source")
        assert lazypatch.is_module_patched("their_target")
        assert lazypatch.is_object_patched("their_target", "work")
        assert not lazypatch.is_object_patched("their_target", "other")
    """,
        PYTHONPATH=third_party,
    )


def test_a_source_can_veto_its_target(third_party: str) -> None:
    """By DoNotPatch from its own hook: False, and nothing is changed."""
    run(
        """
        import lazypatch, their_target, their_source
        from gevent.events import DoNotPatch
        def no(module, items, warn):
            raise DoNotPatch
        their_source._gevent_will_monkey_patch = no
        assert lazypatch.patch_module(their_target, their_source) is False
        assert their_target.work() == "native" and not lazypatch.is_module_patched("their_target")
    """,
        PYTHONPATH=third_party,
    )


def test_a_subscriber_can_veto_a_third_partys_target(third_party: str) -> None:
    """As the other targets; it hears of them too."""
    run(
        f"""{LISTEN}
import lazypatch, their_target, their_source
def react(kind, name, event):
    if name == "their_target" and their_target.veto:
        raise DoNotPatch
their_target.veto = True
assert lazypatch.patch_module(their_target, their_source) is False
assert their_target.work() == "native"
their_target.veto = False
assert lazypatch.patch_module(their_target, their_source)
assert their_target.work() == "cooperative"
assert [kind for kind, name in heard if name == "their_target"] == [
    "GeventWillPatchModuleEvent", "GeventWillPatchModuleEvent", "GeventDidPatchModuleEvent"
]
""",
        PYTHONPATH=third_party,
    )


def test_patch_module_changes_nothing_if_a_name_is_missing(third_party: str) -> None:
    """It raises AttributeError before it has replaced the first."""
    run(
        """
        import lazypatch, their_target, their_source
        try:
            lazypatch.patch_module(their_target, their_source, ["work", "no_such_name"])
        except AttributeError as error:
            assert "no_such_name" in str(error)
        else:
            raise AssertionError
        assert their_target.work() == "native"
    """,
        PYTHONPATH=third_party,
    )


# Handles


def test_enabling_again_adds_nothing_to_the_path() -> None:
    """One finder, one set of stand-ins."""
    run(
        """
        import sys, time
        import lazypatch
        lazypatch.enable('gevent')
        finders, sleep = list(sys.meta_path), time.sleep
        lazypatch.enable('gevent')
        lazypatch.patch_all()
        lazypatch.enable("queue")
        assert sys.meta_path == finders and time.sleep is sleep
        assert lazypatch.state("socket") == lazypatch.state("queue") == "waiting"
    """,
        spec="gevent",
    )


@pytest.mark.parametrize("spec", ["0", "off", "none", ""])
def test_enabling_nothing_arms_nothing(spec: str) -> None:
    """Whichever word for it is used."""
    run(f"""
        import sys, time
        before = list(sys.meta_path), time.sleep
        import lazypatch
        lazypatch.enable({spec!r}).cancel()
        assert (list(sys.meta_path), time.sleep) == before
        assert not lazypatch.is_module_patched("socket")
    """)


@pytest.mark.parametrize("cancel", ["handle.cancel()", "with handle: pass"])
def test_what_waits_can_be_cancelled(cancel: str) -> None:
    """It is native from then on, and everybody says so; what is installed stays."""
    run(f"""
        import time
        sleep, builtin = time.sleep, type(len)
        import lazypatch
        handle = lazypatch.enable("queue,ssl,time,os")
        assert time.sleep is not sleep and lazypatch.state("queue") == "waiting"
        {cancel}
        assert time.sleep is sleep
        assert lazypatch.state("queue") == "skipped" and not lazypatch.is_module_patched("queue")
        import queue, os, gevent.monkey
        assert queue.Queue.__module__ == "queue" and type(time.sleep) is builtin and type(os.fork) is builtin
        assert not gevent.monkey.is_module_patched("queue")
    """)


def test_cancelling_leaves_what_is_installed() -> None:
    """And what gevent.monkey says of it; what waited in its record is taken back."""
    run("""
        import lazypatch
        with lazypatch.enable('gevent') as handle:
            import socket, gevent.socket, gevent.monkey
            assert gevent.monkey.is_module_patched("queue")
        assert socket.socket is gevent.socket.socket and lazypatch.state("socket") == "installed"
        assert gevent.monkey.is_module_patched("socket") and lazypatch.is_module_patched("socket")
        assert not gevent.monkey.is_module_patched("queue") and not lazypatch.is_module_patched("queue")
        import queue
        assert queue.Queue.__module__ == "queue"
        handle.cancel()
        lazypatch.enable("queue")
        import gevent.queue
        assert queue.Queue is gevent.queue.Queue and lazypatch.state("queue") == "late"
    """)


def test_gevents_own_switch_leaves_queue_queue_native() -> None:
    """GEVENT_MONKEY_DISABLE_QUEUE_QUEUE; what is said while it waits is what is done."""
    code = """
import lazypatch, sys
{patch}
waiting = {{name: lazypatch.is_object_patched("queue", name) for name in ("Queue", "LifoQueue", "SimpleQueue")}}
import queue, gevent.queue
installed = {{name: lazypatch.is_object_patched("queue", name) for name in waiting}}
print(waiting == installed, installed, queue.Queue is gevent.queue.Queue, queue.LifoQueue is gevent.queue.LifoQueue)
"""
    for value, is_ours in (("1", False), ("0", True)):
        env = {"GEVENT_MONKEY_DISABLE_QUEUE_QUEUE": value}
        armed = run_code(code.format(patch=""), spec="gevent", **env)
        assert armed == f"True {{'Queue': {is_ours}, 'LifoQueue': True, 'SimpleQueue': True}} {is_ours} True\n", armed
        eager = run_code(
            "import gevent.monkey; gevent.monkey.patch_all(); import queue, gevent.queue\n"
            "print(queue.Queue is gevent.queue.Queue, queue.LifoQueue is gevent.queue.LifoQueue)",
            **env,
        )
        assert eager == f"{is_ours} True\n"


def test_gevents_record_of_a_waiting_target_holds_nothing_else() -> None:
    """It is a dict: a name that nothing replaces is a KeyError, and the target stays unloaded for it."""
    run_code(
        """
import gevent.monkey, sys
assert "queue" not in sys.modules
saved = gevent.monkey.saved["queue"]
try:
    saved["Empty"]
except KeyError:
    assert "queue" not in sys.modules and saved.get("Full") is None and "Empty" not in saved
else:
    raise AssertionError
assert saved["Queue"].__module__ == "queue" and sys.modules["queue"].Queue is not saved["Queue"]
""",
        spec="gevent",
    )


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("lazypatch.get_original([], 'sleep')", "ImportError: get_original() was given no module name"),
        ("lazypatch.get_original(['nowhere', 'nor_here'], 'sleep')", "ModuleNotFoundError: No module named 'nor_here'"),
        ("lazypatch.get_original('time', 'nothing')", "AttributeError: module 'time' has no attribute 'nothing'"),
        ("lazypatch.state('json')", "'json' is neither a target nor an adapter; the targets are _thread, threading,"),
        ("lazypatch.enable('all,Evnt=0')", "unknown option 'Evnt' in the spec 'all,Evnt=0'; did you mean 'Event'?"),
        (
            "lazypatch.enable('Event=maybe')",
            "unknown value for the option Event 'maybe' in the spec 'Event=maybe'. Known: 0, 1",
        ),
        ("lazypatch.nothing", "AttributeError: module 'lazypatch' has no attribute 'nothing'"),
    ],
)
def test_a_mistake_is_named(call: str, error: str) -> None:
    done = run_python("-c", f"import lazypatch\n{call}")
    assert done.returncode == 1 and error in done.stderr.splitlines()[-1], done.stderr


def test_an_error_in_a_greenlet_shows_its_context() -> None:
    """gevent formats it with pprint, which is imported only now."""
    done = run_python(
        "-c",
        "import sys, socket, gevent\nassert 'pprint' not in sys.modules\n"
        "gevent.get_hub().handle_error({'a': ['context']}, ZeroDivisionError, ZeroDivisionError('zero'), None)\n"
        "gevent.sleep(0)",
        spec="gevent",
    )
    assert done.returncode == 0 and "{'a': ['context']} failed with ZeroDivisionError" in done.stderr, done.stderr


def test_a_hook_of_a_source_may_fail() -> None:
    """What it raises is the caller's; nothing is changed."""
    run_code(
        """
import sys, types, lazypatch
source, target = types.ModuleType("source"), types.ModuleType("target")
source.__implements__, source.value, target.value = ["value"], "new", "old"
def refuse(module, items, warn):
    raise ZeroDivisionError
source._gevent_will_monkey_patch = refuse
sys.modules["target"] = target
try:
    lazypatch.patch_module(target, source)
except ZeroDivisionError:
    assert target.value == "old" and not lazypatch.is_module_patched("target")
    assert lazypatch.get_original("target", "value") == "old"
else:
    raise AssertionError
# A second patch that fails leaves the first one as it was.
del source._gevent_will_monkey_patch
lazypatch.patch_module(target, source)
assert (target.value, lazypatch.get_original("target", "value")) == ("new", "old")
from lazypatch import _install
kept, _install._make = _install._make, refuse
try:
    lazypatch.patch_module(target, source)
except TypeError:
    assert (target.value, lazypatch.get_original("target", "value")) == ("new", "old")
else:
    raise AssertionError
assert lazypatch.is_object_patched("target", "value") and not lazypatch.is_object_patched("target", "other")
"""
    )


def test_a_subscriber_that_fails_afterwards_is_named_in_a_warning() -> None:
    """The target is installed; the import goes on."""
    code = (
        "import gevent.events, sys\ndef listen(event):\n"
        "    if isinstance(event, gevent.events.GeventDidPatchModuleEvent): 1 / 0\n"
        "gevent.events.subscribers.append(listen)\nimport queue, gevent.queue, lazypatch\n"
        "print(queue.Queue is gevent.queue.Queue, lazypatch.state('queue'))"
    )
    done = run_python("-c", code, spec="gevent")
    assert (done.returncode, done.stdout) == (0, "True installed\n")
    assert "LazyPatchWarning: a subscriber of gevent's monkey-patching events failed: ZeroDivisionError" in done.stderr


def test_a_subscriber_from_before_gevent_can_veto_everything() -> None:
    """It heard nothing until gevent was loaded, which is before the first target's body runs."""
    code = """
import sys, zope.event
assert "gevent" not in sys.modules
def listen(event):
    from gevent.events import DoNotPatch, GeventWillPatchAllEvent
    if isinstance(event, GeventWillPatchAllEvent):
        raise DoNotPatch
zope.event.subscribers.append(listen)
import queue, socket, threading, time, lazypatch
import gevent.queue, gevent.socket
assert queue.Queue is not gevent.queue.Queue and socket.socket is not gevent.socket.socket
assert type(time.sleep) is type(len) and {lazypatch.state(name) for name in ("queue", "socket", "time")} == {"skipped"}
thread = threading.Thread(target=print, args=["native"])
thread.start(); thread.join()
"""
    done = run_python("-c", code, spec="gevent")
    assert (done.returncode, done.stdout, done.stderr) == (0, "native\n", "")


def test_what_gevent_is_told_to_leave_alone_is_not_said_to_be_patched() -> None:
    """GEVENT_NOWAITPID, before and after."""
    code = (
        "import lazypatch, sys\nnames = ('fork', 'waitpid', 'posix_spawn')\n"
        "waiting = [lazypatch.is_object_patched('os', name) for name in names]\nassert 'gevent' not in sys.modules\n"
        "import queue, os\nprint(waiting == [lazypatch.is_object_patched('os', name) for name in names], waiting)"
    )
    assert run_code(code, spec="gevent", GEVENT_NOWAITPID="1") == "True [True, False, False]\n"
    assert run_code(code, spec="gevent") == "True [True, True, True]\n"


def test_what_somebody_put_over_a_stand_in_stays_and_leads_to_it() -> None:
    """A mock of time.sleep that calls the real one: the stand-in that it has taken is cooperative from the first call."""
    run_code(
        """
import time, sys
stand_in, calls = time.sleep, []
def mock(seconds):
    calls.append(seconds)
    stand_in(seconds)
time.sleep = mock
import socket
assert "gevent" in sys.modules and time.sleep is mock
import gevent
order = []
gevent.spawn(order.append, "other")
time.sleep(0.01)
assert order == ["other"] and calls == [0.01]
time.sleep = stand_in
gevent.spawn(order.append, "again")
time.sleep(0.01)
assert order == ["other", "again"]
""",
        spec="gevent",
    )


def test_every_public_name_is_there() -> None:
    """Resolved when it is first used, and then at hand; the error and the warning are what the documentation says."""
    run_code(
        """
import lazypatch
for name in lazypatch.__all__:
    assert name in dir(lazypatch) and getattr(lazypatch, name) is vars(lazypatch)[name], name
assert issubclass(lazypatch.LazyPatchError, ValueError) and issubclass(lazypatch.LazyPatchWarning, RuntimeWarning)
try:
    lazypatch.enable("socet")
except lazypatch.LazyPatchError:
    pass
"""
    )


def test_names_of_a_third_partys_target_are_known_while_it_waits() -> None:
    run_code(
        """
import sys, types, lazypatch
source = types.ModuleType("source")
source.__implements__ = ["one", "two"]
lazypatch.patch_module("later", source)
lazypatch.patch_module("much_later", source, ["one"])
for module, expected in (("later", [True, True, False]), ("much_later", [True, False, False])):
    assert [lazypatch.is_object_patched(module, name) for name in ("one", "two", "three")] == expected
    assert lazypatch.is_module_patched(module)
"""
    )


@pytest.mark.parametrize("before", ["", "import selectors, lazypatch; lazypatch.patch_all()\n"])
def test_each_selector_that_is_left_lets_others_run(before: str) -> None:
    """They hold select's functions by value, since their bodies ran."""
    run_code(
        before
        + """
import selectors, os, gevent
for kind in (selectors.SelectSelector, selectors.PollSelector, selectors.DefaultSelector):
    ours, theirs = os.pipe()
    with kind() as selector:
        selector.register(ours, selectors.EVENT_READ)
        gevent.spawn(os.write, theirs, b"x")
        assert [key.fd for key, _ in selector.select(30)] == [ours], kind
assert not hasattr(selectors, "EpollSelector")  # it is back where the adapter is
""",
        spec=None if before else "gevent",
    )
