"""The rows of stacks.py whose program runs below something that watches it: tracers, error reporters, recorders."""

from __future__ import annotations

from stacks import Tool

# The watched program: a server in a thread, clients in others, a child, an executor, an error.
APP = """
import http.server, json, logging, subprocess, sys, threading, time, urllib.request
from concurrent.futures import ThreadPoolExecutor
import requests
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(0.5)
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"hi")
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
serving = threading.Thread(target=server.serve_forever); serving.start()
url = f"http://127.0.0.1:{server.server_port}/"
def get(n): return requests.get(url).text if n % 2 else urllib.request.urlopen(url).read().decode()
begin = time.monotonic()
with ThreadPoolExecutor(8) as pool: print(list(pool.map(get, range(8))))
print("at once", time.monotonic() - begin < 2.5)
print(subprocess.run([sys.executable, "-c", "print('child')"], capture_output=True, text=True).stdout)
server.shutdown(); serving.join(); server.server_close()
print("end", flush=True)
"""
# Plays the agent that a tracer reports to, and runs the tracer with the program; counts what was reported.
AGENT = """
import http.server, os, subprocess, sys, threading, time
got = []
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self):
        length, body = int(self.headers.get("Content-Length") or 0), b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16): body += self.rfile.read(size); self.rfile.readline()
            self.rfile.readline()
        else: body = self.rfile.read(length)
        got.append((self.path, body))
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"{}")
    do_GET = do_POST = do_PUT = answer
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler); server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
env = dict(os.environ, DD_TRACE_AGENT_URL=url, DD_INSTRUMENTATION_TELEMETRY_ENABLED="false", DD_REMOTE_CONFIGURATION_ENABLED="false",
    OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf", OTEL_METRICS_EXPORTER="none", OTEL_LOGS_EXPORTER="none")
folder = os.path.dirname(sys.executable)
done = subprocess.run([os.path.join(folder, sys.argv[1]), *sys.argv[2:]], env=env, capture_output=True, text=True, timeout=50)
print(done.returncode, done.stdout)
print(*(line for line in done.stderr.splitlines() if "Traceback" in line or "LazyPatch" in line or "LoopExit" in line or "Error" in line or line.startswith("lazypatch:")), sep="\\n")
paths = {path for path, body in got if "trace" in path}
print("reported", sorted(paths), "requests", any(b"requests" in body or b"GET" in body for path, body in got if path in paths))
"""
SENTRY = """
import http.server, gzip, json, logging, threading, time
bodies = []
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        bodies.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
        self.send_response(200); self.end_headers(); self.wfile.write(b"{}")
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
import sentry_sdk
from sentry_sdk.integrations.threading import ThreadingIntegration
sentry_sdk.init(f"http://key@127.0.0.1:{server.server_port}/1", traces_sample_rate=1.0, profiles_sample_rate=PROFILES,
    integrations=[ThreadingIntegration(propagate_scope=True)])
class Mine(Exception): pass
def work(n):
    with sentry_sdk.new_scope() as scope:
        scope.set_tag("number", n); time.sleep(0.1 * (n % 3)); sentry_sdk.capture_exception(Mine(n))
def fails(): raise Mine("in a thread")
with sentry_sdk.start_transaction(name="all"):
    ts = [threading.Thread(target=work, args=(n,)) for n in range(5)] + [threading.Thread(target=fails)]
    for t in ts: t.start()
    for t in ts: t.join()
    with sentry_sdk.start_span(op="wait"): time.sleep(0.3)
logging.getLogger("x").error("an error that was logged")
sentry_sdk.flush(10)
found = []
for body in bodies:
    for line in body.split(b"\\n"):
        try: event = json.loads(line)
        except ValueError: continue
        if "exception" in event: found.append(("exception", event["exception"]["values"][0]["value"], str(event.get("tags", {}).get("number")), event["level"]))
        elif "logentry" in event: found.append(("log", event["logentry"]["message"]))
        elif event.get("type") == "transaction" and "spans" in event: found.append(("transaction", event["transaction"], len(event["spans"]) > 0))
        elif "profile" in event: found.append(("profile", len(event["profile"]["samples"]) > 1))
print(*sorted(map(str, found)), sep="\\n")
"""
VCR = """
import http.server, threading, time, urllib.request, os
import requests, vcr
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(0.1); self.send_response(200); self.end_headers(); self.wfile.write(self.path.encode())
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
def all_of_it():
    found = [requests.get(f"{url}/a").text, urllib.request.urlopen(f"{url}/b").read().decode()]
    for n in range(4):  # one after the other: vcrpy takes its patches out again in whichever thread comes first
        t = threading.Thread(target=lambda: found.append(requests.get(f"{url}/{n}").text)); t.start(); t.join()
    return sorted(found)
with vcr.use_cassette("tape.yaml") as tape: print(all_of_it(), len(tape))
server.shutdown(); server.server_close()
with vcr.use_cassette("tape.yaml", record_mode="none") as tape: print(all_of_it(), tape.play_count, tape.all_played)
try: requests.get(url, timeout=1)
except requests.ConnectionError: print("nobody there")
"""
SYSTEM_CERTS = """
import ssl, subprocess, sys, requests, threading
print('truststore' in ssl.SSLContext.__module__, type(ssl.create_default_context()).__name__)
import http.server
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "k.pem", "-out", "c.pem", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
code = "import http.server, ssl, sys; s = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler); c = ssl._create_unverified_context(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain('c.pem', 'k.pem'); s.socket = c.wrap_socket(s.socket, server_side=True); print(s.server_port, flush=True); s.serve_forever()"
child = subprocess.Popen([sys.executable, "-c", code], stdout=-1, stderr=open("log", "w"), text=True)
port = child.stdout.readline().strip()
def ask(verify):
    try: return requests.get(f"https://localhost:{port}/", verify=verify).status_code
    except requests.RequestException as error: return type(error).__name__
print(ask("c.pem"), ask(False), ask(True))
found = []
ts = [threading.Thread(target=lambda: found.append(ask("c.pem"))) for _ in range(4)]
for t in ts: t.start()
for t in ts: t.join()
print(found)
child.kill()
"""
NEWRELIC = {
    "app.py": APP,
    "newrelic.ini": "[newrelic]\nlicense_key = "
    + "0" * 40
    + "\napp_name = x\ndeveloper_mode = true\nmonitor_mode = true\n",
}
BOTH = {"app.py": APP, "agent.py": AGENT}

AGENTS = [
    Tool("ddtrace-run", "ddtrace", ["agent.py", "ddtrace-run", "python", "app.py"], BOTH),
    Tool("ddtrace.auto, imported", "ddtrace", ["agent.py", "python", "-c", "import ddtrace.auto, runpy; runpy.run_path('app.py')"], BOTH),
    Tool("opentelemetry-instrument", "opentelemetry-distro", ["agent.py", "opentelemetry-instrument", "python", "app.py"], BOTH),
    Tool("opentelemetry-instrument, console", "opentelemetry-distro", ["bin/opentelemetry-instrument", "--traces_exporter", "console", "--metrics_exporter", "none", "--logs_exporter", "none", "python", "app.py"], {"app.py": APP}, only=r"^\[|at once|child|end|\"name\"|rror", unordered=True),
    Tool("newrelic-admin run-program", "newrelic", ["bin/newrelic-admin", "run-program", "python", "app.py"], NEWRELIC, env={"NEW_RELIC_CONFIG_FILE": "newrelic.ini"}),
    Tool("sentry-sdk", "sentry-sdk", ["app.py"], {"app.py": SENTRY.replace("PROFILES", "0")}, only="^\\(|^[A-Za-z.]*Error"),
    Tool("sentry-sdk, profiles", "sentry-sdk", ["app.py"], {"app.py": SENTRY.replace("PROFILES", "1.0")}, only="^\\(|^[A-Za-z.]*Error"),
    Tool("vcrpy", "vcrpy", ["app.py"], {"app.py": VCR}),
    Tool("pip-system-certs", "pip-system-certs", ["app.py"], {"app.py": SYSTEM_CERTS}),
]  # fmt: skip
