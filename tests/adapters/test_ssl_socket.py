"""TLS sockets do what Python documents where they do not wait, and where a server has several names."""

from __future__ import annotations

from conftest import same_as_plain

START = """
import socket, ssl, threading, time
threading.Thread(target=int).start()
def context(kind):
    made = ssl.SSLContext(kind)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers("AECDH-AES256-SHA:@SECLEVEL=0")  # needs no certificate
    return made
"""


def same(code: str) -> str:
    """What *code* prints, which is the same without lazypatch."""
    return same_as_plain(START + code)


def test_one_that_does_not_wait_says_that_it_would_have_to() -> None:
    code = """
a, b = socket.socketpair()
made = []
def serve():
    made.append(context(ssl.PROTOCOL_TLS_SERVER).wrap_socket(a, server_side=True))
server = threading.Thread(target=serve)
server.start()
client = context(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(b)
server.join()
taken = []
def take():
    while sum(taken) < 1000000:
        taken.append(len(made[0].recv(65536)))
taker = threading.Thread(target=take)
taker.start()
client.settimeout(10)
client.sendall(bytes(500000))
client.settimeout(None)
client.sendall(bytes(500000))
taker.join()
client.setblocking(False)
try:
    for _ in range(10000):
        assert client.send(bytes(10000))
except ssl.SSLWantWriteError as error:
    print(type(error))
try:
    client.recv(1)
except ssl.SSLWantReadError as error:
    print(type(error))
try:
    client.send(b"x", socket.MSG_OOB)
except ValueError as error:
    print(type(error))
"""
    assert same(code).count("SSLWant") == 2


def test_the_name_of_the_server_is_encoded() -> None:
    code = """
made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
print(made.wrap_socket(socket.socket(), server_hostname="k\\u00f6nig.example").server_hostname)
sock = socket.socket()
try:
    made.wrap_socket(sock, server_hostname=".example")
except UnicodeError as error:
    print(isinstance(error, UnicodeError), sock.fileno())
made.check_hostname = False
print(made.wrap_socket(socket.socket()).server_hostname)
"""
    assert same(code) == "xn--knig-5qa.example\nTrue -1\nNone\n"


def test_who_asks_for_a_certificate_says_whose() -> None:
    code = """
import inspect
names = []
serving = context(ssl.PROTOCOL_TLS_SERVER)
serving.sni_callback = lambda sock, name, context: names.append(name)
listener = socket.create_server(("127.0.0.1", 0))
def serve():
    try:
        serving.wrap_socket(listener.accept()[0], server_side=True)
    except OSError:
        pass
threading.Thread(target=serve).start()
try:
    ssl.get_server_certificate(("localhost", listener.getsockname()[1]))
except ssl.SSLError:  # it has none
    pass
print(names, list(inspect.signature(ssl.get_server_certificate).parameters))
"""
    assert "localhost" in same(code)


def test_who_ends_the_session_hears_that_the_peer_hung_up() -> None:
    code = """
def end(hang_up):
    a, b = socket.socketpair()
    def serve():
        served = context(ssl.PROTOCOL_TLS_SERVER).wrap_socket(a, server_side=True, suppress_ragged_eofs=False)
        try:
            print("ended", served.unwrap() is served)
        except OSError as error:
            print("OSError")
        try:
            served.unwrap()
        except ValueError as error:
            print(str(error).split(" around")[0])
        except OSError as error:
            print("OSError")
        a.close()
    server = threading.Thread(target=serve)
    server.start()
    client = context(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(b)
    unwrapped = hang_up or client.unwrap() is client
    client.close()
    server.join()
    print(unwrapped)
end(False)
end(True)
"""
    assert "OSError" in same(code)
