"""Six native threads and fifty greenlets import, in an order that SEED decides; another thread watches the targets.

What is promised: an import that returns gives a target that is wholly installed, or, while gevent is still being
loaded by one thread, one of those that gevent needs, wholly native; or select, while selectors is half imported.

Arguments: SEED. Prints the errors of imports, one a line, then ``ok``. Those that are proven to be Python's own say so
(pythons_own.py); the others are compared with those of a run in which nothing is armed.
"""

import sys

assert not {"gevent", "socket", "threading", "queue"} & set(sys.modules)
import _random
import _thread
import faulthandler

import pythons_own

import lazypatch
from lazypatch._targets import GEVENT_NEEDS, TARGETS

faulthandler.dump_traceback_later(40, exit=True)
# No submodule that its own package's body imports: CPython's own imports of such a pair, by two threads, can fail.
NAMES = [
    *TARGETS,
    "logging",
    "asyncio",
    "concurrent.futures.thread",
    "http.client",
    "urllib.request",
    "logging.handlers",
    "smtplib",
    "ftplib",
    "socketserver",
    "tempfile",
    "sched",
    "multiprocessing.pool",
    "email.utils",
    "xmlrpc.client",
]
if lazypatch.state("socket") != "skipped":
    from lazypatch._session import session
start = lazypatch.get_original("_thread", "start_new_thread")
new_lock, armed = _thread.allocate_lock, lazypatch.state("socket") != "skipped"
errors, wrong, done = [], [], []
choose = _random.Random(int(sys.argv[1]))


def shuffled(names, count):
    left = list(names)
    return [left.pop(int(choose.random() * len(left))) for _ in range(min(count, len(left)))]


def is_ours(value):
    return str(getattr(value, "__module__", None) or type(value).__module__).startswith(("gevent", "lazypatch"))


SAMPLES = {
    "threading": ("Lock", "Thread", "Event", "local", "get_ident", "_allocate_lock"),
    "_threading_local": ("local",),
    "signal": ("signal", "getsignal"),
    "selectors": ("DefaultSelector",),
    "select": ("select", "poll"),
    "socket": ("socket", "create_connection", "getaddrinfo", "socketpair"),
    "ssl": ("SSLContext", "SSLSocket"),
    "subprocess": ("Popen", "run", "call"),
    "queue": ("Queue", "LifoQueue", "SimpleQueue"),
}


def view(name, module):
    """Which of the target's sample names are cooperative, taken in one step: a copy of the dict."""
    space = dict(vars(module))
    return {item: is_ours(space[item]) for item in SAMPLES[name] if item in space}


def loading():
    return session().scheduler.loading_thread or not session().scheduler.loaded


def may_be_native(name):
    """The known limits: somebody else is loading gevent, which needs this target, or waits for whoever imported it
    natively; selectors, for which select waits, is half imported."""
    selectors = getattr(sys.modules.get("selectors"), "__spec__", None)
    half = selectors is None or selectors._initializing
    let_go_on = {*GEVENT_NEEDS, *session().selection.early} if armed else ()
    return (name in let_go_on and loading()) or (name == "select" and half)


def check(name):
    if armed and name in SAMPLES:
        early = may_be_native(name)
        found = view(name, sys.modules[name])
        if len(set(found.values())) > 1 or not (all(found.values()) or early or may_be_native(name)):
            wrong.append(f"after its import: {name} {found}")


def note(what, error):
    own = "Python's own: " if pythons_own.explains(error) else ""
    errors.append(f"{own}{what}: {type(error).__name__}: {error}")


def bring(names):
    for name in names:
        try:
            __import__(name)
        except BaseException as error:
            note(name, error)
        else:
            check(name)


def watch():
    running.release()
    while not done:
        for name in SAMPLES if armed else ():
            module = sys.modules.get(name)  # None, too, while importlib moves it to the end
            if module is None:
                continue
            # A body that runs defines names one by one; what is seen must never be some of ours and some not.
            found = view(name, module)
            if len(set(found.values())) > 1 and not getattr(module.__spec__, "_initializing", False):
                wrong.append(f"seen: {name} {found}")
    watched.release()


pythons_own.watch()
watched, gate, running = new_lock(), new_lock(), new_lock()
watched.acquire()
gate.acquire()
running.acquire()
sys.setswitchinterval(2e-5)
ended = [new_lock() for _ in range(6)]
for lock in ended:
    lock.acquire()


def thread(names, lock):
    running.release()
    gate.acquire()
    gate.release()
    bring(names)
    lock.release()


def greenlets(lists):
    import gevent

    def work(names):
        for name in names:
            bring([name])
            gevent.sleep(0)

    gevent.joinall([gevent.spawn(work, names) for names in lists])


plans = [shuffled(NAMES, 6) for _ in range(6)]
mine = [shuffled(NAMES, 4) for _ in range(50)]
first = int(choose.random() * 3)  # the greenlets' thread may load gevent first, or in the middle, or last
# Each is waited for until it runs: the interpreter does not count one that has not begun, and where nobody is counted,
# nobody can look into sys.modules while gevent is loaded.
start(watch, ())
running.acquire()
for plan, lock in zip(plans, ended):
    start(thread, (plan, lock))
    running.acquire()
if first == 0:
    bring(["gevent"])
gate.release()
if first == 2:
    bring(shuffled(NAMES, 2))
try:
    greenlets(mine)
except BaseException as error:
    note("greenlets", error)
for lock in ended:
    while not lock.acquire(False):
        sys.modules["gevent"].sleep(0.001)
done.append(True)
watched.acquire()
for name in TARGETS:
    __import__(name)
    if armed and lazypatch.state(name) not in ("installed", "late"):
        wrong.append(f"at the end: {name} is {lazypatch.state(name)}")
faulthandler.cancel_dump_traceback_later()
assert not wrong, sorted(set(wrong))
for error in errors:
    print(error)
print("ok", flush=True)
