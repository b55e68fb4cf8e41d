"""A file server for fetch.py: the standard library's own sources over HTTP and HTTPS, each answer 20 ms late.

A process of its own, and an ordinary one. It prints its two ports and serves until its stdin is closed.
"""

import hashlib
import http.server
import json
import pathlib
import ssl
import sys
import threading
import time

LIBRARY = pathlib.Path(json.__file__).parent.parent
HERE = pathlib.Path(__file__).parent
FOLDERS = (
    ".",
    "asyncio",
    "concurrent/futures",
    "email",
    "http",
    "importlib",
    "json",
    "logging",
    "multiprocessing",
    "unittest",
)
FILES = {
    path.relative_to(LIBRARY).as_posix(): path.read_bytes()
    for folder in FOLDERS
    for path in sorted((LIBRARY / folder).glob("*.py"))
}
MANIFEST = json.dumps({name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        data = MANIFEST if self.path == "/manifest.json" else FILES.get(self.path[1:])
        time.sleep(0.02)  # as far away as a server in the next country
        if data is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256


def start(tls: bool) -> int:
    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(HERE / "cert.pem", HERE / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return int(server.server_address[1])


if __name__ == "__main__":
    print(start(tls=False), start(tls=True), flush=True)
    sys.stdin.read()
