"""pycurl lets the others run while it waits for an HTTP server, and does all else as without.

The server is in the same process, and answers some requests only when others have run: a wait that stops them never ends.
"""

from __future__ import annotations

import textwrap

import pytest
from adapters_servers import ALL_OF
from conftest import run_python

pytest.importorskip("pycurl", reason="pycurl is not installed here")

PRELUDE = (
    """
import sys, threading, time, io
import pycurl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
seen, meeting, go_on = [], threading.Barrier(8), threading.Event()
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        seen.append(self.client_address)
        if "meet" in self.path: meeting.wait()
        if "held" in self.path: go_on.wait()
        if "never" in self.path: time.sleep(20)
        body = b"x" * 300000 if "big" in self.path else b"hello"
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *args): pass
class Server(ThreadingHTTPServer): daemon_threads, request_queue_size = True, 50
server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
URL = f"http://127.0.0.1:{server.server_port}/"
"""
    + ALL_OF
    + """
def at_once(call, n=6):
    return all_of([call] * n)
def get(path="", curl=None, **options):
    c = curl or pycurl.Curl(); body = io.BytesIO()
    c.setopt(c.URL, URL + path); c.setopt(c.WRITEDATA, body)
    for name, value in options.items(): c.setopt(getattr(c, name), value)
    c.perform()
    return body.getvalue()
def fails(call, *codes):
    try: call()
    except pycurl.error as error: assert error.args[0] in codes and error.args[1], error.args; return error.args
    raise AssertionError
"""
)

CHECKS = {
    "requests wait together": """
        assert at_once(lambda: get("meet"), 8)[0] == [b"hello"] * 8
    """,
    "getinfo, a body that is big, a POST, perform_rb": """
        c = pycurl.Curl()
        assert len(get("big", c)) == 300000 and c.getinfo(c.RESPONSE_CODE) == 200 and c.getinfo(c.SIZE_DOWNLOAD) == 300000
        assert get("", c, POSTFIELDS="a" * 100000) == b"a" * 100000
        d = pycurl.Curl(); d.setopt(d.URL, URL)
        assert d.perform_rb() == b"hello" and d.perform_rs() == "hello"
        assert isinstance(c, pycurl.Curl) and type(c).__name__ == "Curl"
    """,
    "connections are kept, and not after close or FORBID_REUSE": """
        c = pycurl.Curl()
        for _ in range(3): get("", c)
        assert len(set(seen)) == 1, seen
        c.setopt(c.FORBID_REUSE, 1); get("", c); c.setopt(c.FORBID_REUSE, 0); get("", c); assert len(set(seen)) == 2
        c.reset(); get("", c); c.close(); c.close()
        get(); assert len(set(seen)) == 3
    """,
    "errors": """
        c = pycurl.Curl(); c.setopt(c.URL, "http://127.0.0.1:1/")
        print(fails(c.perform, pycurl.E_COULDNT_CONNECT)[0])
        fails(lambda: get("never", TIMEOUT_MS=100), pycurl.E_OPERATION_TIMEDOUT)
        c.setopt(c.URL, "nothing://x"); fails(c.perform, pycurl.E_UNSUPPORTED_PROTOCOL)
        def refuse(data): return 0
        c.setopt(c.URL, URL); c.setopt(c.WRITEFUNCTION, refuse); fails(c.perform, pycurl.E_WRITE_ERROR)
        c.setopt(c.WRITEFUNCTION, lambda data: None); c.perform(); assert c.errstr() == ""
        fails(pycurl.Curl().perform, pycurl.E_URL_MALFORMAT)
    """,
    "callbacks": """
        headers, rows = [], []
        get("", HEADERFUNCTION=headers.append, NOPROGRESS=0, XFERINFOFUNCTION=lambda *a: rows.append(a) and None)
        assert headers[0].startswith(b"HTTP/1.1 200") and rows
        fails(lambda: get("never", NOPROGRESS=0, XFERINFOFUNCTION=lambda *a: 1), pycurl.E_ABORTED_BY_CALLBACK)
    """,
    "CurlMulti": """
        m, handles = pycurl.CurlMulti(), [pycurl.Curl() for _ in range(3)]
        def tick():
            for _ in range(9): time.sleep(0.01)
            go_on.set()
        t = threading.Thread(target=tick); t.start()
        for h in handles: h.setopt(h.URL, URL + "held"); h.setopt(h.WRITEFUNCTION, lambda data: None); m.add_handle(h)
        running = 3
        while running:
            m.select(1.0)
            _, running = m.perform()
        t.join()
        assert len(m.info_read()[1]) == 3; [m.remove_handle(h) for h in handles]; m.close()
    """,
    "CONNECT_ONLY, share, duphandle": """
        c = pycurl.Curl(); c.setopt(c.URL, URL); c.setopt(c.CONNECT_ONLY, 1); c.perform()
        assert c.getinfo(pycurl.ACTIVESOCKET) > 0
        share = pycurl.CurlShare(); share.setopt(pycurl.SH_SHARE, pycurl.LOCK_DATA_COOKIE)
        assert get("", SHARE=share) == b"hello"
        d = pycurl.Curl(); d.setopt(d.URL, URL); e = d.duphandle(); body = io.BytesIO(); e.setopt(e.WRITEDATA, body); e.perform()
        assert body.getvalue() == b"hello" and isinstance(e, pycurl.Curl)
    """,
    "subclasses": """
        class Mine(pycurl.Curl):
            def perform(self): self.done = 1; return super().perform()
        c = Mine(); assert get("", c) == b"hello" and c.done
    """,
}


def run(code: str, spec: str | None) -> None:
    done = run_python("-c", PRELUDE + textwrap.dedent(code) + "\nserver.shutdown()", spec=spec)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("spec", [None, "all"])
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_as_without_lazypatch(check: str, spec: str | None) -> None:
    run(check, spec)


def test_who_is_ended_leaves_nothing_behind() -> None:
    run(
        """
        import gevent, lazypatch
        c = pycurl.Curl()
        try:
            with gevent.Timeout(0.05): get("never", c)
        except gevent.Timeout: pass
        else: raise AssertionError
        assert get("", c) == b"hello"
        killed = gevent.spawn(get, "never", c); gevent.sleep(0.05); killed.kill(); assert get("", c) == b"hello"
        assert lazypatch.state("pycurl") == "installed" and "pycurl switched" in " ".join(str(lazypatch.report()).split())
        """,
        "all",
    )
