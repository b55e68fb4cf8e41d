"""Libraries whose threads have to run while the program does not: they keep native ones.

Problem. A thread that is a greenlet runs when the others wait. These are there for when they do not wait, or wait in C
themselves:

- ``pytest_timeout``: its timer has to fire while a test runs in a circle
- ``ipykernel.heartbeat``: it waits in C, in ``zmq.device()``, and with it the kernel would
- ``ipykernel.iostream``, ``control``, ``thread``, ``shellchannel``, ``subshell``: they send what a cell prints, and
  answer an editor that wants it stopped, while it computes; the rest of ipykernel asks in which of them it runs
- ``ipykernel.parentpoller``: it ends a kernel whose parent is gone, also one that computes

What is replaced. In each of these modules ``threading`` and ``queue``, and what was taken out of them, by what
``lazypatch.original()`` gives; and the base class of the threads that it defines.

What stays. What runs in those threads is as cooperative as all else, in a hub of its thread's own. For these libraries
the threads that a program starts by itself are in the main one: what a notebook's thread hooks into a display is the
main thread's hook, too; and ``threading.active_count()`` in a notebook does not count the kernel's threads. A module
that another finder hides from lazypatch, as pytest's does with its plugins, gets them at the next import of a target.
"""

import sys

from .changes import Change, Put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_FROM = ("threading", "queue")


def plan(module: "ModuleType") -> "list[Change]":
    """Its names, then its classes, which late repair would mend the other way."""
    front_door: "Any" = sys.modules[__name__.partition(".")[0]]  # above this file
    known: "dict[int, Any]" = {}
    for name in _FROM:
        real = sys.modules.get(name)
        if real is not None:
            view = front_door.original(name)
            known[id(real)] = view
            known.update(_pairs(real, view))
    named = [Change(module, name, known[id(value)]) for name, value in list(vars(module).items()) if id(value) in known]
    mine = [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == module.__name__]
    return named + [change for each in mine for change in _with_bases(each, known)]


def _pairs(real: "ModuleType", view: "Any") -> "dict[int, Any]":
    """For each class and function of *real* the one of *view* that has its name; exceptions are the same in both."""
    found = {}
    for name, value in list(vars(real).items()):
        other = getattr(view, name, value)
        if callable(value) and other is not value:
            found[id(value)] = other
    return found


def _with_bases(kind: "Any", known: "dict[int, Any]") -> "list[Change]":
    old = kind.__bases__
    new = tuple(known.get(id(base), base) for base in old)
    if new == old:
        return []
    return [Put(lambda bases: setattr(kind, "__bases__", bases), old, new)]
