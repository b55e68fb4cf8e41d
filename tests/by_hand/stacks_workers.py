"""The rows of stacks.py that take jobs out of a queue in redis, whose server each starts for itself."""

from __future__ import annotations

import shutil

from stacks import Tool

# Starts both servers, has one job done, then eight at once, then ends the worker while it does one.
DRIVE = """
import os, shutil, signal, socket, subprocess, sys, time
with socket.socket() as found:
    found.bind(("127.0.0.1", 0))
    port = found.getsockname()[1]
os.environ["REDIS"] = f"redis://127.0.0.1:{port}/0"
redis = subprocess.Popen([shutil.which("redis-server"), "--port", str(port), "--save", ""], stdout=subprocess.DEVNULL)
while True:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        break
    except OSError:
        time.sleep(0.05)
import jobs
def main():  # so that nothing of a library's is left for the interpreter's end
    words = [word.replace("REDIS", os.environ["REDIS"]) for word in sys.argv[1:]]
    with open("log", "w") as log:
        worker = subprocess.Popen([sys.executable, *words], stdout=log, stderr=log)
    try:
        print("first", jobs.result(jobs.enqueue(0)))
        begin = time.monotonic()
        print("eight", [jobs.result(one) for one in [jobs.enqueue(n) for n in range(8)]])
        print("concurrent", time.monotonic() - begin < 8 * 0.4 / 2)
        last = jobs.enqueue(9)
        time.sleep(0.2)
        worker.send_signal(getattr(jobs, "GRACEFULLY", signal.SIGTERM))
        try:
            print("ended", worker.wait(20), jobs.result(last))
        except subprocess.TimeoutExpired:
            print("hangs")
    finally:
        worker.kill()
        redis.kill()
        text = open("log").read()
        print("tracebacks", text.count("Traceback (most"))
        print(*(line for line in text.splitlines() if "LazyPatch" in line or "LoopExit" in line or line.startswith("lazypatch:")))
main()
"""
CELERY = """
import os, time
from celery import Celery
app = Celery("jobs", broker=os.environ["REDIS"], backend=os.environ["REDIS"])
app.conf.worker_prefetch_multiplier = 8
@app.task
def job(n):
    time.sleep(0.4)
    return n * 2
enqueue = job.delay
def result(handle): return handle.get(timeout=30)
"""
RQ = """
import os, time
from redis import Redis
from rq import Queue
queue = Queue(connection=Redis.from_url(os.environ["REDIS"]))
def job(n):
    time.sleep(0.4)
    return n * 2
def enqueue(n): return queue.enqueue("jobs.job", n)
def result(handle):
    while not handle.is_finished and not handle.is_failed: time.sleep(0.02)
    return handle.return_value()
"""
HUEY = """
import os, signal, time
from huey import RedisHuey
GRACEFULLY = signal.SIGINT
huey = RedisHuey("jobs", url=os.environ["REDIS"])
@huey.task()
def job(n):
    time.sleep(0.4)
    return n * 2
enqueue = job
def result(handle): return handle.get(blocking=True, timeout=30)
"""
DRAMATIQ = """
import os, time
import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend
broker = RedisBroker(url=os.environ["REDIS"])
broker.add_middleware(Results(backend=RedisBackend(url=os.environ["REDIS"])))
dramatiq.set_broker(broker)
@dramatiq.actor(store_results=True)
def job(n):
    time.sleep(0.4)
    return n * 2
enqueue = job.send
def result(handle): return handle.get_result(block=True, timeout=30000)
"""


def worker(name: str, dist: str, jobs: str, *words: str, unlike: str = "") -> Tool:
    """A row; without a redis-server on the path its distribution is one that is not installed."""
    there = dist if shutil.which("redis-server") else "redis-server"
    return Tool(name, there, ["drive.py", *words], {"drive.py": DRIVE, "jobs.py": jobs}, unlike=unlike)


_CELERY = ("-m", "celery", "-A", "jobs", "worker", "-l", "WARNING", "-c", "4", "-P")
_HUEY = ("-m", "huey.bin.huey_consumer", "jobs.huey", "-w", "4", "-k")

WORKERS = [
    *(worker(f"celery, -P {kind}", "celery", CELERY, *_CELERY, kind) for kind in ("prefork", "threads", "solo")),
    worker("celery, -P gevent", "celery", CELERY, *_CELERY, "gevent", unlike="a known fault: import gevent.signal as the first import leaves two adapters out"),
    *(worker(f"rq, {kind}", "rq", RQ, "-m", "rq.cli", "worker", "-w", f"rq.worker.{kind}", "--url", "REDIS") for kind in ("Worker", "SimpleWorker")),
    *(worker(f"huey, -k {kind}", "huey", HUEY, *_HUEY, kind) for kind in ("thread", "process")),
    worker("huey, -k greenlet", "huey", HUEY, *_HUEY, "greenlet", unlike="plain Python does one job after the other there"),
    worker("dramatiq, -p 1 -t 4", "dramatiq", DRAMATIQ, "-m", "dramatiq", "jobs", "-p", "1", "-t", "4"),
]  # fmt: skip
