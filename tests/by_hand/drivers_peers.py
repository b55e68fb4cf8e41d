"""Peers for drivers_table.py that are slow by themselves, each a context manager that gives a port: HTTP, WebSocket, RPC."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import http.server
import pathlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any

from adapters_servers import free_port

SECONDS = 0.3
CERTIFICATES = pathlib.Path(__file__).parents[2] / "docs" / "examples"


class _Slow(http.server.BaseHTTPRequestHandler):
    """Every answer is late, and says ``{}``, as Elasticsearch: clients that ask who answers are content."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: the second would wait for an acknowledgement of the first
    seconds = SECONDS

    def _answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        self.rfile.read(length)
        time.sleep(self.seconds)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("x-elastic-product", "Elasticsearch")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST = do_PUT = _answer

    def log_message(self, *_: object) -> None:
        pass


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 100
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def _serving(server: Any) -> Iterator[int]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def slow_http(seconds: float = SECONDS) -> Iterator[int]:
    """Answers each request after some *seconds*."""
    with _serving(_Server(("127.0.0.1", 0), type("_Answers", (_Slow,), {"seconds": seconds}))) as port:
        yield port


@contextlib.contextmanager
def slow_https() -> Iterator[int]:
    """The same by TLS, with the certificate of docs/examples."""
    server = _Server(("127.0.0.1", 0), _Slow)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "cert.pem", CERTIFICATES / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with _serving(server) as port:
        yield port


@contextlib.contextmanager
def slow_websocket() -> Iterator[int]:
    """Sends each message back after 0.3 s."""
    from websockets.sync.server import serve

    def echo(connection: Any) -> None:
        for message in connection:
            time.sleep(SECONDS)
            connection.send(message)

    with serve(echo, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.socket.getsockname()[1]


@contextlib.contextmanager
def slow_socketio() -> Iterator[int]:
    """Calls of the event ``slow`` are answered after 0.3 s."""
    import socketio  # type: ignore[import-not-found,import-untyped,unused-ignore]
    from werkzeug.serving import make_server

    server = socketio.Server(async_mode="threading")
    server.on("slow", lambda sid, data: time.sleep(SECONDS) or data)
    app = make_server("127.0.0.1", 0, socketio.WSGIApp(server), threaded=True)
    with _serving(app) as port:
        yield port


@contextlib.contextmanager
def slow_grpc(seconds: float = SECONDS) -> Iterator[int]:
    """A gRPC server with a method ``/t/slow`` that answers after some *seconds*."""
    import grpc

    def slow(request: bytes, context: object) -> bytes:
        time.sleep(seconds)
        return request

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(40))
    methods = {"slow": grpc.unary_unary_rpc_method_handler(slow)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("t", methods)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(0).wait()


@contextlib.contextmanager
def slow_zmq() -> Iterator[int]:
    """A ROUTER that sends each request back after 0.3 s."""
    import zmq.asyncio

    async def serve(socket: Any, ended: Any) -> None:
        async def later(frames: list[bytes]) -> None:
            await asyncio.sleep(SECONDS)
            await socket.send_multipart(frames)

        kept = set()
        while not ended.is_set():
            if await socket.poll(100):
                kept.add(asyncio.ensure_future(later(await socket.recv_multipart())))
        socket.close(0)

    yield from _in_loop(serve, lambda: zmq.asyncio.Context.instance().socket(zmq.ROUTER), "bind")


@contextlib.contextmanager
def slow_nng() -> Iterator[int]:
    """A Rep0 whose contexts send each request back after 0.3 s."""
    import pynng

    async def serve(socket: Any, ended: Any) -> None:
        async def one() -> None:
            with socket.new_context() as context:
                while True:
                    message = await context.arecv()
                    await asyncio.sleep(SECONDS)
                    await context.asend(message)

        tasks = [asyncio.ensure_future(one()) for _ in range(20)]
        while not ended.is_set():
            await asyncio.sleep(0.1)
        [task.cancel() for task in tasks]
        await asyncio.gather(*tasks, return_exceptions=True)
        socket.close()

    yield from _in_loop(serve, pynng.Rep0, "listen")


def _in_loop(serve: Any, make: Any, listen: str) -> Iterator[int]:
    """A server by asyncio in a thread of its own."""
    port, ready, ended = free_port(), threading.Event(), threading.Event()

    async def run() -> None:
        socket = make()
        getattr(socket, listen)(f"tcp://127.0.0.1:{port}")
        ready.set()
        await serve(socket, ended)

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield port
    finally:
        ended.set()
        thread.join(10)


@contextlib.contextmanager
def slow_flight() -> Iterator[int]:
    """An Arrow Flight server whose list_actions() takes 0.3 s."""
    import pyarrow.flight as flight  # type: ignore[import-not-found,import-untyped,unused-ignore]

    class Server(flight.FlightServerBase):  # type: ignore[misc,unused-ignore]
        def list_actions(self, context: object) -> list[object]:
            time.sleep(SECONDS)
            return []

    server = Server("grpc://127.0.0.1:0")
    try:
        yield server.port
    finally:
        server.shutdown()


@contextlib.contextmanager
def hangs_up() -> Iterator[int]:
    """Accepts, says nothing, and closes the connection after 0.3 s."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=50)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client = listener.accept()[0]
                threading.Timer(
                    SECONDS, lambda client=client: (client.shutdown(socket.SHUT_RDWR), client.close())
                ).start()

    threading.Thread(target=accept, daemon=True).start()
    with listener:
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def silent_udp() -> Iterator[int]:
    """A port that takes datagrams and says nothing: a name server that is never there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener.getsockname()[1]
