"""Raw references in libraries that are imported before patch_all(): ``python tests/by_hand/late_libraries.py [NAME...]``.

Each library in a child of its own. Prints the table of docs/late.md. What is not installed is skipped and named at the
end.
"""

from __future__ import annotations

import argparse
import ast
import collections
import subprocess
import sys

from conftest import clean_environment

# The distribution -> what a program would import of it.
LIBRARIES = {
    "requests": "requests", "urllib3": "urllib3", "httpx": "httpx", "aiohttp": "aiohttp", "anyio": "anyio",
    "boto3": "boto3, botocore.session, s3transfer.manager", "botocore": "botocore.httpsession",
    "sqlalchemy": "sqlalchemy, sqlalchemy.orm, sqlalchemy.pool",
    "django": "django.conf; django.conf.settings.configure(); import django.http, django.db, django.core.cache", "flask": "flask",
    "fastapi": "fastapi", "werkzeug": "werkzeug.serving", "jinja2": "jinja2", "tornado": "tornado.web, tornado.httpclient",
    "gunicorn": "gunicorn.app.wsgiapp, gunicorn.workers.ggevent", "redis": "redis", "pymysql": "pymysql",
    "psycopg": "psycopg", "pymongo": "pymongo", "elasticsearch": "elasticsearch", "kombu": "kombu, kombu.transport.pyamqp",
    "celery": "celery, celery.app.amqp, celery.worker", "pika": "pika", "kafka-python": "kafka",
    "websocket-client": "websocket", "paramiko": "paramiko", "docker": "docker", "grpcio": "grpc",
    "sentry-sdk": "sentry_sdk, sentry_sdk.worker, sentry_sdk.transport",
    "opentelemetry-api": "opentelemetry.trace",
    "opentelemetry-sdk": "opentelemetry.sdk.trace.export, opentelemetry.sdk.metrics.export",
    "apscheduler": "apscheduler.schedulers.background", "click": "click", "rich": "rich.live, rich.progress",
    "tqdm": "tqdm", "joblib": "joblib", "loguru": "loguru", "cachetools": "cachetools",
    "prometheus-client": "prometheus_client", "numpy": "numpy", "pandas": "pandas", "pytest": "pytest",
    "coverage": "coverage", "trio": "trio",
    "asyncio": "asyncio", "concurrent.futures": "concurrent.futures.thread, concurrent.futures.process",
    "multiprocessing": "multiprocessing.pool, multiprocessing.managers",
    "http.server": "http.server, xmlrpc.server, socketserver, http.client, urllib.request",
}  # fmt: skip

CHILD = """
import sys, warnings
warnings.simplefilter("ignore")
import {imports}
modules = len(sys.modules)
import lazypatch
lazypatch.patch_all(Event=True)
import gevent, queue, threading
from lazypatch._session import session
from lazypatch.late.repair import scan
references = session().selection.references
rows = [tuple(reference) for reference in references]
again = [tuple(reference) for reference in scan(session())]
answers = queue.Queue()
thread = threading.Thread(target=lambda: answers.put(1))
thread.start()
assert answers.get() == 1
thread.join()
print(repr((modules, rows, again)))
"""


def look(imports: str) -> tuple[int, list[tuple[str, ...]], list[tuple[str, ...]]] | str:
    """How many modules *imports* loads, the references, and those that a second look finds; or why it did not work."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD.format(imports=imports)],
        env=clean_environment(), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    if done.returncode:
        return (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
    result: tuple[int, list[tuple[str, ...]], list[tuple[str, ...]]] = ast.literal_eval(done.stdout.splitlines()[-1])
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verbose", action="store_true", help="every reference that is left")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    reasons: dict[str, set[str]] = collections.defaultdict(set)
    missing, broken = [], False
    print("| library | modules | raw references | mended | left | what is left |\n|---|---|---|---|---|---|")
    for name in options.names or LIBRARIES:
        found = look(LIBRARIES[name])
        if isinstance(found, str):
            missing.append(f"{name} ({found})")
            broken = broken or not found.startswith("ModuleNotFoundError")
            continue
        modules, rows, again = found
        left = [row for row in rows if not row[5]]
        assert {row[3] for row in again} == {row[3] for row in left}, name
        kinds = collections.Counter(f"{row[4]} of {row[0]}.{row[1]}" for row in left)
        what = ", ".join(f"{count} {kind}" if count > 1 else kind for kind, count in sorted(kinds.items()))
        print(f"| {name} | {modules} | {len(rows)} | {len(rows) - len(left)} | {len(left)} | {what} |", flush=True)
        for row in left:
            reasons[row[6]].add(row[3])
            if options.verbose:
                print("   ", row[3], "-", row[6])
    print()
    for reason, places in sorted(reasons.items(), key=lambda item: -len(item[1])):
        print(f"- {reason}: {', '.join(sorted(places))}")
    if missing:
        print(f"\nNot looked at: {'; '.join(missing)}")
    return int(broken)


if __name__ == "__main__":
    raise SystemExit(main())
