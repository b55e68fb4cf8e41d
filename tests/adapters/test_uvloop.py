"""A loop of uvloop's lets the threads of the program run, and does what it does natively."""

from __future__ import annotations

import pytest
from conftest import run_code

pytest.importorskip("uvloop", reason="uvloop is not installed")

PRELUDE = """
import asyncio, signal, time, uvloop, warnings
warnings.simplefilter("ignore", DeprecationWarning)
"""


def same(code: str) -> str:
    """What *code* prints in plain Python, and armed."""
    plain, armed = run_code(PRELUDE + code), run_code(PRELUDE + code, spec="all")
    assert armed == plain
    return plain


def test_threads_run_while_the_loop_waits() -> None:
    out = same("""
async def main():
    begin = time.time()
    print(await asyncio.gather(*(asyncio.to_thread(lambda: time.sleep(.3) or 1) for _ in range(5))))
    print(time.time() - begin < .75)
uvloop.run(main())
""")
    assert out == "[1, 1, 1, 1, 1]\nTrue\n"


def test_it_is_the_loop_that_is_asked_for() -> None:
    assert same("""
async def main():
    loop = asyncio.get_running_loop()
    print(isinstance(loop, uvloop.Loop), repr(loop), type(loop).__name__, type(loop).__module__)
    loop.add_signal_handler(signal.SIGUSR1, print, "usr1")
    signal.raise_signal(signal.SIGUSR1)
    await asyncio.sleep(.1)
uvloop.run(main())
loop = uvloop.new_event_loop()
print(loop)
loop.close()
""")  # fmt: skip


def test_children_streams_and_the_policy() -> None:
    assert same("""
async def main():
    child = await asyncio.create_subprocess_exec("sh", "-c", "read a; echo $a; exit 3", stdin=-1, stdout=-1)
    print(await child.communicate(b"x\\n"), child.returncode)
    async def serve(reader, writer):
        writer.write(await reader.readline()); writer.close()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"a\\n")
    print(await reader.read())
    writer.close(); server.close()
uvloop.run(main())
if hasattr(uvloop, "EventLoopPolicy"):
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(main())
""")  # fmt: skip
