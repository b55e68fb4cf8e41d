"""The table knows what gevent replaces before gevent is loaded: a new gevent that replaces more must be noticed here."""

from __future__ import annotations

from conftest import run_code

SHOW = """
import importlib
from lazypatch import _install, _targets
options = {"sockets", *_targets.OPTIONS}
for row in _targets.TARGETS.values():
    source = importlib.import_module(row.source)
    if hasattr(source, "__implements__"):
        target = importlib.import_module(row.name)  # native here
        # A name that this Python lacks is added by gevent, not replaced; the table has those of a later micro version.
        here = lambda names: {name for name in names if hasattr(target, name)}
        given, table = here(_install.names(row.name, source, options)), here(row.names.split())
        print(row.name, "only gevent:", *sorted(given - table))
        print(row.name, "only the table:", *sorted(table - given))
"""


def test_the_table_has_exactly_the_names_that_gevent_offers() -> None:
    lines = run_code(SHOW).splitlines()
    assert len(lines) >= 2 * 9
    # The thread surgery's own, as in gevent.monkey.patch_thread; gevent.threading does not list it.
    assert [line for line in lines if not line.endswith(":")] == ["threading only the table: _shutdown"]


def test_gevent_has_no_patch_function_that_we_lack() -> None:
    theirs = set(run_code("import gevent.monkey as m; print(*(n for n in dir(m) if n.startswith('patch_')))").split())
    ours = set(run_code("import lazypatch; print(*(n for n in lazypatch.__all__ if n.startswith('patch_')))").split())
    # gevent's tool for one attribute is not in its documented list of functions.
    assert theirs - ours == {"patch_item"}
    assert ours - theirs == {"patch_selectors"} - theirs
