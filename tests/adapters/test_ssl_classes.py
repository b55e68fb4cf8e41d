"""ssl's own classes work beside gevent's, in every install; gevent's take what is documented."""

from __future__ import annotations

import pytest
from conftest import run_code

BEHIND = """
import ssl, socket, sys
import gevent.ssl, lazypatch
assert ssl.SSLContext is gevent.ssl.SSLContext
behind = ssl.SSLContext.__mro__[1]
assert behind is not ssl.SSLContext and behind.__module__ == "ssl"
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
for name, value in (("verify_mode", ssl.CERT_NONE), ("options", ssl.OP_ALL), ("minimum_version", ssl.TLSVersion.TLSv1_2)):
    getattr(behind, name).__set__(context, value)  # as truststore, which pip brings, does
    assert getattr(context, name) == getattr(behind, name).__get__(context)
native = behind(ssl.PROTOCOL_TLS_CLIENT)
native.verify_flags = ssl.VERIFY_DEFAULT
ours, theirs = socket.socketpair()
wrapped = native.wrap_socket(ours, server_hostname="x", do_handshake_on_connect=False)
assert type(wrapped) is gevent.ssl.SSLSocket
"""


@pytest.mark.parametrize("again", ["", "import importlib; importlib.reload(ssl)\n"], ids=["once", "after a reload"])
def test_the_classes_behind_work(again: str) -> None:
    code = "import ssl\n" + again + BEHIND if again else BEHIND
    run_code(code, spec="all")


def test_gevent_alone_leaves_them() -> None:
    """The selection for comparison; and so this test would notice a Python or gevent in which there is nothing to mend."""
    code = BEHIND.replace("getattr(behind, name).__set__", "print(name) or getattr(behind, name).__set__")
    run_code(f"try:\n    exec({code!r})\nexcept RecursionError:\n    pass\nelse:\n    assert 0", spec="gevent")


def test_a_handshake_and_a_read_take_their_documented_arguments() -> None:
    run_code(
        """
import inspect, socket, ssl, threading
names = [list(inspect.signature(method).parameters) for method in (ssl.SSLSocket.read, ssl.SSLSocket.do_handshake)]
assert names == [["self", "len", "buffer"], ["self", "block"]], names
ours, theirs = socket.socketpair()
client = ssl.create_default_context().wrap_socket(ours, server_hostname="x", do_handshake_on_connect=False)
client.setblocking(False)
try:
    client.do_handshake()
except ssl.SSLWantReadError:
    pass
theirs.close()
try:
    client.do_handshake(True)  # waits, although the socket does not
except ssl.SSLWantReadError:
    raise AssertionError("it did not wait")
except OSError:
    pass
assert client.gettimeout() == 0.0
""",
        spec="all",
    )
