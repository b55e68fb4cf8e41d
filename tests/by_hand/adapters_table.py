"""Write docs/adapters.md from the code: ``python tests/by_hand/adapters_table.py > docs/adapters.md``.

One row for each adapter of the table, and below it what its file says of itself. ``tests/adapters/test_table.py`` compares.
"""

from __future__ import annotations

import ast
import pathlib

import lazypatch
from lazypatch._adapters import ADAPTERS, PART, Adapter

FOLDER = pathlib.Path(lazypatch.__file__).parent

BEGIN = """# Adapters

gevent supplies cooperative objects for a dozen modules. What it leaves alone still waits in C and stops every greenlet, or
breaks, because half of what it relies on was replaced. An *adapter* mends one such library, or one part of a module. It is
installed when its module first loads (or late, if that was before), and costs nothing where the module is not used.

`PYTHONCOOPPATCH=all` includes those that are marked *in all*; `all,-WORD` takes one out, `gevent,WORD` puts one on top of what
gevent.monkey patches. A *correction* makes what gevent replaced behave as Python documents it; an *extension* makes
cooperative what gevent leaves alone. `lazypatch.state(WORD)` and the report tell what became of each.

This page is made from the code.

| word | what it is for | waits for | needs | kind | in all |
|---|---|---|---|---|---|
"""

END = '''
## An adapter of your own

A distribution brings one through the entry-point group `lazypatch.adapters`. The entry point's name is the module that the
adapter waits for, and the adapter's word; its value names a function.

```toml
# pyproject.toml
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "slowlib-cooperates"
version = "1.0"
dependencies = ["lazypatch", "slowlib"]

[project.entry-points."lazypatch.adapters"]
slowlib = "slowlib_cooperates:plan"
```

```python
# slowlib_cooperates.py
from gevent import get_hub
from lazypatch.adapters.changes import Call, Change


def plan(slowlib):
    """The changes that make the module slowlib cooperative. Changes nothing itself."""
    native = slowlib.wait

    def wait(*args, **kwargs):
        return get_hub().threadpool.apply(native, args, kwargs)

    return [Change(slowlib, "wait", wait)]
```

`plan(module)` is called once for each module object, when the module's body has run and gevent is loaded. It gives a list:
`Change(owner, name, value)` for a module, a class or a dict; `Put(setter, old, value)` for a place that only a setter can
set; `Call(do, undo)` for a library's own switch (one without an undo stands last). All of them are made, or none; originals
are on record for `get_original()`.

A plan that fails harms nobody: one warning says so, and the library is as it was. It fails, too, if it would change a name
that is not there, one of a module that lazypatch patches itself, or a class of gevent's. A plan may take its time, and wait:
who imports the library waits for it, the others run.

The test of it is a program in a process of its own:

```python
# test_slowlib_cooperates.py
import os
import subprocess
import sys

PROGRAM = """
import threading, slowlib
order = []
one = threading.Thread(target=lambda: order.append(slowlib.wait(0.2) or "waited"))
other = threading.Thread(target=lambda: order.append("ran meanwhile"))
one.start(); other.start(); one.join(); other.join()
assert order == ["ran meanwhile", "waited"], order
"""


def test_waiting_in_slowlib_lets_others_run():
    done = subprocess.run([sys.executable, "-c", PROGRAM], env={**os.environ, "PYTHONCOOPPATCH": "all"})
    assert done.returncode == 0
```
'''


def said(row: Adapter) -> tuple[str, str]:
    """What the file of *row* says of itself: its first sentence, and the rest."""
    name = row.plan.partition(":")[0].removeprefix("lazypatch.").replace(".", "/")
    text = ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text())) or ""
    first, _, rest = text.partition("\n\n")
    return " ".join(first.split()), rest


def page() -> str:
    """The whole page."""
    rows = [row for row in ADAPTERS if row.kind != PART]
    table = "".join(
        f"| [`{row.word}`](#{row.word}) | {said(row)[0]} | {', '.join(row.modules)} | {', '.join(row.needs)} | {row.kind} | "
        f"{'yes' if row.usual else 'no'} |\n".replace("_", "\\_")
        for row in rows
    )
    sections = "".join(f"\n## {row.word}\n\n{said(row)[0]}\n\n{said(row)[1]}\n" for row in rows)
    return BEGIN + table + sections.replace("``", "`").replace(":func:", "") + END


if __name__ == "__main__":
    print(page(), end="")
