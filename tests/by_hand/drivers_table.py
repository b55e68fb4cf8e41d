"""Do libraries that wait let the others run? Each against a server, plain, under gevent.monkey, and under lazypatch.

    python tests/by_hand/drivers_table.py [--rows WORD ...] [--markdown docs/drivers_table.md] [--verbose]

For each row of ``drivers_rows.py`` and ``drivers_rows_wire.py`` three children are started. A child connects, times one
call that waits for 0.3 s, and then five such calls in five threads: together they take as long as one if the library is
cooperative, and as long as five if it is not. Meanwhile a thread ticks; its longest silence is looked at, too.

The exit status is 1 if a row works plain and not under lazypatch, or if what lazypatch says of the library is not what was
seen: one that stops the others has to be named by a warning and by the report, one that does not must not be called so.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import adapters_servers as servers  # noqa: E402
import drivers_peers as peers  # noqa: E402
import tds  # noqa: E402
from conftest import clean_environment  # noqa: E402

CALLS, SECONDS = 5, 25  # a child that takes longer hangs
TRIES = 3  # of a row that is wrong: machines are busy
WAYS = ["plain", "gevent.monkey", "all"]
BEGIN = "from gevent import monkey; monkey.patch_all()\n"
CHILD = """
import gc, json, sys, threading, time
def report(**found):
    if "lazypatch" in sys.modules:
        import lazypatch
        found["verdicts"] = {d.module: d.switched for d in lazypatch.report().drivers}
    print(json.dumps(found), flush=True)
    sys.stdout.flush()
    import os; os._exit(0)
WHERE = json.loads(sys.argv[1])
%s
N = 5
its = [make() for _ in range(N)]
call(its[0])  # whatever is loaded or connected at the first call is not timed, nor is the garbage collector
gc.collect(); gc.disable()
begin = time.monotonic(); call(its[0]); single = time.monotonic() - begin
ticks, ended, errors = [], threading.Event(), []
def tick():
    while not ended.is_set():
        ticks.append(time.monotonic()); time.sleep(0.01)
def run(it):
    try: call(it)
    except BaseException as error: errors.append(repr(error)[:200])
ticking = threading.Thread(target=tick); ticking.start()
while not ticks: time.sleep(0.01)
threads = [threading.Thread(target=run, args=(it,)) for it in its]
begin = time.monotonic(); [t.start() for t in threads]; [t.join() for t in threads]; end = time.monotonic()
ended.set(); ticking.join()
times = [begin, *(t for t in ticks if begin < t < end), end]
report(one=single, all=end - begin, gap=max(b - a for a, b in zip(times, times[1:])), errors=errors)
"""


@dataclass(frozen=True)
class Row:
    """A library, and a call of it that waits."""

    name: str
    dist: str  # what has to be installed; the version of the first is shown
    server: str  # a name of SERVERS; empty: the code needs none
    code: str  # makes make() and call()
    module: str = ""  # by which lazypatch's report knows it, if its C code waits
    best: float = 1  # how many times as long as one call five may take: more than 1 for a pool that has too few
    said: str = ""  # of what it waits for, instead of what SERVERS says
    spec: str = "all"  # for lazypatch's column
    unlike: str = ""  # why it is slower than plain, though it does not wait in C: then that is not wrong


def _slow(server: Any) -> Any:
    @contextlib.contextmanager
    def inner() -> Iterator[int]:
        with server() as port, servers.slow(port) as proxy:
            yield proxy

    return inner


SERVERS: dict[str, tuple[Any, str]] = {
    "": (contextlib.nullcontext, "none"),
    "postgres": (servers.postgres, "PostgreSQL"),
    "mariadb": (servers.mariadb, "MariaDB"),
    "redis": (servers.redis, "Redis"),
    "rabbitmq": (servers.rabbitmq, "RabbitMQ"),
    "slow_memcached": (_slow(servers.memcached), "memcached, kept back"),
    "slow_ldap": (_slow(servers.ldap), "OpenLDAP, kept back"),
    "silent": (servers.silent, "*accepts, is silent*"),
    "hangs_up": (peers.hangs_up, "*accepts, is silent, hangs up*"),
    "silent_udp": (peers.silent_udp, "*silent*"),
    "tds": (tds.tds, "speaks a little TDS"),
    "slow_http": (peers.slow_http, "slow HTTP"),
    "slow_https": (peers.slow_https, "slow HTTPS"),
    "slow_websocket": (peers.slow_websocket, "slow WebSocket"),
    "slow_socketio": (peers.slow_socketio, "slow Socket.IO"),
    "slow_grpc": (peers.slow_grpc, "slow gRPC"),
    "slow_flight": (peers.slow_flight, "slow Flight"),
    "slow_zmq": (peers.slow_zmq, "slow ZMQ"),
    "slow_nng": (peers.slow_nng, "slow nng"),
}


@dataclass
class Seen:
    """What one child came to."""

    one: float = 0
    all: float = 0
    gap: float = 0
    error: str = ""
    verdicts: dict[str, bool | None] | None = None
    warned: str = ""

    def is_concurrent(self, row: Row) -> bool:
        """Whether five calls took nearer to the best than to one after the other, and nobody was stopped for a call."""
        return not self.error and self.all < self.one * (row.best + CALLS) / 2 and self.gap < self.one / 2

    def text(self, row: Row) -> str:
        """For the table."""
        if self.error:
            return f"**{self.error}**"
        how = f"{self.all / self.one:.1f}"
        if self.gap >= self.one / 2:
            how += ", others stopped"
        return how if self.is_concurrent(row) else f"**{how}**"


def see(row: Row, way: str, where: Any) -> Seen:
    """Run one child."""
    code = (BEGIN if way == "gevent.monkey" else "") + CHILD.replace("%s", row.code)
    env = clean_environment(PYTHONFAULTHANDLER="1", **({"PYTHONCOOPPATCH": row.spec} if way == "all" else {}))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        child = subprocess.Popen(
            [sys.executable, "-c", code, json.dumps(where)], cwd=folder, env=env, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            out, err = child.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGABRT)
            out, err = child.communicate()
            return Seen(error="hangs", warned=err)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
    try:
        found = json.loads(out.strip().splitlines()[-1])
    except (IndexError, ValueError):
        last = next(iter(reversed(err.strip().splitlines())), "")
        return Seen(error=f"status {child.returncode}: {last[:80]}", warned=err)
    error = f"{len(found['errors'])} of {CALLS} fail: {found['errors'][0]:.60}" if found["errors"] else ""
    return Seen(found["one"], found["all"], found["gap"], error, found.get("verdicts"), err)


def judge(row: Row, seen: dict[str, Seen]) -> tuple[str, str]:
    """What lazypatch says of the library, and what is wrong: with that, or with how the row went."""
    plain, ours = seen["plain"], seen["all"]
    if plain.error:
        return "", f"does not work plain: {plain.error}"
    known = (ours.verdicts or {}).get(row.module, "unknown") if row.module else "unknown"
    verdict = {True: "cooperative", False: "stops the others", None: "cannot be seen"}.get(known, "")  # type: ignore[call-overload]
    if "LazyPatchWarning" in ours.warned:
        verdict = f"{verdict}, warned of".removeprefix(", ")
    if ours.error:
        return verdict, f"works plain, not under all: {ours.error}"
    if ours.is_concurrent(row):
        return verdict, "is cooperative, and lazypatch says that it is not" if known is False else ""
    if not plain.is_concurrent(row):
        return verdict, ""  # it cannot do better
    if row.unlike and ours.gap < ours.one / 2:
        return row.unlike, ""
    if known is True:
        return verdict, "stops the others, and lazypatch says that it is cooperative"
    return verdict, "" if "warned of" in verdict else "stops the others, and nobody is told"


def version(dist: str) -> str:
    """Of a distribution, or the first of several; nothing if one is not installed. The standard library has Python's."""
    try:
        return [importlib.metadata.version(each) for each in dist.split()][0] if dist else sys.version.split()[0]
    except importlib.metadata.PackageNotFoundError:
        return ""


def one_row(row: Row, where: Any) -> tuple[str, str]:
    """The row of the table, and what is wrong with it."""
    for _ in range(TRIES):
        seen = {way: see(row, way, where) for way in WAYS}
        verdict, wrong = judge(row, seen)
        if not wrong:
            break
    cells = " | ".join(each.text(row).replace("|", "\\|") for each in seen.values())
    return f"{row.said or SERVERS[row.server][1]} | {cells} | {verdict}", wrong


def main() -> int:
    """Run the rows that were asked for, server by server."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", nargs="*", default=[], help="only rows whose name contains one of these")
    parser.add_argument("--markdown", help="write the table into this file, in the place of this Python's rows")
    options = parser.parse_args()
    from drivers_page import put
    from drivers_rows import DATABASES
    from drivers_rows_wire import OTHERS

    known = [*DATABASES, *OTHERS]
    rows = [row for row in known if not options.rows or any(word in row.name for word in options.rows)]
    lines: dict[str, str] = {}
    wrongs = 0
    for server, (begin, said) in SERVERS.items():
        wanted = [row for row in rows if row.server == server]
        lines.update({row.name: f"| {row.name} |  | {said} | not installed here | | | |" for row in wanted})
        wanted = [row for row in wanted if version(row.dist)]
        try:
            with contextlib.ExitStack() as stack:
                where = stack.enter_context(begin()) if wanted else None
                for row in wanted:
                    line, wrong = one_row(row, where)
                    wrongs += bool(wrong)
                    lines[row.name] = f"| {row.name} | {version(row.dist)} | {line} |"
                    print(f"{'WRONG' if wrong else 'ok   '} {lines[row.name]} {wrong}", flush=True)
        except (pytest.skip.Exception, ImportError, subprocess.CalledProcessError) as error:
            lines.update(
                {row.name: f"| {row.name} | {version(row.dist)} | {said}: {error} | | | | |" for row in wanted}
            )
            print(f"no    {said}: {error}", flush=True)
    print(f"{len(lines)} rows, {wrongs} wrong")
    if options.markdown:
        put(pathlib.Path(options.markdown), lines, [row.name for row in known])
    return bool(wrongs)


if __name__ == "__main__":
    sys.exit(main())
