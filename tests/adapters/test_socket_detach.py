"""A socket's descriptor blocks for whoever gets it, and what is made of somebody else's leaves it as it is."""

from __future__ import annotations

import pytest
from conftest import run_code, same_as_plain

ARMED = """
import os, socket, subprocess, sys, threading, time
import gevent
from lazypatch.adapters import socket_detach
assert socket.socket.detach is socket_detach.detach

def soon(call, *args):
    thread = threading.Thread(target=call, args=args)
    thread.start()
    return thread

a, b = socket.socketpair()
assert not os.get_blocking(a.fileno())  # else nothing is tested below
# A program without lazypatch: it reads a byte from a descriptor, which fails if that does not block.
READER = [sys.executable, "-S", "-E", "-c", "import os, sys; print(os.read(int(sys.argv[1]), 9).decode())"]
def reader(fd, **kwargs):
    return subprocess.Popen([*READER, str(fd)], stdout=subprocess.PIPE, text=True, **kwargs)
"""


def test_a_detached_descriptor_blocks() -> None:
    code = (
        ARMED
        + """
fd = a.detach()
assert os.get_blocking(fd) and a.fileno() == -1
soon(b.send, b"x")
assert os.read(fd, 9) == b"x"
b.settimeout(5)
assert not os.get_blocking(b.detach())  # as natively with a time-out
"""
    )
    run_code(code, spec="all")


@pytest.mark.parametrize(
    "give",
    [
        "child = reader(0, stdin=a)",
        "child = reader(0, stdin=a.fileno())",
        "child = reader(a.fileno(), pass_fds=[a.fileno()])",
        "a.set_inheritable(True); child = reader(a.fileno(), close_fds=False)",
        "os.set_inheritable(a.fileno(), True); child = reader(a.fileno(), close_fds=False)",
    ],
)
def test_a_child_that_has_it_waits(give: str) -> None:
    """And so does this process, which lets the others run meanwhile."""
    code = (
        ARMED
        + give
        + """
time.sleep(0.1)
assert os.get_blocking(a.fileno()) and child.poll() is None
b.send(b"x")
assert child.communicate(timeout=20)[0] == "x\\n" and child.returncode == 0
for call in (lambda: a.recv(9), lambda: a.recvfrom(9)[0], lambda: a.recvmsg(9)[0], lambda: os.read(a.fileno(), 9)):
    soon(b.send, b"y")
    assert call() == b"y"
buffer = bytearray(3)
for call in (a.recv_into, a.recvfrom_into, lambda buffer: a.recvmsg_into([buffer])):
    soon(b.send, b"y")
    assert call(buffer) in (1, (1, None), (1, [], 0, None)) and buffer[:1] == b"y"
def drain():
    while True:
        b.recv(100_000)
threading.Thread(target=drain, daemon=True).start()
a.sendall(b"z" * 1_000_000)  # more than there is room for
"""
    )
    run_code(code, spec="all")


def test_one_that_was_sent_blocks() -> None:
    code = (
        ARMED
        + """
if hasattr(socket, "send_fds"):
    x, y = socket.socketpair()
    socket.send_fds(a, [b"m"], [x.fileno()])
    _, (fd,), _, _ = socket.recv_fds(b, 9, 1)
    assert os.get_blocking(fd) and os.get_blocking(x.fileno())
    soon(y.send, b"x")
    assert x.recv(9) == b"x"
    try:
        a.sendmsg([b"x"], [(1, 2)])
    except TypeError:
        pass
    else:
        raise AssertionError("no TypeError")
"""
    )
    run_code(code, spec="all")


def test_a_duplicate_that_stays_here_does_not_stop_the_others() -> None:
    """Both are the same open file."""
    code = (
        ARMED
        + """
again = a.dup()
third = socket.socket(fileno=os.dup(a.fileno()))
fd = a.detach()
assert os.get_blocking(fd)
for sock in (again, third):
    soon(b.send, b"x")
    assert sock.recv(9) == b"x"
"""
    )
    run_code(code, spec="all")


@pytest.mark.parametrize("make", ["socket.socket(fileno=os.dup({fd}))", "socket.fromfd({fd}, a.family, a.type)"])
def test_what_is_made_of_a_foreign_descriptor_leaves_its_flag(make: str) -> None:
    """Another process may share it; the socket has all that it says it has."""
    code = (
        ARMED
        + f"""
import _socket
x, y = _socket.socketpair()
sock = {make.format(fd="x.fileno()")}
assert os.get_blocking(x.fileno()) and sock.gettimeout() is None and sock.getblocking()
assert (sock.family, sock.type, sock.proto) == (a.family, a.type, a.proto)
soon(y.send, b"x")
assert sock.recv(9) == b"x"
sock.settimeout(0.01)
try:
    sock.recv(9)
except TimeoutError:
    pass
else:
    raise AssertionError("no TimeoutError")
sock.setblocking(False)
try:
    sock.recv(9)
except BlockingIOError:
    pass
else:
    raise AssertionError("no BlockingIOError")
sock.close()
x.send(b"still there")
"""
    )
    run_code(code, spec="all")


def test_a_foreign_socket_that_is_not_connected_connects() -> None:
    """In the threadpool: connect() has no form that does not wait."""
    code = (
        ARMED
        + """
import _socket
listener = socket.create_server(("127.0.0.1", 0))
x = _socket.socket()
sock = socket.socket(fileno=x.detach())
thread = soon(lambda: listener.accept()[0].sendall(b"x"))
sock.connect(listener.getsockname())
assert sock.recv(1) == b"x"
other = socket.socket(fileno=_socket.socket().detach())
listener.close()
try:
    other.connect(sock.getpeername())
except ConnectionRefusedError:
    pass
else:
    raise AssertionError("connected")
"""
    )
    run_code(code, spec="all")


def test_a_listener_that_is_passed_on_blocks_and_can_still_be_accepted_from() -> None:
    code = (
        ARMED
        + """
listener = socket.create_server(("127.0.0.1", 0))
accepter = "import socket, sys; s = socket.socket(fileno=int(sys.argv[1])); s.accept()[0].sendall(b'child')"
child = subprocess.Popen([sys.executable, "-S", "-E", "-c", accepter, str(listener.fileno())], pass_fds=[listener.fileno()])
assert os.get_blocking(listener.fileno())
assert socket.create_connection(listener.getsockname()).recv(9) == b"child" and child.wait() == 0
soon(lambda: listener.accept()[0].sendall(b"here"))
assert socket.create_connection(listener.getsockname()).recv(9) == b"here"
"""
    )
    run_code(code, spec="all")


def test_a_listener_that_is_taken_over_is_made_non_blocking() -> None:
    """Several processes serve one: accept() has to be tried without waiting."""
    code = (
        ARMED
        + """
listener = socket.create_server(("127.0.0.1", 0))
fd = listener.detach()
assert os.get_blocking(fd)
listener = socket.socket(fileno=fd)
assert not os.get_blocking(fd)
listener.set_inheritable(True)
assert not os.get_blocking(fd)
"""
    )
    run_code(code, spec="all")


def test_what_is_accepted_or_made_here_is_as_fast_as_ever() -> None:
    """Only what others may use is shared."""
    code = (
        ARMED
        + """
listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
server, _ = listener.accept()
for sock in (a, b, client, server, listener, a.dup(), socket.socket()):
    assert type(sock._sock) is socket_detach._inner_class and not os.get_blocking(sock.fileno())
"""
    )
    run_code(code, spec="all")


def test_tls_sockets_are_left_alone() -> None:
    """They take the descriptor over before the plain one is detached."""
    code = (
        ARMED
        + """
import ssl
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
fd = a.fileno()
tls = context.wrap_socket(a, do_handshake_on_connect=False)
assert tls.fileno() == fd and not os.get_blocking(fd) and a.fileno() == -1
tls.set_inheritable(True)
assert not os.get_blocking(fd)
soon(b.close)
try:
    tls.do_handshake()
except OSError:
    pass
else:
    raise AssertionError("shook hands")
"""
    )
    run_code(code, spec="all")


def test_sockets_that_are_gone_are_forgotten() -> None:
    code = (
        ARMED
        + """
import gc, weakref
fd, gone = a.fileno(), weakref.ref(a)
a.close()
del a
gc.collect()
assert gone() is None
r, w = os.pipe()
os.set_blocking(r, False)
assert r == fd  # the number of a pipe now: no business of ours
socket_detach._give_away(r)
assert not os.get_blocking(r)
b.detach()
"""
    )
    run_code(code, spec="all")


def test_without_the_adapter_it_is_as_with_gevent() -> None:
    code = "import os, socket, gevent; assert not os.get_blocking(socket.socketpair()[0].detach())"
    for spec in ("gevent", "all,-socket-detach"):
        run_code(code, spec=spec)


def test_a_file_that_is_opened_on_a_sockets_descriptor_waits_as_the_socket_does() -> None:
    code = """
import socket, threading
a, b = socket.socketpair()
file = open(a.fileno(), "rb+", buffering=0, closefd=False)
taken, sent = [], bytes(3_000_000)
def use():
    taken.append(file.read(8192))
    rest = sent
    while rest:
        rest = rest[file.write(rest):]
user = threading.Thread(target=use)
user.start()
b.send(b"first")
got = 0
while got < len(sent):
    got += len(b.recv(100_000))
user.join()
a.setblocking(False)
print(taken, got, file.read(1))
"""
    assert run_code(code, spec="all") == run_code(code) == "[b'first'] 3000000 None\n"


def test_what_is_made_of_a_socket_that_does_not_wait_does_not_wait_either() -> None:
    """And does not know of it, until it is told a time-out of its own: twisted accepts until nobody is there."""
    code = """
import os, socket, threading
threading.Thread(target=int).start()
def show(call):
    try:
        print(call())
    except OSError as error:
        print(type(error).__name__)
listener = socket.create_server(("127.0.0.1", 0))
listener.setblocking(False)
made = socket.fromfd(listener.fileno(), socket.AF_INET, socket.SOCK_STREAM)
print(made.gettimeout(), made.getblocking(), os.get_blocking(made.fileno()))
show(made.accept)
a, b = socket.socketpair()
a.settimeout(5)
made = socket.socket(fileno=os.dup(a.fileno()))
show(lambda: made.recv(1))
show(made.makefile("rb").read)
show(lambda: made.recv_into(bytearray(1)))
made.settimeout(0.05)
print(made.gettimeout())
show(lambda: made.recv(1))
made.setblocking(False)
print(made.gettimeout(), made.getblocking())
client = socket.socket(fileno=os.dup(socket.socket().detach()))
print(client.gettimeout(), client.getblocking(), client.connect_ex(listener.getsockname()))
"""
    assert same_as_plain(code).startswith("None True False\nBlockingIOError\nBlockingIOError\nNone\n")
