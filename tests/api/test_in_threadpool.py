"""in_threadpool(): named calls of a library that waits in C are made in native threads."""

from __future__ import annotations

import pathlib
import textwrap

import pytest
from conftest import run_python

# time is always loaded, so its originals are what this library, which knows nothing of us, gets as "its C code".
LIBRARY = """
import lazypatch
native = lazypatch.original("time").sleep
ident = lazypatch.original("_thread").get_ident
import contextvars
var = contextvars.ContextVar("var", default="unset")
threads, running, meeting = set(), [], None
def rest(seconds):
    "Wait in C: for a time, or until as many calls wait as are to meet. One that stops the others waits for ever then."
    meeting.wait() if meeting else native(seconds)
def nap(seconds=0.3, *, answer="done"):
    "Wait in C."
    threads.add(ident())
    rest(seconds)
    return answer
def fail(): raise KeyError("of the library")
async def coroutine(): pass
class Client:
    kept = len
    def get(self, seconds=0.3):
        running.append(self); rest(seconds); running.remove(self); return self
    @classmethod
    def new(cls): rest(0.3); return cls()
    @staticmethod
    def wait(): rest(0.3); return "static"
    def seen(self): return var.get()
    def again(self): return self.get(0)
class Sub(Client): pass
"""
PRELUDE = """
import sys, threading, time, gevent, lazypatch
from slowlib import nap, Client, Sub
import slowlib
def at_once(call, n=6):
    found, slowlib.meeting = [], lazypatch.original("threading").Barrier(n)
    threads = [threading.Thread(target=lambda: found.append(call())) for _ in range(n)]
    [each.start() for each in threads]; [each.join() for each in threads]
    slowlib.meeting = None
    return found
"""
CALLS = "slowlib:nap+slowlib:fail+slowlib:Client.get+slowlib:Client.new+slowlib:Client.wait+slowlib:Client.seen+slowlib:Client.again"


@pytest.fixture
def library(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder with a library that waits in C."""
    (tmp_path / "slowlib.py").write_text(LIBRARY)
    return tmp_path


def run(
    folder: pathlib.Path, code: str, spec: str | None = f"all,in_threadpool={CALLS}", prelude: str = PRELUDE
) -> str:
    done = run_python("-c", prelude + textwrap.dedent(code), spec=spec, PYTHONPATH=str(folder))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert not done.stderr, done.stderr
    return done.stdout


def test_named_calls_let_the_others_run(library: pathlib.Path) -> None:
    """Functions, methods, class methods, static ones; more of them than gevent's own pool has threads."""
    run(
        library,
        """
        assert at_once(nap) == ["done"] * 6
        assert at_once(lambda: nap(answer="kept"), 30) == ["kept"] * 30
        assert at_once(lambda: type(Client().get())) == [Client] * 6
        assert at_once(lambda: type(Sub.new())) == [Sub] * 6
        assert at_once(Sub.wait) == ["static"] * 6
        assert not any(each == slowlib.ident() for each in slowlib.threads)
        """,
    )


def test_it_looks_as_before_and_its_original_is_on_record(library: pathlib.Path) -> None:
    run(
        library,
        """
        import inspect, pickle
        assert nap.__name__ == "nap" and nap.__doc__ == "Wait in C." and str(inspect.signature(nap)) == "(seconds=0.3, *, answer='done')"
        assert pickle.loads(pickle.dumps(nap)) is nap
        native = lazypatch.get_original("slowlib", "nap")
        assert native is nap.__wrapped__ and native is not nap and lazypatch.is_object_patched("slowlib", "nap")
        assert Client.kept([1]) == 1
        assert lazypatch.state("in_threadpool") == "installed"
        assert "in_threadpool installed slowlib" in " ".join(str(lazypatch.report()).split())
        """,
    )


def test_what_is_raised_is_raised_in_the_caller_and_printed_by_nobody(library: pathlib.Path) -> None:
    run(
        library,
        """
        import traceback
        try: slowlib.fail()
        except KeyError as error: assert "in fail" in "".join(traceback.format_exception(error))
        else: raise AssertionError
        """,
    )


def test_it_is_called_straight_where_there_is_nobody_to_let_run(library: pathlib.Path) -> None:
    """In a native thread, in a thread of the pool, and in the main thread alone, before there is a hub."""
    run(
        library,
        """
        from gevent._hub_local import get_hub_if_exists
        assert get_hub_if_exists() is None and nap(0) == "done" and slowlib.threads == {slowlib.ident()}
        assert get_hub_if_exists() is None
        native, found = lazypatch.original("threading"), []
        thread = native.Thread(target=lambda: found.append((nap(0), slowlib.ident() in slowlib.threads)))
        thread.start()
        while thread.is_alive(): time.sleep(0.001)
        assert found == [("done", True)], found
        assert type(Client().again()) is Client
        gevent.get_hub().threadpool.apply(nap, (0,))
        assert gevent.spawn(nap, 0).get() == "done"
        """,
    )


def test_the_main_greenlet_alone_waits_for_a_native_thread(library: pathlib.Path) -> None:
    run(library, "gevent.get_hub(); assert nap(0) == 'done' and slowlib.ident() not in slowlib.threads")


def test_a_call_sees_the_context_of_who_made_it(library: pathlib.Path) -> None:
    run(library, "slowlib.var.set('mine'); gevent.get_hub(); assert Client().seen() == 'mine'")


@pytest.mark.parametrize("how", ["Timeout", "kill"])
def test_who_is_to_end_ends_when_the_call_has(how: str, library: pathlib.Path) -> None:
    """Else the next call would use what a thread is still using."""
    run(
        library,
        f"""
        client, seen = Client(), []
        def use():
            try:
                with gevent.Timeout(0.05 if {how == "Timeout"} else None): client.get()
            except gevent.Timeout: seen.append("late")
            finally: seen.append(list(slowlib.running))
        greenlet = gevent.spawn(use)
        while not slowlib.running: gevent.sleep(0.001)
        if {how == "kill"}: greenlet.kill(block=False)
        greenlet.join()
        assert seen == {["late", []] if how == "Timeout" else [[]]}, seen
        """,
    )


def test_ctrl_c_is_raised_when_the_call_has_ended(library: pathlib.Path) -> None:
    run(
        library,
        """
        import os, signal
        client = Client()
        def interrupt(): gevent.sleep(0.02); os.kill(os.getpid(), signal.SIGINT)
        gevent.spawn(interrupt)
        try: client.get()
        except KeyboardInterrupt: assert not slowlib.running
        else: raise AssertionError
        assert client.get(0) is client
        """,
    )


def test_a_forked_child_has_threads_of_its_own(library: pathlib.Path) -> None:
    run(
        library,
        """
        import os
        assert gevent.spawn(nap, 0).get() == "done"
        pid = os.fork()
        if not pid: os._exit(0 if at_once(nap) == ["done"] * 6 else 1)
        assert os.waitpid(pid, 0)[1] == 0
        """,
    )


@pytest.mark.parametrize("armed", ["all", "gevent", None])
def test_it_can_be_asked_for_in_code(armed: str | None, library: pathlib.Path) -> None:
    """Before and after the module is loaded, and where nothing else is cooperative."""
    run(
        library,
        """
        import sys, lazypatch
        lazypatch.in_threadpool("slowlib:nap", "slowlib:fail+slowlib:Client.wait")
        assert lazypatch.state("in_threadpool") == "waiting" and "slowlib" not in sys.modules
        import gevent, slowlib
        from slowlib import nap, Client
        nap_in_thread = nap
        lazypatch.in_threadpool("slowlib:Client.get", "slowlib:nap")
        assert slowlib.nap is nap_in_thread and hasattr(Client.get, "__wrapped__") and hasattr(nap, "__wrapped__")
        gevent.joinall([gevent.spawn(nap, 0), gevent.spawn(Client().get, 0)], raise_error=True)
        assert slowlib.ident() not in slowlib.threads
        assert lazypatch.state("in_threadpool") == "installed", lazypatch.state("in_threadpool")
        """,
        armed,
        prelude="",
    )


def test_a_module_that_was_loaded_before_gevent_is_exchanged_when_that_comes(library: pathlib.Path) -> None:
    """A program of one thread pays nothing."""
    run(
        library,
        """
        import sys, zlib
        from zlib import compress
        assert "gevent" not in sys.modules and "lazypatch._scheduler" not in sys.modules
        import threading
        assert hasattr(compress, "__wrapped__") and compress(b"") == zlib.compress(b"")
        """,
        "all,in_threadpool=zlib:compress",
        prelude="",
    )


def test_a_reload_is_exchanged_again(library: pathlib.Path) -> None:
    run(library, "import importlib; assert hasattr(importlib.reload(slowlib).nap, '__wrapped__')")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", "there is no such call"),
        ("Client.nothing", "there is no such call"),
        ("nothing.at_all", "there is no such call"),
        ("threads", "there is no such call"),
        ("Client", "that is a class"),
        ("coroutine", "gives a coroutine"),
        ("contextvars.Context.run", "a class of C"),
    ],
)
def test_what_cannot_be_exchanged_is_told(name: str, said: str, library: pathlib.Path) -> None:
    """When the module loads, with a warning; in code at once, with an error."""
    code = (
        "import threading, slowlib, lazypatch\n"
        "assert not hasattr(slowlib.nap, '__wrapped__') and lazypatch.state('in_threadpool') == 'failed'\n"
        f"try: lazypatch.in_threadpool('slowlib:{name}')\n"
        f"except lazypatch.LazyPatchError as error: assert {said!r} in str(error)\n"
        "else: raise AssertionError"
    )
    done = run_python("-c", code, spec=f"all,in_threadpool=slowlib:nap+slowlib:{name}", PYTHONPATH=str(library))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("could not install the adapter in_threadpool") == 1 and said in done.stderr, done.stderr


@pytest.mark.parametrize(
    "text", ["", "slowlib", "slowlib:", ":nap", "slow lib:nap", "slowlib:nap+", "slowlib:Client..get"]
)
def test_a_text_that_names_no_call_is_an_error(text: str) -> None:
    done = run_python("-c", "", spec=f"all,in_threadpool={text}")
    assert (
        done.returncode == 0 and "Nothing is made cooperative" in done.stderr and "module:Class.method" in done.stderr
    )
    code = (
        f"import lazypatch\ntry: lazypatch.in_threadpool({text!r})\nexcept lazypatch.LazyPatchError: pass\nelse: 1 / 0"
    )
    assert run_python("-c", code).returncode == 0


def test_it_may_be_said_several_times_in_a_spec(library: pathlib.Path) -> None:
    run(
        library,
        "assert hasattr(nap, '__wrapped__') and hasattr(slowlib.fail, '__wrapped__')",
        "in_threadpool=slowlib:nap,in_threadpool=slowlib:fail",
    )


def test_the_command_line_takes_it_too(library: pathlib.Path) -> None:
    (library / "app.py").write_text("import threading, slowlib; assert hasattr(slowlib.nap, '__wrapped__')")
    done = run_python("-m", "lazypatch", "--patch", "all,in_threadpool=slowlib:nap", "app.py", cwd=library)
    assert done.returncode == 0, done.stderr
