"""curl_cffi lets the others run while it waits for an HTTP server, and does all else as without.

The server is in the same process, and answers when all requests are there: a wait that stops the others never ends.
"""

from __future__ import annotations

import textwrap

import pytest
from adapters_servers import ALL_OF
from conftest import run_python

pytest.importorskip("curl_cffi", reason="curl_cffi is not installed here")

PRELUDE = (
    """
import sys, threading, time
import curl_cffi
from curl_cffi import requests
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if "never" in self.path: time.sleep(20)
        else: meeting.wait()
        self.send_response(200); self.send_header("Content-Length", "60000"); self.end_headers()
        for _ in range(3): self.wfile.write(b"x" * 20000); time.sleep(0.01)
    def log_message(self, *args): pass
class Server(ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 50
    def handle_error(self, *args): pass
server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
URL = f"http://127.0.0.1:{server.server_port}/"
"""
    + ALL_OF
    + """
def meet(n):
    global meeting
    meeting = threading.Barrier(n)
def at_once(call, n=8):
    meet(n)
    return all_of([call] * n)[0]
"""
)

CHECKS = {
    "requests": "assert at_once(lambda: len(requests.get(URL).content)) == [60000] * 8",
    "one session": "s = requests.Session(); assert at_once(lambda: s.get(URL).status_code) == [200] * 8",
    "streams": """
        def stream():
            with requests.Session() as s: return sum(len(part) for part in s.get(URL, stream=True).iter_content())
        assert at_once(stream) == [60000] * 8
    """,
    "callbacks, time-outs, errors": """
        def called():
            parts = []; requests.get(URL, content_callback=lambda data: parts.append(len(data))); return sum(parts)
        assert at_once(called) == [60000] * 8
        def late():
            try: requests.get(URL + "never", timeout=0.1)
            except requests.exceptions.Timeout: return "late"
        assert at_once(late) == ["late"] * 8
        try: requests.get("http://127.0.0.1:1/")
        except requests.exceptions.ConnectionError: pass
        else: raise AssertionError
    """,
    "asynchronous": """
        import asyncio
        async def main():
            async with requests.AsyncSession() as s:
                return [len(r.content) for r in await asyncio.gather(*[s.get(URL) for _ in range(4)])]
        meet(4); assert asyncio.run(main()) == [60000] * 4
    """,
}


@pytest.mark.parametrize("spec", [None, "all"])
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_as_without_lazypatch(check: str, spec: str | None) -> None:
    done = run_python("-c", PRELUDE + textwrap.dedent(check) + "\nserver.shutdown()", spec=spec)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_its_own_switch_works_too_and_it_is_told() -> None:
    code = """
import gevent, lazypatch
assert at_once(lambda: requests.Session(thread="gevent").get(URL).status_code) == [200] * 8
assert lazypatch.state("curl-cffi") == "installed" and "curl_cffi switched" in " ".join(str(lazypatch.report()).split())
"""
    done = run_python("-c", PRELUDE + code, spec="all")
    assert done.returncode == 0 and not done.stderr, f"{done.stdout}\n{done.stderr}"
