"""Several threads may run loops of asyncio at once, and nobody sees another thread's; plain Python is the oracle."""

from __future__ import annotations

import asyncio.unix_events
import sys

import pytest
from conftest import run_code, run_python

PRELUDE = """
import asyncio, os, signal, sys, threading, time
def in_threads(*functions):
    threads = [threading.Thread(target=function) for function in functions]
    [thread.start() for thread in threads]
    return threads
def loop_here():
    try: return asyncio.get_running_loop()
    except RuntimeError: return None
"""
ARMED = (
    PRELUDE
    + """
import gevent, greenlet, lazypatch
from lazypatch.adapters.asyncio import _set_running_loop
hub = gevent.get_hub()
assert asyncio.events._set_running_loop is asyncio._set_running_loop is _set_running_loop
assert lazypatch.state("asyncio") in ("installed", "late")
def is_free():
    return "switch" not in vars(hub) and loop_here() is None and sys.get_asyncgen_hooks() == (None, None)
"""
)


def same(code: str) -> str:
    """Run *code* in plain Python and armed: it prints the same, and something."""
    plain, armed = run_code(PRELUDE + code), run_code(PRELUDE + code, spec="all")
    assert plain == armed and plain
    return plain


def run(code: str) -> str:
    return run_code(ARMED + code, spec="all")


# What one thread does with a loop of its own; each part gives what is to be printed.
PARTS = {
    "waiting in a step": """
async def part():
    loop, task, seen = asyncio.get_running_loop(), asyncio.current_task(), []
    for wait in (lambda: time.sleep(0.001), threading.Thread(target=lambda: seen.append(loop_here())).start):
        wait()
        await asyncio.sleep(0)
        assert loop_here() is loop and asyncio.current_task() is task
    while not seen: await asyncio.sleep(0.001)
    return seen
""",
    "gather, TaskGroup, timeouts": """
async def part():
    async def one(i):
        await asyncio.sleep(0.001); time.sleep(0.001); return i
    got = await asyncio.gather(*map(one, range(3)))
    if hasattr(asyncio, "TaskGroup"):
        async with asyncio.TaskGroup() as group: tasks = [group.create_task(one(i)) for i in range(3)]
        assert [task.result() for task in tasks] == got
        try:
            async with asyncio.timeout(0.01): await asyncio.sleep(60)
        except TimeoutError: got.append("late")
    try: await asyncio.wait_for(asyncio.sleep(60), 0.01)
    except asyncio.TimeoutError: got.append("late")
    return got
""",
    "executors": """
async def part():
    loop, got = asyncio.get_running_loop(), []
    got.append(await asyncio.wait_for(asyncio.to_thread(lambda: (time.sleep(0.001), loop_here())[1]), 30))
    got.append(await asyncio.wait_for(loop.run_in_executor(None, loop_here), 30))
    got.append(await asyncio.wait_for(loop.getaddrinfo("127.0.0.1", 80), 30))
    return got
""",
    "from another thread": """
async def part():
    loop, got = asyncio.get_running_loop(), []
    async def inner(): await asyncio.sleep(0.001); return loop_here() is loop
    ask = lambda: asyncio.run_coroutine_threadsafe(inner(), loop).result(30)
    got.append(await asyncio.to_thread(ask))
    done = asyncio.Event()
    in_threads(lambda: loop.call_soon_threadsafe(done.set))
    await asyncio.wait_for(done.wait(), 30)
    return got
""",
    "streams": """
async def part():
    async def serve(reader, writer):
        time.sleep(0.001)
        writer.write((await reader.readline()).upper()); await writer.drain(); writer.close()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"hello\\n")
    got = await reader.read()
    writer.close(); server.close()
    return got
""",
    "async generators": """
async def part():
    closed = []
    async def numbers():
        try:
            for i in range(9): time.sleep(0.0001); yield i
        finally: await asyncio.sleep(0); closed.append(loop_here() is loop)
    loop, kept = asyncio.get_running_loop(), numbers()
    async for i in kept:
        if i == 3: break
    del kept
    while not closed: await asyncio.sleep(0)
    return closed
""",
    "a run inside of a run is refused": """
async def part():
    inner = asyncio.sleep(0)
    try: asyncio.run(inner)
    except RuntimeError as error: inner.close(); return str(error)
""",
    "a run in a thread of a step": """
async def part():
    got = []
    [thread.join() for thread in in_threads(lambda: got.append(asyncio.run(asyncio.sleep(0.001, "inner"))))]
    return got, loop_here() is asyncio.get_event_loop()
""",
}


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("debug", [False, True], ids=["", "debug"])
def test_each_of_many_threads_has_a_loop(name: str, debug: bool) -> None:
    same(
        PARTS[name]
        + f"""
got, wrong = [], []
def one():
    try: got.append(asyncio.run(part(), debug={debug}))
    except BaseException as error: wrong.append(repr(error))
    if loop_here() is not None or sys.get_coroutine_origin_tracking_depth(): wrong.append("left behind")
[thread.join() for thread in in_threads(*[one] * 10)]
print(wrong, got)
"""
    )


@pytest.mark.skipif(sys.version_info < (3, 12), reason="asyncio.eager_task_factory came with Python 3.12")
def test_runner_and_eager_tasks() -> None:
    same(
        """
got = []
async def inner(): time.sleep(0.001); await asyncio.sleep(0.001); return asyncio.current_task() is not None
async def part():
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    task = asyncio.current_task()
    return await asyncio.gather(inner(), asyncio.create_task(inner())), asyncio.current_task() is task
def one():
    with asyncio.Runner() as runner: got.append([runner.run(part()) for _ in range(2)])
[thread.join() for thread in in_threads(*[one] * 5)]
print(got)
"""
    )


def test_another_thread_sees_no_loop() -> None:
    same(
        """
seen, over = [], []
def look():
    while not over:
        seen.append((loop_here(), sys.get_asyncgen_hooks(), sys.get_coroutine_origin_tracking_depth()))
        time.sleep(0.001)
async def main():
    await asyncio.sleep(0.01); time.sleep(0.01); await asyncio.sleep(0.01)
thread, = in_threads(look)
asyncio.run(main(), debug=True)
over.append(1); thread.join()
print(set(map(str, seen)))
"""
    )


def test_short_children_are_not_lost_while_others_are_busy() -> None:
    """asyncio looks for a child by pidfd from 3.12 on; it must not have been reaped before."""
    code = """
over = []
def busy():
    while not over: time.sleep(0)
async def main():
    codes = []
    for _ in range(60): codes.append(await (await asyncio.create_subprocess_exec("/bin/true")).wait())
    shell = await asyncio.create_subprocess_shell("read x; echo got $x; exit 3", stdin=-1, stdout=-1)
    print(set(codes), await shell.communicate(b"it\\n"), shell.returncode)
threads = in_threads(*[busy] * 3)
asyncio.run(main()); over.append(1)
"""
    plain = same(code)
    names = vars(asyncio.unix_events)
    watcher = names.get("_ThreadedChildWatcher") or names["ThreadedChildWatcher"]
    if "waitid" not in watcher._do_waitpid.__code__.co_names:  # else only os-wait can make it right
        for spec in ("gevent,asyncio", "all,-os-wait"):  # libev reaps all children there
            assert run_code(PRELUDE + code, spec=spec) == plain


def test_subprocesses_in_several_threads() -> None:
    same(
        """
got = []
async def main():
    process = await asyncio.create_subprocess_exec("/bin/cat", stdin=-1, stdout=-1)
    got.append(await process.communicate(b"x"))
[thread.join() for thread in in_threads(*[lambda: asyncio.run(main())] * 4)]
print(got)
"""
    )


def test_signal_handlers_see_the_loop_of_the_main_thread() -> None:
    """Those of asyncio's, and the program's, which may wait; in a waiting loop and in a step that waits."""
    same(
        """
seen = []
def handler(number, frame):
    before = loop_here()
    time.sleep(0.001)
    seen.append(loop_here() is before is loop)
def kill(number): in_threads(lambda: os.kill(os.getpid(), number))
async def main():
    global loop
    loop, added = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, added.set)
    kill(signal.SIGUSR1)
    await added.wait()
    signal.signal(signal.SIGUSR2, handler)
    kill(signal.SIGUSR2)
    while not seen: await asyncio.sleep(0.001)
    kill(signal.SIGUSR2)
    while len(seen) < 2: time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGUSR2)
    return loop_here() is loop, asyncio.current_task() is not None
print(asyncio.run(main()), seen, loop_here())
"""
    )


@pytest.mark.parametrize("wait", ["await asyncio.sleep(60)", "time.sleep(0.1); await asyncio.sleep(60)"])
def test_ctrl_c(wait: str) -> None:
    same(
        f"""
signal.signal(signal.SIGINT, signal.default_int_handler)
async def main():
    try: in_threads(lambda: (time.sleep(0.05), os.kill(os.getpid(), signal.SIGINT))); {wait}
    finally: print(loop_here() is asyncio.get_event_loop())
try: asyncio.run(main())
except KeyboardInterrupt: print("interrupted", loop_here())
print(asyncio.run(asyncio.sleep(0, "again")))
"""
    )


def test_a_fork_in_a_coroutine() -> None:
    """The child's loop does not run; it may run another one, and the parent's goes on."""
    code = """
async def main():
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            free = loop_here() is None
            time.sleep(0.001)
            inner = asyncio.new_event_loop()
            code = 0 if (free, inner.run_until_complete(asyncio.sleep(0.001, 7)), loop_here()) == (True, 7, None) else 2
        finally: os._exit(code)
    await asyncio.sleep(0.001)
    return os.waitpid(pid, 0)[1], loop_here() is asyncio.get_event_loop()
print(asyncio.run(main()), loop_here())
"""
    same(code)


def test_raw_switches_inside_of_a_coroutine_keep_the_loop() -> None:
    """As SQLAlchemy and greenback make them: a child waits in gevent, or has its parent await for it."""
    run(
        """
def await_only(awaitable): return greenlet.getcurrent().parent.switch(awaitable)
async def spawn(function):
    child = greenlet.greenlet(function)
    value = child.switch()
    while not child.dead: value = child.switch(await value)
    return value
def work():
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    for _ in range(3):
        time.sleep(0.001)
        assert await_only(asyncio.ensure_future(asyncio.sleep(0.001, 5))) == 5
        assert loop_here() is loop and asyncio.current_task() is task
    return "ok"
async def main(): return await asyncio.gather(*[spawn(work) for _ in range(3)])
got = []
[thread.join() for thread in in_threads(*[lambda: got.append(asyncio.run(main(), debug=True))] * 3)]
got.append(asyncio.run(main(), debug=True))
assert got == [["ok"] * 3] * 4, got
assert is_free() and greenlet.gettrace() is None
"""
    )


def test_timeout_and_kill_come_out_of_a_coroutine_that_has_its_loop() -> None:
    """Also where it waits for a greenlet of its own that waits in gevent: gevent throws into the former."""
    run(
        """
from lazypatch.adapters.asyncio import _held
def child(): greenlet.greenlet(lambda: time.sleep(60)).switch()
async def waits(wait):
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    try:
        with gevent.Timeout(0.01): wait()
    except gevent.Timeout: pass
    assert loop_here() is loop and asyncio.current_task() is task
    await asyncio.sleep(0.001)
    time.sleep(0.001)
    assert loop_here() is loop and asyncio.current_task() is task
for wait in (lambda: time.sleep(60), child):
    asyncio.run(waits(wait))
    [thread.join() for thread in in_threads(*[lambda: asyncio.run(waits(wait))] * 3)]
    assert is_free()
killed = []
async def is_killed(wait):
    loop = asyncio.get_running_loop()
    try: wait()
    except gevent.GreenletExit: killed.append(loop_here() is loop); raise
for wait in (lambda: time.sleep(60), child):
    thread = gevent.spawn(lambda: asyncio.run(is_killed(wait)))
    gevent.sleep(0.005)
    thread.kill()
    assert is_free()
thread = gevent.spawn(lambda: asyncio.run(asyncio.sleep(60)))  # it waits in the loop itself
gevent.sleep(0.005)
thread.kill()
assert killed == [True, True] and is_free()
"""
    )


def test_what_hubs_start_has_no_loop() -> None:
    run(
        """
import gevent.pool, gevent.threadpool
async def main():
    seen = []
    look = lambda *args: seen.append(loop_here())
    gevent.spawn(look).join()
    gevent.spawn_raw(look); gevent.sleep(0.001)
    gevent.get_hub().loop.run_callback(look); gevent.sleep(0.001)
    greenlet = gevent.spawn(int); greenlet.link(look); greenlet.join(); gevent.sleep(0.001)
    gevent.pool.Pool(2).map(look, range(3))
    gevent.get_hub().threadpool.apply(look)
    assert seen == [None] * 8, seen
asyncio.run(main())
assert is_free()
"""
    )


def test_nothing_is_left_where_no_loop_runs_and_no_loop_is_kept() -> None:
    """Also by a traceback that somebody keeps of a wait."""
    run(
        """
import weakref
from lazypatch.adapters.asyncio import _held
assert is_free()
kept, loops = [], []
async def main():
    loops.append(weakref.ref(asyncio.get_running_loop()))
    assert "switch" in vars(hub)
    try:
        with gevent.Timeout(0.001): time.sleep(60)
    except gevent.Timeout as error: kept.append(error.__traceback__.tb_next)
asyncio.run(main())
del main
assert is_free() and not _held
class Stop(Exception): pass
async def fails(): raise Stop
for _ in range(3):
    try: asyncio.run(fails())
    except Stop: pass
    assert is_free()
def nested():  # as nest_asyncio does
    outer, inner = asyncio.new_event_loop(), asyncio.new_event_loop()
    asyncio._set_running_loop(outer)
    asyncio._set_running_loop(inner)
    asyncio._set_running_loop(outer)
    time.sleep(0.001)
    assert loop_here() is outer
    asyncio._set_running_loop(None)
    outer.close(); inner.close()
nested()
assert is_free() and not _held
"""
    )


def test_a_native_thread_with_a_hub_of_its_own() -> None:
    run(
        """
got = []
async def main():
    seen = []
    mine = gevent.get_hub()
    assert mine is not hub and "switch" in vars(mine)
    worker = gevent.spawn(lambda: seen.append(asyncio.run(asyncio.sleep(0.001, 3))))
    time.sleep(0.001)
    worker.join()
    seen.append(loop_here() is asyncio.get_event_loop())
    await asyncio.sleep(0.001)
    return seen
def one():
    got.append(asyncio.run(main()))
    gevent.get_hub().destroy()
natives = [lazypatch.original("threading").Thread(target=one) for _ in range(3)]
[thread.start() for thread in natives]
asyncio.run(asyncio.sleep(0.001))
while any(thread.is_alive() for thread in natives): gevent.sleep(0.001)
assert got == [[3, True]] * 3 and is_free(), got
"""
    )


@pytest.mark.parametrize("arm", ["lazypatch.patch_all()", "lazypatch.enable('all')"])
def test_late(arm: str) -> None:
    """asyncio was imported first."""
    code = f"""
import asyncio
taken = asyncio.events._set_running_loop
import lazypatch
{arm}
import threading, time
got = []
async def part():
    loop = asyncio.get_running_loop()
    await asyncio.sleep(0.001); time.sleep(0.001)
    await asyncio.to_thread(time.sleep, 0.001)
    return asyncio.get_running_loop() is loop
def one(): got.append(asyncio.run(part()))
threads = [threading.Thread(target=one) for _ in range(3)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
assert got == [True] * 3, got
assert taken is asyncio._set_running_loop is asyncio.events._set_running_loop and hasattr(taken, "__code__")
print(lazypatch.state("asyncio"))
"""
    if "patch_all" in arm:
        code = code.replace("import lazypatch\n", "import lazypatch; lazypatch.enable('asyncio')\n", 1)
    done = run_python("-c", code)
    assert (done.returncode, done.stdout) == (0, "late\n"), done.stderr


def test_it_is_armed_while_a_loop_runs() -> None:
    run_code(
        """
import asyncio, lazypatch, threading
async def main():
    loop = asyncio.get_running_loop()
    lazypatch.enable("all")
    import time
    seen = []
    thread = threading.Thread(target=lambda: seen.append(asyncio.events._get_running_loop()))
    thread.start(); thread.join(); time.sleep(0.001)
    assert seen == [None] and asyncio.get_running_loop() is loop, seen
asyncio.run(main())
import gevent
assert "switch" not in vars(gevent.get_hub())
"""
    )


def test_it_can_be_left_out() -> None:
    run_code(
        PRELUDE
        + """
import lazypatch, gevent
asyncio.run(asyncio.sleep(0))
assert lazypatch.state("asyncio") == "skipped"
assert asyncio.events._set_running_loop is asyncio.events._c__set_running_loop
""",
        spec="all,-asyncio",
    )


@pytest.mark.skipif(sys.platform != "linux", reason="select.epoll is only on Linux")
def test_a_loop_that_always_has_something_to_do_lets_the_others_run() -> None:
    """Its selector looks at epoll itself, and goes to the hub every few milliseconds."""
    run(
        """
import selectors
steps, over = [], []
def other():
    for _ in range(5): time.sleep(0.001); steps.append(loop_here())
async def main():
    assert isinstance(asyncio.get_running_loop()._selector, selectors.EpollSelector)
    thread, = in_threads(other)
    while thread.is_alive(): await asyncio.sleep(0)
asyncio.run(main())
assert steps == [None] * 5
class Mine(selectors.SelectSelector): pass
chosen = Mine()
with_mine = asyncio.SelectorEventLoop(chosen)
assert with_mine._selector is chosen
with_mine.close()
selectors.DefaultSelector = Mine
loop = asyncio.new_event_loop()
assert type(loop._selector) is Mine
loop.close()
"""
    )
    run_code(
        PRELUDE
        + """
import selectors, gevent.selectors
async def main(): return type(asyncio.get_running_loop()._selector)
assert asyncio.run(main()) is selectors.DefaultSelector is gevent.selectors.GeventSelector
""",
        spec="all,-select-epoll",
    )
