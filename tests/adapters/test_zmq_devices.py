"""pyzmq's devices pass messages on while the others run, in threads of the program, as they do without."""

from __future__ import annotations

import textwrap

import pytest
from conftest import run_python

pytest.importorskip("zmq", reason="pyzmq is not installed here")

PRELUDE = """
import sys, zmq
from zmq.devices import ThreadDevice, ThreadMonitoredQueue, ThreadProxySteerable
context, where, sockets = zmq.Context(), "tcp://127.0.0.1", []
def made(kind, port, **options):
    s = context.socket(kind); s.linger = 0; sockets.append(s)
    for name, value in options.items(): setattr(s, name, value)
    s.connect(f"{where}:{port}"); return s
def begun(device, *names):
    ports = [getattr(device, f"bind_{name}_to_random_port")(where) for name in names]
    device.daemon = True; device.start(); return ports
"""
END = "\n[s.close(0) for s in sockets]; context.term()\n"

CHECKS = {
    "a monitored queue": """
        i, o, m = begun(ThreadMonitoredQueue(zmq.ROUTER, zmq.DEALER, zmq.PUSH, b"in", b"out"), "in", "out", "mon")
        req, rep, seen = made(zmq.REQ, i), made(zmq.REP, o), made(zmq.PULL, m)
        for n in range(50): req.send(b"%d" % n); assert rep.recv() == b"%d" % n; rep.send(b"x"); assert req.recv() == b"x"
        told = [seen.recv_multipart() for _ in range(100)]
        assert [t[0] for t in told] == [b"in", b"out"] * 50 and [t[-1] for t in told[::2]] == [b"%d" % n for n in range(50)]
    """,
    "a monitored queue between two routers": """
        i, o, m = begun(ThreadMonitoredQueue(zmq.ROUTER, zmq.ROUTER, zmq.PUSH), "in", "out", "mon")
        one, two, seen = made(zmq.DEALER, i, identity=b"one"), made(zmq.DEALER, o, identity=b"two"), made(zmq.PULL, m)
        while not two.poll(50): one.send_multipart([b"two", b"hello"])  # who is not there yet gets nothing
        assert two.recv_multipart() == [b"one", b"hello"]
        two.send_multipart([b"one", b"back"]); assert one.recv_multipart() == [b"two", b"back"]
    """,
    "one socket, that gives back": """
        d = ThreadDevice(zmq.FORWARDER, zmq.REP, -1); port = d.bind_in_to_random_port(where); d.daemon = True; d.start()
        req = made(zmq.REQ, port)
        for n in range(20): req.send(b"%d" % n); assert req.recv() == b"%d" % n
    """,
    "a steerable proxy": """
        d = ThreadProxySteerable(zmq.PULL, zmq.PUSH, zmq.PUSH, zmq.PAIR); i, o, m, c = begun(d, "in", "out", "mon", "ctrl")
        push, pull, seen, steer = made(zmq.PUSH, i), made(zmq.PULL, o), made(zmq.PULL, m), made(zmq.PAIR, c)
        push.send(b"hello"); assert pull.recv() == seen.recv() == b"hello"
        steer.send(b"STATISTICS"); told = [int.from_bytes(n, sys.byteorder) for n in steer.recv_multipart()]
        assert told == [1, 5, 0, 0, 0, 0, 1, 5], told
        steer.send(b"TERMINATE"); d.join()
    """,
}


@pytest.mark.parametrize("spec", [None, "all"])
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_as_without_lazypatch(check: str, spec: str | None) -> None:
    done = run_python("-c", PRELUDE + textwrap.dedent(check) + END, spec=spec)
    assert done.returncode == 0 and not done.stderr, f"{done.stdout}\n{done.stderr}"


def test_a_forked_child_ends_its_context_in_a_native_thread_of_its_own() -> None:
    """Its parent's are gone, which had been used before."""
    code = """
import os, threading, zmq
zmq.Context().term()
if (child := os.fork()) == 0:
    zmq.Context().term(); os._exit(5)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
"""
    done = run_python("-c", code, spec="all")
    assert done.returncode == 0 and not done.stderr, f"{done.stdout}\n{done.stderr}"
