"""pylibmc lets the others run while it waits for memcached, and does all else as without: against a real server.

Every answer comes through a proxy in the client's own process: a wait that stops the others never ends.
"""

from __future__ import annotations

import textwrap

import pytest
from adapters_servers import ALL_OF, THROUGH, memcached, port_of, runner, silent
from conftest import run_python

pytest.importorskip("pylibmc", reason="pylibmc is not installed here")

PRELUDE = (
    "import sys, threading, time\nimport pylibmc\n"
    + ALL_OF
    + THROUGH
    + """
proxy = Through(int(sys.argv[1]))
def client(**more):
    made = pylibmc.Client([f"127.0.0.1:{proxy.port}"], **more)
    made.get("nothing")  # connects
    return made
"""
)


port = port_of(memcached)
run = runner(PRELUDE, quiet=False)

CHECKS = {
    "all wait together": """
        clients = [client() for _ in range(8)]
        for n, each in enumerate(clients): each[f"a{n}"] = n
        proxy.meet(8)
        assert sorted(all_of([lambda n=n, each=each: each.get(f"a{n}") for n, each in enumerate(clients)])[0]) == [*range(8)]
    """,
    "all methods": """
        c = client(behaviors={"cas": True})
        assert c.flush_all() and c.set("k", {"a": [1]}) and c.get("k") == {"a": [1]} and c.get("x", 5) == 5
        assert not c.add("k", 1) and c.replace("k", b"b") and c.append("k", b"c") and c.prepend("k", b"a") and c["k"] == b"abc"
        value, version = c.gets("k"); assert c.cas("k", "new", version) and not c.cas("k", "newer", version)
        assert "k" in c and c.delete("k") and not c.delete("k") and "k" not in c
        c["n"] = 5; assert c.incr("n", 2) == 7 and c.decr("n") == 6
        assert c.set_multi({"a": 1, "b": 2}, key_prefix="p") == [] and c.get_multi(["a", "b", "z"], key_prefix="p") == {"a": 1, "b": 2}
        c.incr_multi(["a", "b"], key_prefix="p"); assert c.delete_multi(["pa", "pb"]) and c.get_stats()[0][1]["version"]
        assert c.touch("n", 100) and c.clone().get("n") == 6; c.disconnect_all(); assert c["n"] == 6
    """,
    "errors": """
        c = client()
        try: c.incr("nothing at all".replace(" ", "-"))
        except pylibmc.NotFound: pass
        else: raise AssertionError
        try: c.set("with space", 1)
        except (pylibmc.Error, ValueError): pass
        try: c.get(5)
        except TypeError: pass
        else: raise AssertionError
        try: pylibmc.Client(["127.0.0.1:1"]).get("k")
        except pylibmc.Error: pass
        else: raise AssertionError
    """,
    "subclasses and pools": """
        class Upper(pylibmc.Client):
            def serialize(self, value): return value.upper().encode(), 0
            def deserialize(self, data, flags): return data.decode()
            def get(self, key): return super().get(key) + "!"
        c = Upper([f"127.0.0.1:{proxy.port}"]); c.set("u", "abc"); assert c.get("u") == "ABC!" and isinstance(c, pylibmc.Client)
        pool = pylibmc.ClientPool(client(), 2)
        def one(n):
            with pool.reserve(block=True) as c: c.set(f"q{n}", n); return c.get(f"q{n}")
        assert sorted(all_of([lambda n=n: one(n) for n in range(6)])[0]) == [*range(6)]
        mapped = pylibmc.ThreadMappedPool(client())
        def other(n):
            with mapped.reserve() as c: got = c.get(f"q{n}")
            mapped.relinquish(); return got
        assert sorted(all_of([lambda n=n: other(n) for n in range(6)])[0]) == [*range(6)]
    """,
}


@pytest.mark.parametrize("spec", [None, "all"])
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_as_without_lazypatch(check: str, spec: str | None, port: int) -> None:
    run(port, check, spec)


@pytest.mark.parametrize("spec", [None, "all"])
def test_a_server_that_says_nothing_is_given_up(spec: str | None) -> None:
    """By libmemcached's own time-out, which is a miss or an error: that depends on how the library was built."""
    code = """
        c = pylibmc.Client([f"127.0.0.1:{proxy.port}"], behaviors={"_poll_timeout": 200})
        try: assert c.get("k") is None
        except pylibmc.Error: pass
    """
    with silent() as port:
        run(port, code, spec)


def test_threads_that_share_a_client_wait_for_one_another(port: int) -> None:
    """Without lazypatch they must not: the one client's answers would be mixed up."""
    code = """
        import lazypatch
        shared = client()
        for n in range(20): shared[f"s{n}"] = n
        assert sorted(all_of([lambda n=n: shared[f"s{n}"] for n in range(20)])[0]) == [*range(20)]
        assert lazypatch.state("pylibmc") == "installed"
        assert {d.module: d.switched for d in lazypatch.report().drivers}["pylibmc"] is True
    """
    run(port, code)


def test_who_is_ended_leaves_no_answer_for_the_next_call(port: int) -> None:
    code = """
        import gevent
        c, other = client(), client(); c["one"], c["two"] = 1, 2
        proxy.meet(2)
        waiting = gevent.spawn(c.get, "one"); proxy.until(1)
        killer = gevent.spawn(waiting.kill); gevent.sleep(0)
        assert other["two"] == 2; killer.join()
        assert not waiting.successful() or isinstance(waiting.value, gevent.GreenletExit)
        assert c["two"] == 2
    """
    run(port, code)


def test_late_and_in_native_threads(port: int) -> None:
    code = """
        import lazypatch
        assert "gevent" not in sys.modules
        lazypatch.enable("all")
        assert lazypatch.state("pylibmc") == "late"
        found = []
        def ask(): found.append(pylibmc.Client([f"127.0.0.1:{sys.argv[1]}"]).get("never set", "nothing"))
        native = lazypatch.original("threading").Thread(target=ask); native.start(); native.join()
        assert found == ["nothing"]
        proxy = Through(int(sys.argv[1])); clients = [client() for _ in range(4)]; proxy.meet(4)
        all_of([lambda c=c: c.get("x") for c in clients])
    """
    code = PRELUDE.replace("proxy = Through(int(sys.argv[1]))\n", "") + textwrap.dedent(code)
    done = run_python("-c", code, str(port))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
