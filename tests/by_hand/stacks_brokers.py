"""The rows of stacks.py where celery does everything that it does: limits, revocation, chords, beat, warm and cold ends.

Each starts redis for results, and redis or RabbitMQ as its broker, for itself.
"""

from __future__ import annotations

import os
import shutil

from stacks import Tool

RABBIT = "/usr/lib/rabbitmq/bin/rabbitmq-server"  # without the wrapper, which changes the user
JOBS = """
import os, time
from celery import Celery, chord, group
from celery.exceptions import SoftTimeLimitExceeded
app = Celery("jobs", broker=os.environ["BROKER"], backend=os.environ["REDIS"])
app.conf.update(worker_prefetch_multiplier=8, broker_connection_retry_on_startup=True, worker_cancel_long_running_tasks_on_connection_loss=True,
    beat_schedule={"tick": {"task": "jobs.tick", "schedule": 0.5}}, result_extended=True)
@app.task
def tick(): open("ticks", "a").write("x")
@app.task
def job(n, seconds=0.4):
    time.sleep(seconds)
    return n * 2
@app.task
def total(numbers): return sum(numbers)
@app.task(bind=True, max_retries=3)
def flaky(self):
    if self.request.retries < 2: raise self.retry(countdown=0.1)
    return f"after {self.request.retries}"
@app.task
def wrong(): raise ValueError("wrong")
@app.task(soft_time_limit=1)
def soft():
    try:
        time.sleep(4)
    except SoftTimeLimitExceeded:
        return "soft"
    return "no limit"
@app.task(time_limit=1)
def hard():
    time.sleep(4)
    return "no limit"
@app.task
def endless():
    open("endless", "a").write("begun ")
    time.sleep(4)
    open("endless", "a").write("ended ")
"""
DRIVE = """
import os, pathlib, shutil, signal, socket, subprocess, sys, time
POOL, BROKER, BEAT = sys.argv[1:]
home = os.getcwd()
def free():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0)); return found.getsockname()[1]
def until(holds, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if holds(): return True
        except OSError: pass
        time.sleep(0.05)
    return False
servers = []
def serve(*words, **env):
    servers.append(subprocess.Popen(words, stdout=open("servers", "a"), stderr=-2, env={**os.environ, **env}))
port = free()
serve(shutil.which("redis-server"), "--port", str(port), "--save", "")
until(lambda: socket.create_connection(("127.0.0.1", port)).close() or True)
os.environ["REDIS"] = os.environ["BROKER"] = f"redis://127.0.0.1:{port}/0"
if BROKER == "amqp":
    port, other = free(), free()
    plain = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    serve("RABBIT", RABBITMQ_NODE_PORT=str(port), RABBITMQ_DIST_PORT=str(other), RABBITMQ_NODENAME=f"r{port}@localhost", RABBITMQ_MNESIA_BASE=f"{home}/mnesia",
        RABBITMQ_LOG_BASE=f"{home}/logs", RABBITMQ_PID_FILE=f"{home}/rabbit.pid", RABBITMQ_ENABLED_PLUGINS_FILE=f"{home}/plugins", RABBITMQ_CONFIG_FILE=f"{home}/none")
    until(lambda: socket.create_connection(("127.0.0.1", port)).close() or True, 60)
    os.environ["BROKER"] = f"amqp://guest:guest@127.0.0.1:{port}//"
import jobs
def result(handle, **more):
    try: return handle.get(timeout=15, **more)
    except Exception as error: return f"{type(error).__name__}: {error}"[:80]
def worker(log):
    words = ["-m", "celery", "-A", "jobs", "worker", "-l", "INFO", "-c", "4", "-P", POOL, *(["-B", "-s", "schedule"] if BEAT == "-B" else [])]
    child = subprocess.Popen([sys.executable, *words], stdout=open(log, "w"), stderr=-2)
    until(lambda: " ready." in open(log).read())
    return child
def ended(child, number, seconds=20):
    child.send_signal(number)
    try: return child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        return "hangs"
def main():
    say = lambda *words: print(*words, flush=True)
    child = worker("log")
    say("first", result(jobs.job.delay(1)))
    begin = time.monotonic()
    say("eight", [result(one) for one in [jobs.job.delay(n) for n in range(8)]], "concurrent", time.monotonic() - begin < 8 * 0.4 / 2)
    say("chord", result(jobs.chord([jobs.job.s(n, 0.1) for n in range(5)])(jobs.total.s())))
    say("chain", result((jobs.job.s(1, 0.1) | jobs.job.s(0.1) | jobs.job.s(0.1))()))
    say("group", result(jobs.group(jobs.job.s(n, 0.1) for n in range(4))()))
    say("retries", result(jobs.flaky.delay()), "error", result(jobs.wrong.delay()))
    say("ping", [list(one.values()) for one in jobs.app.control.ping(timeout=2)])
    inspect = jobs.app.control.inspect(timeout=2)
    say("registered", sorted(list(inspect.registered().values())[0]), "pool", type(list(inspect.stats().values())[0]["pool"]).__name__)
    say("soft limit", result(jobs.soft.delay()))
    say("hard limit", result(jobs.hard.delay()))
    handle = jobs.endless.delay()
    until(lambda: os.path.exists("endless"))
    handle.revoke(terminate=True)
    say("revoked", result(handle), open("endless").read())
    late = jobs.job.apply_async((5,), countdown=60); time.sleep(0.3); late.revoke(); time.sleep(0.5)
    say("countdown", result(jobs.job.apply_async((6, 0.1), countdown=0.5)), "expires", result(jobs.job.apply_async((6,), expires=-1)))
    if BEAT == "-B": say("beat", until(lambda: os.path.exists("ticks") and len(open("ticks").read()) > 3))
    last = jobs.job.delay(9, 1.5)
    time.sleep(0.5)
    say("TERM", ended(child, signal.SIGTERM), result(last))
    child = worker("log2")
    say("again", result(jobs.job.delay(1)))
    last = jobs.job.delay(9, 1.5)
    time.sleep(0.5)
    begin = time.monotonic()
    say("QUIT", ended(child, signal.SIGQUIT), "at once", time.monotonic() - begin < 12)
    child = worker("log3")
    say("again", result(jobs.job.delay(1)))
    say("INT", ended(child, signal.SIGINT))
try:
    main()
finally:
    for server in servers: server.terminate()
    for log in ("log", "log2", "log3"):
        text = open(log).read() if os.path.exists(log) else ""
        print(log, "tracebacks", text.count("Traceback (most"))
        print(*(line for line in text.splitlines() if "LazyPatch" in line or "LoopExit" in line or "BlockingSwitch" in line or line.startswith("lazypatch:")))
    if os.environ.get("KEEP"): shutil.copytree(home, os.environ["KEEP"], dirs_exist_ok=True, ignore=shutil.ignore_patterns("mnesia"))
    sys.stdout.flush()
    os._exit(0)  # what this process still holds of celery's results is another row's
"""


def celery(pool: str, broker: str, beat: bool = True, unlike: str = "") -> Tool:
    """A row; where a server that it needs is missing, its distribution is one that is not installed."""
    there = shutil.which("redis-server") and (broker == "redis" or os.path.exists(RABBIT))
    name = f"celery {'-B ' * beat}-P {pool}, {'RabbitMQ' if broker == 'amqp' else 'redis'}: limits, revoke, chords, TERM, QUIT, INT"
    files = {"jobs.py": JOBS, "drive.py": DRIVE.replace('"RABBIT"', repr(RABBIT))}
    return Tool(
        name,
        "celery" if there else "redis-server",
        ["drive.py", pool, broker, "-B" if beat else "-"],
        files,
        unlike=unlike,
        seconds=150,
    )


_QUIT = "plain celery's own gevent pool fails on QUIT (BlockingSwitchOutError, status 1): armed, it ends with 0"

BROKERS = [
    celery("prefork", "redis"),
    celery("threads", "redis"),
    celery("solo", "redis", beat=False),
    celery("gevent", "redis", beat=False, unlike=_QUIT),
    celery("prefork", "amqp"),
    celery("threads", "amqp"),
    celery("gevent", "amqp", beat=False, unlike=_QUIT),
]
