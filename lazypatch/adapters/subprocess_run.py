"""subprocess is Python's own again, with pipes and waits that let the others run.

Problem. gevent.subprocess.Popen forks in Python: its children run the handlers of os.register_at_fork, and errors of
theirs come back as pickles made by whatever can still be imported there. ``run(timeout=)`` waits for the end of the
pipe, which a grandchild may hold, rather than for the child. Options are missing or do nothing (``pipesize``). Popen
reaps a child that nobody has waited for yet, so os.wait() and asyncio's watchers do not find it.

Why gevent cannot: it had to write a Popen of its own, because the real one waits in C in three places.

What is replaced. ``subprocess.Popen`` is a subclass of Python's, in which those three cooperate: waiting for the child,
which is os.waitpid(); reading and writing the pipes that Popen opens (``_pipes``); and communicate(), which waits in a
selector. Everything else, ``run`` and its relatives included, is Python's. It also has ``result`` and ``rawlink``, as
gevent's Popen has.

What stays native. With a *preexec_fn* the parent waits until it is done; os-read makes that wait cooperate. The fork
itself holds up everybody, as it does in any Python. gevent.subprocess is left as it is, for whoever imports that.
Without os-wait or os-close, subprocess stays gevent's: its Popen would wait in C for a child that libev reaps, and for
the end of a pipe that gevent's os.close() closes later.
"""

import functools
import sys

from .._gevent import native
from .._install import Change
from .._originals import MISSING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def plan(subprocess: "Any") -> "list[Change]":
    """The original of each name that gevent replaced, and a cooperative Popen."""
    from .os_wait import is_installed

    if not is_installed() or _closes_later():
        return []
    originals = {name: native("subprocess", name) for name in _replaced()}
    changes = [Change(subprocess, name, original) for name, original in originals.items() if name != "Popen"]
    return [*changes, Change(subprocess, "Popen", _cooperative(originals["Popen"]))]


def _closes_later() -> bool:
    """Whether os.close() is gevent's, perhaps with os-daemon's over it."""
    daemon: "Any" = sys.modules.get("lazypatch.adapters.os_daemon")
    return sys.modules["gevent.os"].close in (sys.modules["os"].close, daemon and daemon.below.get("close"))


def _replaced() -> "list[str]":
    gevents: "Any" = sys.modules["gevent.subprocess"]
    module: "Any" = sys.modules["subprocess"]
    return [name for name in gevents.__implements__ if vars(module).get(name, MISSING) is not MISSING]


def _cooperative(base: "Any") -> "Any":
    """A subclass of *base*, which is Python's Popen."""
    from . import _pipes

    class Popen(base):  # type: ignore[misc]
        __doc__ = base.__doc__
        _result: "Any" = None

        @functools.wraps(base._execute_child)
        def _execute_child(self, args: "Any", executable: "Any", preexec_fn: "Any", *rest: "Any") -> None:
            execute = super()._execute_child
            if preexec_fn is None:
                execute(args, executable, preexec_fn, *rest)
            else:
                from ._gone import alone

                alone(lambda: execute(args, executable, preexec_fn, *rest))
            # The last thing that Popen() does. Not before: the child closes the parent's ends by their numbers.
            for name in ("stdin", "stdout", "stderr"):
                file = getattr(self, name)
                if file is not None:
                    setattr(self, name, _pipes.cooperative(file))

        @property
        def result(self) -> "Any":
            """An AsyncResult of the return code, as gevent.subprocess.Popen has it."""
            if self._result is None:
                from gevent import spawn
                from gevent.event import AsyncResult

                self._result = AsyncResult()
                spawn(self.wait).link(self._result)
            return self._result

        def rawlink(self, callback: "Any") -> None:
            """Call *callback* with this object when the child has ended, as gevent.subprocess.Popen does."""
            self.result.rawlink(lambda result: callback(self))

    Popen.__module__, Popen.__qualname__ = base.__module__, base.__qualname__
    return Popen
