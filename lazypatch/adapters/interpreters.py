"""concurrent.interpreters (Python 3.14) runs code of other interpreters in native threads, while the others run.

What waits. Another interpreter of the process is native: gevent does not work there, and lazypatch does nothing in it.
What runs in it, and whatever that waits for, kept the thread that had called it, and with it all greenlets: the two
jobs of an InterpreterPoolExecutor ran one after the other, and hung if one waited for what the other does.

What is replaced. The methods of ``Interpreter`` that run code: each call is made in a native thread, so several
interpreters compute at once, as natively. ``call_in_thread()`` and InterpreterPoolExecutor are made of these.

What it costs. Two switches of threads a call. Who is ended while it waits ends when the call has returned: nobody can
end it from outside. ``close()`` is called as ever, and so are the functions of ``_interpreters`` in C.
"""

from __future__ import annotations

from ._pool import pooled
from .changes import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def plan(interpreters: Any) -> list[Change]:
    """``call()`` is made of ``_call()``."""
    kind = interpreters.Interpreter
    return [Change(kind, name, pooled(vars(kind)[name])) for name in ("exec", "_call")]
