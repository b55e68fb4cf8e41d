"""Write what stacks.py found into docs/compatibility.md, in the place of the table of this Python."""

from __future__ import annotations

import pathlib
import platform
import re
import sys

BEGIN = """# Real programs with the variable exported

Each of these was started twice in a clean environment, with plain Python and with `PYTHONCOOPPATCH=all` exported, and what
it did was compared. `python tests/by_hand/stacks.py --markdown docs/compatibility.md` repeats it and writes this page, a table
for each Python that it is run with; what has to be installed for a row is in its second column.

For a **program that ends**: exit status, stdout and stderr without what differs from run to run (times, numbers, addresses;
where a tool prints more that depends on time, only its results, see `stacks_tools.py`). For a **server**: eight
requests at once that wait 0.4 s each, or fifty where the row says so (the answers, and whether they took less than half of
what they take one after the other; the time in the table), then SIGTERM, and once more SIGINT: the exit status, and how many tracebacks it printed. For a server that is **sent
other signals** (HUP, TTIN, TTOU, USR2 to gunicorn and uvicorn, a worker killed or one that gives no sign): what a request that
was under way got, whether the workers were replaced, became one more and one less, and which version of the application
answers then. A program at a **terminal** is typed into through one of its own: lines, Ctrl-C in a call and at the prompt, the line
before, `input()`, a child that reads the terminal, and whether threads ran while nobody typed. A **debugger** is driven over its
protocol, a kernel over its sockets, a tracer with an agent that counts what it is told. Where **celery** does everything, both runs say what
became of eight jobs at once, a chord, a chain, retries, time limits, a revoked task that runs, an expired one, beat, and of a job that
runs when the worker is told to end by TERM, QUIT and INT. In all: no
warning of lazypatch's, and no LoopExit or BlockingSwitchOut of gevent's (a traceback may show its frames). A server that hangs after a signal in both columns does so in plain Python.
Where gevent's worker of gunicorn is to run what it cannot without lazypatch (asynchronous views), plain is gthread's worker with
fifty threads.

`python tests/by_hand/container.py` does the same with a small Django application in a container-like tree (a chroot without /proc and
home, user nobody, packages read-only): install, migrate, server, worker, cron job, tests. All twelve steps are the same on 3.11 and 3.13.

What differs and cannot be mended, or is not yet:

- **Tracebacks** of an exception that a signal's handler raised in a wait end in gevent's functions, not in `time.sleep()`.
- **coverage** counts with `concurrency = thread`, its default, only the lines that a thread runs before it waits for the first
  time. Set `concurrency = gevent` in its configuration: then all are counted.
- **Profilers** see gevent's functions, and one thread. **py-spy** shows the stack of the greenlet that runs; the others
  are in `gevent.util.print_run_info()`.
- **pytest-timeout** with `--timeout-method thread` does not end a test that computes for ever, unless something imported a
  target after the plugin was loaded: pytest's import hook hides its plugins from lazypatch. The signal method, the default,
  does.
- **A request that computes** longer than gunicorn's `--timeout` has its gthread worker killed, where plain Python's threads
  share the processor and the worker gives signs of life: raise `--timeout`. sync workers are killed in both.
- **A greenlet of greenlet's own class** may be switched to from a thread that it was not made in: natively that is an error
  (`greenlet.error`). In the thread that it was made in, as below SQLAlchemy's `run_sync()` and greenback's `await_()`, all is as natively.
- **`import gevent.signal` as the first import**, which `celery -P gevent` does, warns that two adapters were left out.
- **celery's gevent pool** fails on QUIT in plain Python (BlockingSwitchOutError, status 1); armed, it ends with status 0.
- **A worker of uWSGI** ends Python inside C's `exit()`, when no greenlet can run any more: threads that still wait then are not waited
  for, and a `threading.local` that was made before cannot be read by `atexit` handlers. `--skip-atexit-teardown` leaves Python's end out.
- **sqlite3's cursors**: a subclass that was made before lazypatch was armed (Django's, in a preloading parent of `when=fork`) waits for a
  locked database in C; a warning names it.
- **pdb** also stops in threads that start after `c`.
- **eventlet's `monkey_patch()`** in an armed program warns and does nothing: two hubs do not wake each other.

Own tests of projects, on 3.11, plain and under `all`, the same tests passed and failed: click 8.5 (2434), werkzeug 3.1 (979; one that
times out in both), jinja2 3.1 (909), flask 3.1 (489; one that fails in both), cachetools 8.0 (476), requests 2.34 without those that need
httpbin (271), tornado 6.6 (1517). One of tornado's failed under `all` alone, and was mended: an error of `os.write()` kept hold of the buffer.

The web's, in the same way: aiofiles 25.1 (210; one fails in both), aiosqlite 0.22 (29), gunicorn 27.0 (3237; 20 fail in both), httpcore 1.0
(220), httpx 0.28 (1413; 13 in both), hypercorn 0.18 (196; 2 in both), janus 2.0 (99), trio-asyncio 0.16 (125; one in both), urllib3 2.8
(2393; 56 in both), uvicorn 0.54 (1318; 5 in both), waitress 3.0 (789), websockets 17.0 (1988; those on trio were not run), a part of cheroot's
11.1 (90), and by `trial` Twisted's 26.10: internet (2473; 10 in both), test, trial, protocols (3299; 5 in both), web, application, logger, names
(2484; one in both), python (420). aiosqlite's, trio-asyncio's, waitress' and websockets' on 3.13, too. Failed under `all` alone, and mended: six of
aiosqlite's (a method of a sqlite3 connection that another thread looks up), one of trio-asyncio's (a Ctrl-C by `pthread_kill()`), one of urllib3's
(an exchanged `queue.Empty`), and of Twisted's each that met a closed socket, a listener's descriptor that is adopted, or an error of
`connect_ex()`. Differ still: four of cheroot's, which go round in a circle without a wait until another thread has changed
something, and two of gunicorn's, which look for a class of gevent's by its name, or a lock that gevent.monkey leaves native. Three of uvicorn's and one
of gunicorn's, which give a server 50 or 100 ms, failed once and not again.

Own tests of libraries of threads, processes and databases, on 3.11, plain and under `all`, on a machine so busy that long suites were
cut off: then the tests that both runs reached are counted. The same tests passed and failed: Django 5.2's signals, dispatch, sessions,
async, test_runner, servers, staticfiles, asgi, handlers and files (1507; one that fails in both), huey (303), fasteners 0.20 (45; two that
lack a module in both), ptyprocess (15), pexpect (130), apscheduler 3.11's executors (28; seven that fail in both), prompt_toolkit's
prompts (33; without one that takes minutes), pebble's tests of forked processes, of threads and of signals (57; two that fail in both). kombu (1674): one differs, which
asserts that a gevent that is loaded is not what the program runs in. SQLAlchemy's test/base and test/engine (1730): two differ, which
assert that greenlet has not been imported. rq (568): one failed under `all` alone, and was mended: `PyThreadState_SetAsyncExc()` found no
thread. Tests of pebble that give a process 0.4 to 1 s to end failed under `all` where the machine was busy: starting and ending a forked
process costs more there.
"""


def put(path: pathlib.Path, rows: list[str], missing: list[str], names: list[str]) -> None:
    """Write the page *path*; the tables of other Pythons stay, and the rows of this one that did not run.

    *names* are those of all rows, in the order of the page.
    """
    mine = platform.python_version().rpartition(".")[0]
    old = path.read_text() if path.exists() else ""
    sections = dict(re.findall(r"(?ms)^## Python (3\.\d+)\n(.*?)(?=^## |\Z)", old))
    found = {_name(row): row for row in [*re.findall(r"(?m)^\| .* \|$", sections.get(mine, "")), *rows]}
    head = "\n| program | version | started as | plain | armed |\n|---|---|---|---|---|\n"
    lacking = [name for name in missing if name not in found]
    said = f"\nNot installed, so not tried: {', '.join(lacking)}.\n" if lacking else ""
    sections[mine] = head + "\n".join(found[name] for name in names if name in found) + "\n" + said + "\n"
    order = sorted(sections, key=lambda name: int(name.partition(".")[2]))
    text = BEGIN + "".join(f"\n## Python {name}\n{sections[name].rstrip()}\n" for name in order)
    path.write_text(text.replace(sys.prefix, "ENV"))


def _name(row: str) -> str:
    return row[2:].partition(" | ")[0]
