"""Fetch a few hundred files over HTTP and HTTPS and check their hashes: first one after the other, then all at once.

Ordinary blocking code that knows nothing of gevent. Run it plainly, and the second half needs a hundred native
threads; run it as ``python -m lazypatch fetch.py`` and it needs none.
"""

import concurrent.futures
import hashlib
import json
import pathlib
import queue
import select
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).parent
CONTEXT = ssl.create_default_context(cafile=HERE / "cert.pem")
WORKERS = 100


def start_server() -> tuple[subprocess.Popen[str], list[str]]:
    server = subprocess.Popen(
        [sys.executable, str(HERE / "serve.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    if not select.select([server.stdout], [], [], 30)[0]:
        server.kill()
        sys.exit("fetch.py: the server (serve.py) did not start within 30 seconds")
    plain, tls = server.stdout.readline().split()
    return server, [f"http://localhost:{plain}", f"https://localhost:{tls}"]


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60, context=CONTEXT if url.startswith("https") else None) as answer:
        data: bytes = answer.read()
    return data


def fetch_and_check(url: str, expected: str) -> int:
    data = fetch(url)
    if hashlib.sha256(data).hexdigest() != expected:
        raise ValueError(f"{url}: the hash is wrong")
    return len(data)


def native_threads() -> int:
    tasks = pathlib.Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.exists() else threading.active_count()


def watch(done: threading.Event, seen: "queue.Queue[int]") -> None:
    """Look ten times a second how many native threads there are; alive while the others wait."""
    most = 0
    while not done.is_set():
        most = max(most, native_threads())
        time.sleep(0.1)
    seen.put(most)


def main() -> None:
    server, bases = start_server()
    try:
        address = socket.getaddrinfo("localhost", None, socket.AF_INET)[0][4][0]
        hashes = json.loads(fetch(bases[0] + "/manifest.json"))
        jobs = [(f"{bases[number % 2]}/{name}", digest) for number, (name, digest) in enumerate(hashes.items())]
        print(f"{len(jobs)} files from {address}, half of them over TLS, each answer 20 ms late")

        start = time.perf_counter()
        size = sum(fetch_and_check(*job) for job in jobs)
        one_by_one = time.perf_counter() - start
        print(f"one after the other: {size:,} bytes, all hashes right, {one_by_one:.2f} s")

        done, seen = threading.Event(), queue.Queue[int]()
        threading.Thread(target=watch, args=(done, seen)).start()
        start = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            again = sum(pool.map(lambda job: fetch_and_check(*job), jobs))
        at_once = time.perf_counter() - start
        done.set()
        if again != size:
            raise ValueError("the second half fetched something else than the first")
        how = "cooperatively" if type(threading.Lock()).__module__.startswith("gevent") else "with native threads"
        print(
            f"{WORKERS} at a time, {how}: {again:,} bytes, all hashes right, {at_once:.2f} s "
            f"({one_by_one / at_once:.1f} times as fast; native threads in this process: {seen.get()})"
        )
    finally:
        server.communicate(timeout=30)  # closes its stdin, which ends it


if __name__ == "__main__":
    main()
