"""A socket's calls mind their flags, lose nothing, and look names up while the others run."""

from __future__ import annotations

import sys

import pytest
from conftest import run_code, same_as_plain

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="flags and queues as Linux has them")

PRELUDE = """
import faulthandler, os, socket, tempfile, threading, time
faulthandler.dump_traceback_later(50, exit=True)
threading.Thread(target=int).start()
def say(what, call):
    try:
        print(what, call())
    except Exception as error:
        print(what, repr(error))
"""


def same(code: str) -> str:
    """What *code* prints, which is the same without lazypatch."""
    return same_as_plain(PRELUDE + code)


def test_what_is_not_to_wait_does_not() -> None:
    code = """
a, b = socket.socketpair()
flag = socket.MSG_DONTWAIT
def receive():
    say("recv", lambda: a.recv(9, flag))
    say("peek", lambda: a.recv(9, flag | socket.MSG_PEEK))
    say("recvfrom", lambda: a.recvfrom(9, flag))
    say("recv_into", lambda: a.recv_into(bytearray(9), 9, flag))
    say("recv_into by name", lambda: a.recv_into(buffer=bytearray(9), nbytes=9, flags=flag))
    say("recvfrom_into", lambda: a.recvfrom_into(buffer=bytearray(9), nbytes=0, flags=flag))
    say("recvmsg", lambda: a.recvmsg(9, 0, flag))
    say("recvmsg_into", lambda: a.recvmsg_into([bytearray(9)], 0, flag))
receive()
b.send(b"123456789" * 9)
receive()
a.recv(99)
a.settimeout(0.01)
say("with a time-out", lambda: a.recv(9, flag))
a.settimeout(None)
try:
    while True: a.send(b"x" * 65536, flag)
except BlockingIOError as error:
    print(repr(error))
say("send", lambda: a.send(b"x", flag))
say("sendall", lambda: a.sendall(b"x", flag))
say("sendmsg", lambda: a.sendmsg([b"x"], [], flag))
"""
    assert "recv BlockingIOError" in same(code)


def test_what_waits_for_all_does() -> None:
    code = """
a, b = socket.socketpair()
def in_pieces(*pieces):
    def send():
        for piece in pieces:
            time.sleep(0.01)
            b.send(piece)
    threading.Thread(target=send).start()
    return socket.MSG_WAITALL
say("recv", lambda: a.recv(6, in_pieces(b"ab", b"cd", b"ef")))
buffer = bytearray(6)
say("recv_into", lambda: a.recv_into(buffer, 5, in_pieces(b"ab", b"cd", b"e")))
print(buffer)
say("recv_into", lambda: a.recv_into(memoryview(buffer), 0, in_pieces(b"gh", b"ij", b"kl")))
print(buffer)
flag = socket.MSG_WAITALL
b.send(b"ab")
say("at once", lambda: a.recv(6, flag | socket.MSG_DONTWAIT))
a.settimeout(5)
b.send(b"ab")
say("with a time-out", lambda: a.recv(6, flag))
a.settimeout(None)
threading.Thread(target=lambda: (b.send(b"12"), time.sleep(0.01), b.close())).start()
say("end", lambda: a.recv(6, flag))
"""
    assert "recv b'abcdef'" in same(code)


def test_datagrams_wait_for_room() -> None:
    """In the receiver's queue, of which the system says nothing to a sender who is not connected."""
    code = """
path = tempfile.mkdtemp() + "/socket"
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(path)
got = []
def receive():
    while len(got) < 3000: got.append(receiver.recv(9))
sender, connected = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
connected.connect(path)
def several(send):
    def run():
        for number in range(1000): sent.append(send(b"%d" % number))
    return threading.Thread(target=run)
sent = []
threads = [several(send) for send in (
    lambda data: sender.sendto(data, path), connected.send, lambda data: sender.sendmsg([data], [], 0, path))]
[thread.start() for thread in threads]
time.sleep(0.05)
reader = threading.Thread(target=receive)
reader.start()
[thread.join() for thread in (*threads, reader)]
print(min(sent), sum(sent), sorted(got) == sorted([b"%d" % number for number in range(1000)] * 3))
for socket_, send in (sender, lambda: sender.sendto(b"x", path)), (connected, lambda: connected.send(b"x")):
    socket_.settimeout(0.05)
    try:
        while True: send()
    except OSError as error:
        print(repr(error))
"""
    assert "True" in same(code)


def test_every_kind_of_address_is_taken() -> None:
    code = """
server = socket.create_server(("127.0.0.1", 0))
port = server.getsockname()[1]
udp = socket.socket(type=socket.SOCK_DGRAM)
for host in "", b"127.0.0.1", "127.1", "localhost", bytearray(b"localhost"), "no.name.invalid", None, 7:
    with socket.socket() as client:
        say(host, lambda: client.connect((host, port)))
        say(host, lambda: client.connect_ex((host, port)))
    say(host, lambda: udp.sendto(b"x", (host, 9)))
    say(host, lambda: udp.sendto(b"x", 0, (host, 9)))
    say(host, lambda: udp.sendmsg([b"x"], [], 0, (host, 9)))
    with socket.socket() as other:
        say(host, lambda: other.bind((host, 0)))
for address in (), ("x",), ("localhost", "80"), ("localhost", -1), ("localhost", 70000), None, ["localhost", 80], "x":
    with socket.socket() as client:
        say(address, lambda: client.connect(address))
        say(address, lambda: client.bind(address))
        say(address, lambda: udp.sendto(b"x", address))
        say(address, lambda: udp.sendmsg([b"x"], [], 0, address))
"""
    assert "None" in same(code)


def test_a_connect_waits_for_room_in_a_listeners_queue() -> None:
    code = """
path = tempfile.mkdtemp() + "/socket"
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen(1)
made = []
def connect():
    mine = socket.socket(socket.AF_UNIX)
    made.append(mine)
    mine.connect(path)
    mine.send(b"x")
threads = [threading.Thread(target=connect) for _ in range(8)]
[thread.start() for thread in threads]
time.sleep(0.05)
taken = [listener.accept()[0] for _ in threads]
[thread.join() for thread in threads]
print([one.recv(1) for one in taken])
full = [socket.socket(socket.AF_UNIX) for _ in range(8)]
try:
    for one in full:
        one.settimeout(0.05)
        one.connect(path)
except OSError as error:
    print(repr(error))
"""
    assert "b'x'" in same(code)


def test_names_are_looked_up_while_the_others_run() -> None:
    """By the hub's resolver: only this one knows the name."""
    code = """
import faulthandler, socket, threading, time
import gevent
faulthandler.dump_traceback_later(50, exit=True)
class Resolver:
    def getaddrinfo(self, host, port, family=0, *args, **kwargs):
        assert host == "known.only.here"
        gevent.sleep(0.01)
        return [(socket.AF_INET, 0, 0, "", ("127.0.0.1", 0))]
threading.Thread(target=int).start()
hub = gevent.get_hub()
hub.resolver = Resolver()
one, two = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(2)]
one.bind(("known.only.here", 0))
address = ("known.only.here", one.getsockname()[1])
two.sendto(b"1", address)
two.sendto(b"2", 0, address)
two.sendmsg([b"3"], [], 0, address)
two.connect(address)
two.send(b"4")
late = socket.socket(type=socket.SOCK_DGRAM)
late.setblocking(False)
late.connect(address)
late.send(b"5")
print(*[one.recv(9).decode() for _ in range(5)])
"""
    assert run_code(code, spec="all").split() == ["1", "2", "3", "4", "5"]
