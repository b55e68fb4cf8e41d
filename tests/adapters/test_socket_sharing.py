"""Several threads may wait for one socket at once; a close wakes them all, and shutdown() ends their reads."""

from __future__ import annotations

import importlib.util

import pytest
from conftest import run_code

LOOPS = ["libev-cext", *(["libuv-cffi"] if importlib.util.find_spec("_cffi_backend") else [])]

ARMED = """
import errno, socket, threading, time
from lazypatch.adapters import socket_sharing
from gevent._socketcommon import SocketMixin
assert socket.socket.__mro__[1] is SocketMixin and SocketMixin._wait is socket_sharing._wait

got = []
def start(count, call, *args):
    def work():
        try:
            got.append(call(*args))
        except OSError as error:
            got.append(error.errno or type(error).__name__)
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    time.sleep(0.01)
    return threads

def join(threads):
    for thread in threads:
        thread.join(10)
    assert not socket_sharing._others  # nothing is kept of who waited
"""


@pytest.mark.parametrize("loop", LOOPS)
def test_each_datagram_goes_to_one_of_them(loop: str) -> None:
    code = (
        ARMED
        + """
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", 0))
threads = start(10, sock.recv, 9)
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for number in range(10):
    sender.sendto(b"%d" % number, sock.getsockname())
join(threads)
assert sorted(got) == [b"%d" % number for number in range(10)], got
"""
    )
    run_code(code, spec="all", GEVENT_LOOP=loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_each_connection_goes_to_one_of_them(loop: str) -> None:
    code = (
        ARMED
        + """
listener = socket.create_server(("127.0.0.1", 0))
threads = start(5, lambda: listener.accept()[0])
clients = [socket.create_connection(listener.getsockname()) for _ in threads]
join(threads)
assert len({sock.getpeername() for sock in got}) == 5
"""
    )
    run_code(code, spec="all", GEVENT_LOOP=loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_several_sendall_at_once_lose_nothing(loop: str) -> None:
    """And none of their sends says that it sent nothing, which would be taken for the end."""
    code = (
        ARMED
        + """
a, b = socket.socketpair()
def send():
    data, sent = b"x" * 1_000_000, 0
    while sent < len(data):
        count = a.send(data[sent:])
        assert count
        sent += count
    return sent
threads = start(3, a.sendall, b"y" * 1_000_000) + start(3, send)
seen = 0
while seen < 6_000_000:
    seen += len(b.recv(100_000))
join(threads)
assert sorted(got, key=str) == [1_000_000] * 3 + [None] * 3, got
"""
    )
    run_code(code, spec="all", GEVENT_LOOP=loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_one_may_take_what_several_were_woken_for(loop: str) -> None:
    """Who finds nothing left waits again."""
    code = (
        ARMED
        + """
a, b = socket.socketpair()
threads = start(3, a.recv, 99)
for number, data in enumerate((b"abc", b"d", b"e"), 1):
    b.send(data)
    while len(got) < number: time.sleep(0.001)
join(threads)
assert got == [b"abc", b"d", b"e"]
"""
    )
    run_code(code, spec="all", GEVENT_LOOP=loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_close_wakes_all(loop: str) -> None:
    code = (
        ARMED
        + """
a, b = socket.socketpair()
threads = start(3, a.recv, 9)
a.close()
join(threads)
assert got == [errno.EBADF] * 3, got
assert b.recv(1) == b""
"""
    )
    run_code(code, spec="all", GEVENT_LOOP=loop)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("how", ["SHUT_RD", "SHUT_RDWR"])
def test_after_shutdown_the_readers_get_an_empty_read(loop: str, how: str) -> None:
    """As natively: not EBADF; and an accept gets EINVAL."""
    code = (
        ARMED
        + f"""
listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
server, _ = listener.accept()
a, b = socket.socketpair()
threads = start(2, a.recv, 9) + start(2, server.recv, 9)
a.shutdown(socket.{how})
server.shutdown(socket.{how})
join(threads)
assert got == [b""] * 4, got
got.clear()
threads = start(2, listener.accept)
listener.shutdown(socket.{how})
join(threads)
assert got == [errno.EINVAL] * 2, got
"""
    )
    run_code(code, spec="all", GEVENT_LOOP=loop)


def test_each_has_its_time_out() -> None:
    """Also where others take what it was woken for."""
    code = (
        ARMED
        + """
a, b = socket.socketpair()
a.settimeout(1)
threads = start(3, a.recv, 1)
b.send(b"x")
join(threads)
assert got[0] == b"x" and got[1:] == ["TimeoutError"] * 2, got
"""
    )
    run_code(code, spec="all")


def test_a_kill_ends_a_shared_wait_and_nothing_is_lost() -> None:
    code = (
        ARMED
        + """
import gevent
a, b = socket.socketpair()
greenlets = [gevent.spawn(a.recv, 9) for _ in range(3)]
time.sleep(0.01)
greenlets[0].kill()
greenlets[1].kill()
b.send(b"x")
assert greenlets[2].get(timeout=10) == b"x" and not socket_sharing._others
"""
    )
    run_code(code, spec="all")


def test_gevent_alone_allows_one() -> None:
    code = """
import gevent, socket
a, b = socket.socketpair()
greenlets = [gevent.spawn(a.recv, 9) for _ in range(2)]
gevent.joinall(greenlets, timeout=0.05)
assert type(greenlets[1].exception).__name__ == "ConcurrentObjectUseError"
"""
    run_code(code, spec="all,-socket-sharing")


def test_threads_that_write_to_one_file_over_a_socket_take_turns() -> None:
    code = (
        ARMED
        + """
a, b = socket.socketpair()
a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
for mode in ("wb", "w"):
    file = a.makefile(mode)
    data = {"wb": b"x" * 200000, "w": "x" * 200000}[mode]
    threads = start(3, lambda: (file.write(data), file.flush())[0])
    taken = 0
    while taken < 600000:
        taken += len(b.recv(65536))
    join(threads)
assert got == 6 * [200000], got
"""
    )
    run_code(code, spec="all")


def test_threads_that_read_from_one_file_over_a_socket_take_turns() -> None:
    code = (
        ARMED
        + """
a, b = socket.socketpair()
file = a.makefile("rb")
assert type(file.raw).__name__ == "SocketIO" and isinstance(file.raw, socket.SocketIO), type(file.raw)
threads = start(3, lambda: file.read(10))
b.sendall(b"x" * 15)
time.sleep(0.05)
b.sendall(b"x" * 15)
join(threads)
assert got == 3 * [b"x" * 10], got
got.clear()
threads = start(1, lambda: file.read(10)) + start(1, lambda: file.close())
b.sendall(b"x" * 10)
join(threads)
assert got == [b"x" * 10, None] and file.closed, got
a.close()
assert b.recv(1) == b""
"""
    )
    run_code(code, spec="all")


def test_a_file_over_a_socket_tells_its_time_outs_and_its_end() -> None:
    code = (
        ARMED
        + """
a, b = socket.socketpair()
file = a.makefile("r")
a.settimeout(0.01)
for _ in range(2):
    try:
        file.read(1)
    except OSError as error:
        print(repr(error))
b.sendall(b"x" * 10)
try:
    file.readline()
except OSError as error:
    print(repr(error))
file, raw = a.makefile("rb"), a.makefile("rb", 0)
a.settimeout(0)
assert file.read(10) == b"x" * 10 and file.read(10) is None
b.close()
assert file.read() == b"" == raw.read(1)
file.close()
try:
    file.read()
except ValueError as error:
    print(error)
assert file.closed and not raw.closed and type(raw) is socket.SocketIO
import gc, weakref
gc.disable()
gone = weakref.ref(a.makefile("wb"))
assert gone() is None
"""
    )
    said = ["TimeoutError('timed out')", *2 * ["OSError('cannot read from timed out object')"], "read of closed file"]
    assert run_code(code, spec="all").splitlines() == said
