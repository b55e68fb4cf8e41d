"""A program that calls gevent.monkey itself, and again: its subscribers hear, and it is warned of, what gevent says.

The oracle is gevent.monkey without lazypatch: the same program, run twice.
"""

from __future__ import annotations

import pytest
from conftest import run_code

PROGRAM = """
import warnings
from gevent import events, monkey
import queue, select, selectors, signal, socket, ssl, subprocess, threading  # natively without lazypatch

THREADS = {"_thread", "thread", "threading", "_threading_local"}  # gevent has two names for one of them


def call(function, *args, **kwargs):
    heard = []
    def listen(event):
        name = getattr(event, "module_name", "")
        if name not in THREADS:
            heard.append((type(event).__name__, name))
        if name == veto and "Will" in type(event).__name__:
            raise events.DoNotPatch
    events.subscribers.append(listen)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function(*args, **kwargs)
    events.subscribers.remove(listen)
    print(function.__name__, kwargs, "->", result if function is monkey.patch_all else "")  # ours say more than None
    for warning in caught:
        print("  warns:", warning.category.__name__, warning.message)
    for event in heard:
        print(" ", *event)


veto = "none"
"""

CALLS = {
    "with the same arguments": "call(monkey.patch_all)",
    "with fewer": "call(monkey.patch_all, os=False, extra=42)",
    "with fewer, then the same": "call(monkey.patch_all, os=False); call(monkey.patch_all)",
    "one function": "call(monkey.patch_socket); call(monkey.patch_socket); call(monkey.patch_select); call(monkey.patch_dns)",
    "all anew": "monkey.saved = {}; call(monkey.patch_all, thread=False)",
    "all anew, one vetoed": "monkey.saved = {}; veto = 'ssl'; call(monkey.patch_all)",
}


@pytest.mark.parametrize("calls", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("first", ["monkey.patch_all()\n", "monkey.patch_all(queue=False)\n"], ids=["all", "some"])
def test_a_later_call_says_what_gevent_says(first: str, calls: str) -> None:
    assert run_code(PROGRAM + first + calls, spec="gevent") == run_code(PROGRAM + first + calls)


def test_whoever_listened_hears_of_a_target_once_in_spite_of_the_first_call() -> None:
    run_code(
        """
import zope.event
heard = []
zope.event.subscribers.append(lambda event: heard.append((type(event).__name__, getattr(event, "module_name", ""))))
import queue
from gevent import monkey
monkey.patch_all()
assert heard.count(("GeventDidPatchModuleEvent", "queue")) == 1, heard
monkey.patch_queue()
assert heard.count(("GeventDidPatchModuleEvent", "queue")) == 2, heard
""",
        spec="gevent",
    )


def test_the_first_call_of_a_program_tells_those_who_could_not_hear_before() -> None:
    run_code(
        """
import socket  # installed now; nobody listens
from gevent import events, monkey
heard = []
events.subscribers.append(lambda event: heard.append((type(event).__name__, getattr(event, "module_name", ""))))
monkey.patch_all()
assert heard[0][0] == "GeventWillPatchAllEvent" and heard[-1][0] == "GeventDidPatchAllEvent", heard
assert heard.count(("GeventDidPatchModuleEvent", "socket")) == 1, heard
""",
        spec="gevent",
    )
