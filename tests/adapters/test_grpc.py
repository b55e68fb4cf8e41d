"""grpc and grpc.aio work, and let the others run: clients and servers in one process and in two, streams, many calls."""

from __future__ import annotations

import textwrap

import pytest
from adapters_servers import ALL_OF
from conftest import run_python

pytest.importorskip("grpc", reason="grpcio is not installed here")

PRELUDE = (
    """
import sys, threading, time, os, asyncio
from concurrent.futures import ThreadPoolExecutor
import grpc, grpc.aio
SLOW, STREAM = "/test.Test/Slow", "/test.Test/Stream"
MEETINGS = {f"meet {n}".encode(): threading.Barrier(n) for n in (2, 5, 6, 8, 12, 20, 40)}
def meet(request):
    "Waits until as many requests are there as it says."
    if request in MEETINGS: MEETINGS[request].wait()
    return request
class Handlers(grpc.GenericRpcHandler):
    def service(self, details):
        if details.method == SLOW:
            def slow(request, context): time.sleep(0.3 * (request == b"slow")); return meet(request)
            return grpc.unary_unary_rpc_method_handler(slow)
        def stream(requests, context):
            for request in requests: yield meet(request) + b"!"
        return grpc.stream_stream_rpc_method_handler(stream)
def serve(workers=60):
    server = grpc.server(ThreadPoolExecutor(workers)); server.add_generic_rpc_handlers((Handlers(),))
    port = server.add_insecure_port("127.0.0.1:0"); server.start()
    return server, f"127.0.0.1:{port}"
"""
    + ALL_OF
    + """
def at_once(call, n):
    return all_of([call] * n)[0]
"""
)


def run(code: str, spec: str | None = "all", **env: str) -> str:
    done = run_python("-c", PRELUDE + textwrap.dedent(code), spec=spec, **env)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


CHECKS = {
    "client and server in one process": """
        server, address = serve()
        with grpc.insecure_channel(address) as channel:
            grpc.channel_ready_future(channel).result(20)
            slow = channel.unary_unary(SLOW)
            assert at_once(lambda: slow(b"meet 8", timeout=50), 8) == [b"meet 8"] * 8
            assert at_once(lambda: slow(b"meet 40", timeout=50), 40) == [b"meet 40"] * 40
            futures = [slow.future(b"meet 6") for _ in range(6)]
            assert [f.result(50) for f in futures] == [b"meet 6"] * 6
        server.stop(None).wait()
    """,
    "streams": """
        server, address = serve()
        channel = grpc.insecure_channel(address); stream = channel.stream_stream(STREAM)
        assert at_once(lambda: list(stream(iter([b"a", b"meet 5", b"c"]), timeout=50)), 5) == [[b"a!", b"meet 5!", b"c!"]] * 5
        channel.close(); server.stop(None).wait()
    """,
    "deadlines, errors, cancelled calls": """
        import pickle
        server, address = serve()
        channel = grpc.insecure_channel(address); slow = channel.unary_unary(SLOW)
        try: slow(b"slow", timeout=0.05)
        except grpc.RpcError as error: assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        else: raise AssertionError
        future = slow.future(b"slow"); future.cancel(); assert future.cancelled()
        assert slow(b"y", timeout=50) == b"y"
        channel.close(); server.stop(None).wait()
        nobody = grpc.insecure_channel("127.0.0.1:1").unary_unary(SLOW)
        try: nobody(b"x", timeout=50)
        except grpc.RpcError as error: assert error.code() == grpc.StatusCode.UNAVAILABLE, error
        else: raise AssertionError
    """,
    "a server in another process": """
        import subprocess
        if os.environ.get("SERVE"):
            server, address = serve(); print(address, flush=True); sys.stdin.read(); os._exit(0)
        child = subprocess.Popen([sys.executable, "-c", sys.orig_argv[-1]], env={**os.environ, "SERVE": "1"}, stdin=-1, stdout=-1, text=True)
        channel = grpc.insecure_channel(child.stdout.readline().strip()); slow = channel.unary_unary(SLOW)
        assert at_once(lambda: slow(b"meet 20", timeout=50), 20) == [b"meet 20"] * 20
        child.stdin.close(); child.wait()
    """,
    "aio, client and server": """
        async def main():
            server, there, all_there = grpc.aio.server(), [], asyncio.Event()
            async def slow(request, context):
                if request == b"meet":
                    there.append(1); len(there) == 20 and all_there.set(); await all_there.wait()
                else: await asyncio.sleep(0.3)
                return request
            async def stream(requests, context):
                async for request in requests: yield request + b"!"
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Test", {
                "Slow": grpc.unary_unary_rpc_method_handler(slow), "Stream": grpc.stream_stream_rpc_method_handler(stream)}),))
            port = server.add_insecure_port("127.0.0.1:0"); await server.start()
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                await asyncio.wait_for(channel.channel_ready(), 20)
                call = channel.unary_unary(SLOW)
                assert await asyncio.gather(*[call(b"meet", timeout=50) for _ in range(20)]) == [b"meet"] * 20
                both = channel.stream_stream(STREAM)(); await both.write(b"a"); assert await both.read() == b"a!"; await both.done_writing()
                try: await call(b"x", timeout=0.05)
                except grpc.aio.AioRpcError as error: assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
                else: raise AssertionError
            await server.stop(None)
        asyncio.run(main())
        asyncio.run(main())
    """,
    "aio beside grpc": """
        server, address = serve()
        async def main():
            async with grpc.aio.insecure_channel(address) as channel:
                return await channel.unary_unary(SLOW)(b"meet 2", timeout=50)
        channel = grpc.insecure_channel(address); slow = channel.unary_unary(SLOW)
        found = []
        thread = threading.Thread(target=lambda: found.append(asyncio.run(main()))); thread.start()
        assert slow(b"meet 2", timeout=50) == b"meet 2"; thread.join(); assert found == [b"meet 2"]
        channel.close(); server.stop(None).wait()
    """,
}


@pytest.mark.parametrize("spec", [None, "all"])
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_as_without_lazypatch(check: str, spec: str | None) -> None:
    run(check, spec)


def test_it_is_told() -> None:
    """In state() and the report."""
    run(
        """
        import lazypatch
        assert lazypatch.state("grpc") == lazypatch.state("grpc-aio") == "installed"
        seen = {driver.module: driver.switched for driver in lazypatch.report().drivers}
        assert seen == {"grpc": True, "grpc.aio": True}, seen
        """
    )
    run(
        """
        import lazypatch, gevent
        assert lazypatch.state("grpc") == lazypatch.state("grpc-aio") == "skipped"
        seen = {driver.module: driver.switched for driver in lazypatch.report().drivers}
        assert seen == {"grpc": False, "grpc.aio": False}, seen
        """,
        "all,-grpc,-grpc-aio",
    )


def test_a_programs_own_switch_and_its_size_of_the_pool_are_left_alone() -> None:
    code = """
import gevent
gevent.get_hub().threadpool_size = 77
import grpc.experimental.gevent
grpc.experimental.gevent.init_gevent()
assert gevent.get_hub().threadpool_size == 77
"""
    done = run_python("-c", code, spec="all")
    assert done.returncode == 0, done.stderr


def test_late() -> None:
    run(
        """
        import lazypatch; lazypatch.enable()
        server, address = serve()
        with grpc.insecure_channel(address) as channel:
            slow = channel.unary_unary(SLOW)
            assert at_once(lambda: slow(b"meet 12", timeout=50), 12) == [b"meet 12"] * 12
        server.stop(None).wait()
        assert lazypatch.state("grpc") == "late"
        """,
        None,
    )
