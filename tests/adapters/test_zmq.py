"""pyzmq's sockets let the others run while they wait, and do everything else as they do without: with real peers."""

from __future__ import annotations

import textwrap

import pytest
from adapters_servers import ALL_OF
from conftest import run_python

pytest.importorskip("zmq", reason="pyzmq is not installed here")

PRELUDE = (
    """
import sys, threading, time, os
import zmq
context = zmq.Context()
sockets = []
def pair(one, other, address="tcp://127.0.0.1:*", **options):
    a, b = context.socket(one), context.socket(other)
    for s in (a, b):
        s.linger = 0; sockets.append(s)
        for name, value in options.items(): setattr(s, name, value)
    a.bind(address); b.connect(a.last_endpoint if "inproc" not in address else address)
    return a, b
"""
    + ALL_OF
    + """
def at_once(*calls):
    return all_of(calls)
"""
)
END = """
for s in sockets: s.close(0)
context.term()
"""


def run(code: str, spec: str | None = "all") -> str:
    done = run_python("-c", PRELUDE + textwrap.dedent(code) + END, spec=spec)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert not done.stderr, done.stderr
    return done.stdout


def test_requests_wait_together() -> None:
    run(
        """
        import lazypatch
        meeting = threading.Barrier(8)
        def serve(server):
            server.recv(); meeting.wait(); server.send(b"answer")
        def ask(client): client.send(b"question"); return client.recv()
        pairs = [pair(zmq.REP, zmq.REQ) for _ in range(8)]
        calls = [lambda s=s: serve(s) for s, _ in pairs] + [lambda c=c: ask(c) for _, c in pairs]
        assert at_once(*calls)[0].count(b"answer") == 8
        assert lazypatch.state("zmq") == "installed" and "zmq switched" in " ".join(str(lazypatch.report()).split())
        """
    )


# What is true without lazypatch; each runs in both.
CHECKS = {
    "an inproc pair of two threads": """
        a, b = pair(zmq.PAIR, zmq.PAIR, "inproc://x")
        def one():
            for n in range(200): a.send(b"%d" % n); assert a.recv() == b"%d" % n
        def other():
            for n in range(200): b.send(b.recv())
        at_once(one, other)
    """,
    "RCVTIMEO, SNDTIMEO": """
        a, b = pair(zmq.PULL, zmq.PUSH, rcvtimeo=100, sndtimeo=100)
        for call in (a.recv, lambda: a.recv_into(bytearray(5)), a.recv_multipart, a.recv_json, a.recv_string):
            begin = time.monotonic()
            try: call()
            except zmq.Again as error: assert error.errno == zmq.EAGAIN and time.monotonic() - begin > 0.09
            else: raise AssertionError
        alone = context.socket(zmq.PUSH); sockets.append(alone); alone.sndtimeo = 50
        try: alone.send(b"nobody takes it")
        except zmq.Again: pass
        else: raise AssertionError
    """,
    "NOBLOCK": """
        a, b = pair(zmq.PULL, zmq.PUSH)
        try: a.recv(zmq.NOBLOCK)
        except zmq.Again: pass
        else: raise AssertionError
        try: a.recv(flags=zmq.DONTWAIT)
        except zmq.Again: pass
    """,
    "multipart, json, pyobj, Frames, recv_into": """
        a, b = pair(zmq.PAIR, zmq.PAIR)
        b.send_multipart([b"1", b"2"]); assert a.recv_multipart() == [b"1", b"2"]
        b.send_json({"a": 1}); assert a.recv_json() == {"a": 1}
        b.send_pyobj({1}); assert a.recv_pyobj() == {1}
        b.send(zmq.Frame(b"f"), copy=False); assert a.recv(copy=False).bytes == b"f"
        buffer = bytearray(3); b.send(b"abc"); assert a.recv_into(buffer) == 3 and buffer == b"abc"
    """,
    "a tracked message": """
        a, b = pair(zmq.PAIR, zmq.PAIR, copy_threshold=0)
        tracker = b.send(b"x" * 100000, copy=False, track=True)
        assert a.recv() == b"x" * 100000
        tracker.wait(20); assert tracker.done
    """,
    "Poller, with descriptors of others": """
        a, b = pair(zmq.PAIR, zmq.PAIR); r, w = os.pipe()
        p = zmq.Poller(); p.register(a, zmq.POLLIN); p.register(r, zmq.POLLIN)
        assert p.poll(0) == [] and p.poll(30) == [] and p.poll(30.5) == []
        def soon(call): threading.Thread(target=lambda: (time.sleep(0.02), call())).start()
        soon(lambda: b.send(b"x")); assert dict(p.poll()) == {a: zmq.POLLIN}; a.recv()
        soon(lambda: os.write(w, b"x")); assert dict(p.poll(20000)) == {r: zmq.POLLIN}
        assert dict(zmq.Poller.poll(p)) and a.poll(30) == 0 and b.poll(30, zmq.POLLOUT) == zmq.POLLOUT
        soon(lambda: b.send(b"x")); assert a.poll() == zmq.POLLIN
        assert zmq.select([a], [b], [], 5) == ([a], [b], []) and zmq.select([b], [], [], 0.03) == ([], [], [])
    """,
    "a Poller over descriptors only": """
        r, w = os.pipe(); p = zmq.Poller(); p.register(r, zmq.POLLIN); p.register(w, zmq.POLLOUT)
        assert dict(p.poll()) == {w: zmq.POLLOUT}; p.unregister(w); assert p.poll(20) == []
        empty = zmq.Poller(); assert empty.poll(20) == []
    """,
    "a proxy": """
        front, back, captured = (context.socket(kind) for kind in (zmq.ROUTER, zmq.DEALER, zmq.PUSH))
        pull = context.socket(zmq.PULL); server = context.socket(zmq.REP); sockets.extend((pull, server))
        for s in (front, back): s.linger = 0; s.bind("tcp://127.0.0.1:*")
        captured.linger = 0; captured.bind("inproc://c"); pull.connect("inproc://c"); server.connect(back.last_endpoint)
        def proxy():
            try: zmq.proxy(front, back, captured)
            except zmq.ContextTerminated: [s.close(0) for s in (front, back, captured)]
        threads = [threading.Thread(target=proxy)]
        def serve():
            for _ in range(20): server.send(server.recv())
        threads.append(threading.Thread(target=serve)); [t.start() for t in threads]
        def ask(n):
            c = context.socket(zmq.REQ); c.linger = 0; c.connect(front.last_endpoint)
            for _ in range(5): c.send(b"%d" % n); assert c.recv() == b"%d" % n
            c.close(0)
        at_once(*[lambda n=n: ask(n) for n in range(4)]); threads[1].join()
        assert sum(1 for _ in range(40) if pull.recv_multipart()) == 40
        for s in sockets: s.close(0)
        context.term(); threads[0].join(); sockets.clear()
    """,
    "a one-way proxy, in a ThreadDevice": """
        from zmq.devices import ThreadDevice
        d = ThreadDevice(zmq.QUEUE, zmq.PULL, zmq.PUSH)
        i, o = d.bind_in_to_random_port("tcp://127.0.0.1"), d.bind_out_to_random_port("tcp://127.0.0.1")
        d.daemon = True; d.start()
        a, b = context.socket(zmq.PUSH), context.socket(zmq.PULL); sockets.extend((a, b)); a.linger = 0
        a.connect(f"tcp://127.0.0.1:{i}"); b.connect(f"tcp://127.0.0.1:{o}")
        for n in range(300): a.send(b"%d" % n)
        assert [b.recv() for _ in range(300)] == [b"%d" % n for n in range(300)]
    """,
    "term() ends who receives": """
        other, found = zmq.Context(), []
        s = other.socket(zmq.PULL); s.bind("inproc://t")
        def receive():
            try: s.recv()
            except zmq.ContextTerminated: found.append(1); s.close(0)
        t = threading.Thread(target=receive); t.start(); time.sleep(0.02)
        other.term(); t.join(); assert found and other.closed
        with zmq.Context() as third: third.socket(zmq.PUSH).close()
        assert third.closed
    """,
    "monitor, shadow, subclasses, isinstance, close": """
        import zmq.utils.monitor
        a, b = pair(zmq.PAIR, zmq.PAIR)
        m = a.get_monitor_socket(); m.rcvtimeo = 5000; sockets.append(m)
        c = context.socket(zmq.PAIR); c.linger = 0; sockets.append(c)
        shadow = zmq.Socket.shadow(a.underlying); b.send(b"s"); assert shadow.recv() == b"s"; del shadow
        class Mine(zmq.Socket):
            def recv(self, *args, **kwargs): return b"mine " + super().recv(*args, **kwargs)
        class Context(zmq.Context): _socket_class = Mine
        ctx = Context.shadow(context); s = ctx.socket(zmq.PAIR); sockets.append(s); assert type(s) is Mine and isinstance(s, zmq.Socket)
        s.bind("inproc://mine"); c.connect("inproc://mine"); c.send(b"x"); assert s.recv() == b"mine x"
        a.close()
        for call in (a.recv, lambda: a.send(b""), lambda: a.poll(1)):
            try: call()
            except zmq.ZMQError as error: assert error.errno == zmq.ENOTSOCK or error.errno == zmq.ENOTSUP
            else: raise AssertionError
    """,
    "zmq.asyncio": """
        import asyncio, zmq.asyncio
        async def main():
            ctx = zmq.asyncio.Context(); a, b = ctx.socket(zmq.PAIR), ctx.socket(zmq.PAIR)
            a.bind("inproc://a"); b.connect("inproc://a")
            async def later(): await asyncio.sleep(0.02); await b.send_multipart([b"x", b"y"])
            task = asyncio.ensure_future(later())
            assert await a.recv_multipart() == [b"x", b"y"]; await task
            assert await a.poll(20) == 0
            p = zmq.asyncio.Poller(); p.register(a, zmq.POLLIN); await b.send(b"z"); assert dict(await p.poll()) == {a: zmq.POLLIN}
            try: await asyncio.wait_for(b.recv(), 0.02)
            except asyncio.TimeoutError: pass
            a.close(0); b.close(0); ctx.term()
        asyncio.run(main())
        at_once(lambda: asyncio.run(main()))
    """,
    "ThreadAuthenticator": """
        from zmq.auth.thread import ThreadAuthenticator
        auth = ThreadAuthenticator(context); auth.start(); auth.allow("127.0.0.1"); auth.configure_plain("*", {"u": "p"})
        s, c = context.socket(zmq.PULL), context.socket(zmq.PUSH); sockets.extend((s, c)); c.linger = 0
        s.plain_server = True; s.bind("tcp://127.0.0.1:*"); c.plain_username = b"u"; c.plain_password = b"p"
        c.connect(s.last_endpoint); c.send(b"in"); s.rcvtimeo = 20000; assert s.recv() == b"in"; auth.stop()
    """,
}


@pytest.mark.parametrize("spec", [None, "all"])
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_as_without_lazypatch(check: str, spec: str | None) -> None:
    run(check, spec)


def test_one_greenlet_sends_on_the_socket_on_which_another_receives() -> None:
    """Native threads may not. Each takes in what the other waits for; nobody waits until it looks again."""
    run(
        """
        a, b = pair(zmq.DEALER, zmq.DEALER); n = 300; begin = time.monotonic()
        def echo():
            for _ in range(n): b.send(b.recv())
        def send():
            for _ in range(n): a.send(b"x"); time.sleep(0)
        def receive():
            for _ in range(n): a.recv()
        at_once(echo, send, receive)
        assert time.monotonic() - begin < 20
        """
    )


def test_who_is_ended_ends_at_once_and_takes_no_message() -> None:
    run(
        """
        import gevent, signal
        a, b = pair(zmq.PAIR, zmq.PAIR)
        killed = gevent.spawn(a.recv); gevent.sleep(0.02); killed.kill()
        try:
            with gevent.Timeout(0.02): a.recv()
        except gevent.Timeout: pass
        else: raise AssertionError
        gevent.spawn_later(0.02, os.kill, os.getpid(), signal.SIGINT)
        try: a.recv()
        except KeyboardInterrupt: pass
        else: raise AssertionError
        b.send(b"first"); assert a.recv() == b"first"
        """
    )


def test_ctrl_c_ends_a_wait_in_term() -> None:
    code = """
import os, signal, gevent
s = context.socket(zmq.PUSH); s.linger = -1
gevent.spawn_later(0.05, os.kill, os.getpid(), signal.SIGINT)
try: context.term()
except KeyboardInterrupt: pass
else: raise AssertionError
s.close(0)
"""
    done = run_python("-c", PRELUDE + code, spec="all")
    assert done.returncode == 0, done.stderr


def test_native_threads_wait_natively() -> None:
    run(
        """
        import lazypatch
        from gevent._hub_local import get_hub_if_exists
        a, b = pair(zmq.PAIR, zmq.PAIR); found = []
        def work(): found.append((b.recv(), b.poll(20), get_hub_if_exists()))
        thread = lazypatch.original("threading").Thread(target=work); thread.start()
        time.sleep(0.02); a.send(b"x")
        while thread.is_alive(): time.sleep(0.001)
        assert found == [(b"x", 0, None)], found
        """
    )


def test_zmq_green_is_as_it_was() -> None:
    run(
        """
        import zmq.green as green
        ctx = green.Context(); a, b = ctx.socket(zmq.PAIR), ctx.socket(zmq.PAIR); a.bind("inproc://g"); b.connect("inproc://g")
        threading.Thread(target=lambda: (time.sleep(0.02), b.send(b"x"))).start()
        assert a.recv() == b"x" and a.poll(20) == 0
        a.close(0); b.close(0)
        """
    )


def test_late() -> None:
    code = """
from zmq import proxy, Poller
import zmq, sys
import lazypatch; lazypatch.enable()
assert proxy is zmq.proxy and hasattr(proxy, "__wrapped__") and hasattr(zmq.Socket.recv, "__wrapped__")
assert lazypatch.state("zmq") == "late"
"""
    done = run_python("-c", code)
    assert done.returncode == 0 and not done.stderr, done.stderr
