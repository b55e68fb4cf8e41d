"""select.epoll and selectors.EpollSelector are there, and let the others run while they wait."""

from __future__ import annotations

import pytest
from conftest import BESIDE_TICKS, run_code


def test_it_waits_and_the_others_run() -> None:
    code = (
        BESIDE_TICKS
        + """
with select.epoll() as epoll:
    epoll.register(r, select.EPOLLIN)
    assert epoll.poll(0) == []
    while len(ticks) < 6: assert epoll.poll(0.1) == []
    threading.Thread(target=os.write, args=(w, b"x")).start()
    assert epoll.poll() == [(r, select.EPOLLIN)] == epoll.poll(-1) == epoll.poll(5, 1)
    epoll.modify(r, select.EPOLLIN | select.EPOLLONESHOT)
    assert epoll.poll() == [(r, select.EPOLLIN)] and epoll.poll(0.01) == []
    epoll.unregister(r)
    assert not epoll.closed and epoll.fileno() > 2
    other = select.epoll.fromfd(os.dup(epoll.fileno()))
    other.register(r)
    assert epoll.poll() == [(r, select.EPOLLIN)]
assert epoll.closed
"""
    )
    run_code(code, spec="all")


def test_one_that_always_has_something_lets_the_others_run() -> None:
    """As the interpreter does every few milliseconds."""
    code = (
        BESIDE_TICKS
        + """
epoll = select.epoll()
epoll.register(w, select.EPOLLOUT)
while len(ticks) < 6:
    assert epoll.poll()
"""
    )
    run_code(code, spec="all")


def test_closing_it_in_another_thread_ends_a_poll() -> None:
    code = (
        BESIDE_TICKS
        + """
epoll = select.epoll()
threading.Thread(target=lambda: (time.sleep(0.02), epoll.close())).start()
try:
    epoll.poll()
except ValueError as error:
    print(error)
"""
    )
    assert run_code(code, spec="all") == "I/O operation on closed epoll object\n"


def test_a_time_out_of_gevents_ends_a_poll() -> None:
    code = (
        BESIDE_TICKS
        + """
import gevent
epoll = select.epoll()
with gevent.Timeout(0.02, False):
    epoll.poll(10)
    print("waited")
epoll.register(r, select.EPOLLIN)
os.write(w, b"x")
assert epoll.poll() == [(r, select.EPOLLIN)]
"""
    )
    assert run_code(code, spec="all") == ""


@pytest.mark.parametrize("first", ["select", "selectors", "asyncio"])
def test_the_selector_is_on_it(first: str) -> None:
    """Whatever is imported first; the default selector stays gevent's, and who asks gets the originals."""
    code = f"""
import {first}
import gevent.selectors, lazypatch, select, selectors
assert selectors.EpollSelector._selector_cls is select.epoll
assert selectors.DefaultSelector is gevent.selectors.DefaultSelector
native = lazypatch.get_original("select", "epoll")
assert type(native) is type and native is not select.epoll and native.__module__ == "select"
assert lazypatch.get_original("selectors", "EpollSelector") is selectors.EpollSelector
import os, threading
r, w = os.pipe()
with selectors.EpollSelector() as selector:
    key = selector.register(r, selectors.EVENT_READ, "data")
    threading.Thread(target=os.write, args=(w, b"x")).start()
    assert selector.select(10) == [(key, selectors.EVENT_READ)]
"""
    run_code(code, spec="all")


def test_asyncio_runs_on_it_beside_threads() -> None:
    code = (
        BESIDE_TICKS
        + """
import asyncio
async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"hello")
    assert await reader.read(9) == b"hello"
    writer.close()
    while len(ticks) < 10: await asyncio.sleep(0.1)
    return 3
async def echo(reader, writer):
    writer.write(await reader.read(9))
    await writer.drain()
    writer.close()
loop = asyncio.SelectorEventLoop(selectors.EpollSelector())
assert loop.run_until_complete(main()) == 3
loop.close()
"""
    )
    run_code(code, spec="all")


def test_mistakes_are_told_as_ever() -> None:
    code = """
import gevent, select, threading
def said(call, *args, **kwargs):
    try:
        return str(call(*args, **kwargs)).partition(" at ")[0]
    except Exception as error:
        return type(error).__name__, str(error)
epoll = select.epoll()
print(said(epoll.poll, "x"), said(epoll.poll, 0, -5), said(epoll.poll, 0, 0), said(epoll.poll, 0.0, "x"))
print(said(epoll.register, -1), said(epoll.register, "x"), said(epoll.unregister, 99), said(epoll.modify, 99, 1))
epoll.close(); epoll.close()
print(epoll.closed, said(epoll.fileno), said(epoll.poll), said(epoll.register, 0), said(epoll.__enter__))
print(said(select.epoll, 0), said(select.epoll, -2), said(select.epoll.fromfd, -1))
print(select.epoll.__name__, select.epoll.__module__, select.epoll.__doc__, select.epoll.poll.__doc__)
"""
    assert run_code(code, spec="all") == run_code(code)


def test_gevent_removes_them() -> None:
    for spec in ("gevent", "all,-select-epoll"):
        run_code(
            "import select, selectors, threading; threading.Thread().start()\n"
            "assert not hasattr(select, 'epoll') and not hasattr(selectors, 'EpollSelector')",
            spec=spec,
        )
