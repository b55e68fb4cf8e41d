"""Drivers let the others run by TLS, too: what one waits for is done by another thread of the same process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from adapters_servers import certificate, mariadb, postgres, run

POSTGRES = """
import sys, threading
import {0} as driver
def connect(): return driver.connect(sys.argv[3] + " sslmode=require")
def ask(connection, query):
    cursor = connection.cursor(); cursor.execute(query); return cursor.fetchone()[0]
LOCK, FREE = "select pg_advisory_lock(1)", "select pg_advisory_unlock(1)"
WAITING = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
def is_by_tls(connection): return ask(connection, "select ssl from pg_stat_ssl where pid = pg_backend_pid()")
"""
MARIADB = """
import sys, threading
import {0} as driver
def connect(): return driver.connect(host="127.0.0.1", port=int(sys.argv[3]), user="root", {1})
def ask(connection, query, column=0):
    cursor = connection.cursor(); cursor.execute(query); return cursor.fetchone()[column]
LOCK, FREE = "select get_lock('a', 1000)", "select release_lock('a')"
WAITING = "select count(*) from information_schema.processlist where state = 'User lock'"
def is_by_tls(connection): return ask(connection, "show session status like 'Ssl_cipher'", 1)
"""
A_LOCK = """
holder, waiter = connect(), connect()
assert is_by_tls(holder) and is_by_tls(waiter)
ask(holder, LOCK)
thread = threading.Thread(target=ask, args=(waiter, LOCK)); thread.start()
while not ask(holder, WAITING): pass
ask(holder, FREE); thread.join()
assert len(ask(waiter, "select repeat('x', 3000000)")) == 3000000
"""
HTTPS = """
import http.server, ssl, sys, threading
both = threading.Barrier(2)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_GET(self):
        both.wait()
        self.send_response(200); self.send_header("content-length", "1000000"); self.end_headers(); self.wfile.write(b"x" * 1000000)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler); server.daemon_threads = True
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); context.load_cert_chain(*sys.argv[1:3])
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
threading.Thread(target=server.serve_forever, daemon=True).start()
URL = f"https://127.0.0.1:{server.server_address[1]}/"
found = []
"""
IN_TWO = """
threads = [threading.Thread(target=lambda: found.append(get())) for _ in range(2)]
[each.start() for each in threads]; [each.join() for each in threads]
assert found == [1000000] * 2, found
"""
ALONE = {
    "pycurl": HTTPS
    + """
import io, pycurl
def get():
    curl, body = pycurl.Curl(), io.BytesIO()
    curl.setopt(curl.URL, URL); curl.setopt(curl.CAINFO, sys.argv[1]); curl.setopt(curl.WRITEDATA, body); curl.perform()
    return len(body.getvalue())
"""
    + IN_TWO,
    "curl_cffi": HTTPS
    + """
import curl_cffi.requests
def get(): return len(curl_cffi.requests.Session().get(URL, verify=sys.argv[1]).content)
"""
    + IN_TWO,
    "grpc": """
import sys, threading, concurrent.futures, grpc
cert, key = (open(name, "rb").read() for name in sys.argv[1:3])
both = threading.Barrier(2)
def meet(request, context): both.wait(); return request
server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("t", {"meet": grpc.unary_unary_rpc_method_handler(meet)})])
port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, cert)])); server.start()
channel = grpc.secure_channel(f"localhost:{port}", grpc.ssl_channel_credentials(cert)); found = []
call = channel.unary_unary("/t/meet")
threads = [threading.Thread(target=lambda: found.append(call(b"x" * 100000, wait_for_ready=True))) for _ in range(2)]
[each.start() for each in threads]; [each.join() for each in threads]
assert found == [b"x" * 100000] * 2
channel.close(); server.stop(None).wait()
""",
    "zmq": """
import threading, zmq
public, secret = zmq.curve_keypair(); context = zmq.Context()
server, client = context.socket(zmq.REP), context.socket(zmq.REQ)
server.curve_server, server.curve_secretkey, server.curve_publickey = True, secret, public
port = server.bind_to_random_port("tcp://127.0.0.1")
client.curve_serverkey = public; client.curve_publickey, client.curve_secretkey = zmq.curve_keypair()
client.connect(f"tcp://127.0.0.1:{port}")
thread = threading.Thread(target=lambda: server.send(server.recv() + b"!")); thread.start()
client.send(b"x" * 100000); assert client.recv() == b"x" * 100000 + b"!"; thread.join()
server.close(); client.close(); context.term()
""",
}


@pytest.fixture(scope="module")
def files() -> Iterator[tuple[str, str]]:
    with certificate() as files:
        yield files


@pytest.fixture(scope="module")
def of_postgres(files: tuple[str, str]) -> Iterator[str]:
    with postgres("ssl=on", f"ssl_cert_file={files[0]}", f"ssl_key_file={files[1]}") as dsn:
        yield dsn


@pytest.fixture(scope="module")
def of_mariadb(files: tuple[str, str]) -> Iterator[str]:
    with mariadb(f"--ssl-cert={files[0]}", f"--ssl-key={files[1]}") as port:
        yield str(port)


@pytest.mark.parametrize("spec", [None, "all"])
@pytest.mark.parametrize("driver", ["psycopg2", "psycopg"])
def test_postgresql(driver: str, spec: str | None, files: tuple[str, str], of_postgres: str) -> None:
    pytest.importorskip(driver, reason=f"{driver} is not installed here")
    run(POSTGRES.format(driver) + A_LOCK, spec, *files, of_postgres)


@pytest.mark.parametrize("spec", [None, "all"])
@pytest.mark.parametrize(
    ("driver", "options"),
    [("MySQLdb", "ssl_mode='REQUIRED'"), ("mysql.connector", "ssl_disabled=False, use_pure=False")],
)
def test_mariadb(driver: str, options: str, spec: str | None, files: tuple[str, str], of_mariadb: str) -> None:
    pytest.importorskip(driver, reason=f"{driver} is not installed here")
    if driver == "mysql.connector":
        pytest.importorskip("_mysql_connector", reason="this mysql.connector comes without its part in C")
    run(MARIADB.format(driver, options) + A_LOCK, spec, *files, of_mariadb)


@pytest.mark.parametrize("spec", [None, "all"])
@pytest.mark.parametrize("driver", ALONE)
def test_alone(driver: str, spec: str | None, files: tuple[str, str]) -> None:
    """Client and server in one process."""
    pytest.importorskip(driver, reason=f"{driver} is not installed here")
    if driver == "zmq" and not __import__("zmq").has("curve"):
        pytest.skip("this libzmq has no CURVE")
    run(ALONE[driver], spec, *files)
