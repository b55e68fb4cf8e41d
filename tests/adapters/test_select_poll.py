"""select.poll tells what C's does, and lets the others run while it waits."""

from __future__ import annotations

import sys

import pytest
from conftest import BESIDE_TICKS, run_code

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it waits in select.epoll, which is only on Linux")

ARMED = BESIDE_TICKS + "import socket\npoll = select.poll()\n"


def test_it_waits_and_the_others_run() -> None:
    code = """
poll.register(r, select.POLLIN)
assert poll.poll(0) == []
while len(ticks) < 6: assert poll.poll(100) == [] == poll.poll(0.1)
threading.Thread(target=os.write, args=(w, b"x")).start()
assert poll.poll() == [(r, select.POLLIN)] == poll.poll(-1) == poll.poll(5) == poll.poll(0)
poll.modify(r, 0)
assert poll.poll(1) == []
poll.unregister(r)
threading.Thread(target=lambda: (time.sleep(0.05), os.write(w, b"x"))).start()
with open(r, "rb", 0) as file:
    poll.register(file)
    assert poll.poll() == [(r, select.POLLIN)]
"""
    run_code(ARMED + code, spec="all")


def test_the_end_of_a_pipe_is_told_as_such() -> None:
    """A program that reads until POLLHUP ends; so does one that waits for nothing else."""
    code = """
poll.register(r, 0)
threading.Thread(target=lambda: (time.sleep(0.05), os.close(w))).start()
assert poll.poll() == [(r, select.POLLHUP)]
poll.modify(r, select.POLLIN)
assert poll.poll() == [(r, select.POLLHUP)]
poll.unregister(r)
os.close(r)
poll.register(r, select.POLLIN)
assert poll.poll(10) == [(r, select.POLLNVAL)]
"""
    run_code(ARMED + code, spec="all")


def test_urgent_data_wakes_who_waits_for_it() -> None:
    code = """
listener = socket.create_server(("127.0.0.1", 0))
a = socket.create_connection(listener.getsockname())
b = listener.accept()[0]
poll.register(b, select.POLLPRI)
threading.Thread(target=lambda: (time.sleep(0.05), a.send(b"!", socket.MSG_OOB))).start()
assert poll.poll(50000) == [(b.fileno(), select.POLLPRI)]
"""
    run_code(ARMED + code, spec="all")


def test_one_that_always_has_something_lets_the_others_run() -> None:
    """As the interpreter does every few milliseconds."""
    code = """
poll.register(w, select.POLLOUT)
before = len(ticks)
while len(ticks) < before + 5:
    assert poll.poll() and poll.poll(0)
"""
    run_code(ARMED + code, spec="all")


def test_two_waits_in_one_object_are_refused() -> None:
    code = """
poll.register(r, select.POLLIN)
thread = threading.Thread(target=poll.poll)
thread.start()
time.sleep(0.05)
try:
    poll.poll()
except RuntimeError as error:
    print(error)
os.write(w, b"x")
thread.join()
"""
    assert run_code(ARMED + code, spec="all") == "concurrent poll() invocation\n"


def test_a_time_out_of_gevents_ends_a_poll() -> None:
    code = """
import gevent
poll.register(r, select.POLLIN)
with gevent.Timeout(0.02, False):
    poll.poll()
    print("waited")
os.write(w, b"x")
assert poll.poll() == [(r, select.POLLIN)]
"""
    assert run_code(ARMED + code, spec="all") == ""


def test_without_a_free_descriptor_it_waits_nevertheless() -> None:
    code = """
import resource
poll.register(r, select.POLLIN)
resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 1,) * 2)
taken = []
try:
    while True:
        taken.append(os.dup(0))
except OSError:
    pass
threading.Thread(target=lambda: (time.sleep(0.05), os.write(w, b"x"))).start()
assert poll.poll() == [(r, select.POLLIN)]
"""
    run_code(ARMED + code, spec="all")


def test_selectors_are_on_it() -> None:
    code = """
assert selectors.PollSelector._selector_cls is select.poll
with selectors.PollSelector() as selector:
    key = selector.register(r, selectors.EVENT_READ, "data")
    assert selector.select(0.01) == []
    threading.Thread(target=os.write, args=(w, b"x")).start()
    assert selector.select(10) == [(key, selectors.EVENT_READ)]
"""
    run_code(ARMED + code, spec="all")


def test_mistakes_are_told_as_ever() -> None:
    code = """
import gevent, select, threading
def said(call, *args, **kwargs):
    try:
        return str(call(*args, **kwargs))
    except Exception as error:
        return type(error).__name__, str(error)
poll = select.poll()
poll.register(1)
print(said(poll.poll, "x"), said(poll.poll, 1 << 64), said(poll.poll, float("nan")), said(poll.poll, 1 << 31))
print(said(poll.register, -1), said(poll.register, "x"), said(poll.register, 0, -1), said(poll.register, 0, 1 << 16))
print(said(poll.modify, 99, 1), said(poll.modify, 1, -1), said(poll.unregister, 99), said(select.poll, 1).__class__)
print(said(type(poll)), select.poll.__name__, select.poll.__doc__, poll.poll.__doc__, type(poll).__name__, type(poll).__module__)
"""
    assert run_code(code, spec="all") == run_code(code)


def test_select_waits_for_its_third_list() -> None:
    code = """
listener = socket.create_server(("127.0.0.1", 0))
a = socket.create_connection(listener.getsockname())
b = listener.accept()[0]
while len(ticks) < 6: assert select.select([b], [], [b], 0.1) == ([], [], [])
threading.Thread(target=lambda: (time.sleep(0.05), a.send(b"!", socket.MSG_OOB))).start()
assert select.select([r], [], iter([b]), 50) == ([], [], [b]) == select.select([], [], [b], 0)
threading.Thread(target=lambda: (time.sleep(0.05), os.write(w, b"x"))).start()
assert select.select([r], [], [a]) == ([r], [], [])
assert select.select([r], [a], [a]) == ([r], [a], [])
"""
    run_code(ARMED + code, spec="all")


def test_mistakes_in_a_select_are_told_as_ever() -> None:
    code = """
import gevent, select, threading
def said(call, *args, **kwargs):
    try:
        return str(call(*args, **kwargs))
    except Exception as error:
        return type(error).__name__, str(error)
print(said(select.select, [], [], [0], -1), said(select.select, [-1], [], [0], 1), said(select.select, [], [], [99], 1))
print(said(select.select, [], [], ["x"], 1), said(select.select, [], [], [0], "x"), said(select.select, 1, [], [0])[0])
print(select.select.__name__, select.select.__doc__)
"""
    assert run_code(code, spec="all") == run_code(code)
