"""pyzmq's functions that pass messages on for ever, as loops in Python that let the others run."""

from __future__ import annotations

import functools
import struct
import sys

from gevent import sleep

from ._pool import is_straight

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LONGEST_ROUND = 100  # messages of one socket, until the other's turn
_PURE = "zmq.devices.monitoredqueue"  # pyzmq's own, for Pythons without its C


def proxy(zmq: Any, native: Any, poll: Any) -> Any:
    """In place of ``zmq.proxy()``."""

    def proxy(frontend: Any, backend: Any, capture: Any = None) -> Any:
        if is_straight():
            return native(frontend, backend, capture)
        return _Device(zmq, frontend, backend, capture).run(poll, None)

    return functools.update_wrapper(proxy, native)


def steerable(zmq: Any, native: Any, poll: Any) -> Any:
    """In place of ``zmq.proxy_steerable()``."""

    def proxy_steerable(frontend: Any, backend: Any, capture: Any = None, control: Any = None) -> Any:
        if is_straight():
            return native(frontend, backend, capture, control)
        return _Device(zmq, frontend, backend, capture).run(poll, control)

    return functools.update_wrapper(proxy_steerable, native)


def monitored(native: Any) -> Any:
    """In place of ``monitored_queue()``."""

    def monitored_queue(ins: Any, outs: Any, mons: Any, in_prefix: Any = b"in", out_prefix: Any = b"out") -> Any:
        if is_straight():
            return native(ins, outs, mons, in_prefix, out_prefix)
        __import__(_PURE)
        return sys.modules[_PURE]._monitored_queue(ins, outs, mons, in_prefix, out_prefix)

    return functools.update_wrapper(monitored_queue, native)


class _Device:
    """Passes messages between two sockets, and shows them to a third."""

    def __init__(self, zmq: Any, frontend: Any, backend: Any, capture: Any) -> None:
        self._zmq, self._capture = zmq, capture
        self._ways = [(frontend, backend), (backend, frontend)] if frontend is not backend else [(frontend, frontend)]
        self._received = [[0, 0] for _ in self._ways]  # messages and bytes, by way
        self._is_paused = False

    def run(self, poll: Any, control: Any) -> int:
        """Until *control* says TERMINATE."""
        zmq = self._zmq
        while True:
            while control is not None and control.get(zmq.EVENTS) & zmq.POLLIN:
                if self._obeys_an_end(control):
                    return 0
            wanted = [(control, zmq.POLLIN)] if control is not None else []
            if not self._is_paused:
                if sum(self._pass_on(number) for number in range(len(self._ways))):
                    sleep(0)
                    continue
                full = {source: source.get(zmq.EVENTS) & zmq.POLLIN for source, _ in self._ways}
                wanted += [(sink, zmq.POLLOUT) if full[source] else (source, zmq.POLLIN) for source, sink in self._ways]
            poll(wanted, -1)

    def _pass_on(self, number: int) -> int:
        """Messages that the way *number* takes without waiting; how many they were."""
        zmq, (source, sink) = self._zmq, self._ways[number]
        for count in range(_LONGEST_ROUND):
            if not source.get(zmq.EVENTS) & zmq.POLLIN:
                return count
            if source is not sink and not sink.get(zmq.EVENTS) & zmq.POLLOUT:  # a single one may send after it received
                return count
            parts = source.recv_multipart(zmq.NOBLOCK, copy=False)
            self._received[number][0] += 1
            self._received[number][1] += sum(map(len, parts))
            if self._capture is not None:
                self._capture.send_multipart(parts, copy=False)
            sink.send_multipart(parts, copy=False)
        return _LONGEST_ROUND

    def _obeys_an_end(self, control: Any) -> bool:
        command = control.recv()
        if command == b"STATISTICS":
            front, back = self._received[0], self._received[-1]  # what one receives the other sends
            control.send_multipart([struct.pack("=Q", each) for each in (*front, *back, *back, *front)])
            return False
        self._is_paused = {b"PAUSE": True, b"RESUME": False}.get(command, self._is_paused)
        if control.type == self._zmq.REP:
            control.send(b"")
        return bool(command == b"TERMINATE")
