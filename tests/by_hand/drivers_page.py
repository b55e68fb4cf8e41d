"""Write what drivers_table.py found into docs/drivers_table.md: a table for each Python, row by row."""

from __future__ import annotations

import pathlib
import platform
import re

BEGIN = """# Sixty libraries, measured

Whether libraries that wait let the others run: each against a server, with plain Python, under `gevent.monkey.patch_all()`, and
with `PYTHONCOOPPATCH=all`. `python tests/by_hand/drivers_table.py --markdown docs/drivers_table.md` repeats it and writes this
page, a table for each Python that it is run with. [drivers.md](drivers.md) says what to do with those that stop the others.

A number is how long five calls in five threads took, in the time of one call, which waits for about 0.3 s: about 1 is
concurrent, 5 is one after the other, and 3 is the best for a pool of two. *Others stopped*: a thread that ticks every 10 ms
was silent for more than half a call. **Bold** is what is not concurrent, or failed. The last column is what lazypatch says of
the library, in its report and by a warning when it is loaded; nothing, where a library waits in Python code and needs nothing.

The servers are real ones that were started for it, where they have a name; *kept back*: by a proxy that sends each answer 0.3 s
later; *slow*: one of Python's that waits itself; *silent*: nobody has a server for it here, so a peer that accepts and says
nothing, for waits and time-outs only. *With in_threadpool*: the SPEC names the calls that the row makes. niquests is measured in
an environment of its own, as it puts another urllib3 in the place of urllib3. On Python 3.14 only what the package index has a
wheel for is installed, and the servers are those of Debian's forky (PostgreSQL 18).

Calls that fail under gevent.monkey with `asyncio.run() cannot be called from a running event loop` do so in four of five threads:
gevent has one running loop for all of them.
"""
HEAD = "| library | version | waits for | plain | gevent.monkey | `all` | lazypatch says |\n|---|---|---|---|---|---|---|\n"


def put(path: pathlib.Path, rows: dict[str, str], names: list[str]) -> None:
    """Write the page *path*: *rows*, by name, in the place of those that it has, in the order of *names*.

    What is named no more goes; the tables of other Pythons stay.
    """
    mine = platform.python_version().rpartition(".")[0]
    old = path.read_text() if path.exists() else ""
    sections = dict(re.findall(r"(?ms)^## Python (3\.\d+)\n(.*?)(?=^## |\Z)", old))
    lines = [line for line in sections.get(mine, "").splitlines() if line.startswith("| ")]
    found = {line.split(" | ")[0].removeprefix("| "): line for line in lines}
    found |= rows
    sections[mine] = "\n" + HEAD + "\n".join(found[name] for name in names if name in found) + "\n"
    order = sorted(sections, key=lambda name: int(name.partition(".")[2]))
    path.write_text(BEGIN + "".join(f"\n## Python {name}\n{sections[name].rstrip()}\n" for name in order))
