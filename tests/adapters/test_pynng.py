"""pynng's sockets let the others run while they wait, with real peers, and do all else as without."""

from __future__ import annotations

import textwrap

import pytest
from adapters_servers import ALL_OF
from conftest import run_python

pytest.importorskip("pynng", reason="pynng is not installed here")

PRELUDE = (
    """
import sys, threading, time
import pynng
"""
    + ALL_OF
    + """
def at_once(*calls):
    return all_of(calls)
"""
)

CHECKS = {
    "requests wait together": """
        def serve(n):
            with pynng.Rep0(listen=f"inproc://s{n}") as s: ready[n].set(); s.recv(); meeting.wait(); s.send(b"answer"); done[n].wait()
        def ask(n):
            ready[n].wait()
            with pynng.Req0(dial=f"inproc://s{n}") as s: s.send(b"question"); answer = s.recv()
            done[n].set(); return answer
        meeting, ready, done = threading.Barrier(8), [threading.Event() for _ in range(8)], [threading.Event() for _ in range(8)]
        found = at_once(*[lambda n=n: serve(n) for n in range(8)], *[lambda n=n: ask(n) for n in range(8)])[0]
        assert found.count(b"answer") == 8, found
    """,
    "time-outs, TryAgain, messages": """
        with pynng.Pair0(listen="tcp://127.0.0.1:0", recv_timeout=60, send_timeout=60) as a:
            port = a.listeners[0].local_address.port
            for call in (a.recv, a.recv_msg, lambda: a.send(b"x")):
                begin = time.monotonic()
                try: call()
                except pynng.Timeout: assert time.monotonic() - begin > 0.05
                else: raise AssertionError
            try: a.recv(block=False)
            except pynng.TryAgain: pass
            else: raise AssertionError
            with pynng.Pair0(dial=f"tcp://127.0.0.1:{int.from_bytes(port.to_bytes(2, 'little'), 'big')}") as b:
                b.send(b"x"); a.recv_timeout = a.send_timeout = 50000; m = a.recv_msg(); assert m.bytes == b"x"; m.pipe.send(b"y"); assert b.recv() == b"y"
    """,
    "a socket that is closed, one that cannot": """
        s = pynng.Pair0(listen="inproc://c")
        def closes(): time.sleep(0.05); s.close()
        def receives():
            try: s.recv()
            except pynng.Closed: return 1
        assert 1 in at_once(receives, closes)[0]
        with pynng.Pub0() as p:
            try: p.recv()
            except pynng.NotSupported: pass
            else: raise AssertionError
    """,
    "contexts": """
        with pynng.Rep0(listen="inproc://x") as rep, pynng.Req0(dial="inproc://x") as req:
            def serve():
                with rep.new_context() as c: m = c.recv(); time.sleep(0.1); c.send(m)
            def ask():
                with req.new_context() as c: c.send(b"q"); return c.recv()
            assert at_once(*[serve] * 5, *[ask] * 5)[0].count(b"q") == 5
    """,
    "asynchronous": """
        import asyncio
        async def main():
            with pynng.Pair0(listen="inproc://a") as a, pynng.Pair0(dial="inproc://a") as b:
                await a.asend(b"x"); assert await b.arecv() == b"x"
        asyncio.run(main())
    """,
}


@pytest.mark.parametrize("spec", [None, "all"])
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_as_without_lazypatch(check: str, spec: str | None) -> None:
    done = run_python("-c", PRELUDE + textwrap.dedent(check), spec=spec)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_who_is_ended_takes_no_message() -> None:
    code = """
import gevent, lazypatch
with pynng.Pair0(listen="inproc://k") as a, pynng.Pair0(dial="inproc://k") as b:
    killed = gevent.spawn(a.recv); gevent.sleep(0.02); killed.kill()
    b.send(b"x"); assert a.recv() == b"x"
assert lazypatch.state("pynng") == "installed" and "pynng switched" in " ".join(str(lazypatch.report()).split())
"""
    done = run_python("-c", PRELUDE + code, spec="all")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
