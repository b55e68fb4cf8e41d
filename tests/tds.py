"""For tests of pymssql: a server that speaks enough of TDS to log in, to wait, and to answer; there is no real one to install."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Iterator

_ANSWER, _ATTENTION, _PRELOGIN, _LOGIN, _BATCH, _REMOTE = 4, 6, 18, 16, 1, 3  # kinds of packets
_GATE = threading.Condition()
_waiting: dict[str, int] = {}  # how many came to each meeting
_WAIT, _NUMBER, _MEET = (
    re.compile(r"waitfor delay '0:0:([\d.]+)'"),
    re.compile(r"select (\d+)"),
    re.compile(r"meet (\w+) (\d+)"),
)


def _text(text: str) -> bytes:
    return bytes([len(text)]) + text.encode("utf-16le")


def _done(status: int = 0, rows: int = 0) -> bytes:
    return struct.pack("<BHHQ", 0xFD, status | (0x10 if rows else 0), 0xC1, rows)


def _prelogin() -> bytes:
    """A version, and no encryption."""
    version, encryption = bytes([15, 0, 0, 0, 0, 0]), b"\x02"
    head = struct.pack(">BHHBHHB", 0, 11, len(version), 1, 11 + len(version), 1, 0xFF)
    return head + version + encryption


def _login() -> bytes:
    body = b"\x01" + struct.pack(">I", 0x74000004) + _text("Test") + bytes([15, 0, 0, 0])
    return b"\xad" + struct.pack("<H", len(body)) + body + _done()


def _row(number: int) -> bytes:
    """One row with one column, an integer."""
    column = b"\x81" + struct.pack("<HIH", 1, 0, 1) + b"\x26\x04" + _text("n")
    return column + b"\xd1\x04" + struct.pack("<i", number) + _done(rows=1)


def _error(message: str) -> bytes:
    body = struct.pack("<IBB", 102, 1, 15) + struct.pack("<H", len(message)) + message.encode("utf-16le")
    body += _text("Test") + _text("") + struct.pack("<I", 1)
    return b"\xaa" + struct.pack("<H", len(body)) + body + _done(2)


class _Session(threading.Thread):
    """One connection of a client."""

    def __init__(self, client: socket.socket) -> None:
        super().__init__(daemon=True)
        self._client = client
        self._stop = threading.Event()  # the client does not want the answer any more

    def run(self) -> None:
        with self._client, contextlib.suppress(OSError, EOFError):
            while True:
                kind, data = self._request()
                if kind == _PRELOGIN:
                    self._send(_prelogin())
                elif kind == _LOGIN:
                    self._send(_login())
                elif kind == _ATTENTION:
                    self._stop.set()
                    self._send(_done(0x20))
                elif kind == _REMOTE:
                    self._send(b"\x79" + struct.pack("<i", 7) + b"\xfe" + _done()[1:])
                elif kind == _BATCH:
                    self._stop = threading.Event()
                    threading.Thread(target=self._answer, args=(data, self._stop), daemon=True).start()

    def _request(self) -> tuple[int, bytes]:
        data, kind, last = b"", 0, False
        while not last:
            kind, status, length = struct.unpack(">BBH4x", self._exactly(8))
            data += self._exactly(length - 8)
            last = bool(status & 1)
        return kind, data

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._client.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def _send(self, data: bytes) -> None:
        self._client.sendall(struct.pack(">BBHHBB", _ANSWER, 1, len(data) + 8, 0, 1, 0) + data)

    def _answer(self, data: bytes, stop: threading.Event) -> None:
        (header,) = struct.unpack_from("<I", data)
        sql = data[header:].decode("utf-16le").lower()
        wait, number = _WAIT.search(sql), _NUMBER.search(sql)
        if meet := _MEET.search(sql):
            with _GATE:
                _waiting[meet[1]] = _waiting.get(meet[1], 0) + 1
                _GATE.notify_all()
                _GATE.wait_for(lambda: _waiting[meet[1]] >= int(meet[2]))
        with contextlib.suppress(OSError):
            if wait is None or not stop.wait(float(wait[1])):
                self._send(_error("nonsense") if "nonsense" in sql else _row(int(number[1])) if number else _done())


@contextlib.contextmanager
def tds() -> Iterator[int]:
    """The port of a server that knows ``waitfor delay '0:0:SECONDS'``, ``select NUMBER``, and ``nonsense``, its one error.

    ``meet NAME N`` is answered when N clients have said so. Each procedure returns 7.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=50)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                _Session(listener.accept()[0]).start()

    threading.Thread(target=accept, daemon=True).start()
    with listener:
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
