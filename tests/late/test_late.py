"""What was taken before arming is mended: programs that took everything first work, and are concurrent."""

from __future__ import annotations

import contextlib
import pathlib
import select
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import APPS, run_code, run_python

EXAMPLES = pathlib.Path(__file__).parents[2] / "docs" / "examples"


@contextlib.contextmanager
def tls_server() -> Iterator[str]:
    """The port of docs/examples/serve.py, which serves until its stdin is closed."""
    server = subprocess.Popen(
        [sys.executable, EXAMPLES / "serve.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with server:
        assert server.stdout is not None and server.stdin is not None
        _, port = server.stdout.readline().split()
        try:
            yield port
        finally:
            server.stdin.close()


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    with tls_server() as number:
        yield number


@pytest.mark.parametrize("what", ["urllib3", "requests", "subclass", "context", "hidden", "class"])
def test_tls_works_for_who_took_ssls_classes_first(port: str, what: str) -> None:
    """gevent #1016: the same program ends in RecursionError under gevent.monkey, or in a native connection."""
    program = [str(APPS / "tls_taken_before.py")]
    arguments = [what, port, str(EXAMPLES / "cert.pem")]
    before = run_python(*program, "gevent", *arguments, PYTHONWARNINGS="ignore")
    assert before.returncode == 1 and "RecursionError" in before.stderr, before.stderr
    done = run_python("-W", "error", *program, "lazypatch", *arguments)
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr


def test_names_taken_at_the_top_are_concurrent_afterwards() -> None:
    """Each call lets another greenlet run before it returns; under gevent.monkey the first one does not."""
    program = str(APPS / "names_taken_before.py")
    before = run_python(program, "gevent", PYTHONWARNINGS="ignore")
    assert before.returncode == 1 and "['before', 'after', 'other']" in before.stderr, before.stderr
    done = run_python("-W", "error::RuntimeWarning", program, "lazypatch")
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr


def test_pytest_is_concurrent_after_patch_all_in_conftest(tmp_path: pathlib.Path) -> None:
    """pytest has loaded most targets by then, and its modules and the plugin of the test hold their names."""
    (tmp_path / "early.py").write_text("from time import sleep\nfrom threading import Lock\nlock = Lock()\n")
    (tmp_path / "conftest.py").write_text(
        "import sys, early\nassert 'threading' in sys.modules\nimport lazypatch\nlazypatch.patch_all(Event=True)\n"
    )
    (tmp_path / "test_it.py").write_text(
        """
import logging
import subprocess
import threading
from queue import Queue

import early
import gevent
import lazypatch


def test_order():
    order, queue = [], Queue()
    early.lock.acquire()
    greenlets = [
        gevent.spawn(lambda: (order.append("slept"), early.lock.release())),
        gevent.spawn(lambda: (early.lock.acquire(), order.append("locked"), queue.put(1))),
    ]
    order.append("first")
    early.sleep(0.001)
    assert queue.get() == 1
    assert order == ["first", "slept", "locked"]
    gevent.joinall(greenlets)


def test_nothing_that_blocks_is_left(capfd, caplog):
    logging.getLogger("x").warning("logged")
    assert "logged" in caplog.text
    thread = threading.Thread(target=lambda: print("threaded"))
    thread.start()
    thread.join()
    subprocess.run(["echo", "ran"], check=True)
    assert capfd.readouterr().out == "threaded\\nran\\n"
    left = [reference for reference in lazypatch._session.session().selection.references if not reference.mended]
    assert [reference for reference in left if reference.target == "time"] == []
"""
    )
    done = run_python("-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout + done.stderr


MODULES = """
import sys, types
from lazypatch._session import session
def module(name, source, **names):
    made = types.ModuleType(name)
    vars(made).update(names)
    exec(source, vars(made))
    sys.modules[name] = made
    return made
def left():
    return {reference.place: reference.why for reference in session().selection.references if not reference.mended}
def mended():
    return {reference.place for reference in session().selection.references if reference.mended}
"""


def test_nothing_is_repaired_where_nothing_is_late() -> None:
    """And nothing of it is loaded: the normal way to the first target does not pay for it."""
    program = (
        "import sys, socket, queue, ssl, subprocess; assert 'lazypatch.late.repair' not in sys.modules\nprint('ok')"
    )
    assert run_code(program, spec="gevent") == "ok\n"


def test_modules_are_left_alone_that_asked_for_originals_or_are_excluded() -> None:
    """By get_original(), original() or exclude(); also what is below them, or was defined there."""
    run_code(
        MODULES
        + """
import time, threading
raw = time.sleep
import lazypatch
asks = module("asks", "import lazypatch\\nsleep = lazypatch.get_original('time', 'sleep')")
views = module("views", "import lazypatch\\nThread = lazypatch.original('threading').Thread\\nsleep = raw", raw=raw)
theirs = module("theirs", "from gevent.monkey import get_original\\nsleep = get_original('time', 'sleep')")
named = module("named", "class Pool:\\n    sleep = raw", raw=raw)
below = module("named.below", "sleep = raw", raw=raw)
prefix = module("named_otherwise", "sleep = raw", raw=raw)
user = module("user", "Pool = named.Pool\\nsleep = raw", named=named, raw=raw)
lazypatch.exclude("named")
del raw
lazypatch.patch_all()
import gevent
for native in (asks, views, theirs, named.Pool, below):
    assert native.sleep is lazypatch.get_original("time", "sleep"), native
assert user.sleep is prefix.sleep is gevent.sleep
"""
    )


def test_a_held_lock_and_one_that_somebody_else_has_stay() -> None:
    """The others are exchanged in all places at once."""
    run_code(
        MODULES
        + """
import threading
source = "import threading\\nfree = threading.Lock()\\nheld = threading.Lock()\\nheld.acquire()\\nhidden = threading.Lock()\\n"
one = module("one", source + "shared = threading.Lock()\\nreentrant = threading.RLock()\\nacquire = free.acquire")
other = module("other", "class Pool:\\n    lock = one.shared", one=one)
keeps = [[one.hidden]]
held, hidden = [[one.held]], [[one.hidden]]
import lazypatch
lazypatch.patch_all()
from gevent.thread import LockType
assert type(one.free) is type(one.shared) is LockType
assert one.shared is other.Pool.lock
assert one.acquire.__self__ is one.free
assert isinstance(one.reentrant, threading._RLock)
assert one.held is held[0][0] and one.hidden is hidden[0][0]
assert left()["one.held"] == "it is in use"
assert left()["one.hidden"] == "it is held by something else, too, that cannot be found"
"""
    )


def test_locks_stay_while_other_native_threads_run() -> None:
    """One of them may be about to take any of them. Functions and classes are mended all the same."""
    run_code(
        MODULES
        + """
import threading, time
end = threading.Event()
thread = threading.Thread(target=end.wait)
thread.start()
one = module("one", "import threading, time\\nlock = threading.Lock()\\nsleep = time.sleep")
lock = [[one.lock]]
import lazypatch
lazypatch.patch_all()
import gevent
assert one.lock is lock[0][0] and one.sleep is gevent.sleep
assert left()["one.lock"] == "other native threads are running, and may be using it"
end.set()
thread.join()
"""
    )


def test_places_that_change_between_two_looks_at_them_do_not_end_the_repair() -> None:
    """Another thread may mend them at the same time, or take them away; the others are mended all the same."""
    run_code(
        MODULES
        + """
import threading, time, warnings
source = "import functools, threading, time\\nlock = threading.Lock()\\nsleep = time.sleep\\n"
source += "table = {'sleep': sleep, 'lock': lock}\\nmembers = {time.sleep}\\nfast = functools.partial(sleep, sleep, n=lock)\\n"
source += "acquire = lock.acquire\\npair = (sleep, lock)\\nshared = threading.RLock()\\n"
source += "def call(first=sleep, *, then=sleep): return lambda: shared\\ninner = call()\\n"
one, two = module("one", source), module("two", source)
changes = []
def change():
    for place in vars(one):
        if not place.startswith("__"):
            vars(one)[place] = change
    one.call = one.inner = None
    changes.append(1)
def look(frame, event, arg):
    if event == "return" and frame.f_code.co_name == "walk" and not changes:
        change()
import lazypatch
warnings.simplefilter("error")
sys.setprofile(look)
lazypatch.patch_all()
sys.setprofile(None)
import gevent
from gevent.thread import LockType
assert changes and one.lock is change and one.table is change and one.sleep is change
assert two.sleep is gevent.sleep and two.members == {gevent.sleep} and two.table["sleep"] is gevent.sleep
assert type(two.lock) is LockType and two.lock is two.table["lock"] is two.pair[1] is two.acquire.__self__
"""
    )


def test_subclasses_get_the_new_base_or_keep_the_name_of_the_old_one() -> None:
    """Whichever it is, a call of the base by its name works."""
    run_code(
        MODULES
        + """
import threading, queue, socket, ssl, subprocess, _thread
one = module("one", '''
from threading import Thread, Timer, local
from queue import Queue
from socket import socket
class Worker(Thread):
    def __init__(self):
        Thread.__init__(self)
class Later(Timer):
    pass
class Jobs(Queue):
    def __init__(self):
        Queue.__init__(self)
class Plain(Queue):
    pass
class Line(socket):
    def __init__(self):
        socket.__init__(self)
class Own(local):
    pass
''')
native = [[one.Queue, one.socket]]
import lazypatch
lazypatch.patch_all(Event=True)
import gevent, gevent.threading
assert one.Worker.__bases__ == (gevent.threading.Thread,) and one.Thread is gevent.threading.Thread
assert one.Later.__bases__ == (gevent.threading.Timer,)
worker = one.Worker()
worker.start()
worker.join()
for jobs in (one.Jobs(), one.Plain()):
    gevent.spawn(jobs.put, 1)
    assert jobs.get() == 1
one.Line().close()
assert [[one.Queue, one.socket]] == native
assert left().keys() >= {"one.Queue", "one.socket", "one.Line", "one.Own"}, left()
assert left()["one.Queue"] == "Jobs, which is made of the original, calls it by this name"
assert "one.Plain" not in left() and {"one.Worker", "one.Later"} <= mended()
"""
    )


def test_a_replacement_in_a_class_does_not_become_a_method() -> None:
    """A builtin function is no descriptor, and gevent's function is."""
    run_code(
        MODULES
        + """
import time
one = module("one", "import time\\nclass Clock:\\n    pause = time.sleep\\n    static = staticmethod(time.sleep)")
import lazypatch
lazypatch.patch_all()
import gevent
assert one.Clock.pause is one.Clock().pause is one.Clock.static is gevent.sleep
one.Clock().pause(0)
"""
    )


def test_instances_of_originals_are_reported_and_stay() -> None:
    """A socket that is open goes on being what it is."""
    run_code(
        MODULES
        + """
import socket, selectors
one = module("one", "import socket, selectors\\nleft, right = socket.socketpair()\\nwaits = selectors.DefaultSelector()")
import lazypatch
lazypatch.patch_all()
one.left.sendall(b"x")
assert one.right.recv(1) == b"x"
assert {"one.left", "one.right", "one.waits"} <= left().keys(), left()
assert "blocks" in left()["one.left"]
"""
    )


def test_scan_changes_nothing() -> None:
    """It finds what repair would mend, without a reason why it is not."""
    run_code(
        MODULES
        + """
import lazypatch
lazypatch.patch_all()
import time, gevent
from lazypatch.late.repair import repair, scan
native = lazypatch.get_original("time", "sleep")
one = module("one", "", sleep=native, table={"sleep": native}, deep=[[native]])
found = {reference.place: reference for reference in scan(session().selection, session().originals) if reference.module == "one"}
assert found.keys() == {"one.sleep", "one.table['sleep']"}
assert not any(reference.mended or reference.why for reference in found.values())
assert one.sleep is one.table["sleep"] is native
session().selection.unrepaired = True; session().at_work().mend()
assert one.sleep is one.table["sleep"] is gevent.sleep and one.deep == [[native]]
assert not [reference for reference in scan(session().selection, session().originals) if reference.module == "one"]
"""
    )


def test_random_raw_references_are_mended_or_reported() -> None:
    """In any shape that is mendable; nothing unrelated changes."""
    done = run_python(str(APPS / "raw_references_of_any_shape.py"), "40")
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr[-3000:]


@pytest.mark.parametrize(("spec", "looked"), [("gevent", False), ("time", True)])
def test_only_what_a_program_arms_anew_is_looked_for(spec: str, looked: bool) -> None:
    """gevent's patch_all() comes here once for each target, and looking costs as much as loading gevent."""
    program = """
import threading
from gevent import monkey
from lazypatch.late import repair as mending
looks, repair = [], mending.repair
mending.repair = lambda *given: looks.append(1) or repair(*given)
monkey.patch_all()
print(bool(looks))
looks.clear()
monkey.patch_all()
assert not looks
"""
    assert run_code(program, spec=spec, PYTHONWARNINGS="ignore") == f"{looked}\n"


def test_a_class_that_names_its_base_through_the_module_is_reported() -> None:
    """``queue.Queue.__init__(self)`` is that of another class by now; also where a class below it says so."""
    run_code(
        MODULES
        + """
import queue, socket
source = '''
class Jobs(queue.Queue):
    def __init__(self):
        queue.Queue.__init__(self)
class Fine(queue.LifoQueue):
    def get_later(self):
        return [queue for queue in self.queue]
class Line(socket):
    pass
class Longer(Line):
    def __init__(self):
        (lambda: socket.__init__(self))()
'''
one = module("one", source, queue=queue, socket=socket.socket)
native = [[one.socket]]
import lazypatch
lazypatch.patch_all()
told = left()
assert told["one.Jobs"] == "Jobs.__init__() calls its base as queue.Queue, which is another class now; super() would do"
assert told["one.socket"] == "Longer, which is made of the original, calls it by this name", told
assert one.socket is native[0][0] and "one.Fine" not in told
one.Longer().close()
"""
    )


def test_what_is_no_module_or_has_not_run_yet_is_not_looked_into() -> None:
    """Nor a class that one who is left alone defined, a table too large to be one, or a closure that is empty yet."""
    run_code(
        MODULES
        + """
import importlib.util, time, threading, functools
raw = time.sleep
class Anything:
    sleep = raw
sys.modules["no_module"] = Anything()
del Anything  # else it is one of this module's
spec = importlib.util.find_spec("this")
spec.loader = importlib.util.LazyLoader(spec.loader)
sys.modules["this"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["this"])
theirs = module("theirs", "class Pool:\\n    sleep = raw\\ndef pause(wait=raw): wait(0)", raw=raw)
def empty():
    def later():
        return held
    return later
    held = raw
one = module("one", "Pool = theirs.Pool\\npause = theirs.pause", theirs=theirs, empty=empty(), large={n: raw for n in range(5000)})
instance = types.SimpleNamespace()
other = module("other", "", list_of=[threading.Event(), functools.partial(raw), lambda wait=raw: wait(0)])
class Keeps:
    pass
keeps = other.keeps = Keeps()
keeps.later = functools.partial(raw, 0)
events = [[other.list_of[0]]]
del raw
import lazypatch
lazypatch.exclude("theirs")
lazypatch.patch_all()
import gevent
native = lazypatch.get_original("time", "sleep")
assert sys.modules["no_module"].sleep is one.Pool.sleep is one.pause.__defaults__[0] is one.large[7] is native
assert type(sys.modules["this"]).__name__ == "_LazyModule", "its body has run"
assert other.list_of[1].func is other.list_of[2].__defaults__[0] is keeps.later.func is gevent.sleep
event, = events[0]
gevent.spawn(event.set)
assert event.wait(30), "a native lock inside of it waits natively"
"""
    )


def test_a_context_with_a_class_of_sockets_of_its_own_stays_native_and_works(port: str) -> None:
    """gevent's context would make sockets of gevent's class; and a callback set before goes on being called."""
    run_code(
        MODULES
        + f"""
import ssl, socket
certificate, port = {str(EXAMPLES / "cert.pem")!r}, {port}
class OwnSocket(ssl.SSLSocket):
    pass
class Own(ssl.SSLContext):
    sslsocket_class = OwnSocket
one = module("one", "", Own=Own, plain=ssl.create_default_context(cafile=certificate))
own = Own(ssl.PROTOCOL_TLS_CLIENT)
own.load_verify_locations(certificate)
callback = lambda *arguments: None
one.serves = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
one.serves.sni_callback = callback
hidden = [[ssl.create_default_context(cafile=certificate)]]
native_socket = socket.socket
"""
        + """
import lazypatch
lazypatch.exclude("__main__")
lazypatch.patch_all()
import gevent.ssl
assert type(one.plain) is type(one.serves) is gevent.ssl.SSLContext and one.serves.sni_callback is not None
for context, socket_class, kind in (
    (own, socket.socket, OwnSocket), (own, native_socket, OwnSocket),
    (hidden[0][0], native_socket, lazypatch.get_original("ssl", "SSLSocket")),
    (hidden[0][0], socket.socket, gevent.ssl.SSLSocket), (one.plain, socket.socket, gevent.ssl.SSLSocket),
):
    line = socket_class()
    line.connect(("localhost", port))
    with context.wrap_socket(line, server_hostname="localhost") as secured:
        assert type(secured) is kind, (context, type(secured))
        secured.sendall(b"GET /manifest.json HTTP/1.0\\r\\n\\r\\n")
        assert b" 200 " in secured.recv(100)
"""
    )


def test_what_gevent_takes_away_is_reported_to_who_has_it() -> None:
    """Nothing could take its place; with aggressive=0 it stays where it was."""
    program = (
        MODULES
        + """
import select
one = module("one", "from select import epoll")
import lazypatch
lazypatch.patch_all(aggressive={aggressive})
print(left().get("one.epoll"), hasattr(select, "epoll"))
"""
    )
    if hasattr(select, "epoll"):
        told = "gevent has nothing that could take its place; aggressive=0 keeps it, and it blocks"
        assert run_code(program.replace("{aggressive}", "True")) == f"{told} False\n"
        assert run_code(program.replace("{aggressive}", "False")) == "None True\n"


@pytest.mark.parametrize("first", ["", "import gevent\n", "import gevent.monkey; gevent.monkey.patch_time()\n"])
def test_select_alone_may_be_late(first: str) -> None:
    """It is installed with selectors, which nobody has imported: so that is."""
    out = run_code(
        f"import select, sys\nassert 'selectors' not in sys.modules\n{first}"
        "import lazypatch\nlazypatch.patch_all()\nimport gevent, gevent.select, os\n"
        "assert select.select is gevent.select.select and lazypatch.state('select') == 'late'\n"
        "import selectors, gevent.selectors\nassert selectors.DefaultSelector is gevent.selectors.DefaultSelector\n"
        "assert lazypatch.get_original('selectors', 'DefaultSelector').__module__ == 'selectors'\n"
        "assert not lazypatch.get_original('selectors', 'DefaultSelector') is selectors.SelectSelector\n"
        "ours, theirs = os.pipe()\ngevent.spawn(os.write, theirs, b'x')\nprint(select.select([ours], [], [])[0] == [ours])"
    )
    assert out == "True\n"


def test_locks_queues_and_connections_taken_before_get_the_new_classes(app: Any) -> None:
    """A subclass of a queue class is right with its native base; of one of a connection it is told that it waits."""
    app("locks_taken_before", spec=None)
