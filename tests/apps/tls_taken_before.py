"""A program whose HTTP library, own subclass and own contexts took ssl's classes first fetches over TLS afterwards.

Arguments: lazypatch or gevent; what to fetch with; the port of a TLS server; its certificate.
"""

import http.client
import socket
import ssl
import sys
import urllib.request

import requests
import urllib3

how, what, port, certificate = sys.argv[1:]
URL = f"https://localhost:{port}/manifest.json"


class Own(ssl.SSLContext):
    def __new__(cls):
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)


ready = {"context": ssl.create_default_context(cafile=certificate)}
hidden = [[ssl.create_default_context(cafile=certificate)]]  # where nothing finds it
own = Own()
own.load_verify_locations(certificate)
held = ssl.SSLContext

if how == "lazypatch":
    import lazypatch

    lazypatch.patch_all()
else:
    import gevent.monkey

    gevent.monkey.patch_all()
import gevent
import gevent.ssl


def by_urllib3():
    return urllib3.PoolManager(ca_certs=certificate).request("GET", URL).status


def by_requests():
    return requests.get(URL, verify=certificate).status_code


def through(context):
    # What was never set before is set now: the setters are what recursed.
    context.options |= ssl.OP_NO_COMPRESSION
    context.verify_flags |= ssl.VERIFY_X509_TRUSTED_FIRST
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED
    messages = []
    context._msg_callback = lambda *message: messages.append(message)
    assert context._msg_callback is not None
    with socket.create_connection(("localhost", int(port))) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secured:
            assert isinstance(secured, gevent.ssl.SSLSocket), type(secured)
    assert messages
    return urllib.request.urlopen(URL, context=context).status


def by_native_class():
    context = held(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificate)
    return through(context)


WAYS = {
    "urllib3": by_urllib3,
    "requests": by_requests,
    "subclass": lambda: through(own),
    "context": lambda: through(ready["context"]),
    "hidden": lambda: through(hidden[0][0]),
    "class": by_native_class,
}
ticks = []


def tick():
    while True:
        ticks.append(None)
        gevent.sleep(0)


ticking = gevent.spawn(tick)
assert WAYS[what]() == 200
assert ticks, "nothing else ran meanwhile"
ticking.kill()
print("ok")
