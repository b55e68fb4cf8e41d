"""Arm the children of a fork server, multiprocessing's or billiard's, which stays native itself.

Problem. A fork server has to stay free of threads and of gevent's loop, since what it forks gets a copy of it. So it is
never armed; but its children are the program's own.

What does not work. Arming where fork() returns in the child: hooks of threading are still to come there, and the
server's own handlers of signals and its wakeup descriptor are still in place, for gevent to find.

Solution. A hook, the only thing that the server gets, puts a function in the place of ``spawn._main``, that of
multiprocessing or billiard, in the child. That is called when the child is an ordinary process again and has read
nothing of what it is to run. What the server had preloaded, and the program's main module often is, is mended late.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def serve(ask: "Callable[[], str]") -> None:
    """In a fork server: have each of its children decide anew, by the spec that *ask* gives there."""

    def in_child() -> None:
        # Who forks may be a preloaded module, or C.
        caller = sys._getframe().f_back
        name = "" if caller is None else caller.f_globals.get("__name__")
        if name in ("multiprocessing.forkserver", "billiard.forkserver"):
            _before_main(sys.modules[name.replace("forkserver", "spawn")], lambda: _decide(ask()))

    os.register_at_fork(after_in_child=in_child)


def _before_main(spawn: "Any", arm: "Callable[[], object]") -> None:
    native = spawn._main

    def _main(*given: "Any") -> "Any":
        spawn._main = native
        arm()
        try:
            return native(*given)
        finally:
            _report()

    spawn._main = _main


def _decide(spec: str) -> None:
    """What site does in a child that is started, for one that is forked."""
    from ._errors import complain
    from ._programs import is_left_native
    from ._session import session
    from ._spec import parse
    from ._when_forked import begin
    from ._with_options import arm_with

    front_door: "Any" = sys.modules[__name__.partition(".")[0]]
    try:
        choice = parse(spec)
    except ValueError as error:
        front_door._refuse(str(error), spec)
        return
    if not choice or is_left_native(choice, spec, forked=True):
        return
    for message in choice.warnings:
        complain(message)
    current = session()
    begin(current)
    arm_with(current, {**choice.options, "when": ""}, lambda: current.arm(choice.wanted, choice.adapters))


def _report() -> None:
    """Write the report that was asked for: up to Python 3.12 such a child ends without what atexit has."""
    from ._session import session

    request = session().journal.request
    if request is not None:
        import atexit

        atexit.unregister(request.write)
        request.write()
