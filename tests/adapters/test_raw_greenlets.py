"""A greenlet that the program makes inside a thread is that thread, as natively; one below gevent's hub is its own."""

import importlib.util

import pytest
from conftest import run_code, same_as_plain

BEGIN = """
import gc, os, signal, sys, threading, time, weakref
if first: import greenlet
import queue
assert ("gevent" in sys.modules) == armed
import greenlet
"""
# Each piece prints what it sees; `work` runs in the main thread and in another one.
PIECES = {
    "identity": """
def inside(me, ident):
    print(threading.current_thread() is me, threading.get_ident() == ident, me.name, threading.active_count())
    greenlet.greenlet(nested).switch(me)
def nested(me): print("nested", threading.current_thread() is me)
def work():
    greenlet.greenlet(inside).switch(threading.current_thread(), threading.get_ident())
    print(threading.enumerate() == [*{threading.main_thread(): 1, threading.current_thread(): 1}])
""",
    "what was set outside": """
own = threading.local()
class Made(threading.local):
    def __init__(self, n): self.n = n; print("made", n)
class Mixin:
    def __init__(self, *given): self.given = given; print("mixed")
class Mixed(Mixin, threading.local): pass
class Deeper(Made):
    def __init__(self): super().__init__(7); self.own = 1
made, mixed, deeper = Made(1), Mixed(2), Deeper()
def work():
    def inside():
        print(vars(own), vars(made), vars(mixed), vars(deeper), made.n)
        own.y = 2; made.n = 3; del own.x; deeper.own += 1
    own.x = 1; made.n = 2
    one = greenlet.greenlet(inside); one.switch()
    print(one.dead, vars(own), vars(made), vars(mixed), vars(deeper))
    del one; gc.collect()
    print(vars(own), vars(made), vars(mixed), vars(deeper))
""",
    "what is set first inside": """
own = threading.local()
class Made(threading.local):
    def __init__(self): self.n = 5; print("made")
made, after = Made(), []
def work():
    def inside():
        own.x = 1; made.n += 1
        new = threading.local(); new.a = 1; after.append(new)
        main.switch(new)
        print(vars(own), vars(made), vars(new))
        return new
    main = greenlet.getcurrent(); one = greenlet.greenlet(inside)
    new = one.switch()
    print(vars(own), vars(made), vars(new)); own.z = new.z = made.z = 9
    one.switch(); del one; gc.collect()
    print(vars(own), vars(made), vars(new)); own.__dict__.clear()
    seen = weakref.ref(new); after.clear(); del new; gc.collect()
    print(seen())
""",
    "by turns": """
own = threading.local()
def work():
    own.n = 0
    def inside(k):
        for _ in range(4):
            own.n += k; last[0] = own.n
            main.switch()
    main, last = greenlet.getcurrent(), [0]
    all = [greenlet.greenlet(inside) for _ in range(5)]
    for k in range(5):
        for one in all: one.switch(k + 1)
    print(own.n, last, [one.dead for one in all])
""",
    "RLock": """
lock = threading.RLock(); changed = threading.Condition()
def work():
    def inside():
        print(lock.acquire(False), lock.acquire(False), lock._is_owned())
        lock.release()
        with changed: changed.notify_all()
        main.switch()
        print(lock._is_owned())
        lock.release()
    main, one = greenlet.getcurrent(), greenlet.greenlet(inside)
    with lock, changed: one.switch()
    print(lock._is_owned()); lock.release(); lock.acquire(); one.switch()
    try: lock.release()
    except RuntimeError as error: print(error)
    tried = threading.Thread(target=lambda: print(lock.acquire(False), lock.release())); tried.start(); tried.join()
""",
    "a generator": """
own = threading.local()
class Generator(greenlet.greenlet):
    def __init__(self, function): super().__init__(function); self.caller = None
    def __iter__(self): return self
    def __next__(self):
        self.parent = greenlet.getcurrent()
        value = self.switch()
        if self.dead: raise StopIteration
        return value
def give(value): greenlet.getcurrent().parent.switch(value)
def work():
    own.base = 10
    def numbers(): [give((own.base + n, threading.current_thread().name)) for n in range(3)]
    def twice(): [give(n * 2 + own.base) for n, _ in Generator(numbers)]
    print([n for n, _ in Generator(numbers)], [*Generator(twice)])
""",
    "waits": """
own = threading.local(); box = queue.Queue()
def work():
    own.x = 1
    def inside():
        threading.Thread(target=lambda: box.put(hasattr(own, "x"))).start()
        print(box.get(), own.x); own.x = 2; time.sleep(0.001)
        print(threading.current_thread() is me, own.x)
    me = threading.current_thread()
    greenlet.greenlet(inside).switch(); print(own.x)
""",
    "what is thrown": """
own = threading.local()
def work():
    own.x = 1
    def inside():
        try: main.switch()
        finally: print(own.x, threading.current_thread() is me); own.x += 1
    main, me = greenlet.getcurrent(), threading.current_thread()
    for error in (KeyError, greenlet.GreenletExit):
        one = greenlet.greenlet(inside); one.switch()
        try: one.throw(error)
        except KeyError as error: print(repr(error))
    one = greenlet.greenlet(inside); one.switch(); del one; gc.collect()
    print(own.x)
""",
    "what a thread had": """
own = threading.local(); said = []
class Gone:
    def __del__(self): said.append("gone")
kept = []
def work():
    def inside(): own.gone = Gone()
    def thread():
        one = greenlet.greenlet(inside); one.switch()
        print(said, type(own.gone))
        if keep: kept.append(one)
    for keep in False, True:
        one = threading.Thread(target=thread); one.start(); one.join()
        print(said)
""",
    "a fork": """
own = threading.local()
def work():
    own.x = 1
    def inside():
        child = os.fork()
        if child == 0:
            print(own.x, threading.current_thread() is me, threading.main_thread() is me, threading.active_count(), flush=True)
            os._exit(0)
        os.waitpid(child, 0)
    me = threading.current_thread()
    sys.stdout.flush(); greenlet.greenlet(inside).switch()
""",
    "a signal": """
own = threading.local(); lock = threading.RLock()
def handler(number, frame):
    print("handler", threading.current_thread() is threading.main_thread(), own.x)
    own.handled = 1; greenlet.greenlet(lambda: print("in it", vars(own), setattr(own, "deep", 1))).switch(); done.set()
def work():
    if threading.current_thread() is not threading.main_thread(): return
    global done
    done = threading.Event()
    signal.signal(signal.SIGUSR1, handler)
    own.x = 1
    def inside(): own.y = 1; os.kill(os.getpid(), signal.SIGUSR1); done.wait(); print(vars(own))
    greenlet.greenlet(inside).switch(); print(vars(own))
    done.clear(); threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGUSR1)).start(); done.wait(); print(vars(own))
    try: greenlet.greenlet(lambda: signal.signal(signal.SIGUSR1, signal.SIG_DFL)).switch(); print("set")
    except ValueError as error: print(error)
""",
    "processes": """
import multiprocessing
lock = multiprocessing.RLock()
def work():
    with lock: greenlet.greenlet(lambda: print(lock.acquire(False), lock.release())).switch()
""",
}
END = """
work()
other = threading.Thread(target=work, name="other"); other.start(); other.join()
"""


@pytest.mark.parametrize("first", [False, True], ids=["greenlet later", "greenlet first"])
@pytest.mark.parametrize("piece", PIECES)
def test_it_is_as_in_plain_python(piece: str, first: bool) -> None:
    code = f"import os\nfirst, armed = {first}, 'PYTHONCOOPPATCH' in os.environ\n{BEGIN}{PIECES[piece]}{END}"
    assert same_as_plain(code)


def test_below_the_hub_each_is_a_thread_of_its_own_and_locals_of_gevents_own_class_stay_apart() -> None:
    code = """
import queue, threading, time
import gevent, gevent.local, greenlet
from gevent.util import print_run_info
own, gevents, said = threading.local(), gevent.local.local(), []
own.x = gevents.x = 1
def inside(): said.append((threading.get_ident() == ident, hasattr(own, "x"), hasattr(gevents, "x")))
ident = threading.get_ident()
greenlet.greenlet(inside).switch()
gevent.get_hub().loop.run_callback(greenlet.greenlet(inside, gevent.get_hub()).switch)
time.sleep(0.001)
gevent.spawn(inside).join()
assert said == [(True, True, False), (False, False, False), (False, False, False)], said
one = greenlet.greenlet(lambda: (own.x, main.switch())); main = greenlet.getcurrent(); one.switch()
print_run_info(file=open("/dev/null", "w"))
print("ok")
"""
    assert run_code(code, spec="all") == "ok\n"


def test_one_whose_thread_has_ended_is_a_thread_of_its_own() -> None:
    code = """
import queue, threading
import gevent, greenlet
own, told = threading.local(), []
def inside():
    own.x = 1; told.append(threading.get_ident()); outside.switch()
    told.append((threading.get_ident() == id(one), hasattr(own, "x")))
    back.switch()
def thread():
    global outside, one
    outside = greenlet.getcurrent(); one = greenlet.greenlet(inside); one.switch()
    assert told == [threading.get_ident()]
spawned = gevent.spawn(thread); spawned.join(); spawned.get()
back = greenlet.getcurrent(); one.switch()
assert told[1][0], told
print("ok")
"""
    assert run_code(code, spec="all") == "ok\n"


def test_nothing_is_left_of_many_greenlets_and_locals() -> None:
    code = """
import gc, queue, threading
import greenlet
own, main = threading.local(), greenlet.getcurrent(); own.x = 1
def inside(): own.x += 1; new = threading.local(); new.x = 1; threading.current_thread()
def round(): [greenlet.greenlet(inside).switch() for _ in range(1000)]; gc.collect(); return len(gc.get_objects())
def work():
    own.x = 1
    me = greenlet.getcurrent()
    round(); before, kept = round(), len(vars(me))
    assert abs(round() - before) < 100 and len(vars(me)) == kept, (before, kept, len(vars(me)))
    assert len(getattr(me, "_links", None) or ()) < 50
    assert own.x == 3001
work(); thread = threading.Thread(target=work); thread.start(); thread.join(); round()
print("ok")
"""
    assert run_code(code, spec="all") == "ok\n"


@pytest.mark.parametrize(
    "code", ["import greenlet; greenlet.getcurrent()", "import gevent.pool, gevent.queue, gevent.event"]
)
def test_nothing_begins_before_the_program_asks_for_the_class(code: str) -> None:
    program = f"""
import queue, sys, threading
from concurrent.futures import ThreadPoolExecutor
import multiprocessing.pool, signal, subprocess, socket
{code}
with ThreadPoolExecutor(2) as pool: assert [*pool.map(abs, [-1])] == [1]
import greenlet
assert "lazypatch.adapters._raw_greenlets" not in sys.modules and hasattr(greenlet, "getcurrent")
try: greenlet.missing
except AttributeError as error: assert str(error) == "module 'greenlet' has no attribute 'missing'"
else: raise AssertionError
from greenlet import greenlet as taken
assert "lazypatch.adapters._raw_greenlets" in sys.modules
assert vars(greenlet)["greenlet"] is taken and not hasattr(greenlet, "__getattr__")
assert issubclass(sys.modules["gevent"].Greenlet, taken)
print("ok")
"""
    assert run_code(program, spec="all") == "ok\n"


def test_without_the_adapter_each_is_a_thread_as_under_gevent() -> None:
    code = """
import queue, threading, greenlet
own = threading.local(); own.x = 1
greenlet.greenlet(lambda: print(hasattr(own, "x"), threading.current_thread() is threading.main_thread())).switch()
"""
    assert run_code(code, spec="all").split() == ["True", "True"]
    assert (
        run_code(code, spec="all,-thread-local").split() == run_code(code, spec="gevent").split() == ["False", "False"]
    )


LIBRARIES = {
    "sqlalchemy": (
        ["sqlalchemy", "aiosqlite"],
        """
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import scoped_session, sessionmaker
async def go():
    engine = create_async_engine("sqlite+aiosqlite://")
    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def before(*given): seen.add((own.name, threading.current_thread() is me, lock._is_owned()))
    def below(connection):
        sessions = scoped_session(sessionmaker(bind=connection))
        own.made = sessions()
        connection.execute(text("select 1"))
        return sessions
    async with engine.connect() as connection:
        with lock: sessions = await connection.run_sync(below)
        print(sessions() is own.made, (await connection.execute(text("select 2"))).scalar())
    await engine.dispose()
    print(sorted(seen))
run = lambda go: asyncio.run(go())
""",
    ),
    "greenback on asyncio": (
        ["greenback"],
        """
import greenback
async def go():
    await greenback.ensure_portal(); below()
async def deeper(): await asyncio.sleep(0.001); own.deep = threading.current_thread() is me
def below():
    with lock: greenback.await_(deeper())
    print(own.name, own.deep, threading.current_thread() is me)
run = lambda go: asyncio.run(go())
""",
    ),
    "greenback on trio": (
        ["greenback", "trio"],
        """
import greenback, trio
async def go():
    await greenback.ensure_portal()
    async with trio.open_nursery() as nursery: [nursery.start_soon(task) for _ in range(3)]
    print(own.name, own.deep)
async def task(): await greenback.ensure_portal(); below()
async def deeper(): await trio.sleep(0.001); own.deep = threading.current_thread() is me
def below():
    with lock: seen.add(1)
    greenback.await_(deeper()); print(own.name, threading.current_thread() is me)
run = trio.run
""",
    ),
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_libraries_that_switch_by_greenlets_are_as_in_plain_python(name: str) -> None:
    needs, code = LIBRARIES[name]
    for module in needs:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    program = f"""
import asyncio, threading
own, lock = threading.local(), threading.RLock()
{code}
def work(name):
    global me, seen
    own.name, me, seen = name, threading.current_thread(), set()
    run(go)
work("main"); thread = threading.Thread(target=work, args=("other",)); thread.start(); thread.join()
"""
    assert same_as_plain(program).count("True") > 1
