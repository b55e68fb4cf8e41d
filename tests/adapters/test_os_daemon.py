"""A daemon closes every descriptor, and goes on."""

from __future__ import annotations

import os

import pytest
from conftest import run_code

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork does not exist here")

BEFORE = {
    "nothing": "",
    "threads": "threading.Thread(target=time.sleep, args=(0.01,)).start(); time.sleep(0.02)\n",
    "gevent": "import gevent; gevent.sleep(0.01)\n",
    "a socket": "import socket; a, b = socket.socketpair(); t = threading.Timer(0.01, b.send, (b'x',)); t.start()\n"
    "assert a.recv(1) == b'x'\n",
}
CLOSES = {
    "closerange": "os.closerange(3, 256)",
    "a loop of close": "for fd in range(3, 256):\n"
    "    try: os.close(fd)\n"
    "    except OSError as error: assert (error.errno, error.strerror) == (9, 'Bad file descriptor'), error",
    "dup2 over each": "n = os.open(os.devnull, os.O_RDWR)\nfor fd in range(3, 256): fd == n or os.dup2(n, fd)",
}
DAEMON = """
import os, sys, threading, time
{before}
pid = os.fork()
if not pid:
    os.setsid()
    if (pid := os.fork()):
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    exec({closes!r})
    time.sleep(0.05)
    t = threading.Thread(target=time.sleep, args=(0.01,)); t.start(); t.join()
    import socket
    x, y = socket.socketpair(); threading.Timer(0.01, y.send, (b"x",)).start(); assert x.recv(1) == b"x"
    pid = os.fork()
    if not pid:
        time.sleep(0.01); os._exit(7)
    assert os.waitpid(pid, 0)[1] == 7 << 8
    os._exit(9)
print(os.waitpid(pid, 0)[1])
"""


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("closes", CLOSES)
@pytest.mark.parametrize("loop", ["", "GEVENT_BACKEND=select"])
def test_a_daemon_goes_on_after_it_has_closed_everything(before: str, closes: str, loop: str) -> None:
    """Whatever ran before the fork: it waits, starts threads, uses sockets, forks."""
    name, _, value = loop.partition("=")
    env = {name: value} if loop else {}
    code = DAEMON.format(before=BEFORE[before], closes=CLOSES[closes])
    assert run_code(code, spec="all", **env) == f"{9 << 8}\n"


@pytest.mark.parametrize("closes", ["closerange", "a loop of close"])
def test_also_without_adapters_where_no_greenlet_has_run(closes: str) -> None:
    """The hub that is there to hear of the child's end is left behind in the child."""
    code = DAEMON.format(before="", closes=CLOSES[closes])
    assert run_code(code, spec="gevent") == f"{9 << 8}\n"


def test_the_loops_descriptors_are_known_by_number() -> None:
    """Before a fork and after it; an eventfd of the program's is its own."""
    run_code(
        """
import gevent, os, threading
threading.Thread(target=int).start()
loop = gevent.get_hub().loop
def own(): return [fd for fd in range(3, 40) if _own_descriptors.is_own(fd)]
from lazypatch.adapters import _own_descriptors
def links(fds): return sorted(os.readlink(f"/proc/self/fd/{fd}") for fd in fds)
expected = ["anon_inode:[eventfd]", "anon_inode:[eventpoll]"]
assert links(own()) == expected and loop.fileno() in own(), links(own())
mine = os.eventfd(0) if hasattr(os, "eventfd") else os.dup(1)
assert mine not in own()
pid = os.fork()
if not pid:
    taken = os.dup(1)
    gevent.sleep(0.01)
    assert links(own()) == expected and mine not in own(), own()
    os.close(mine)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
for call in lambda: os.close(loop.fileno()), lambda: os.dup2(99, loop.fileno()):
    try: call()
    except OSError as error: assert error.errno == 9
    else: raise AssertionError("no EBADF")
assert os.dup2(mine, loop.fileno()) == loop.fileno()
gevent.sleep(0.01)
""",
        spec="all",
    )


def test_the_number_that_a_child_s_loop_gave_up_is_the_programs() -> None:
    """libev closes its epoll descriptor when the loop first runs in the child, and takes the lowest number."""
    code = """
import os
low = os.open(os.devnull, os.O_RDONLY)
import gevent
gevent.sleep(0)
loop = gevent.get_hub().loop
old, pid = loop.fileno(), os.fork()
if not pid:
    os.close(low)
    gevent.sleep(0.001)
    assert loop.fileno() == low
    mine = os.open(os.devnull, os.O_RDONLY)
    assert mine == old
    os.close(mine)
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    assert run_code(code, spec="all") == "7\n"
