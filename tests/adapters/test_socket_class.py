"""socket.socket, and the functions around it, do what Python documents."""

from __future__ import annotations

import sys

import pytest
from conftest import run_code

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the adapter is for POSIX systems")


def same(code: str) -> str:
    """What *code* prints, which is the same without lazypatch."""
    code = "import os, socket, threading, time\nthreading.Thread(target=int).start()\n" + code
    plain, armed = run_code(code), run_code(code, spec="all")
    assert armed == plain
    return armed


def test_who_replaces_the_class_is_asked_by_the_functions_around_it() -> None:
    """As PySocks does, to send everything through a proxy."""
    code = """
class Proxied(socket.socket):
    def connect(self, address):
        print("through a proxy")
        super().connect(address)
listener = socket.create_server(("127.0.0.1", 0))
socket.socket = Proxied
made = socket.create_connection(listener.getsockname(), 5)
print(type(made).__name__, made.gettimeout())
socket.gethostbyaddr = lambda name: ("a.b.c", [], [])
print(socket.getfqdn("x"))
try:
    socket.create_connection(("127.0.0.1", 1), 5)
except OSError as error:
    print(repr(error))
"""
    assert "through a proxy" in same(code)


def test_create_connection_lets_the_others_run() -> None:
    code = """
import socket, threading, time
from gevent import get_hub
taken = []
listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=lambda: taken.append(listener.accept()[0])).start()
made = socket.create_connection(("localhost", listener.getsockname()[1]))
threading.Thread(target=lambda: (time.sleep(0.05), taken[0].send(b"x"))).start()
assert made.recv(1) == b"x"
"""
    run_code(code, spec="all")


@pytest.mark.skipif(not hasattr(__import__("socket"), "SOCK_NONBLOCK"), reason="SOCK_NONBLOCK does not exist here")
def test_one_that_is_not_to_wait_does_not() -> None:
    code = """
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
print(s.gettimeout(), s.getblocking(), repr(s.type))
s.bind(("127.0.0.1", 0))
try:
    s.recv(1)
except BlockingIOError as error:
    print(error)
s.setblocking(True)
print(s.gettimeout(), s.getblocking(), repr(s.type), repr(socket.socket(type=socket.SOCK_STREAM | socket.SOCK_CLOEXEC).type))
"""
    assert "0.0 False" in same(code)


def test_it_is_told_with_its_addresses() -> None:
    code = """
import re, ssl, warnings
s = socket.socket()
print(repr(s).replace("fd=%d" % s.fileno(), "fd"))
s.bind(("127.0.0.1", 0))
print(re.sub("[0-9]{4,5}", "PORT", repr(s)).replace("fd=%d" % s.fileno(), "fd"))
class Mine(socket.socket): pass
mine = Mine()
print(repr(mine).replace("fd=%d" % mine.fileno(), "fd"))
u = socket.socket(socket.AF_UNIX)
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    text = repr(u)
    del u
    print(str(told[0].message) == "unclosed " + text)
s.close()
print(s)
"""
    assert "laddr=('127.0.0.1', PORT)" in same(code)


def test_a_closed_descriptor_is_told_of() -> None:
    code = """
s = socket.socket()
os.close(s.detach())
t = socket.socket()
u = socket.socket(fileno=os.dup(t.fileno()))
number = u.fileno()
t.close()
for call in (t.settimeout, u.settimeout, u.setblocking, t.setblocking, s.setblocking):
    try:
        print(call(1))
    except OSError as error:
        print(repr(error))
os.close(number)
try:
    u.setblocking(False)
except OSError as error:
    print(repr(error))
u.detach()
"""
    assert same(code)


def test_sendfile_sends_by_the_system_and_lets_the_others_run() -> None:
    code = """
import tempfile
a, b = socket.socketpair()
file = tempfile.TemporaryFile()
file.write(b"x" * 3000000)
file.flush()
got = []
def read():
    while sum(got) < 3000000 - 7:
        got.append(len(b.recv(65536)))
reader = threading.Thread(target=read)
reader.start()
print(a._sendfile_use_sendfile(file, 7), file.tell())
reader.join()
a.settimeout(0.05)
try:
    a.sendfile(file, 0)
except TimeoutError as error:
    print(error)
a.settimeout(0)
try:
    a.sendfile(file, 0)
except ValueError as error:
    print(error)
"""
    assert same(code).startswith("2999993 3000000\n")


def test_what_is_sent_over_tls_is_encrypted() -> None:
    code = """
import os, socket, ssl, tempfile, threading
threading.Thread(target=int).start()
a, b = socket.socketpair()
client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
wrapped = client.wrap_socket(a, server_hostname="x", do_handshake_on_connect=False)
assert wrapped._sslobj is not None
file = tempfile.TemporaryFile()
file.write(b"secret")
file.seek(0)
threading.Thread(target=lambda: (b.recv(1 << 16), b.close())).start()
try:
    wrapped.sendfile(file)
except (ssl.SSLError, OSError):
    pass
else:
    raise AssertionError
"""
    run_code(code, spec="all")


def test_the_number_of_threads_is_that_of_the_program() -> None:
    """Not that of the native threads in which names are looked up."""
    code = """
import _thread
socket.getaddrinfo("localhost", 80)
lock = threading.Lock()
lock.acquire()
def take():
    with lock: pass
threads = [threading.Thread(target=take) for _ in range(3)]
before = _thread._count()
for t in threads: t.start()
print(before, _thread._count())
lock.release()
for t in threads: t.join()
while _thread._count(): time.sleep(0.001)
print(_thread._count())
"""
    assert same(code) == "0 3\n0\n"


def test_a_socket_lacks_what_it_does_not_have() -> None:
    """A closed one, or one that is not made yet, too: twisted's trial asks whatever it finds whether it is a class."""
    code = """
def ask(s, *more):
    for what in (*more, lambda: hasattr(s, "nothing"), lambda: isinstance(s, dict), lambda: issubclass(s, dict)):
        try:
            print(what())
        except Exception as error:
            print(type(error).__name__, error)
s = socket.socket()
more = (lambda: s.nothing, lambda: hasattr(s, "getpeername"), lambda: hasattr(s, "_accept"))
ask(s, *more)
s.close()
ask(s, *more, lambda: s.getpeername())
ask(socket.socket.__new__(socket.socket))
"""
    assert same(code).startswith("AttributeError 'socket' object has no attribute 'nothing'\nTrue\n")


def test_a_wrong_address_is_told_by_the_method_that_was_called() -> None:
    code = """
for timeout in (None, 0, 5):
    for family, address in (
        ("AF_INET", ("127.0.0.1", 65536)), ("AF_INET", ("127.0.0.1", -1)), ("AF_INET", 5), ("AF_INET", ("127.0.0.1",)),
        ("AF_INET6", ("::1", 80, 1 << 21)), ("AF_INET6", ("::1", 80, 0, 0, 1)), ("AF_UNIX", "x" * 200), ("AF_UNIX", 5),
    ):
        for method in ("connect", "connect_ex"):
            with socket.socket(getattr(socket, family)) as made:
                made.settimeout(timeout)
                try:
                    print(getattr(made, method)(address))
                except Exception as error:
                    print(repr(error))
"""
    assert "connect_ex(): port must be 0-65535" in same(code)
