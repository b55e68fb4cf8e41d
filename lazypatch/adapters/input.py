"""input() at a terminal, and the prompt of the interactive interpreter, wait in C.

Where input() reads sys.stdin through its methods, the adapter ``stdin`` lets others run. At a terminal C reads by
itself, with readline (history, completion, cursor keys) if that is loaded. What it offers is a hook that it calls
while it waits, PyOS_InputHook; with that others run (_terminal.py). So the interpreter's own input() does everything:
prompts, encodings, errors and audit events are its. Where C has no hook to set (no ctypes), the call waits as it did.

The prompt of 3.13 and later is Python code: there the method that waits for a key is replaced.
"""

import os
import sys

from .._install import Change
from ._as_builtin import as_builtin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def plan(module: "Any") -> list[Change]:
    """Another input(); in an interpreter that has a prompt, now or at its end, the hook too."""
    if sys.platform == "win32":  # there is no descriptor to wait for
        return []
    if module.__name__ != "builtins":
        from ._terminal import pyrepl_wait

        console = module.UnixConsole
        return [Change(console, "wait", pyrepl_wait(console.wait))]
    changes = [Change(module, "input", as_builtin(_cooperative(module.input), module.input, "builtins"))]
    # From 3.13 on, what the prompt imports is imported before there is one.
    if hasattr(sys, "ps1") or sys.flags.interactive or "_pyrepl" in sys.modules:
        from ._terminal import at_each_prompt

        changes += at_each_prompt()
    return changes


def _cooperative(native: "Any") -> "Any":
    isatty, is_finalizing = os.isatty, sys.is_finalizing
    nothing = type(
        "str", (str,), {}
    )()  # input() and input("") differ: an audit event and sys.stdout hear of the prompt

    def input(home: "Any", prompt: "Any" = nothing, /) -> "Any":
        given = () if prompt is nothing else (prompt,)
        if isatty(0) and isatty(1) and not is_finalizing():
            from ._terminal import at_terminal

            return at_terminal(native, given)
        return native(*given)

    return input
